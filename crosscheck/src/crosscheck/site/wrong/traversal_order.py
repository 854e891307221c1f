"""The traversal takes the newest function first. [step 15]

x feeds a, a feeds two squares, and their sum is y. With a plain stack, the function that made a runs as soon as one
branch has reached a: it passes on half of the gradient, and then once more the whole of it. The repaired traversal
takes the function of the highest generation first, so a is complete before its function runs.
"""

import numpy as np

from stage2_natural_code import Variable


def backward(y, order):
    gradients = {y: np.ones_like(y.data)}
    functions = [y.creator]
    while functions:
        functions.sort(key=order)  # a stable sort: with a constant key, the newest is last
        f = functions.pop()
        gy = gradients[f.outputs[0]()]
        gxs = f.backward(gy)
        for x, gx in zip(f.inputs, gxs if isinstance(gxs, tuple) else (gxs,), strict=True):
            gradients[x] = gradients[x] + gx if x in gradients else gx
            if x.creator is not None and (x.creator not in functions):
                functions.append(x.creator)
    return gradients


x = Variable(np.array(2.0))
a = x**2
y = a**2 + a**2

print(backward(y, order=lambda f: 0)[x])  # -> 96.0
print(backward(y, order=lambda f: f.generation)[x])  # -> 64.0
