"""Step 23: packaging.

A script that contains its framework cannot be used by another script. The definitions of step 22 move, unchanged,
into a package, and one thing is new: `setup_variable`, which assigns the operators to `Variable`. Python runs the
package's `__init__.py` at its first import, and `__init__.py` calls `setup_variable`.

    stage2_natural_code/
        __init__.py           the public names, and the call of setup_variable()
        config.py             Config, using_config, no_grad
        core.py               Variable, Function, as_array, as_variable
        functions/
            __init__.py       collects the functions of both files
            elementwise.py    square, exp
            arithmetic.py     add, mul, neg, sub, div, pow and the reversed forms
        operators.py          setup_variable
        gradcheck.py          numerical_diff

The book has one file, `core_simple.py`, and from step 33 on a flag in `__init__.py` selects another file instead.
Here each stage is a separate package and needs no flag. The package is installed
(`pip install -e ./stage2_natural_code`), so a step need not edit Python's search path as the book's steps do.
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

# Every import gives the same class, so it always has its operators.
print(core.Variable is Variable, stage2_natural_code.Variable is Variable)  # -> True True
print(Variable.__rmul__ is stage2_natural_code.functions.mul)  # -> True
