"""Step 23: packaging.

A script that contains its framework cannot be used by the next script. The definitions of step 22 move,
unchanged, into a package, and one thing is new: `setup_variable`, which makes the assignments of the
operators. The package's `__init__.py` runs before anything of it can be used, and calls it.

    stage2_natural_code/
        __init__.py           the public names, and the call of setup_variable()
        config.py             Config, using_config, no_grad
        core.py               Variable, Function, as_array, as_variable
        functions/
            __init__.py       gathers the families
            elementwise.py    square, exp
            arithmetic.py     add, mul, neg, sub, div, pow and the reversed forms
        operators.py          setup_variable
        gradcheck.py          numerical_diff

The book has one file, `core_simple.py`, which step 33 puts aside for another by a flag in `__init__.py`.
Here each stage is a package of its own, and nothing has to be switched. The package is installed
(`pip install -e ./stage2_natural_code`), so a step need not edit Python's search path, as the book's do.
"""

import numpy as np

import stage2_natural_code
from stage2_natural_code import Variable, core

# --- demonstration ---

x = Variable(np.array(1.0))
y = (x + 3) ** 2
y.backward()
print(y)  # -> variable(16.0)
print(x.grad)  # -> 8.0

print(Variable(np.array(1.0)))  # -> variable(1.0)

# One class, whichever way it is imported; so it always has its operators.
print(core.Variable is Variable, stage2_natural_code.Variable is Variable)  # -> True True
print(Variable.__rmul__ is stage2_natural_code.functions.mul)  # -> True
