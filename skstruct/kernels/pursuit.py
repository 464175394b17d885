"""Greedy pursuit of one signal after another on the Gram matrix of a dictionary.

Atoms that were taken are orthonormalised one by one: with ``q_1, q_2, ...`` the
orthonormal directions, row k of ``W`` holds ``<q_k, d_j>`` for every atom j. Neither
the signals nor the directions themselves are needed (Rubinstein, Zibulevsky and Elad,
Efficient implementation of the K-SVD algorithm using batch orthogonal matching
pursuit, 2008; Cotter, Adler, Rao and Kreutz-Delgado, Forward sequential algorithms
for best basis selection, 1999).
"""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import JIT

# An atom is in the span of those taken when this little of its energy is left.
_DEPENDENT = 1e-10


@njit(**JIT)
def pursue(gram, ptr, is_recursive, max_groups, max_atoms, tol, energy, products, out):
    """Code every signal by orthogonal matching pursuit over groups of atoms.

    Parameters
    ----------
    gram : (m, m) array
        Gram matrix of the atoms, sorted by group.
    ptr : (n_groups + 1,) integer array
        Group g has the atoms ``ptr[g]`` to ``ptr[g + 1]``.
    is_recursive : bool
        Take the group that lowers the residual most when groups have one atom
        (order-recursive), else that of largest correlation with the residual.
    max_groups, max_atoms : int
        Bounds on the groups and on the atoms taken.
    tol : float
        Stop once the squared norm of the residual is at most `tol`.
    energy : (n,) array
        Squared norms of the signals.
    products : (n, m) array
        Products of signals and atoms; overwritten.
    out : (n, m) array
        Codes, zero on entry.
    """
    m = gram.shape[0]
    W = np.empty((max_atoms, m))
    left = np.empty(m)
    z = np.empty(max_atoms)
    taken = np.empty(max_atoms, dtype=np.intp)
    is_open = np.empty(ptr.shape[0] - 1, dtype=np.bool_)
    for s in range(out.shape[0]):
        r = products[s]
        rest, count = energy[s], 0
        floor = max(tol, 1e-28 * energy[s])
        for j in range(m):
            left[j] = gram[j, j]
        for g in range(is_open.shape[0]):
            is_open[g] = True
        for _ in range(max_groups):
            if rest <= floor:
                break
            g = best_group(gram, ptr, is_recursive, is_open, max_atoms - count, r, left)
            if g < 0:
                break
            is_open[g] = False
            for j in range(ptr[g], ptr[g + 1]):
                if count < max_atoms and left[j] > _DEPENDENT * gram[j, j]:
                    taken[count] = j
                    z[count] = take(gram[j], j, W, count, r, left)
                    rest -= z[count] * z[count]
                    count += 1
        back_substitute(W, z, taken, count, out[s])


@njit(**JIT)
def best_group(gram, ptr, is_recursive, is_open, room, r, left):
    """Return the group to take next, -1 if none has something to give."""
    best, best_score = -1, 0.0
    if room <= 0:
        return best
    for g in range(ptr.shape[0] - 1):
        if not is_open[g]:
            continue
        score = 0.0
        for j in range(ptr[g], ptr[g + 1]):
            if left[j] > _DEPENDENT * gram[j, j]:
                score += r[j] * r[j] / (left[j] if is_recursive else 1.0)
        if score > best_score:
            best, best_score = g, score
    return best


@njit(**JIT)
def take(row, j, W, count, r, left):
    """Orthonormalise atom j, whose Gram row is `row`; return its share of the signal.

    Row `count` of `W` is written; `r` (products of the residual with the atoms) and
    `left` (squared norms of what the directions leave of the atoms) are updated.
    """
    m = row.shape[0]
    w = W[count]
    for i in range(m):
        w[i] = row[i]
    for k in range(count):
        factor = W[k, j]
        for i in range(m):
            w[i] -= factor * W[k, i]
    scale = 1.0 / math.sqrt(w[j])
    share = r[j] * scale
    for i in range(m):
        w[i] *= scale
        r[i] -= share * w[i]
        left[i] -= w[i] * w[i]
    left[j] = 0.0
    return share


@njit(**JIT)
def back_substitute(W, z, taken, count, code):
    """Write the coefficients of the atoms taken, from the shares `z` of directions."""
    for k in range(count - 1, -1, -1):
        value = z[k]
        for later in range(k + 1, count):
            value -= W[k, taken[later]] * code[taken[later]]
        code[taken[k]] = value / W[k, taken[k]]
