"""A first guess of a code, in single precision: which groups are not zero.

Sweeps of gradient and proximal steps over whole groups, on the Gram matrix of all
atoms. A step is a few multiplications, half as many bytes come from the cache, and an
error of a rounding does not matter: what follows starts from the guess, in double
precision, and only if it is better than zero.
"""

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER
from skstruct.kernels.coding_gap import excesses
from skstruct.kernels.scans import subtract_rows

# Groups enter together when they exceed what zero allows by this share of the largest.
ENTERS = 0.6
_SWEEPS = 9


@njit(**INNER)
def guess_code(
    gram, ptr, lipschitz, penalty, l1, l2, positive, r, c, excess, active, own, new,
    moved,
):  # fmt: skip
    """Write a guess into c (m,), zeros on entry.

    Parameters
    ----------
    gram : (m, m) array of float32
        Gram matrix of the atoms, sorted by group.
    ptr, lipschitz, penalty, l1, l2, positive
        As in :func:`skstruct.kernels.coding_blocks.code_blocks`.
    r : (m,) array of float32
        Products of the atoms with the signal; on exit, about those with the residual.
    c : (m,) array
        The code.
    excess : (n_groups,) array
        By how much the products of every group exceed what zero allows.
    active : (n_groups,) integer array
        Scratch, as are the last two.
    own : (m,) integer array
        ``arange(m)``.
    new : (widest, 1) array
    moved : (widest,) array of float32
    """
    for _ in range(_SWEEPS):
        n_active = promising_groups(ptr, excess, c, active)
        if n_active == 0:
            return
        for a in range(n_active):
            g = active[a]
            first = ptr[g]
            k = ptr[g + 1] - first
            step = 1.0 / lipschitz[g]
            for i in range(k):
                new[i, 0] = c[first + i] + step * r[first + i]
            penalty.prox(new[:k], step, g)
            has_moved = False
            for i in range(k):
                moved[i] = np.float32(new[i, 0] - c[first + i])
                has_moved = has_moved or moved[i] != 0.0
                c[first + i] = new[i, 0]
            if has_moved:
                subtract_rows(gram, own[first : first + k], moved[:k], r)
        excesses(ptr, r, l1, l2, positive, excess)


@njit(**INNER)
def promising_groups(ptr, excess, c, active):
    """List groups that are not zero, or exceed most; return how many."""
    largest, count = 0.0, 0
    for g in range(excess.shape[0]):
        largest = max(largest, excess[g])
    for g in range(excess.shape[0]):
        is_in = largest > 0.0 and excess[g] >= ENTERS * largest
        for i in range(ptr[g], ptr[g + 1]):
            is_in = is_in or c[i] != 0.0
        if is_in:
            active[count] = g
            count += 1
    return count
