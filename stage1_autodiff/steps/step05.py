"""Step 5: the theory of backpropagation. No code.

Let y = F(x) be the chain a = A(x), b = B(a), y = C(b). Its derivative is the product of the
derivatives of its parts, with dy/dy = 1 as the beginning:

    dy/dx = ( ( (dy/dy * dy/db) * db/da ) * da/dx )

The brackets are the idea. Multiplied from the output side, everything that travels is a
derivative *of y*: first dy/db, then dy/da, at last dy/dx. Multiplied from the input side,
everything that travels is a derivative *by x*. A network has one loss and millions of
parameters, so one sweep from the output gives the derivative by every one of them, where the
other order would need one sweep for each parameter.

    forward      (x) ---> [ A  ] ---> (a) ---> [ B  ] ---> (b) ---> [ C  ] ---> (y)
    backward   dy/dx <--- [A'(x)] <- dy/da <-- [B'(a)] <- dy/db <-- [C'(b)] <- dy/dy = 1

Each variable stands over its derivative, each function over its own. C'(b) needs b, B'(a) needs
a, A'(x) needs x: the forward pass runs first, and every function keeps its input.

Where it landed: `Variable.grad` and `Function.backward` in step 6, the order of the calls in
steps 7 and 8. In the finished stage, all of it is in `core.py`.
"""

print(__doc__)
# -> ...
