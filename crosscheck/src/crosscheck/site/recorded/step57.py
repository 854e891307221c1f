"""A convolution, its activation and a sum. [step 57]

The kernel slides over nine places, so its gradient adds nine parts; relu passes the gradient only where it was
positive.
"""

import numpy as np

import stage5_advanced.functions as F
from stage5_advanced import Variable

image = Variable(np.arange(25.0).reshape(1, 1, 5, 5) % 7 - 3)
W = Variable(np.array([[[[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]]]))
y = F.conv2d(image, W)
a = F.relu(y)
s = F.sum(a)
s.backward()
