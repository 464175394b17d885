"""A first guess of a code, in single precision: which groups are not zero.

Sweeps of proximal steps over whole groups, on the Gram matrix of all atoms. A step is
a few multiplications, half as many bytes come from the cache, and an error of a
rounding does not matter: what follows starts from the guess, in double precision, and
only if it is better than zero.
"""

from numba import njit

from skstruct.kernels.blocks import INNER
from skstruct.kernels.coding_gap import excesses
from skstruct.kernels.coding_sweeps import proximal_sweep

# Groups enter together when they exceed what zero allows by this share of the largest.
ENTERS = 0.6
_ROUNDS = 5  # after each, groups may enter
_SWEEPS = 2  # in a round


@njit(**INNER)
def guess_code(
    gram, ptr, lipschitz, penalty, l1, l2, positive, r, c, excess, active, start, own,
    new, moved,
):  # fmt: skip
    """Write a guess into c (m,), zeros on entry.

    Parameters
    ----------
    gram : (m, m) array of float32
        Gram matrix of the atoms, sorted by group.
    ptr, lipschitz, penalty, l1, l2, positive
        As in :func:`skstruct.kernels.coding_blocks.code_blocks`.
    r : (m,) array of float32
        Products of the atoms with the signal; on exit, about those with the residual.
    c : (m,) array
        The code.
    excess : (n_groups,) array
        By how much the products of every group exceed what zero allows.
    active, start : (n_groups,) and (n_groups + 1,) integer arrays
        Scratch, as is what follows.
    own, new, moved
        As in :func:`skstruct.kernels.coding_sweeps.proximal_sweep`.
    """
    for _ in range(_ROUNDS):
        n_active = promising_groups(ptr, excess, c, active)
        if n_active == 0:
            return
        for a in range(n_active):
            start[a] = ptr[active[a]]
        for _ in range(_SWEEPS):
            proximal_sweep(
                gram, r, c, ptr, active[:n_active], start, lipschitz, penalty, own, new,
                moved,
            )  # fmt: skip
        excesses(ptr, r, l1, l2, positive, excess)


@njit(**INNER)
def promising_groups(ptr, excess, c, active):
    """List groups that are not zero, or exceed most; return how many."""
    largest, count = 0.0, 0
    for g in range(excess.shape[0]):
        largest = max(largest, excess[g])
    for g in range(excess.shape[0]):
        is_in = largest > 0.0 and excess[g] >= ENTERS * largest
        for i in range(ptr[g], ptr[g + 1]):
            is_in = is_in or c[i] != 0.0
        if is_in:
            active[count] = g
            count += 1
    return count
