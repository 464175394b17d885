"""From a budget as users say it to widths, with the same fraction kept everywhere."""

import time
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

import numpy as np

from skstruct.pruning.network import (
    count_flops,
    count_parameters,
    nameless,
    with_weights,
)

COSTS = {"params": count_parameters, "flops": count_flops}
KINDS = (*COSTS, "latency", "score_drop")
WAYS = (
    "a fraction in [0, 1] of the units to keep, one width for each layer, or one of "
    "{'params': n}, {'flops': n}, {'latency': seconds} and {'score_drop': d}"
)


def parse_budget(budget):
    """Return what kind of budget it is ("fraction", "widths" or a key), and how much.

    Raises
    ------
    ValueError
        If it is none of these, or its number is not positive.
    """
    if isinstance(budget, Mapping):
        if len(budget) != 1 or next(iter(budget)) not in KINDS:
            raise ValueError(f"budget={budget!r} must be {WAYS}.")
        ((kind, limit),) = budget.items()
        if not isinstance(limit, Real) or not limit >= 0 or not np.isfinite(limit):
            raise ValueError(
                f"budget={budget!r} must have a finite number of at least 0 for "
                f"{kind!r}."
            )
        return kind, float(limit)
    if isinstance(budget, Real):
        if not 0 <= budget <= 1:
            raise ValueError(f"budget={budget!r} must be {WAYS}.")
        return "fraction", float(budget)
    return "widths", budget


def checked_widths(budget, widths, least=None):
    """Return widths as a list of int, if there is one for each layer.

    `least` has the least width of each, 1 if not given.
    """
    least = [1] * len(widths) if least is None else least
    is_list = isinstance(budget, Sequence | np.ndarray) and not isinstance(budget, str)
    kept = list(budget) if is_list else []
    whole = all(isinstance(k, Integral) for k in kept)
    fits = len(kept) == len(widths) and whole
    known = zip(least, kept, widths, strict=fits)
    if not fits or any(not low <= k <= w for low, k, w in known):
        low = 1 if min(least, default=1) == 1 else least
        raise ValueError(
            f"budget={budget!r} must be {WAYS}; widths are from {low} to "
            f"{list(widths)}."
        )
    return [int(k) for k in kept]


class Widths:
    """The layers that may lose units, and the widths that they may have.

    Parameters
    ----------
    shape : list of int
        Widths of all layers, inputs first and outputs last.
    prune_inputs : bool
        Whether inputs may go too.
    block_size : int
        Units come in blocks of so many.
    """

    def __init__(self, shape, prune_inputs, block_size):
        self.shape, self.block_size = list(shape), block_size
        self.free = list(range(0 if prune_inputs else 1, len(shape) - 1))

    @property
    def full(self):
        """Widths with everything kept, inputs first, without the outputs."""
        return self.shape[:-1]

    def rounded(self, index, wanted):
        """Return the width of a layer nearest to `wanted`, in whole blocks."""
        full, size = self.shape[index], self.block_size
        found = min(max(1, round(wanted / size)) * size, full)
        # The last block may be smaller than the others.
        return full if full - wanted < abs(wanted - found) else found

    def uniform(self, fraction):
        """Return widths with the same fraction of every free layer kept."""
        widths = self.full
        for index in self.free:
            widths[index] = self.rounded(index, fraction * widths[index])
        return widths

    def steps(self):
        """Return fractions that reach every width of every layer."""
        found = [1.0]
        for full in (self.shape[index] for index in self.free):
            ends = np.append(np.arange(self.block_size, full, self.block_size), full)
            between = (ends[1:] + ends[:-1]) / 2 * (1 + 1e-9)
            found += [*(ends / full), *(between / full)]
        return np.unique(found)

    def largest_uniform(self, cost, limit, budget):
        """Return the widest uniform widths that cost at most `limit`.

        Raises
        ------
        ValueError
            If even the narrowest cost more.
        """
        fractions = self.steps()
        least = cost(self.uniform(0.0))
        if least > limit:
            unit = "unit" if self.block_size == 1 else "block"
            raise ValueError(
                f"budget={budget!r} cannot be met: one {unit} a layer already costs "
                f"{least:.4g}."
            )
        low, high = -1, len(fractions)  # that at `high` costs too much
        while high - low > 1:
            middle = (low + high) // 2
            if cost(self.uniform(fractions[middle])) <= limit:
                low = middle
            else:
                high = middle
        return self.uniform(fractions[low] if low >= 0 else 0.0)

    def cost(self, name, widths):
        """Return the parameters or multiply-adds of a network with these widths."""
        return COSTS[name]([*widths, self.shape[-1]])


class Latency:
    """Seconds that ``predict`` takes on rows, by widths; measured once for each.

    Time does not depend on what the weights are, so the full network's first rows and
    columns serve.
    """

    def __init__(self, network, X, n_repeats=7):
        self.network, self.X, self.n_repeats = network, X, n_repeats
        self._known = {}

    def __call__(self, widths):
        """Return the least time of some calls, the first not counted."""
        key = tuple(widths)
        if key not in self._known:
            self._known[key] = self.measure(self._resized(widths))
        return self._known[key]

    def measure(self, network):
        """Return the least time that a network takes to predict the rows."""
        X = np.ascontiguousarray(self.X[:, : network.n_features_in_])
        times = []
        for _ in range(self.n_repeats + 1):
            start = time.perf_counter()
            network.predict(X)
            times.append(time.perf_counter() - start)
        return min(times[1:])

    def _resized(self, widths):
        coefs, intercepts = [], []
        sizes = [*widths, self.network.coefs_[-1].shape[1]]
        pairs = zip(self.network.coefs_, self.network.intercepts_, strict=True)
        for index, (W, b) in enumerate(pairs):
            coefs.append(W[: sizes[index], : sizes[index + 1]])
            intercepts.append(b[: sizes[index + 1]])
        return with_weights(nameless(self.network), coefs, intercepts)
