"""Dual norms, by group, that have no formula."""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import JIT

_ROOT_STEPS = 200


@njit(**JIT)
def sparse_group_polars(sizes, ptr, l1, l2):
    """Return, by group, the smallest x with ``|max(sizes - x l1, 0)| <= x l2``.

    The difference of the two sides is convex and decreases in x: Newton's method from
    the left of the root climbs to it monotonically.

    Parameters
    ----------
    sizes : (m, q) array, >= 0
        Absolute values, rows sorted by group.
    ptr : (n_groups + 1,) integer array
        Group g owns rows ``ptr[g]`` to ``ptr[g + 1]``.
    l1, l2 : (n_groups,) arrays, >= 0
        Strengths of the two norms; where both are 0, so is the result.
    """
    out = np.zeros(len(ptr) - 1)
    for g in range(len(out)):
        largest = 0.0
        for i in range(ptr[g], ptr[g + 1]):
            for t in range(sizes.shape[1]):
                largest = max(largest, sizes[i, t])
        if largest == 0.0 or l1[g] + l2[g] == 0.0:
            continue
        x = 0.0
        for _ in range(_ROOT_STEPS):
            total = squares = 0.0
            for i in range(ptr[g], ptr[g + 1]):
                for t in range(sizes.shape[1]):
                    left = sizes[i, t] / largest - x * l1[g]
                    if left > 0.0:
                        total += left
                        squares += left * left
            norm = math.sqrt(squares)
            if norm <= x * l2[g]:
                break
            before = x
            x += (norm - x * l2[g]) / (l1[g] * total / norm + l2[g])
            if x <= before:
                break
        out[g] = x * largest
    return out
