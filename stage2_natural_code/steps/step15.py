"""Step 15: complex computational graphs, the theory. No code.

The shape of a network is called its topology, and every topology should work. This one does not yet:

                            +--> [ B ] --> (b) --+
    (x) --> [ A ] --> (a) --+                    +--> [ D ] --> (y)
                            +--> [ C ] --> (c) --+

The gradients that reach a through B and through C are added, so the backward pass of A may run only
after both. D, B, C, A is a correct order, and so is D, C, B, A. Step 14 keeps its functions in a list
and appends and removes at the end:

    removed  the list afterwards
             [D]
    D        [B, C]
    C        [B, A]
    A        [B]         too early: the gradient through B is missing
    B        [A]
    A        []          a second time: the first part is propagated to x again

The order is D, C, A, B, A, and two things are wrong with it: A runs before B, and A runs twice. With
squares for A, B and C, a sum for D and x = 2.0, y is 2x^4 and the gradient 64.0; step 14 prints 96.0.
A chain never shows this, because its list never holds more than one function.

The solution is a priority: of all functions in the list, take the one nearest to the output. A
topological sort of the finished graph could determine it, but the forward pass knows it already: an
output is one generation above the function that created it, and the generation of a function is the
largest of its inputs.

    generation    0     0      1     1      2      2      3
                 (x)  [ A ]   (a)  [ B ]   (b)   [ D ]   (y)
                                   [ C ]   (c)

Taking the largest generation first guarantees B and C before A. And each function must be processed
once: both B and C lead to A, and without a set of the functions already seen x would get 128.0.

Where it is implemented: `Variable.generation`, `Function.generation` and the order in
`Variable.backward`, all in step 16. In the finished stage, all of it is in `core.py`.
"""

print(__doc__)
# -> ...
