"""Choose the widths of the layers on rows that are held out."""

from typing import NamedTuple

import numpy as np

from skstruct.pruning.allocation import allocate, interpolated, levels_of
from skstruct.pruning.network import pre_activations
from skstruct.pruning.sensitivity import FRACTIONS, layer_curve, missed
from skstruct.pruning.walk import Calibration

N_FRACTIONS = 64  # uniform fractions between which a score_drop is bisected


class Split(NamedTuple):
    """Rows to prune on and rows to measure on, with the network that is pruned."""

    calibration: Calibration
    X: np.ndarray
    y: np.ndarray | None


class Search:
    """Tries widths, and remembers what came out.

    Parameters
    ----------
    widths : Widths
        What may be tried.
    splits : list of Split
        Values are means over these.
    scorer : callable or None
        ``scorer(network, X, y)``; None means minus the error of the output, which
        needs no y.
    """

    def __init__(self, widths, splits, scorer):
        self.widths, self.splits, self.scorer = widths, splits, scorer
        self.trials = {}
        self._errors = None

    def value(self, widths):
        """Return the mean score of networks pruned to `widths`; larger is better."""
        key = tuple(widths)
        if key not in self.trials:
            values = [self._value(split, widths) for split in self.splits]
            self.trials[key] = float(np.mean(values))
        return self.trials[key]

    def _value(self, split, widths):
        found = split.calibration.prune(widths)
        X = split.X[:, found.kept[0]]
        return measured(split, found.network, X, self.scorer)

    def allocated(self, name, limit, uniform):
        """Return the better of `uniform` and what its sensitivity curves suggest."""
        widths = self.widths
        levels = [
            # Only what the budget counts is spread.
            levels_of(widths, index)
            if not (name == "units" and index == 0)
            else np.array([uniform[0]])
            for index in range(len(widths.full))
        ]
        errors = [
            interpolated(found, widths.shape[index], FRACTIONS, self.errors[index])
            if index in self.errors
            else np.zeros(len(found))
            for index, found in enumerate(levels)
        ]
        best = allocate(levels, errors, widths.shape[-1], name, limit)
        tried = [uniform] if best is None else [uniform, best]
        return max(tried, key=self.value)

    @property
    def errors(self):
        """Error of the output by layer and fraction kept, others left as they are."""
        if self._errors is None:
            self._errors = {
                index: np.mean([self._curve(s, index) for s in self.splits], axis=0)
                for index in self.widths.free
            }
        return self._errors

    def _curve(self, split, index):
        calibration = split.calibration
        held_out = Calibration(calibration.network, split.X, calibration.options)
        full = self.widths.shape[index]
        tried = [self.widths.rounded(index, f * full) for f in FRACTIONS]
        return [p[4] for p in layer_curve(calibration, held_out, index, tried)]

    def smallest(self, drop, pick):
        """Return the smallest widths whose score is at most `drop` below the full.

        Bisects fractions: the widths found meet the limit, but where scores do not
        fall steadily, smaller ones may as well.

        Parameters
        ----------
        drop : float
            In units of the score.
        pick : callable
            ``pick(fraction)`` returns widths.
        """
        least = self.value(self.widths.full) - drop
        narrowest = 1.0 / max(self.widths.shape[index] for index in self.widths.free)
        fractions = np.geomspace(narrowest, 1.0, N_FRACTIONS)
        low, high = -1, len(fractions) - 1  # high meets the limit
        best = self.widths.full
        while high - low > 1:
            middle = (low + high) // 2
            widths = pick(fractions[middle])
            if self.value(widths) >= least:
                best, high = widths, middle
            else:
                low = middle
        return best


def measured(split, network, X, scorer):
    """Return the score, or without a scorer minus the error of the output."""
    if scorer is not None:
        return scorer(network, X, split.y)
    wanted = pre_activations(split.calibration.network, split.X)[-1]
    return -missed(wanted, pre_activations(network, X)[-1])
