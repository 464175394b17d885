"""Penalised codes of one signal after another on the Gram matrix of a dictionary.

For every signal: minimise ``1/2 <c, G c> - <p, c> + penalty(c)`` over its code c, with
``p`` the products of the signal and the atoms. Few groups of a code are not zero, and a
guess says which: the Gram matrix of those is copied, block descent runs on the copy
until it is as good as solved, and one pass over all atoms then gives the duality gap
and the groups to add.
"""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER, JIT
from skstruct.kernels.cholesky import padded, padded_rows
from skstruct.kernels.coding_gap import (
    ROUNDING,
    excesses,
    feasible_share,
    gap_of_code,
)
from skstruct.kernels.coding_guess import ENTERS, guess_code
from skstruct.kernels.coding_newton import newton_step
from skstruct.kernels.coding_sweeps import proximal_sweep
from skstruct.kernels.scans import residual_products, subtract_rows

# Share of the gap below which sweeps of an active set that has just grown stop.
_WORTH = 0.03
_SWEEPS = 2  # before a Newton step
# Iterations between a Newton step that did not lower the objective and the next.
_PATIENCE = 4


@njit(**JIT)
def code_blocks(
    gram, rough_gram, ptr, lipschitz, penalty, l1, l2, positive, max_iter, tol, energy,
    products, out, gaps,
):  # fmt: skip
    """Code every signal, starting from what `out` holds.

    Parameters
    ----------
    gram : (m, m) array
        Gram matrix of the atoms, sorted by group.
    rough_gram : (m, m) array of float32
        The same.
    ptr : (n_groups + 1,) integer array
        Group g has the atoms ``ptr[g]`` to ``ptr[g + 1]``.
    lipschitz : (n_groups,) array
        Largest eigenvalues of the groups' Gram matrices; infinite where those are zero.
    penalty : struct
        Offers ``prox(v, step, g)``, in place.
    l1, l2 : (n_groups,) arrays
        Strengths of the norms that `penalty` is a sum of.
    positive : bool
        Whether codes are confined to nonnegative values.
    max_iter : int
        Bound on the iterations of one signal, each `_SWEEPS` sweeps and a Newton step.
    tol : float
        Stop when the duality gap is at most `tol` times half the energy.
    energy : (n,) array
        Squared norms of the signals.
    products : (n, m) array
        Products of signals and atoms.
    out : (n, m) array
        Codes.
    gaps : (n,) array
        Duality gaps over half the energy, on exit.
    """
    n, m = out.shape
    n_groups, widest = ptr.shape[0] - 1, 0
    for g in range(n_groups):
        widest = max(widest, ptr[g + 1] - ptr[g])
    r, excess = np.empty(m), np.empty(n_groups)
    active = np.empty(n_groups, dtype=np.intp)
    is_active = np.empty(n_groups, dtype=np.bool_)
    atoms = np.empty(m, dtype=np.intp)
    new, moved = np.empty((widest, 1)), np.empty(m)
    most = padded(m + 1)
    # One by one: rows of one array, unpacked, would not be known to be contiguous.
    own_r, own_c = np.empty(most), np.empty(most)
    slope, direction = np.empty(most), np.empty(most)
    own_gram, hessian = np.empty(m * most), np.empty((m + 1) * most)
    free, own = np.empty(m, dtype=np.intp), np.arange(m)
    start = np.zeros(n_groups + 1, dtype=np.intp)
    own_l1, own_l2 = np.empty(n_groups), np.empty(n_groups)
    rough_r = np.empty(m, dtype=np.float32)
    rough_moved = np.empty(widest, dtype=np.float32)
    for s in range(n):
        p, c, half = products[s], out[s], 0.5 * energy[s]
        n_active = nonzero_groups(ptr, c, is_active, active)
        residual_products(gram, p, c, r, atoms, moved)
        goal, n_iter, accuracy = max(tol, ROUNDING) * half, 0, 0.1
        is_started = n_active > 0
        while True:
            excesses(ptr, r, l1, l2, positive, excess)
            slack = max(tol, ROUNDING) * math.sqrt(energy[s])
            share = feasible_share(excess, l1, l2, slack)
            value = penalty_of(ptr, c, l1, l2)
            gap = gap_of_code(energy[s], p, r, c, value, share)
            if gap <= goal or n_iter >= max_iter:
                break
            if not is_started:
                is_started = True
                for i in range(m):
                    rough_r[i] = p[i]
                guess_code(
                    rough_gram, ptr, lipschitz, penalty, l1, l2, positive, rough_r, c,
                    excess, active, start, own, new, rough_moved,
                )  # fmt: skip
                residual_products(gram, p, c, r, atoms, moved)
                if not is_better_than_zero(ptr, p, r, c, l1, l2):
                    for i in range(m):
                        c[i], r[i] = 0.0, p[i]
                n_active = nonzero_groups(ptr, c, is_active, active)
                continue
            n_before = n_active
            n_active = enlarge(ptr, excess, c, is_active, active, n_active)
            is_larger = n_active > n_before
            if not is_larger:
                accuracy *= 0.1
            count = 0
            for a in range(n_active):
                own_l1[a], own_l2[a] = l1[active[a]], l2[active[a]]
                start[a] = count
                for i in range(ptr[active[a]], ptr[active[a] + 1]):
                    atoms[count], own_r[count], own_c[count] = i, r[i], c[i]
                    count += 1
            start[n_active] = count
            G = padded_rows(own_gram, count, count)
            for i in range(count):
                row, target = gram[atoms[i]], G[i]
                for k in range(count):
                    target[k] = row[atoms[k]]
                for k in range(count, G.shape[1]):
                    target[k] = 0.0
            width = G.shape[1]
            for i in range(count, width):
                own_r[i] = 0.0
            support, patience = np.count_nonzero(own_c[:count]), 0
            while n_iter < max_iter:
                n_iter += 1
                for _ in range(_SWEEPS):
                    change = proximal_sweep(
                        G, own_r[:width], own_c, ptr, active[:n_active], start,
                        lipschitz, penalty, own, new, moved,
                    )  # fmt: skip
                # Before all groups are in, no more than what the next ones will undo.
                if change <= max(accuracy * goal, _WORTH * gap * is_larger):
                    break
                before, support = support, np.count_nonzero(own_c[:count])
                patience -= 1
                # Newton steps pay once it is settled what is zero.
                if support == before and patience <= 0 and not newton_step(
                    G, own_r, own_c, start[: n_active + 1], own_l1, own_l2, positive,
                    hessian, free, direction, slope,
                ):  # fmt: skip
                    patience = _PATIENCE
            for i in range(count):
                moved[i] = own_c[i] - c[atoms[i]]
                c[atoms[i]] = own_c[i]
            subtract_rows(gram, atoms[:count], moved[:count], r)
        gaps[s] = max(gap, 0.0) / half if half > 0.0 else 0.0


@njit(**INNER)
def nonzero_groups(ptr, c, is_active, active):
    """Mark the groups of c that are not zero, list them, and return how many."""
    count = 0
    for g in range(ptr.shape[0] - 1):
        is_active[g] = False
        for i in range(ptr[g], ptr[g + 1]):
            if c[i] != 0.0:
                is_active[g] = True
        if is_active[g]:
            active[count] = g
            count += 1
    return count


@njit(**INNER)
def penalty_of(ptr, c, l1, l2):
    """Return ``sum_g (l1_g |c_g|_1 + l2_g |c_g|)``."""
    value = 0.0
    for g in range(ptr.shape[0] - 1):
        total = squares = 0.0
        for i in range(ptr[g], ptr[g + 1]):
            total += abs(c[i])
            squares += c[i] * c[i]
        if squares > 0.0:
            value += l1[g] * total + l2[g] * math.sqrt(squares)
    return value


@njit(**INNER)
def is_better_than_zero(ptr, p, r, c, l1, l2):
    """Whether the objective of c, of which r is ``p - G c``, is below that of zero."""
    value = penalty_of(ptr, c, l1, l2)
    for i in range(p.shape[0]):
        value -= 0.5 * c[i] * (p[i] + r[i])
    return value < 0.0


@njit(**INNER)
def enlarge(ptr, excess, c, is_active, active, n_active):
    """Drop groups of zeros from the active ones, add those that exceed most."""
    kept = 0
    for a in range(n_active):
        g = active[a]
        is_zero = True
        for i in range(ptr[g], ptr[g + 1]):
            is_zero = is_zero and c[i] == 0.0
        if is_zero and excess[g] <= 0.0:
            is_active[g] = False
        else:
            active[kept] = g
            kept += 1
    largest = 0.0
    for g in range(excess.shape[0]):
        if not is_active[g]:
            largest = max(largest, excess[g])
    for g in range(excess.shape[0]):
        if not is_active[g] and largest > 0.0 and excess[g] >= ENTERS * largest:
            is_active[g] = True
            active[kept] = g
            kept += 1
    return kept
