"""Tree-sparse codes of one signal after another on the Gram matrix of a dictionary.

For every signal: minimise ``1/2 <c, G c> - <p, c> + sum_g r_g |c_g|`` over its code c,
with groups that are nested or disjoint, by FISTA with restarts (Beck and Teboulle,
2009; O'Donoghue and Candes, 2015).
"""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER, JIT
from skstruct.kernels.coding_gap import ROUNDING, gap_of_code
from skstruct.kernels.scans import residual_products
from skstruct.kernels.tree_prox import tree_prox

# Steps between two looks at the duality gap, and steps of its search.
_STEPS, _SEARCH = 5, 60


@njit(**JIT)
def code_tree(
    gram, lipschitz, radius, ptr, rows, free, positive, max_iter, tol,
    energy, products, out, gaps,
):  # fmt: skip
    """Code every signal, starting from what `out` holds.

    Parameters
    ----------
    gram : (m, m) array
        Gram matrix of the atoms.
    lipschitz : float > 0
        Its largest eigenvalue.
    radius : (n_groups,) array
        Strength of every norm: alpha times its weight.
    ptr, rows, positive
        As in :func:`skstruct.kernels.tree_prox.tree_prox`.
    free : (m,) array of bool
        Atoms that no norm penalises.
    max_iter : int
        Bound on the steps of one signal.
    tol, energy, products, out, gaps
        As in :func:`skstruct.kernels.coding_blocks.code_blocks`.
    """
    n, m = out.shape
    y, v, new = np.empty((m, 1)), np.empty((m, 1)), np.empty((m, 1))
    flat = y.reshape(m)
    r, atoms, factors = np.empty(m), np.empty(m, dtype=np.intp), np.empty(m)
    step = 1.0 / lipschitz
    scaled = np.empty(radius.shape[0])
    for g in range(radius.shape[0]):
        scaled[g] = radius[g] * step
    for s in range(n):
        p, half, momentum = products[s], 0.5 * energy[s], 1.0
        c = out[s].reshape(m, 1)
        goal = max(tol, ROUNDING) * half
        slack = max(tol, ROUNDING) * math.sqrt(energy[s])
        for i in range(m):
            y[i, 0] = c[i, 0]
        n_iter = 0
        while True:
            if n_iter % _STEPS == 0 or n_iter >= max_iter:
                residual_products(gram, p, out[s], r, atoms, factors)
                value = tree_value(radius, ptr, rows, c)
                share = tree_share(radius, ptr, rows, free, positive, slack, r, v, new)
                gap = gap_of_code(energy[s], p, r, out[s], value, share)
                if gap <= goal or n_iter >= max_iter:
                    break
            n_iter += 1
            residual_products(gram, p, flat, r, atoms, factors)
            for i in range(m):
                v[i, 0] = y[i, 0] + step * r[i]
            tree_prox(v, scaled, ptr, rows, positive, new)
            uphill = 0.0
            for i in range(m):
                uphill += (y[i, 0] - new[i, 0]) * (new[i, 0] - c[i, 0])
            # Momentum that points uphill is dropped.
            if uphill > 0.0:
                momentum = 1.0
            following = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * momentum * momentum))
            factor = (momentum - 1.0) / following
            momentum = following
            for i in range(m):
                y[i, 0] = new[i, 0] + factor * (new[i, 0] - c[i, 0])
                c[i, 0] = new[i, 0]
        gaps[s] = max(gap, 0.0) / half if half > 0.0 else 0.0


@njit(**INNER)
def tree_value(radius, ptr, rows, c):
    """Return ``sum_g r_g |c_g|`` of a code (m, 1)."""
    value = 0.0
    for g in range(radius.shape[0]):
        total = 0.0
        for i in range(ptr[g], ptr[g + 1]):
            total += c[rows[i], 0] * c[rows[i], 0]
        value += radius[g] * math.sqrt(total)
    return value


@njit(**INNER)
def tree_share(radius, ptr, rows, free, positive, slack, r, u, b):
    """Return the factor up to which a residual with products r is feasible.

    One over the dual norm: the smallest t for which the prox of ``t`` times the norm
    at r is zero. Dinkelbach's iteration climbs to it, faster than linearly. `u` and
    `b` (m, 1) are scratch.
    """
    for i in range(r.shape[0]):
        if free[i] and abs(r[i]) > slack:
            return 0.0
        u[i, 0] = 0.0 if free[i] else r[i]
    t, strengths = 1.0, np.empty(radius.shape[0])
    for _ in range(_SEARCH):
        for g in range(radius.shape[0]):
            strengths[g] = t * radius[g]
        tree_prox(u, strengths, ptr, rows, positive, b)
        value, along = tree_value(radius, ptr, rows, b), 0.0
        if value == 0.0:
            return 1.0 / t
        for i in range(r.shape[0]):
            along += u[i, 0] * b[i, 0]
        t = max(along / value, t * (1.0 + 1e-15))
    return 0.0
