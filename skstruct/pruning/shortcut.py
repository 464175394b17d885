"""Hidden layers taken out, each replaced by the least squares across it."""

import numpy as np

from skstruct.pruning.network import with_weights
from skstruct.pruning.reconstruction import LayerProblem
from skstruct.pruning.search import measured
from skstruct.pruning.walk import Calibration


def without_layer(calibration, index):
    """Return the network without hidden layer `index`, from 1 on.

    What is before the layer takes over what is after it by least squares: a linear
    shortcut. The rest stays as it is.
    """
    network = calibration.network
    H = calibration.layer(index - 1)
    problem = LayerProblem(H, calibration.targets[index], calibration.options.ridge)
    coef, intercept = problem.refit(np.arange(H.shape[1]))
    coefs, intercepts = list(network.coefs_), list(network.intercepts_)
    coefs[index - 1 : index + 1] = [coef]
    intercepts[index - 1 : index + 1] = [intercept]
    return with_weights(network, coefs, intercepts)


class LayerRemoval:
    """Takes out hidden layers one by one, each time the one that is missed least.

    Parameters
    ----------
    calibration : Calibration
        The full network on all rows.
    splits : list of Split
        Rows on which layers are compared; see :class:`Search`.
    scorer : callable or None
        As in :class:`Search`.

    Attributes
    ----------
    network : MLPClassifier or MLPRegressor
        The network so far.
    layers : list of int
        Hidden layers still there, from 1 on.
    """

    def __init__(self, calibration, splits, scorer):
        self.splits, self.scorer = splits, scorer
        self.X, self.options = calibration.X, calibration.options
        self.network = calibration.network
        self.layers = list(range(1, len(self.network.coefs_)))
        self._now = [split.calibration.network for split in splits]
        self.value = self._mean(self._now)

    def cheapest(self):
        """Return the position of the layer missed least, and the value without it."""
        values = []
        for position in range(1, len(self.layers) + 1):
            values.append(self._mean(self._without(position)))
        best = int(np.argmax(values))
        return best + 1, values[best]

    def remove(self, position):
        """Take out the layer at a position, from 1 on."""
        self._now = self._without(position)
        self.network = without_layer(
            Calibration(self.network, self.X, self.options), position
        )
        del self.layers[position - 1]

    def _without(self, position):
        return [
            without_layer(
                Calibration(network, split.calibration.X, self.options), position
            )
            for network, split in zip(self._now, self.splits, strict=True)
        ]

    def _mean(self, networks):
        return float(
            np.mean(
                [
                    measured(split, network, split.X, self.scorer)
                    for network, split in zip(networks, self.splits, strict=True)
                ]
            )
        )
