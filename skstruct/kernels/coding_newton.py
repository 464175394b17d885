"""Newton steps on the part of a code that is not zero, where penalties are smooth.

There ``l1_g |c_g|_1 + l2_g |c_g|`` has the gradient ``l1_g sign(c_i) + l2_g c_i /
|c_g|`` and, by group, the Hessian ``l2_g (I - c_g c_g' / |c_g|^2) / |c_g|``.
"""

import math

from numba import njit

from skstruct.kernels.blocks import INNER
from skstruct.kernels.cholesky import padded_rows, solve_cholesky
from skstruct.kernels.scans import subtract_rows

# A step that does not lower the objective is made shorter so often.
_HALVINGS = 3


@njit(**INNER)
def newton_step(G, r, c, start, l1, l2, positive, room, free, d, slope):
    """Take one step on the active groups, if it lowers the objective.

    Parameters
    ----------
    G : (count, width) array
        Gram matrix of the atoms of the active groups, in padded rows.
    r, c : (>= width,) arrays
        Products of those atoms with the residual, and their code.
    start : (n_active + 1,) integer array
        Active group a has the coordinates ``start[a]`` to ``start[a + 1]``.
    l1, l2 : (>= n_active,) arrays
        Strengths of the norms of the active groups.
    positive : bool
        Whether codes are confined to nonnegative values.
    room : (>= (count + 1) * (width + 16),) array
        Scratch, as are the next three.
    free : (>= count,) integer array
    d, slope : (>= width + 16,) arrays

    Returns
    -------
    bool
        Whether a step was taken.
    """
    n_free = 0
    for a in range(start.shape[0] - 1):
        if group_norm(c, start[a], start[a + 1]) == 0.0:
            continue
        for i in range(start[a], start[a + 1]):
            if c[i] != 0.0 or not (positive or l1[a] > 0.0):
                free[n_free] = i
                n_free += 1
    if n_free == 0:
        return False
    free = free[:n_free]
    H = padded_rows(room, n_free, n_free + 1)
    write_model(G, r, c, start, l1, l2, free, H)
    for k in range(n_free):
        slope[k] = H[k, n_free]
    scratch = room[H.size :]
    if not solve_cholesky(H, d[:n_free], scratch):
        return False
    length = longest_step(c, start, l1, positive, free, d)
    if not length > 0.0:
        return False
    tries = _HALVINGS
    while change_of_step(c, start, l1, l2, free, d, slope, length) >= 0.0:
        tries -= 1
        length *= 0.5
        if tries < 0:
            return False
    for k in range(n_free):
        i, step = free[k], length * d[k]
        before = c[i]
        c[i] += step
        # What the step was cut short for is zero now.
        if length < 1.0 and abs(c[i]) <= 1e-14 * abs(before):
            c[i], step = 0.0, -before
        d[k] = step
    subtract_rows(G, free, d[:n_free], r[: G.shape[1]])
    return True


@njit(**INNER)
def write_model(G, r, c, start, l1, l2, free, H):
    """Write the Hessian at the free coordinates, and minus the gradient beside it."""
    n_free = free.shape[0]
    is_whole = n_free == G.shape[0]
    for k in range(n_free):
        row, target = G[free[k]], H[k]
        if is_whole:
            for j in range(n_free):
                target[j] = row[j]
        else:
            for j in range(n_free):
                target[j] = row[free[j]]
        for j in range(n_free, H.shape[1]):
            target[j] = 0.0
        target[n_free] = r[free[k]]
    k = 0
    for a in range(start.shape[0] - 1):
        first = k
        while k < n_free and free[k] < start[a + 1]:
            k += 1
        if k == first:
            continue
        norm = group_norm(c, start[a], start[a + 1])
        bend = l2[a] / norm
        for i in range(first, k):
            along = c[free[i]] / norm
            for j in range(first, k):
                H[i, j] -= bend * along * (c[free[j]] / norm)
            H[i, i] += bend
            H[i, n_free] -= bend * c[free[i]]
            if l1[a] > 0.0:
                H[i, n_free] -= math.copysign(l1[a], c[free[i]])


@njit(**INNER)
def group_norm(c, start, stop):
    """Return the Euclidean norm of ``c[start:stop]``."""
    total = 0.0
    for i in range(start, stop):
        total += c[i] * c[i]
    return math.sqrt(total)


@njit(**INNER)
def longest_step(c, start, l1, positive, free, d):
    """Return the step, at most 1, at which the first coordinate would change sign."""
    length, k = 1.0, 0
    for a in range(start.shape[0] - 1):
        signed = positive or l1[a] > 0.0
        while k < free.shape[0] and free[k] < start[a + 1]:
            i = free[k]
            if signed and c[i] * d[k] < 0.0:
                length = min(length, -c[i] / d[k])
            k += 1
    return length


@njit(**INNER)
def change_of_step(c, start, l1, l2, free, d, slope, length):
    """Return by how much a step of `length` along d changes the objective.

    As ``H d = slope``, the curvature of the squared error along d is ``<slope, d>``
    less that of the penalty; and the slope of the penalty along d is that of its
    model.
    """
    change, k = 0.0, 0
    for a in range(start.shape[0] - 1):
        norm = group_norm(c, start[a], start[a + 1])
        if norm == 0.0:
            continue
        along = moved = squares = downhill = l1_slope = 0.0
        for i in range(start[a], start[a + 1]):
            value = c[i]
            if k < free.shape[0] and free[k] == i:
                along += c[i] * d[k]
                moved += d[k] * d[k]
                downhill += slope[k] * d[k]
                if l1[a] > 0.0:
                    l1_slope += math.copysign(l1[a], c[i]) * d[k]
                value += length * d[k]
                change += l1[a] * (abs(value) - abs(c[i]))
                k += 1
            squares += value * value
        bend = l2[a] / norm
        curved = downhill - bend * (moved - (along / norm) ** 2)
        error_slope = -downhill - bend * along - l1_slope
        change += length * (error_slope + 0.5 * length * curved)
        change += l2[a] * (math.sqrt(squares) - norm)
    return change
