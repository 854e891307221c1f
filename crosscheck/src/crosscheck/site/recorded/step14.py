"""A variable that is used three times. [step 14]

Each use adds its part to the gradient: 1, then 2, then 3.
"""

import numpy as np

from stage2_natural_code import Variable
from stage2_natural_code.functions import add

x = Variable(np.array(3.0))
a = add(x, x)
y = add(a, x)
y.backward()
