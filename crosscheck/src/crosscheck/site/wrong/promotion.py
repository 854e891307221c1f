"""A constant of NumPy doubles the precision. [step 21]

`np.float64(0.5)` is a strong scalar: with it, float32 becomes float64, and everything computed afterwards takes twice
the memory. A Python number is weak, so the result keeps the dtype of the array; the stages convert a number that stands
next to a variable to the variable's dtype.
"""

import numpy as np

from stage2_natural_code import Variable

x = np.ones(3, np.float32)
print((x * np.float64(0.5)).dtype)  # -> float64
print((x * 0.5).dtype)  # -> float32
print((Variable(x) * 0.5).dtype)  # -> float32
