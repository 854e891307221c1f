"""Two variables share one gradient array. [step 18]

An addition passes the same array to both inputs. Whoever then changes one gradient in place, such as an optimizer that
clips it, changes the other too. The stages copy an array before a second variable gets it.
"""

import numpy as np

from stage2_natural_code import Variable

x0, x1 = Variable(np.array([3.0])), Variable(np.array([4.0]))
y = x0 + x1

x0.grad, x1.grad = y.creator.backward(np.ones(1))  # what a traversal without copies would store
x0.grad *= 0.5
print(x0.grad, x1.grad)  # -> [0.5] [0.5]

x0.cleargrad()
x1.cleargrad()
y.backward()
x0.grad *= 0.5
print(x0.grad, x1.grad)  # -> [0.5] [1.]
