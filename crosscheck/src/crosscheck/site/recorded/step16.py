"""A graph with two branches. [step 16]

The function of generation 0 must wait until both branches have sent back their parts, 8 and 8. Its turn comes last,
because the functions of generation 1 are taken first.
"""

import numpy as np

from stage2_natural_code import Variable
from stage2_natural_code.functions import add, square

x = Variable(np.array(2.0))
a = square(x)
b = square(a)
c = square(a)
y = add(b, c)
y.backward()
