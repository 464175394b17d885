"""Prox of a sum of norms over groups that form a tree, in one pass."""

import math

from numba import njit

from skstruct.kernels.blocks import JIT


@njit(**JIT)
def tree_prox(v, radius, ptr, rows, positive, out):
    """Write ``argmin_c |c - v|^2 / 2 + sum_g r_g |c_g|`` into `out`.

    Shrinking group after group, the smaller before the larger, is exact when groups
    are nested or disjoint (Jenatton, Mairal, Obozinski and Bach, 2011, prop. 1).

    Parameters
    ----------
    v : (k, q) array
    radius : (n_groups,) array
    ptr, rows : integer arrays
        Group g has the rows ``rows[ptr[g]:ptr[g + 1]]``, no group before one that it
        holds.
    positive : bool
        Confine c to the nonnegative orthant.
    out : (k, q) array
    """
    q = v.shape[1]
    for i in range(v.shape[0]):
        for t in range(q):
            x = v[i, t]
            out[i, t] = max(x, 0.0) if positive else x
    for g in range(radius.shape[0]):
        norm = 0.0
        for m in range(ptr[g], ptr[g + 1]):
            for t in range(q):
                norm += out[rows[m], t] * out[rows[m], t]
        norm = math.sqrt(norm)
        factor = 1.0 - radius[g] / norm if norm > radius[g] else 0.0
        for m in range(ptr[g], ptr[g + 1]):
            for t in range(q):
                out[rows[m], t] *= factor
