"""Spread a budget over the layers, from how much each suffers by itself."""

import numpy as np

N_LEVELS = 24  # widths of a layer that are considered
N_BINS = 600  # into which a cost is divided


def levels_of(widths, index):
    """Return the widths of a layer to consider, geometric and rounded to blocks."""
    full = widths.shape[index]
    if index not in widths.free:
        return np.array([full])
    wanted = np.geomspace(1, full, N_LEVELS)
    return np.unique([widths.rounded(index, w) for w in wanted])


def interpolated(levels, full, fractions, errors):
    """Return errors at `levels` from those measured at `fractions` of the width.

    Linear between logarithms of widths, and never larger for a wider layer.
    """
    order = np.argsort(fractions)
    falling = np.minimum.accumulate(np.asarray(errors)[order])
    at = np.log(np.maximum(np.asarray(fractions)[order] * full, 1.0))
    return np.interp(np.log(levels), at, falling)


def pair_cost(name, index, last):
    """Return the cost of layer ``index + 1`` as a function of both widths.

    "units" counts hidden units, "params" and "flops" what the name says.
    """
    if name == "units":
        return lambda a, b: b if index + 1 < last else 0
    if name == "params":
        return lambda a, b: (a + 1) * b
    return lambda a, b: a * b


def allocate(levels, errors, n_outputs, name, limit):
    """Return the widths of least total error whose cost is at most `limit`.

    Dynamic programming from layer to layer: the state is a layer's width and what has
    been spent up to there, in `N_BINS` bins, rounded up.

    Parameters
    ----------
    levels : list of (n_levels,) arrays of int
        Widths that each layer may have, inputs first.
    errors : list of (n_levels,) arrays
        What each costs in accuracy.
    n_outputs : int
        Width of the last layer.
    name : {"units", "params", "flops"}
        What is spent; see :func:`pair_cost`.
    limit : int
        How much.

    Returns
    -------
    list of int or None
        None if nothing fits.
    """
    levels = [*levels, np.array([n_outputs])]
    errors = [*errors, np.zeros(1)]
    n_bins = int(min(limit, N_BINS))
    if n_bins < 1:
        return None
    last = len(levels) - 1
    best = np.full((len(levels[0]), n_bins + 1), np.inf)
    best[:, 0] = errors[0]
    came = []
    for index in range(last):
        cost = pair_cost(name, index, last)
        following = np.full((len(levels[index + 1]), n_bins + 1), np.inf)
        origin = np.zeros((*following.shape, 2), dtype=np.intp)
        for j, wide in enumerate(levels[index + 1]):
            for i, narrow in enumerate(levels[index]):
                spent = int(np.ceil(cost(int(narrow), int(wide)) * n_bins / limit))
                if spent > n_bins:
                    continue
                total = best[i, : n_bins + 1 - spent] + errors[index + 1][j]
                better = np.flatnonzero(total < following[j, spent:])
                following[j, spent + better] = total[better]
                origin[j, spent + better, 0] = i
                origin[j, spent + better, 1] = better
        best = following
        came.append(origin)
    spent = int(np.argmin(best[0]))
    if not np.isfinite(best[0, spent]):
        return None
    at, widths = 0, []
    for origin in came[::-1]:
        at, spent = origin[at, spent]
        widths.append(at)
    picked = widths[::-1]
    return [int(levels[index][i]) for index, i in enumerate(picked)]
