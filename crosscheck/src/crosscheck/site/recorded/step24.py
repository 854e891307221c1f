"""The Matyas function: operators build the graph. [step 24]

The numbers 0.26 and 0.48 are nodes, too: constants, which the framework makes of them.
"""

import numpy as np

from stage2_natural_code import Variable

x = Variable(np.array(1.0))
y = Variable(np.array(1.0))
z = 0.26 * (x**2 + y**2) - 0.48 * x * y
z.backward()
