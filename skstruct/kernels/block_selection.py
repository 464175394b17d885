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

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER, JIT

# Below this share of its own variance a column depends on those kept.
DEPENDENT = 1e-10
# Of blocks whose values differ by less than this share, the first is taken: where all
# fit perfectly, rounding would choose.
TIE = 1e-7


@njit(**INNER)
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
def block_value(A, B, start, stop, sign, floor, inside, work, solved):
    """``<B_g, inv(sign A_gg) B_g>`` by Cholesky; -1 if no column counts.

    Columns that depend on those kept and on earlier ones of their block count for
    nothing, nor do, inside (`sign` -1.0), those that were left out when their block
    was taken in.
    """
    k, q = stop - start, B.shape[1]
    rank = 0
    for i in range(k):
        for j in range(i + 1):
            total = sign * A[start + i, start + j]
            for m in range(j):
                total -= work[i, m] * work[j, m]
            if i > j:
                work[i, j] = total / work[j, j]
            elif total <= floor[start + i] or (sign < 0.0 and not inside[start + i]):
                work[i, i] = math.inf  # what is divided by it vanishes
            else:
                work[i, i] = math.sqrt(total)
                rank += 1
    if rank == 0:
        return -1.0
    value = 0.0
    for t in range(q):
        for i in range(k):
            total = B[start + i, t]
            for m in range(i):
                total -= work[i, m] * solved[m]
            solved[i] = total / work[i, i]
            value += solved[i] * solved[i]
    return value


@njit(**INNER)
def best_outside(A, B, ptr, kept, floor, inside, work, solved):
    """Block outside that takes most off the error, and how much; -1 if none can."""
    best, most = -1, -1.0
    for g in range(kept.shape[0]):
        if not kept[g]:
            value = block_value(
                A, B, ptr[g], ptr[g + 1], 1.0, floor, inside, work, solved
            )
            if value > most * (1.0 + TIE if most > 0.0 else 1.0):
                best, most = g, value
    return best, most


@njit(**JIT)
def move(A, B, ptr, kept, floor, inside, g, sign):
    """Take the columns of a block that count in (`sign` 1.0) or out (-1.0)."""
    for j in range(ptr[g], ptr[g + 1]):
        if inside[j] if sign < 0.0 else not inside[j] and A[j, j] > floor[j]:
            sweep(A, B, j, sign)
            inside[j] = sign > 0.0
    kept[g] = sign > 0.0


@njit(**JIT)
def add_greedily(A, B, ptr, kept, floor, inside, n_steps, order, values, work, solved):
    """Add the best block `n_steps` times; return how many could be added."""
    for step in range(n_steps):
        g, value = best_outside(A, B, ptr, kept, floor, inside, work, solved)
        if g < 0:
            return step
        move(A, B, ptr, kept, floor, inside, g, 1.0)
        order[step], values[step] = g, value
    return n_steps


@njit(**JIT)
def remove_greedily(
    A, B, ptr, kept, floor, zero, inside, n_steps, order, values, work, solved
):
    """Remove the cheapest block `n_steps` times."""
    for step in range(n_steps):
        best, least = -1, math.inf
        for g in range(kept.shape[0]):
            if kept[g]:
                value = block_value(
                    A, B, ptr[g], ptr[g + 1], -1.0, zero, inside, work, solved
                )
                if value < least:
                    best, least = g, value
        move(A, B, ptr, kept, floor, inside, best, -1.0)
        order[step], values[step] = best, max(least, 0.0)


@njit(**INNER)
def solve_lower(L, M):
    """Replace M by ``inv(L) M``, L lower triangular."""
    k, q = M.shape
    for t in range(q):
        for i in range(k):
            total = M[i, t]
            for m in range(i):
                total -= L[i, m] * M[m, t]
            M[i, t] = total / L[i, i]


@njit(**INNER)
def factor(P, floor):
    """Replace the lower triangle of P by its Cholesky factor; see `block_value`."""
    for i in range(P.shape[0]):
        for j in range(i + 1):
            total = P[i, j]
            for m in range(j):
                total -= P[i, m] * P[j, m]
            if i > j:
                P[i, j] = total / P[j, j]
            elif total <= floor[i]:
                P[i, i] = math.inf
            else:
                P[i, i] = math.sqrt(total)


@njit(**INNER)
def best_trade(A, B, ptr, kept, floor, inside, g):
    """Return the best block to take the place of `g`, and what the trade gains.

    With g out, the tableau of block o outside would be ``A_oo + A_og inv(P) A_go`` and
    ``B_o + A_og inv(P) B_g``, ``P = -A_gg``: no sweep is needed to know.
    """
    q = B.shape[1]
    own = slice(ptr[g], ptr[g + 1])
    L, U = -A[own, own], B[own].copy()
    limits = np.zeros(L.shape[0])
    for i in range(L.shape[0]):
        if not inside[ptr[g] + i]:  # left out: nothing is there to take away
            limits[i] = math.inf
    factor(L, limits)
    solve_lower(L, U)
    best, most = -1, 0.0
    for o in range(kept.shape[0]):
        if kept[o]:
            continue
        other = slice(ptr[o], ptr[o + 1])
        T, M, V = A[own, other].copy(), A[other, other].copy(), B[other].copy()
        solve_lower(L, T)
        for r in range(T.shape[0]):
            for i in range(T.shape[1]):
                for j in range(T.shape[1]):
                    M[i, j] += T[r, i] * T[r, j]
                for t in range(q):
                    V[i, t] += T[r, i] * U[r, t]
        factor(M, floor[other])
        solve_lower(M, V)
        value = 0.0
        for v in V.flat:
            value += v * v
        if value > most:
            best, most = o, value
    for v in U.flat:
        most -= v * v
    return best, most


@njit(**JIT)
def swap(A, B, ptr, kept, floor, inside, candidates, patience, tol):
    """Try to trade each candidate for a better block; return the number of trades.

    Stops after `patience` candidates in a row that are best left where they are. A
    trade counts if it takes more than `tol` off the squared error.
    """
    n_trades, failures = 0, 0
    for index in range(candidates.shape[0]):
        g = candidates[index]
        best, gain = best_trade(A, B, ptr, kept, floor, inside, g)
        if best >= 0 and gain > tol:
            move(A, B, ptr, kept, floor, inside, g, -1.0)
            move(A, B, ptr, kept, floor, inside, best, 1.0)
            n_trades += 1
            failures = 0
        else:
            failures += 1
            if failures >= patience:
                break
    return n_trades
