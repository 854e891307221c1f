"""One step of linear regression. [step 42]

Every gradient has the shape of its variable: that of b is summed over the rows to which b was broadcast. The data need
no gradient.
"""

import numpy as np

import stage4_neural_nets.functions as F
from stage4_neural_nets import Variable

data = np.array([[0.0], [0.5], [1.0]])
targets = np.array([[5.0], [6.0], [7.0]])
W = Variable(np.array([[1.0]]))
b = Variable(np.array([4.0]))
y = F.matmul(data, W) + b
loss = F.mean_squared_error(y, targets)
loss.backward()
