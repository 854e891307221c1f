"""A chain of three functions. [step 7]

Each function computes its output; then each computes the gradient of its input, the last one first.
"""

import numpy as np

from stage1_autodiff import Variable, exp, square

x = Variable(np.array(0.5))
a = square(x)
b = exp(a)
y = square(b)
y.backward()
