"""Block coordinate descent over the atoms of a dictionary."""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import JIT
from skstruct.kernels.scans import subtract_rows
from skstruct.kernels.tree_prox import tree_prox


@njit(**JIT)
def sweep_atoms(A, B, D, radius, ptr, columns, positive):
    """Improve every atom once, the others held fixed; return how far all moved.

    Lowers ``1/2 tr(D' A D) - tr(D' B) + sum_j sum_g radius_g |d_jg|`` over atoms of
    norm at most 1 (Mairal, Bach, Ponce and Sapiro, Online learning for matrix
    factorization and sparse coding, 2010, algorithm 2). Each step is exact: the
    objective of one atom has the same curvature in all directions, so that its
    minimiser is the prox of the norms, scaled into the ball.

    Parameters
    ----------
    A : (m, m) array
        Second moments of the codes. Atoms that no code has used are left alone.
    B : (m, p) array
        Moments of codes and signals.
    D : (m, p) array
        Atoms, overwritten.
    radius, ptr, columns, positive
        Norms over groups of features, as in
        :func:`skstruct.kernels.tree_prox.tree_prox`.
    """
    m, p = D.shape
    u, out, scaled = np.empty((p, 1)), np.empty((p, 1)), np.empty(radius.shape[0])
    flat, atoms = u.reshape(p), np.arange(m)
    moved = 0.0
    for j in range(m):
        if A[j, j] <= 0.0:
            continue
        for i in range(p):
            flat[i] = B[j, i]
        subtract_rows(D, atoms, A[j], flat)
        for i in range(p):
            flat[i] = D[j, i] + flat[i] / A[j, j]
        for g in range(radius.shape[0]):
            scaled[g] = radius[g] / A[j, j]
        tree_prox(u, scaled, ptr, columns, positive, out)
        total = 0.0
        for i in range(p):
            total += out[i, 0] * out[i, 0]
        factor = 1.0 / math.sqrt(total) if total > 1.0 else 1.0
        for i in range(p):
            new = factor * out[i, 0]
            moved += (new - D[j, i]) ** 2
            D[j, i] = new
    return math.sqrt(moved)
