"""Small positive definite systems, in rows whose length is a multiple of 16.

LLVM takes 16 numbers at a time and the rest of a row one by one; that rest costs more
than all else where rows have some forty entries. Padded rows leave none. Positions are
unsigned, because an index that might be negative keeps a loop from being vectorised.
"""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER

_LANES = 16
_SINGULAR = 1e-12


@njit(**INNER)
def padded(n):
    """Return the least multiple of 16 that is not below n."""
    return (n + _LANES - 1) // _LANES * _LANES


@njit(**INNER)
def padded_rows(room, n, width):
    """Return the start of `room` as n rows of a width that is a multiple of 16."""
    return room[: n * padded(width)].reshape(n, padded(width))


@njit(**INNER)
def solve_cholesky(H, x, work):
    """Solve ``H x = b``; False if H is singular.

    Parameters
    ----------
    H : (n, padded(n + 1)) array
        By rows, the matrix and b; any finite numbers after that. Overwritten.
    x : (n,) array
        The solution, on exit.
    work : (>= padded(n + 1),) array
        Scratch.
    """
    n, width = H.shape[0], np.uint64(H.shape[1])
    for i in range(n):
        row, first = H[i], np.uint64(i // _LANES * _LANES)
        diagonal = row[i]
        for j in range(first, width):
            work[j] = row[j]
        k = 0
        while k + 4 <= i:
            h0, h1, h2, h3 = H[k], H[k + 1], H[k + 2], H[k + 3]
            f0, f1, f2, f3 = h0[i], h1[i], h2[i], h3[i]
            for j in range(first, width):
                work[j] -= f0 * h0[j] + f1 * h1[j] + f2 * h2[j] + f3 * h3[j]
            k += 4
        while k < i:
            h0, f0 = H[k], H[k, i]
            for j in range(first, width):
                work[j] -= f0 * h0[j]
            k += 1
        if not work[i] > _SINGULAR * diagonal:
            return False
        inverse = 1.0 / math.sqrt(work[i])
        for j in range(first, width):
            row[j] = work[j] * inverse
        row[i] = inverse  # divisions are slow
    # The last column went along: it is what is left to solve by the upper triangle.
    for j in range(width):
        work[j] = 0.0
    work[n] = -1.0
    for i in range(n - 1, -1, -1):
        row, first = H[i], np.uint64(i // _LANES * _LANES)
        total = 0.0
        for j in range(first, width):
            total += row[j] * work[j]
        x[i] = -total * row[i]
        work[i] = x[i]
    return True
