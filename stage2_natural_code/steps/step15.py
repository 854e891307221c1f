"""Step 15: graphs that branch and join, the theory. No code.

A network's shape is called its topology, and every topology should work. This one does not yet:

                            +--> [ B ] --> (b) --+
    (x) --> [ A ] --> (a) --+                    +--> [ D ] --> (y)
                            +--> [ C ] --> (c) --+

What arrives at a through B and through C adds up, so A's backward may run only when both have run.
D, B, C, A is a right order, and so is D, C, B, A. Step 14 keeps its functions in a list, appends at
the end and takes from the end:

    taken    the list then
             [D]
    D        [B, C]
    C        [B, A]
    A        [B]         too early: what comes through B is missing
    B        [A]
    A        []          a second time: the first share goes back to x again

The order is D, C, A, B, A, and two things are wrong in it: A runs before B, and A runs twice. With
squares for A, B and C, a sum for D and x = 2.0, y is 2x^4 and the gradient 64.0; step 14 prints 96.0.
A chain never showed this, because its list never holds more than one function.

The remedy is an order of precedence: of all functions waiting, take the one nearest to the output. A
topological sort of the finished graph would tell which, but the forward pass knows it already: a
result is one generation younger than the function that made it, and a function is as old as the
youngest of its inputs.

    generation    0     0      1     1      2      2      3
                 (x)  [ A ]   (a)  [ B ]   (b)   [ D ]   (y)
                                   [ C ]   (c)

Taking the newest generation first guarantees B and C before A. And each function must be taken once:
B and C both send for A, and without a note of who was sent for already x would get 128.0.

Where it landed: `Variable.generation`, `Function.generation` and the order in `Variable.backward`, all
in step 16. In the finished stage, all of it is in `core.py`.
"""

print(__doc__)
# -> ...
