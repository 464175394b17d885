"""Proximal operators of one block ``v`` (k, q), in place.

Strengths are those of the whole term: step size, alpha and weight multiplied. A
nonnegativity constraint comes first everywhere: for a penalty that only sees absolute
values, and grows with them, ``prox(v)`` on the nonnegative orthant is
``prox(max(v, 0))``.
"""

import math

from numba import njit

from skstruct.kernels.blocks import INNER, JIT, clear_block, frobenius_norm


@njit(**JIT)
def clip_negative(v):
    """Project a (k, q) block on the nonnegative orthant."""
    for i in range(v.shape[0]):
        for t in range(v.shape[1]):
            v[i, t] = max(v[i, t], 0.0)


@njit(**INNER)
def scale_block(v, factor):
    """Multiply a (k, q) block by `factor`."""
    for i in range(v.shape[0]):
        for t in range(v.shape[1]):
            v[i, t] *= factor


@njit(**JIT)
def shrink_norm(v, threshold, ridge):
    """Prox of ``threshold * |v| + ridge / 2 * |v|^2``: shorten a (k, q) block."""
    norm = frobenius_norm(v)
    factor = 1.0 - threshold / norm if norm > threshold else 0.0
    scale_block(v, factor / (1.0 + ridge))


@njit(**JIT)
def shrink_entries(v, threshold, positive):
    """Prox of ``threshold * |v|_1``: soft thresholding, on ``v >= 0`` if `positive`."""
    for i in range(v.shape[0]):
        for t in range(v.shape[1]):
            if positive or v[i, t] > 0.0:
                v[i, t] = max(v[i, t] - threshold, 0.0)
            else:
                v[i, t] = min(v[i, t] + threshold, 0.0)


@njit(**INNER)
def water_level(v, target, slope):
    """Return the level x >= 0 with ``sum_i max(|v_i| - x, 0) = target + slope * x``.

    Newton's method on a convex, piecewise linear function: from the left it climbs
    to the root and ends there after finitely many steps (Michelot, A finite algorithm
    for finding the projection of a point onto the canonical simplex, 1986).

    Parameters
    ----------
    v : (k, q) array
        A block whose absolute values sum to more than `target`.
    target, slope : float >= 0
        As above.
    """
    level = 0.0
    while True:
        total, count = 0.0, 0
        for i in range(v.shape[0]):
            for t in range(v.shape[1]):
                size = abs(v[i, t])
                if size > level:
                    total += size
                    count += 1
        if count == 0:
            return level
        higher = (total - target) / (count + slope)
        if not higher > level:
            return level
        level = higher


@njit(**JIT)
def clip_largest(v, strength):
    """Prox of ``strength * max|v|``: cut a (k, q) block off at a common size.

    What is cut off is the projection on the l1 ball of radius `strength` (Moreau).
    """
    if strength <= 0.0:
        return
    total = 0.0
    for i in range(v.shape[0]):
        for t in range(v.shape[1]):
            total += abs(v[i, t])
    if total <= strength:
        clear_block(v)
        return
    level = water_level(v, strength, 0.0)
    for i in range(v.shape[0]):
        for t in range(v.shape[1]):
            v[i, t] = min(max(v[i, t], -level), level)


@njit(**JIT)
def shrink_exclusive(v, strength):
    """Prox of ``strength / 2 * |v|_1^2``: soft thresholding at ``strength * |p|_1``.

    The threshold x is what the entries left over sum to, times the strength
    (Kowalski, Sparse regression using mixed norms, 2009).
    """
    if strength > 0.0:
        shrink_entries(v, water_level(v, 0.0, 1.0 / strength), False)


@njit(**JIT)
def shrink_concave(v, step, threshold, gamma, is_scad):
    """Prox of ``step * rho(|v|)`` for MCP or SCAD with lambda = `threshold`."""
    if threshold <= 0.0:
        return
    x = frobenius_norm(v) / threshold
    if is_scad:
        scale_block(v, scad_factor(x, step, gamma))
    else:
        scale_block(v, mcp_factor(x, step, gamma))


# The two below minimise (s - x)^2 / 2 + step * rho(s) over s >= 0, for lambda = 1, and
# return s / x. From some step on that is no longer convex: it then bends down between
# its pieces, one of which holds the minimum; where both are as good, the smaller wins.


@njit(**INNER)
def mcp_factor(x, step, gamma):
    """Return by which factor the prox of MCP shortens a block of norm x."""
    if step >= gamma:
        return 1.0 if x > math.sqrt(gamma * step) else 0.0
    if x <= step:
        return 0.0
    if x >= gamma:
        return 1.0
    return (1.0 - step / x) / (1.0 - step / gamma)


@njit(**INNER)
def scad_factor(x, step, gamma):
    """Return by which factor the prox of SCAD shortens a block of norm x."""
    rest = gamma - 1.0
    if step >= rest:
        # Where x is left alone instead of shortened to x - step, or to 0.
        stays = math.sqrt(step * (gamma + 1.0))
        if x > step:
            stays = 0.5 * (gamma + 1.0 + step)
        if x > stays:
            return 1.0
        return max(1.0 - step / x, 0.0) if x > 0.0 else 0.0
    if x <= step:
        return 0.0
    if x >= gamma:
        return 1.0
    if x <= 1.0 + step:
        return 1.0 - step / x
    return (1.0 - step * gamma / (rest * x)) / (1.0 - step / rest)
