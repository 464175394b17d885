"""Lasso codes of one signal after another, along the path from the code of zeros.

For a falling strength the code is piecewise linear: it moves along ``inv(G_AA) s``
with A the atoms in the code and s their signs, until an atom arrives or leaves
(Osborne, Presnell and Turlach, A new approach to variable selection in least squares
problems, 2000; Efron, Hastie, Johnstone and Tibshirani, Least angle regression, 2004).
"""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER, JIT
from skstruct.kernels.scans import largest_size, smallest, subtract_rows

# As in kernels.pursuit: an atom is in the span of those in the code.
_DEPENDENT = 1e-10
_NEVER = 1e300


@njit(**JIT)
def follow_lasso(gram, alpha, positive, max_steps, products, out):
    """Write the code of every signal at strength `alpha`.

    Where atoms depend on each other, or more than `max_steps` steps are needed, the
    code is that of a larger strength, from which others must go on.

    Parameters
    ----------
    gram : (m, m) array
        Gram matrix of the atoms.
    alpha : float >= 0
        Strength of the l1 norm.
    positive : bool
        Confine codes to nonnegative values.
    max_steps : int
        Bound on the steps of one signal.
    products : (n, m) array
        Products of signals and atoms.
    out : (n, m) array
        Codes, zero on entry.
    """
    m = gram.shape[0]
    inverse = np.empty((m, m))
    atoms = np.empty(m, dtype=np.intp)
    sign, c, d, work = np.empty(m), np.empty(m), np.empty(m), np.empty(m)
    r, slope, when = np.empty(m), np.empty(m), np.empty(m)
    for s in range(out.shape[0]):
        for i in range(m):
            r[i] = products[s, i]
            when[i] = max(r[i], 0.0) if positive else r[i]
        arriving = largest_size(when)
        strength, count, left = abs(when[arriving]), 0, -1
        if strength <= alpha:
            continue
        for _ in range(max_steps):
            if arriving >= 0:
                if not border(gram[arriving], arriving, inverse, atoms[:count], work):
                    break
                atoms[count], c[count] = arriving, 0.0
                sign[count] = 1.0 if r[arriving] > 0.0 else -1.0
                count += 1
            for i in range(count):
                d[i] = 0.0
                for k in range(count):
                    d[i] -= inverse[i, k] * sign[k]
            for i in range(m):
                slope[i] = 0.0
            subtract_rows(gram, atoms[:count], d[:count], slope)
            arrivals(r, slope, strength, positive, when)
            for i in range(count):
                when[atoms[i]] = _NEVER
            if left >= 0:  # it is on the edge, and rounding might take it back
                when[left] = _NEVER
            arriving, leaving, left = smallest(when), -1, -1
            step = when[arriving]
            for i in range(count):
                if d[i] * sign[i] > 0.0 and c[i] / d[i] < step:
                    step, leaving = c[i] / d[i], i
            is_last = step >= strength - alpha
            if is_last:
                step = strength - alpha
            for i in range(count):
                c[i] -= step * d[i]
            if is_last:
                break
            for i in range(m):
                r[i] -= step * slope[i]
            strength -= step
            if leaving >= 0:
                left, arriving = atoms[leaving], -1
                drop(inverse, atoms[:count], sign, c, leaving, work)
                count -= 1
        for i in range(count):
            out[s, atoms[i]] = c[i]


@njit(**INNER)
def arrivals(r, slope, strength, positive, when):
    """Write after which fall of the strength every atom arrives; huge for never."""
    for j in range(r.shape[0]):
        up = (strength - r[j]) / (1.0 - slope[j])
        down = (strength + r[j]) / (1.0 + slope[j])
        up = up if up > 0.0 else _NEVER
        down = _NEVER if positive or not down > 0.0 else down
        when[j] = up if up < down else down


@njit(**INNER)
def border(row, j, inverse, atoms, work):
    """Extend ``inverse`` of ``G_AA`` by atom j; False if it depends on A."""
    rest, count = row[j], atoms.shape[0]
    for i in range(count):
        work[i] = 0.0
        for k in range(count):
            work[i] += inverse[i, k] * row[atoms[k]]
        rest -= work[i] * row[atoms[i]]
    if rest <= _DEPENDENT * row[j]:
        return False
    for i in range(count):
        factor = work[i] / rest
        for k in range(count):
            inverse[i, k] += factor * work[k]
        inverse[i, count] = inverse[count, i] = -factor
    inverse[count, count] = 1.0 / rest
    return True


@njit(**INNER)
def drop(inverse, atoms, sign, c, q, work):
    """Take the atom at position q out of the code."""
    count = atoms.shape[0]
    for i in range(count):
        work[i] = inverse[i, q] / math.sqrt(inverse[q, q])
    count -= 1
    for i in range(count):
        source = i if i < q else i + 1
        atoms[i], sign[i], c[i] = atoms[source], sign[source], c[source]
        for k in range(count):
            other = k if k < q else k + 1
            inverse[i, k] = inverse[source, other] - work[source] * work[other]
