"""Sweeps of block coordinate descent over the working set.

A sweep visits blocks one after the other; each is minimised with the others held
fixed. Shapes: m coordinates in the working set, n rows, q outputs. Coefficients are
``C`` (m, q); block g is ``C[ptr[g]:ptr[g + 1]]``.
"""

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER, JIT


@njit(**JIT)
def sweep(Z, is_gram, R, A, F, K, M, C, ptr, h, h_ptr, lipschitz, penalty, order):
    """Run one sweep over the blocks in `order`; update `C`, `R`, `A` and `F`.

    One kernel serves three ways of holding the data. With the rows of the working
    set (`is_gram` False), ``Z`` (m, n) holds its columns as rows and ``R`` (q, n) the
    residuals. With its Gram matrix (`is_gram` True), ``Z`` is the (m, m) Gram matrix
    and ``R`` (q, m) the gradients, which change by the same formula. With curvature
    (``K`` not empty), ``R`` is minus the gradient of a quadratic model in the linear
    predictor ``F``, whose Hessian is the diagonal ``K``.

    Parameters
    ----------
    Z, R, C, ptr
        As above.
    A : (q, f) array
        What f unpenalised columns, fitted along, take out of R; f may be 0.
    F, K : (q, n) arrays, or (0, 0)
        Linear predictor and curvature; empty without curvature.
    M : (1 or q, m, f) array
        Products of the rows with the unpenalised columns, by output.
    h, h_ptr : arrays
        Block curvatures, flat: ``h[h_ptr[g]:h_ptr[g + 1]]`` holds what the penalty
        asked for, the k eigenvalues or the k * k Gram matrix of block g.
    lipschitz : (n_groups,) array
        Largest eigenvalue of each block.
    penalty : struct
        Offers ``minimize(h, lipschitz, u, g, c, scratch)``.
    order : (n_visited,) integer array
        Blocks to visit.

    Returns
    -------
    change : float
        Sum of ``lipschitz_g |delta_g|^2 / 2``, a bound of what the steps changed.
    """
    q, f = A.shape
    is_curved = K.shape[0] > 0
    widest = 0
    for g in order:
        widest = max(widest, ptr[g + 1] - ptr[g])
    u_all = np.empty((widest, q))
    new_all = np.empty((widest, q))
    delta_all = np.empty((widest, q))
    change = 0.0
    for g in order:
        start = ptr[g]
        k = ptr[g + 1] - start
        u, new, delta = u_all[:k], new_all[:k], delta_all[:k]
        hg = h[h_ptr[g] : h_ptr[g + 1]]
        for i in range(k):
            for t in range(q):
                new[i, t] = C[start + i, t]
                u[i, t] = R[t, start + i] if is_gram else 0.0
        if not is_gram:
            products(Z, start, R, u)
        if f > 0:
            take_out(M, start, A, u)
        add_curvature(hg, hg.shape[0] == k, new, u)
        penalty.minimize(hg, lipschitz[g], u, g, new, delta)
        moved = 0.0
        for i in range(k):
            for t in range(q):
                step = new[i, t] - C[start + i, t]
                delta[i, t] = step
                moved += step * step
                C[start + i, t] = new[i, t]
        if moved > 0.0:
            if is_curved:
                advance(F, R, K, delta, Z, start)
            else:
                subtract(R, delta, Z, start)
            if f > 0:
                put_back(M, start, delta, A)
            change += 0.5 * lipschitz[g] * moved
    return change


@njit(**INNER)
def take_out(M, start, A, u):
    """Subtract from u (k, q) what the unpenalised columns explain of it, ``M A'``."""
    for t in range(A.shape[0]):
        own = M[min(t, M.shape[0] - 1)]
        for i in range(u.shape[0]):
            for j in range(A.shape[1]):
                u[i, t] -= own[start + i, j] * A[t, j]


@njit(**INNER)
def put_back(M, start, delta, A):
    """Update A (q, f) after a block moved by `delta` (k, q)."""
    for t in range(A.shape[0]):
        own = M[min(t, M.shape[0] - 1)]
        for i in range(delta.shape[0]):
            for j in range(A.shape[1]):
                A[t, j] -= own[start + i, j] * delta[i, t]


@njit(**JIT)
def gradients(Z, R, ptr, order, out):
    """Write ``Z_g r`` of the blocks in `order` into their rows of `out` (m, q)."""
    for g in order:
        products(Z, ptr[g], R, out[ptr[g] : ptr[g + 1]])


@njit(**JIT)
def subtract_fit(Z, R, C, ptr, order):
    """Subtract ``C_g' Z_g`` of the blocks in `order` from the residuals R."""
    for g in order:
        subtract(R, C[ptr[g] : ptr[g + 1]], Z, ptr[g])


# Rows are taken four at a time: R is then read once for four rows of Z, and the
# loops are bound by reading Z.


@njit(**INNER)
def products(Z, start, R, out):
    """Write ``Z[start:start + k] @ R'`` into `out` (k, q); Z is (m, n), R (q, n)."""
    k, n = out.shape[0], R.shape[1]
    for t in range(R.shape[0]):
        r = R[t]
        i = 0
        while i + 4 <= k:
            j = start + i
            z0, z1, z2, z3 = Z[j], Z[j + 1], Z[j + 2], Z[j + 3]
            a0 = a1 = a2 = a3 = 0.0
            for j in range(n):
                a0 += z0[j] * r[j]
                a1 += z1[j] * r[j]
                a2 += z2[j] * r[j]
                a3 += z3[j] * r[j]
            out[i, t], out[i + 1, t], out[i + 2, t], out[i + 3, t] = a0, a1, a2, a3
            i += 4
        while i < k:
            z0 = Z[start + i]
            a0 = 0.0
            for j in range(n):
                a0 += z0[j] * r[j]
            out[i, t] = a0
            i += 1


@njit(**INNER)
def subtract(R, delta, Z, start):
    """Subtract ``delta' @ Z[start:start + k]`` from R (q, n); delta is (k, q)."""
    k, n = delta.shape[0], R.shape[1]
    for t in range(R.shape[0]):
        r = R[t]
        i = 0
        while i + 4 <= k:
            j = start + i
            z0, z1, z2, z3 = Z[j], Z[j + 1], Z[j + 2], Z[j + 3]
            d0, d1 = delta[i, t], delta[i + 1, t]
            d2, d3 = delta[i + 2, t], delta[i + 3, t]
            for j in range(n):
                r[j] -= d0 * z0[j] + d1 * z1[j] + d2 * z2[j] + d3 * z3[j]
            i += 4
        while i < k:
            z0, d0 = Z[start + i], delta[i, t]
            for j in range(n):
                r[j] -= d0 * z0[j]
            i += 1


@njit(**INNER)
def advance(F, R, K, delta, Z, start):
    """Add ``delta' @ Z[start:start + k]`` to F (q, n), and take K times it from R."""
    k, n = delta.shape[0], R.shape[1]
    for t in range(R.shape[0]):
        f, r, curvature = F[t], R[t], K[t]
        i = 0
        while i + 4 <= k:
            j = start + i
            z0, z1, z2, z3 = Z[j], Z[j + 1], Z[j + 2], Z[j + 3]
            d0, d1 = delta[i, t], delta[i + 1, t]
            d2, d3 = delta[i + 2, t], delta[i + 3, t]
            for j in range(n):
                step = d0 * z0[j] + d1 * z1[j] + d2 * z2[j] + d3 * z3[j]
                f[j] += step
                r[j] -= curvature[j] * step
            i += 4
        while i < k:
            z0, d0 = Z[start + i], delta[i, t]
            for j in range(n):
                step = d0 * z0[j]
                f[j] += step
                r[j] -= curvature[j] * step
            i += 1


@njit(**INNER)
def add_curvature(h, diagonal, c, u):
    """Add H c to u: from the gradient to the linear term of the block problem."""
    k, q = u.shape
    for i in range(k):
        for t in range(q):
            if diagonal:
                u[i, t] += h[i] * c[i, t]
            else:
                for j in range(k):
                    u[i, t] += h[i * k + j] * c[j, t]
