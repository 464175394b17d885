"""The sweep over blocks of a sparse design, columns centred and projected implicitly.

Columns stay as they are in X, times the square roots of the weights. What centring
and projecting would subtract lives in the span of a few orthonormal rows ``Q`` (f, n):
with ``M = X'Q'`` (k, f) known for each block, the effective residual ``r - Q'a``
is kept as the pair ``(r, a)``, and no step costs more than the block's nonzeros.
"""

import numpy as np
from numba import njit

from skstruct.kernels.blocks import JIT, copy_block
from skstruct.kernels.sweeps import add_curvature, put_back, take_out


@njit(**JIT)
def sparse_sweep(
    data,
    indices,
    indptr,
    T,
    T_ptr,
    raw_ptr,
    R,
    A,
    F,
    K,
    M,
    C,
    ptr,
    h,
    h_ptr,
    lipschitz,
    penalty,
    order,
):
    """Run one sweep over the blocks in `order`; update `C`, `R`, `A` and `F`.

    Parameters
    ----------
    data, indices, indptr : arrays
        Columns of the working set, by columns.
    T, T_ptr : arrays
        Transforms (k_raw, k) of the blocks, flat by rows.
    raw_ptr : (n_groups + 1,) array
        Block g owns columns ``raw_ptr[g]`` to ``raw_ptr[g + 1]``.
    R : (q, n) array
        Residuals, before projection.
    A : (q, f) array
        What projection subtracts from them, in the basis Q.
    F, K : (q, n) arrays, or (0, 0)
        Linear predictor, before projection, and curvature; empty without curvature.
    M : (1 or q, m_raw, f) array
        Products of the columns with Q, by output.
    C, ptr, h, h_ptr, lipschitz, penalty, order
        As in :func:`skstruct.kernels.sweeps.sweep`.

    Returns
    -------
    change : float
        Sum of ``lipschitz_g |delta_g|^2 / 2``.
    """
    q = A.shape[0]
    is_curved = K.shape[0] > 0
    widest = 0
    for g in order:
        widest = max(widest, raw_ptr[g + 1] - raw_ptr[g])
    raw_all = np.empty((widest, q))
    u_all = np.empty((widest, q))
    new_all = np.empty((widest, q))
    delta_all = np.empty((widest, q))
    change = 0.0
    for g in order:
        start, end = ptr[g], ptr[g + 1]
        k, first, k_raw = end - start, raw_ptr[g], raw_ptr[g + 1] - raw_ptr[g]
        u, new, delta = u_all[:k], new_all[:k], delta_all[:k]
        old = C[start:end]
        hg = h[h_ptr[g] : h_ptr[g + 1]]
        raw = raw_all[:k_raw]
        for i in range(k_raw):
            for t in range(q):
                total = 0.0
                for j in range(indptr[first + i], indptr[first + i + 1]):
                    total += data[j] * R[t, indices[j]]
                raw[i, t] = total
        take_out(M, first, A, raw)
        for i in range(k):
            for t in range(q):
                total = 0.0
                for j in range(k_raw):
                    total += T[T_ptr[g] + j * k + i] * raw[j, t]
                u[i, t] = total
        add_curvature(hg, hg.shape[0] == k, old, u)
        copy_block(old, new)
        penalty.minimize(hg, lipschitz[g], u, g, new, delta)
        moved = 0.0
        for i in range(k):
            for t in range(q):
                delta[i, t] = new[i, t] - old[i, t]
                moved += delta[i, t] * delta[i, t]
        if moved == 0.0:
            continue
        change += 0.5 * lipschitz[g] * moved
        copy_block(new, old)
        for i in range(k_raw):
            for t in range(q):
                step = 0.0
                for j in range(k):
                    step += T[T_ptr[g] + i * k + j] * delta[j, t]
                raw[i, t] = step
                for j in range(indptr[first + i], indptr[first + i + 1]):
                    fitted = step * data[j]
                    if is_curved:
                        F[t, indices[j]] += fitted
                        fitted *= K[t, indices[j]]
                    R[t, indices[j]] -= fitted
        put_back(M, first, raw, A)
    return change
