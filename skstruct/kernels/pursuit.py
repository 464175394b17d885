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

from skstruct.kernels.blocks import INNER, JIT
from skstruct.kernels.scans import largest_size

# An atom is in the span of those taken when this little of its energy is left.
_DEPENDENT = 1e-10
# A residual of this share of a signal's energy is nothing but rounding.
_NOTHING = 1e-28


@njit(**JIT)
def pursue_atoms(gram, is_recursive, max_atoms, tol, energy, products, out):
    """Code every signal by orthogonal matching pursuit, atom by atom.

    Parameters
    ----------
    gram : (m, m) array
        Gram matrix of the atoms.
    is_recursive : bool
        Take the atom that lowers the residual most (order-recursive), else that of
        largest correlation with the residual.
    max_atoms : int
        Bound on the atoms taken.
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
    W, z = np.empty((max_atoms, m)), np.empty(max_atoms)
    taken = np.empty(max_atoms, dtype=np.intp)
    left, score, norms = np.empty(m), np.empty(m), np.empty(m)
    for i in range(m):
        norms[i] = gram[i, i]
    for s in range(out.shape[0]):
        r, rest, count = products[s], energy[s], 0
        floor = max(tol, _NOTHING * energy[s])
        if is_recursive:
            for i in range(m):
                left[i] = norms[i]
        while count < max_atoms and rest > floor:
            if is_recursive:
                gains(norms, r, left, score)
                j = largest_size(score)
                if score[j] == 0.0:
                    break
            else:
                j = largest_size(r)
                if r[j] == 0.0:
                    break
            w = W[count]
            orthogonalise(gram[j], j, W[:count], w)
            if w[j] <= _DEPENDENT * norms[j]:
                r[j] = 0.0
                continue
            z[count] = take(r, w, j)
            if is_recursive:
                for i in range(m):
                    left[i] -= w[i] * w[i]
            taken[count] = j
            rest -= z[count] * z[count]
            count += 1
            # Rounding must not make an atom that was taken look attractive.
            for k in range(count):
                r[taken[k]] = 0.0
        back_substitute(W[:count], z, taken, out[s])


@njit(**INNER)
def gains(norms, r, left, score):
    """Write what every atom would take off the residual; 0 for dependent ones."""
    for i in range(r.shape[0]):
        is_free = left[i] > _DEPENDENT * norms[i]
        score[i] = r[i] * r[i] / left[i] if is_free else 0.0


@njit(**JIT)
def pursue_groups(gram, ptr, max_groups, max_atoms, tol, energy, products, out):
    """Code every signal by orthogonal matching pursuit, group by group.

    Takes the group of largest correlations with the residual.

    Parameters
    ----------
    gram : (m, m) array
        Gram matrix of the atoms, sorted by group.
    ptr : (n_groups + 1,) integer array
        Group g has the atoms ``ptr[g]`` to ``ptr[g + 1]``.
    max_groups : int
        Bound on the groups taken.
    max_atoms, tol, energy, products, out
        As in :func:`pursue_atoms`.
    """
    m = gram.shape[0]
    W, z = np.empty((max_atoms, m)), np.empty(max_atoms)
    taken = np.empty(max_atoms, dtype=np.intp)
    for s in range(out.shape[0]):
        r, rest, count = products[s], energy[s], 0
        floor = max(tol, _NOTHING * energy[s])
        for _ in range(max_groups):
            if rest <= floor or count >= max_atoms:
                break
            g = best_group(ptr, r)
            if g < 0:
                break
            for j in range(ptr[g], ptr[g + 1]):
                if count >= max_atoms:
                    break
                w = W[count]
                orthogonalise(gram[j], j, W[:count], w)
                if w[j] > _DEPENDENT * gram[j, j]:
                    z[count] = take(r, w, j)
                    taken[count] = j
                    rest -= z[count] * z[count]
                    count += 1
                # What was taken, or depends on it, is orthogonal to the residual.
                for i in range(ptr[g], j + 1):
                    r[i] = 0.0
            for k in range(count):
                r[taken[k]] = 0.0
        back_substitute(W[:count], z, taken, out[s])


@njit(**INNER)
def best_group(ptr, r):
    """Return the group of largest correlations, -1 if all are zero."""
    best, largest = -1, 0.0
    for g in range(ptr.shape[0] - 1):
        score = 0.0
        for j in range(ptr[g], ptr[g + 1]):
            score += r[j] * r[j]
        if score > largest:
            best, largest = g, score
    return best


@njit(**INNER)
def orthogonalise(row, j, W, w):
    """Write what directions leave of the products of atom j with all, into w (m,).

    `row` are those products. Directions are taken four at a time: w is then read and
    written once for four of them.
    """
    m, count = row.shape[0], W.shape[0]
    for i in range(m):
        w[i] = row[i]
    k = 0
    while k + 4 <= count:
        f0, f1, f2, f3 = W[k, j], W[k + 1, j], W[k + 2, j], W[k + 3, j]
        w0, w1, w2, w3 = W[k], W[k + 1], W[k + 2], W[k + 3]
        for i in range(m):
            w[i] -= f0 * w0[i] + f1 * w1[i] + f2 * w2[i] + f3 * w3[i]
        k += 4
    while k < count:
        f0, w0 = W[k, j], W[k]
        for i in range(m):
            w[i] -= f0 * w0[i]
        k += 1


@njit(**INNER)
def take(r, w, j):
    """Make w (m,) a direction of unit norm; return its share of the signal.

    `r` (m,), the products of the residual with the atoms, is updated.
    """
    scale = 1.0 / math.sqrt(w[j])
    share = r[j] * scale
    for i in range(r.shape[0]):
        w[i] *= scale
        r[i] -= share * w[i]
    return share


@njit(**INNER)
def back_substitute(W, z, taken, code):
    """Write the coefficients of the atoms taken, from the shares `z` of directions."""
    count = W.shape[0]
    for k in range(count - 1, -1, -1):
        value = z[k]
        for later in range(k + 1, count):
            value -= W[k, taken[later]] * code[taken[later]]
        code[taken[k]] = value / W[k, taken[k]]
