"""The computations whose values at integers are compared with NumPy's."""

import numpy as np

from crosscheck.computations import all_computations
from crosscheck.inputs import INTEGERS
from crosscheck.trial import NUMPY, Trial

# What NumPy has no function for, or one that gives float16 for int8 (expm1): PyTorch is the reference for values,
# nothing is for dtypes.
NOT_IN_NUMPY = (
    *("sigmoid", "softmax", "logsumexp", "cross_entropy", "squared_error"),
    *("leaky_relu", "erf", "expm1", "grad", "backprop", "one_process"),
)


def test_numpy_has_every_function_that_is_not_one_of_networks():
    missing = set()
    for computation in all_computations():
        if not computation.raises and computation.inputs and computation.cases >= INTEGERS:
            case = next(case for case in computation.make_cases("float64", 0) if case.name == "integers")
            with np.errstate(all="ignore"):
                if Trial(computation, NUMPY, case, np.dtype("float64"), 0, None).in_numpy is None:
                    missing.add(computation.name)
    others = {name for name in missing if not any(word in name for word in NOT_IN_NUMPY)}
    assert others == {"pow_of_negatives_and_fractions"}  # NumPy rejects negative powers of integers
