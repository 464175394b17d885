"""Prox of the sorted L1 norm."""

from numba import njit

from skstruct.kernels.blocks import JIT


@njit(**JIT)
def sorted_prox(z, first, last, total, out):
    """Write ``argmin_x |x - z|^2 / 2 + sum_i lambda_i x_i`` over descending x >= 0.

    The prox of the sorted L1 norm, once magnitudes are sorted and lambda subtracted:
    isotonic regression, clipped at zero, by a stack of blocks that are merged while
    their means do not descend (Bogdan et al., 2015, algorithm 4).

    Parameters
    ----------
    z : (n,) array
        Sorted magnitudes minus lambda.
    first, last : (n,) integer arrays
        Scratch, for the ends of the blocks.
    total : (n,) array
        Scratch, for their sums.
    out : (n,) array
    """
    k = 0
    for i in range(z.shape[0]):
        first[k], last[k], total[k] = i, i, z[i]
        while k > 0 and total[k - 1] * (last[k] - first[k] + 1) <= total[k] * (
            last[k - 1] - first[k - 1] + 1
        ):
            last[k - 1] = last[k]
            total[k - 1] += total[k]
            k -= 1
        k += 1
    for block in range(k):
        mean = total[block] / (last[block] - first[block] + 1)
        for i in range(first[block], last[block] + 1):
            out[i] = max(mean, 0.0)
