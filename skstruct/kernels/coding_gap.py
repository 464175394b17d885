"""Duality gaps of codes, from their products alone.

For ``P(c) = 1/2 |x - c D|^2 + sum_g (l1_g |c_g|_1 + l2_g |c_g|)``, the residual
``q = x - c D`` made shorter by a factor t is feasible for the dual problem, maximise
``<x, t q> - 1/2 |t q|^2``, when ``t`` times the excess of every group is allowed. All
of it follows from ``p = D x``, ``r = D q``, c and ``|x|^2``.
"""

import math

import numpy as np
from numba import njit

from skstruct.kernels.blocks import INNER

# Gaps below this share of a signal's energy are rounding.
ROUNDING = 1e-13


@njit(**INNER)
def excesses(ptr, r, l1, l2, positive, out):
    """Write by how much the products r of every group exceed what zero allows.

    That is ``|S(r_g, l1_g)| - l2_g``, with S soft thresholding, and may be negative.
    """
    for g in range(ptr.shape[0] - 1):
        total = 0.0
        for i in range(ptr[g], ptr[g + 1]):
            size = (r[i] if positive else abs(r[i])) - l1[g]
            size = size if size > 0.0 else 0.0
            total += size * size
        out[g] = math.sqrt(total) - l2[g]


@njit(**INNER)
def feasible_share(excess, l1, l2, slack):
    """Return the factor that makes a residual with these excesses feasible.

    A sum of norms is at least ``l1_g + l2_g`` times the Euclidean one, so that the
    dual norm is at most ``1 + excess_g / (l1_g + l2_g)``, exactly so for each of the
    norms alone. Excesses of unpenalised groups count from `slack` on, and leave
    nothing.
    """
    worst = 0.0
    for g in range(excess.shape[0]):
        if l1[g] + l2[g] > 0.0:
            worst = max(worst, excess[g] / (l1[g] + l2[g]))
        elif excess[g] > slack:
            worst = np.inf
    return 1.0 / (1.0 + worst)


@njit(**INNER)
def gap_of_code(energy, p, r, c, penalty_value, share):
    """Return the duality gap of one code.

    Parameters
    ----------
    energy : float
        Squared norm of the signal.
    p, r : (m,) arrays
        Products of the atoms with the signal and with the residual.
    c : (m,) array
        The code.
    penalty_value : float
        Penalty of the code.
    share : float
        Factor up to which the residual is feasible.
    """
    explained = still = 0.0
    for i in range(p.shape[0]):
        explained += c[i] * p[i]
        still += c[i] * r[i]
    along = energy - explained  # <x, q>
    rest = max(along - still, 0.0)  # |q|^2
    if rest > 0.0:
        share = min(share, max(along / rest, 0.0))
    dual = share * along - 0.5 * share * share * rest
    return 0.5 * rest + penalty_value - dual
