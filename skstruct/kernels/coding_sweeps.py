"""Sweeps of proximal steps over groups of atoms, on a Gram matrix."""

from numba import njit

from skstruct.kernels.blocks import INNER
from skstruct.kernels.scans import subtract_rows

# Steps are longer than the inverse of the curvature; below twice that, they descend.
_RELAXATION = 1.5


@njit(**INNER)
def proximal_sweep(
    G, r, c, ptr, active, start, lipschitz, penalty, own, new, moved
):  # fmt: skip
    """Take a proximal step in each of some groups, one after the other.

    Parameters
    ----------
    G : (>= count, width) array
        Gram matrix of atoms, among them those of the groups.
    r, c : (>= width,) arrays
        Products of those atoms with the residual, and their code; kept up to date.
    ptr : (n_groups + 1,) integer array
        Group g has ``ptr[g + 1] - ptr[g]`` atoms.
    active, start : (n_active,) and (>= n_active,) integer arrays
        The groups, and where the atoms of each begin in G.
    lipschitz : (n_groups,) array
        Largest eigenvalues of the groups' Gram matrices; infinite, they keep a group
        as it is.
    penalty : struct
        Offers ``prox(v, step, g)``, in place.
    own : (>= count,) integer array
        ``arange(count)``.
    new, moved : (widest, 1) and (widest,) arrays
        Scratch; the latter has the type of G.

    Returns
    -------
    float
        About what the sweep took off the objective.
    """
    change = 0.0
    for a in range(active.shape[0]):
        g = active[a]
        first, k, step = start[a], ptr[g + 1] - ptr[g], _RELAXATION / lipschitz[g]
        for i in range(k):
            new[i, 0] = c[first + i] + step * r[first + i]
        penalty.prox(new[:k], step, g)
        total = 0.0
        for i in range(k):
            difference = new[i, 0] - c[first + i]
            total += difference * difference
            moved[i], c[first + i] = difference, new[i, 0]
        if total > 0.0:
            subtract_rows(G, own[first : first + k], moved[:k], r)
            change += 0.5 * lipschitz[g] * total
    return change
