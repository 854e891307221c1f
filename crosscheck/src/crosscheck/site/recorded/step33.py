"""The second derivative: the backward pass has a graph of its own. [step 33]

With `create_graph` the first backward pass is recorded: its functions compute gx = 3 x^2. The second pass starts at gx
and goes through these functions, not through the one that computed y.
"""

import numpy as np

from stage3_higher_order import Variable

x = Variable(np.array(2.0))
y = x**3
y.backward(create_graph=True)
gx = x.grad
x.cleargrad()
gx.backward()
