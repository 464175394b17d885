"""Greedy selection of blocks on a Gram matrix, by the symmetric sweep operator.

The tableau of a set S of kept columns is a matrix ``A`` (d, d) and ``B`` (d, q). From
``G = H'H`` and ``C = H'Z``, with nothing kept, ``A = G`` and ``B = C``. With S kept::

    A_SS = -inv(G_SS)              B_S = inv(G_SS) C_S, the least-squares weights
    A_oS = G_oS inv(G_SS)          B_o = C_o - G_oS B_S
    A_oo = G_oo - G_oS inv(G_SS) G_So

so that one formula, ``<B_g, inv(|A_gg|) B_g>``, is what a block outside S would take
off the squared error, and what it costs to remove a block inside. Sweeps of single
columns commute and are undone by a sweep with the other sign (Goodnight, The
American Statistician, 1979; Efroymson, 1960).
"""

import math

from numba import njit

from skstruct.kernels.blocks import JIT

# Below this share of its own variance a column depends on those kept.
DEPENDENT = 1e-10


@njit(**JIT)
def sweep(A, B, j, sign):
    """Take column `j` in (`sign` 1.0) or out (-1.0), in place."""
    d, q = B.shape
    pivot = 1.0 / A[j, j]
    for i in range(d):
        if i == j:
            continue
        factor = A[i, j] * pivot
        if factor != 0.0:
            for m in range(d):
                if m != j:
                    A[i, m] -= factor * A[j, m]
            for t in range(q):
                B[i, t] -= factor * B[j, t]
        A[i, j] = sign * factor
    for m in range(d):
        A[j, m] = A[m, j]
    for t in range(q):
        B[j, t] *= sign * pivot
    A[j, j] = -pivot


@njit(**JIT)
def block_value(A, B, start, stop, sign, floor, work, solved):
    """``<B_g, inv(sign A_gg) B_g>`` by Cholesky; -1 if the block is dependent."""
    k, q = stop - start, B.shape[1]
    for i in range(k):
        for j in range(i + 1):
            total = sign * A[start + i, start + j]
            for m in range(j):
                total -= work[i, m] * work[j, m]
            if i > j:
                work[i, j] = total / work[j, j]
            elif total <= floor[start + i]:
                return -1.0
            else:
                work[i, i] = math.sqrt(total)
    value = 0.0
    for t in range(q):
        for i in range(k):
            total = B[start + i, t]
            for m in range(i):
                total -= work[i, m] * solved[m]
            solved[i] = total / work[i, i]
            value += solved[i] * solved[i]
    return value


@njit(**JIT)
def best_outside(A, B, ptr, kept, floor, work, solved):
    """Block outside that takes most off the error, and how much; -1 if none can."""
    best, most = -1, -1.0
    for g in range(kept.shape[0]):
        if not kept[g]:
            value = block_value(A, B, ptr[g], ptr[g + 1], 1.0, floor, work, solved)
            if value > most:
                best, most = g, value
    return best, most


@njit(**JIT)
def move(A, B, ptr, kept, g, sign):
    """Take a block in (`sign` 1.0) or out (-1.0)."""
    for j in range(ptr[g], ptr[g + 1]):
        sweep(A, B, j, sign)
    kept[g] = sign > 0.0


@njit(**JIT)
def add_greedily(A, B, ptr, kept, floor, n_steps, order, values, work, solved):
    """Add the best block `n_steps` times; return how many could be added."""
    for step in range(n_steps):
        g, value = best_outside(A, B, ptr, kept, floor, work, solved)
        if g < 0:
            return step
        move(A, B, ptr, kept, g, 1.0)
        order[step], values[step] = g, value
    return n_steps


@njit(**JIT)
def remove_greedily(A, B, ptr, kept, zero, n_steps, order, values, work, solved):
    """Remove the cheapest block `n_steps` times."""
    for step in range(n_steps):
        best, least = -1, math.inf
        for g in range(kept.shape[0]):
            if kept[g]:
                value = block_value(A, B, ptr[g], ptr[g + 1], -1.0, zero, work, solved)
                if value < least:
                    best, least = g, value
        move(A, B, ptr, kept, best, -1.0)
        order[step], values[step] = best, least


@njit(**JIT)
def swap(A, B, ptr, kept, candidates, floor, patience, tol, work, solved):
    """Try to trade each candidate for a better block; return the number of trades.

    Stops after `patience` candidates in a row that are best left where they are. A
    trade counts if it takes more than `tol` off the squared error.
    """
    n_trades, failures = 0, 0
    for index in range(candidates.shape[0]):
        g = candidates[index]
        move(A, B, ptr, kept, g, -1.0)
        own = block_value(A, B, ptr[g], ptr[g + 1], 1.0, floor, work, solved)
        best, value = best_outside(A, B, ptr, kept, floor, work, solved)
        if best >= 0 and value > own + tol:
            move(A, B, ptr, kept, best, 1.0)
            n_trades += 1
            failures = 0
        else:
            move(A, B, ptr, kept, g, 1.0)
            failures += 1
            if failures >= patience:
                break
    return n_trades
