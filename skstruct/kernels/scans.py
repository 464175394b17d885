"""Passes over the atoms of a dictionary, written so that they vectorise.

LLVM does not vectorise the maximum of floats unless NaN is ruled out. Of numbers
without sign the bits, read as integers, are in the same order, and integers have no
NaN.
"""

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER

_NO_SIGN = np.int64(0x7FFFFFFFFFFFFFFF)


@njit(**INNER)
def largest_size(v):
    """Return the index of the largest absolute value of v (m,), contiguous."""
    bits = v.view(np.int64)
    best = np.int64(0)
    for i in range(bits.shape[0]):
        size = bits[i] & _NO_SIGN
        best = size if size > best else best
    for i in range(bits.shape[0]):
        if bits[i] & _NO_SIGN == best:
            return i
    return 0


@njit(**INNER)
def smallest(v):
    """Return the index of the least of the numbers v (m,) >= 0, contiguous."""
    bits = v.view(np.int64)
    best = bits[0]
    for i in range(1, bits.shape[0]):
        best = bits[i] if bits[i] < best else best
    for i in range(bits.shape[0]):
        if bits[i] == best:
            return i
    return 0


@njit(**INNER)
def subtract_rows(gram, rows, factors, out):
    """Subtract ``factors[i] * gram[rows[i]]`` for every i from out (m,)."""
    m, count = out.shape[0], rows.shape[0]
    i = 0
    while i + 4 <= count:
        f0, f1, f2, f3 = factors[i], factors[i + 1], factors[i + 2], factors[i + 3]
        g0, g1 = gram[rows[i]], gram[rows[i + 1]]
        g2, g3 = gram[rows[i + 2]], gram[rows[i + 3]]
        for j in range(m):
            out[j] -= f0 * g0[j] + f1 * g1[j] + f2 * g2[j] + f3 * g3[j]
        i += 4
    while i < count:
        f0, g0 = factors[i], gram[rows[i]]
        for j in range(m):
            out[j] -= f0 * g0[j]
        i += 1


@njit(**INNER)
def residual_products(gram, p, c, r, rows, factors):
    """Write ``p - G c`` into r (m,), with scratch `rows` and `factors` (m,).

    Counts are told by slices, here and elsewhere: numba compiles a function twice
    that is called with a count which starts as a literal 0.
    """
    count = 0
    for i in range(p.shape[0]):
        r[i] = p[i]
        if c[i] != 0.0:
            rows[count], factors[count] = i, c[i]
            count += 1
    subtract_rows(gram, rows[:count], factors[:count], r)
