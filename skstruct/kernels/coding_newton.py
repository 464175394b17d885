"""Newton steps on the part of a code that is not zero, where penalties are smooth.

There ``l1_g |c_g|_1 + l2_g |c_g|`` has the gradient ``l1_g sign(c_i) + l2_g c_i /
|c_g|`` and, by group, the Hessian ``l2_g (I - c_g c_g' / |c_g|^2) / |c_g|``.
"""

import math

from numba import njit

from skstruct.kernels.blocks import INNER

_SINGULAR = 1e-12


@njit(**INNER)
def newton_step(G, r, c, start, l1, l2, positive, H, free, d, slope):
    """Take one step on the active groups, if it lowers the objective.

    Parameters
    ----------
    G : (>= count, >= count) array
        Gram matrix of the atoms of the active groups.
    r, c : (>= count,) arrays
        Products of those atoms with the residual, and their code.
    start : (n_active + 1,) integer array
        Active group a has the coordinates ``start[a]`` to ``start[a + 1]``.
    l1, l2 : (>= n_active,) arrays
        Strengths of the norms of the active groups.
    positive : bool
        Whether codes are confined to nonnegative values.
    H : (>= count, >= count) array
        Scratch, as are the next two.
    free : (>= count,) integer array
    d, slope : (>= count,) arrays

    Returns
    -------
    bool
        Whether a step was taken.
    """
    n_free = 0
    for a in range(start.shape[0] - 1):
        norm = group_norm(c, start[a], start[a + 1])
        if norm == 0.0:
            continue
        signed = positive or l1[a] > 0.0
        bend = l2[a] / norm
        first = n_free
        for i in range(start[a], start[a + 1]):
            if signed and c[i] == 0.0:
                continue
            row, target = G[i], H[n_free]
            for k in range(n_free):
                target[k] = row[free[k]]
            for k in range(first, n_free):
                target[k] -= bend * (c[i] / norm) * (c[free[k]] / norm)
            target[n_free] = row[i] + bend * (1.0 - (c[i] / norm) ** 2)
            d[n_free] = r[i] - bend * c[i]
            if l1[a] > 0.0:
                d[n_free] -= math.copysign(l1[a], c[i])
            free[n_free] = i
            n_free += 1
    free, d = free[:n_free], d[:n_free]
    for k in range(n_free):
        slope[k] = d[k]
    if n_free == 0 or not solve_cholesky(H, d):
        return False
    length = longest_step(c, start, l1, positive, free, d)
    if not length > 0.0:
        return False
    if change_of_step(c, start, l1, l2, free, d, slope, length) >= 0.0:
        return False
    for k in range(n_free):
        i, step = free[k], length * d[k]
        row = G[i]
        before = c[i]
        c[i] += step
        # What the step was cut short for is zero now.
        if length < 1.0 and abs(c[i]) <= 1e-14 * abs(before):
            c[i], step = 0.0, -before
        for j in range(start[-1]):
            r[j] -= step * row[j]
    return True


@njit(**INNER)
def group_norm(c, start, stop):
    """Return the Euclidean norm of ``c[start:stop]``."""
    total = 0.0
    for i in range(start, stop):
        total += c[i] * c[i]
    return math.sqrt(total)


@njit(**INNER)
def solve_cholesky(H, d):
    """Solve ``H x = d`` in place, by the lower triangles; False if H is singular."""
    n = d.shape[0]
    for i in range(n):
        row = H[i]
        for k in range(i):
            other = H[k]
            total = row[k]
            for j in range(k):
                total -= row[j] * other[j]
            row[k] = total * other[k]
        pivot = row[i]
        for j in range(i):
            pivot -= row[j] * row[j]
        if not pivot > _SINGULAR * row[i]:
            return False
        row[i] = 1.0 / math.sqrt(pivot)  # the inverse: divisions are slow
        total = d[i]
        for j in range(i):
            total -= row[j] * d[j]
        d[i] = total * row[i]
    for i in range(n - 1, -1, -1):
        row = H[i]
        d[i] *= row[i]
        for j in range(i):
            d[j] -= d[i] * row[j]
    return True


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
