"""Penalised codes of one signal after another on the Gram matrix of a dictionary.

For every signal: minimise ``1/2 <c, G c> - <p, c> + penalty(c)`` over its code c, with
``p`` the products of the signal and the atoms.
"""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import JIT
from skstruct.kernels.sweeps import sweep
from skstruct.kernels.tree_prox import tree_prox


@njit(**JIT)
def code_blocks(
    gram, ptr, h, h_ptr, lipschitz, penalty, max_iter, tol, energy, products, out
):
    """Code every signal by block descent; return how many have not converged.

    A sweep over all groups says which are not zero; sweeps over those follow until
    they change little, then all are visited again.

    Parameters
    ----------
    gram, ptr, h, h_ptr, lipschitz, penalty
        As in :func:`skstruct.kernels.sweeps.sweep`, of atoms sorted by group.
    max_iter : int
        Bound on the sweeps of one signal.
    tol : float
        Stop when a sweep over all groups lowers the objective by at most ``tol``
        times half the squared norm of the signal.
    energy : (n,) array
        Squared norms of the signals.
    products : (n, m) array
        Products of signals and atoms; overwritten.
    out : (n, m) array
        Codes, zero on entry.
    """
    n, m = out.shape
    n_groups = ptr.shape[0] - 1
    every = np.arange(n_groups)
    active = np.empty(n_groups, dtype=np.intp)
    none, nothing, no_rows = np.empty((1, 0)), np.empty((0, 0)), np.empty((1, m, 0))
    n_failed = 0
    for s in range(n):
        R, C = products[s : s + 1], out[s].reshape(m, 1)
        goal = 0.5 * tol * energy[s]
        order, is_full, converged = every, True, False
        for _ in range(max_iter):
            change = sweep(
                gram, True, R, none, nothing, nothing, no_rows,
                C, ptr, h, h_ptr, lipschitz, penalty, order,
            )  # fmt: skip
            if change > goal:
                if is_full:
                    order = active[: nonzero_groups(C, ptr, active)]
                    is_full = False
            elif is_full:
                converged = True
                break
            else:
                order, is_full = every, True
        if not converged:
            n_failed += 1
    return n_failed


@njit(**JIT)
def nonzero_groups(C, ptr, active):
    """Write the groups of C (m, 1) that are not zero; return how many."""
    count = 0
    for g in range(ptr.shape[0] - 1):
        for i in range(ptr[g], ptr[g + 1]):
            if C[i, 0] != 0.0:
                active[count] = g
                count += 1
                break
    return count


@njit(**JIT)
def code_tree(
    gram, lipschitz, radius, ptr, rows, positive, max_iter, tol, energy, products, out
):
    """Code every signal by FISTA with restarts; return how many have not converged.

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
    max_iter, tol, energy, products, out
        As in :func:`code_blocks`; a step d counts with ``lipschitz / 2 * |d|^2``.
    """
    n, m = out.shape
    y, v, new = np.empty((m, 1)), np.empty((m, 1)), np.empty((m, 1))
    step = 1.0 / lipschitz
    scaled = np.empty(radius.shape[0])
    for g in range(radius.shape[0]):
        scaled[g] = radius[g] * step
    n_failed = 0
    for s in range(n):
        c = out[s].reshape(m, 1)
        goal = 0.5 * tol * energy[s]
        for i in range(m):
            y[i, 0] = c[i, 0]
        momentum, converged = 1.0, False
        for _ in range(max_iter):
            gradient_step(gram, products[s], y, step, v)
            tree_prox(v, scaled, ptr, rows, positive, new)
            moved = uphill = 0.0
            for i in range(m):
                moved += (new[i, 0] - y[i, 0]) ** 2
                uphill += (y[i, 0] - new[i, 0]) * (new[i, 0] - c[i, 0])
            # Momentum that points uphill is dropped (O'Donoghue and Candes, 2015).
            if uphill > 0.0:
                momentum = 1.0
            following = 0.5 * (1.0 + math.sqrt(1.0 + 4.0 * momentum * momentum))
            factor = (momentum - 1.0) / following
            momentum = following
            for i in range(m):
                y[i, 0] = new[i, 0] + factor * (new[i, 0] - c[i, 0])
                c[i, 0] = new[i, 0]
            if 0.5 * lipschitz * moved <= goal:
                converged = True
                break
        if not converged:
            n_failed += 1
    return n_failed


@njit(**JIT)
def gradient_step(gram, products, y, step, v):
    """Write ``y - step * (G y - p)`` into v (m, 1); rows of zeros in y cost nothing."""
    m = y.shape[0]
    for i in range(m):
        v[i, 0] = y[i, 0] + step * products[i]
    for j in range(m):
        factor = step * y[j, 0]
        if factor != 0.0:
            row = gram[j]
            for i in range(m):
                v[i, 0] -= factor * row[i]
