"""The error function and the normal distribution of arrays: skip on first reading."""

import math

import numpy as np

from .. import cuda
from .broadcast import narrow, widen

# Numerators and denominators of W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of
# Computation 23 (1969): erf(x) = x N(x^2) / B(x^2) for small x, otherwise 1 - e^(-x^2) C(x) / D(x). A = N - B, since
# x + x A / B rounds less.
SMALL = 0.5
N = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3)
B = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
A = tuple(n - b for n, b in zip(N, B, strict=True))
C = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1)
C += (2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3)
D = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3)
D += (3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)
LIMIT = 6.0  # erf(6) rounds to 1
# For float32, polynomials of least error, computed for this file: erf(x) = x + x S(x^2) up to 1, from there on
# erf(1) + TAIL - e^L(x). A sum of both for x limited to either range needs no choice, which takes as long as ten sums.
S = (7.8539139e-5, -8.01020368e-4, 5.18832803e-3, -2.68538116e-2, 1.12835851e-1, -3.76126258e-1, 1.28379166e-1)
L = (-1.15014915e-3, 1.47760809e-2, -8.86282401e-2, -6.5449739e-1, -1.11743258, -2.67332838e-3)
TAIL = 0.15729920705  # 1 - erf(1)
# Likewise P(X <= x) = (1 + tanh(x T(x^2))) / 2 for a standard normal X. T has its least error up to 5.4 and grows on.
T = (1.7561699e-9, -1.3226331e-7, 3.9647441e-6, -5.5306192e-5, -3.2594979e-5, 3.6333085e-2, 7.9788494e-1)
CHUNK = 16384  # elements of a chunk, whose temporary arrays fit a processor's cache


def erf_of(x):
    """The error function of an array of floats; at most 2 units in the last place off. NumPy does not have it."""
    if cuda.is_on_gpu(x):
        from cupyx.scipy.special import erf

        return erf(x)
    return in_chunks(erf32 if x.dtype in (np.float16, np.float32) else erf64, x)


def normal_of(x):
    """P(X <= x) for a standard normal X, of an array of floats; at most 2 units in the last place of 1 off."""
    if cuda.is_on_gpu(x) or x.dtype not in (np.float16, np.float32):
        return 0.5 * (1 + erf_of(math.sqrt(0.5) * x))
    return in_chunks(normal32, x)


def in_chunks(f, x):
    """A function of arrays, of x: CHUNK elements at a time, float16 in float32."""
    flat = widen(np.ascontiguousarray(x)).reshape(-1)
    y = np.empty_like(flat)
    for start in range(0, flat.size, CHUNK):
        y[start : start + CHUNK] = f(flat[start : start + CHUNK])
    return narrow(y.reshape(x.shape), x.dtype)


def erf64(x):
    """The error function of an array of float64."""
    a = np.minimum(np.abs(x), LIMIT)
    z = np.minimum(a, SMALL) ** 2
    large = 1 - np.exp(-a * a) * polynomial(C, a) / polynomial(D, a)
    small = a + a * (polynomial(A, z) / polynomial(B, z))
    return np.copysign(np.where(a <= SMALL, small, large), x)


def erf32(x):
    """The error function of an array of float32, in fewer operations, and in few arrays, which take time as well."""
    small = np.minimum(np.maximum(x, -1), 1)
    large = small * small
    y = polynomial(S, large)
    y *= small
    y += small
    np.maximum(np.abs(x, out=large), 1, out=large)
    with np.errstate(over="ignore"):  # to minus infinity, whose exponential is 0
        tail = np.exp(polynomial(L, large), out=large)
    np.subtract(TAIL, tail, out=tail)
    tail *= small
    y += tail
    return y


def normal32(x):
    """P(X <= x) for an array of float32."""
    with np.errstate(over="ignore"):  # to infinity, whose tanh is 1
        z = polynomial(T, np.square(x))
        z *= x
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5
    return z


def polynomial(coefficients, x):
    """The polynomial with these coefficients, of the highest power first (Horner's rule)."""
    y = coefficients[0] * x
    for c in coefficients[1:-1]:
        y += c
        y *= x
    y += coefficients[-1]
    return y
