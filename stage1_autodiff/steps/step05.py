"""Step 5: the theory of backpropagation. No code.

Let y = F(x) be the chain a = A(x), b = B(a), y = C(b). Its derivative is the product of the
derivatives of its parts, starting with dy/dy = 1:

    dy/dx = ( ( (dy/dy * dy/db) * db/da ) * da/dx )

The order of the products matters. From the output side, every intermediate result is a derivative
*of y*: first dy/db, then dy/da, and finally dy/dx. From the input side, every intermediate result is
a derivative *with respect to x*. A network has one loss and millions of parameters, so one pass from
the output computes the derivative with respect to all of them; the other order would need one pass
for each parameter.

    forward      (x) ---> [ A  ] ---> (a) ---> [ B  ] ---> (b) ---> [ C  ] ---> (y)
    backward   dy/dx <--- [A'(x)] <- dy/da <-- [B'(a)] <- dy/db <-- [C'(b)] <- dy/dy = 1

Each variable has a derivative below it, and so has each function. C'(b) needs b, B'(a) needs a,
A'(x) needs x: the forward pass runs first, and every function stores its input.

Where it is implemented: `Variable.grad` and `Function.backward` in step 6, the order of the calls
in steps 7 and 8. In the finished stage, all of it is in `core.py`.
"""

print(__doc__)
# -> ...
