"""One run of a pruner: plan the widths, prune, refit, fine-tune, keep the record."""

from functools import cache
from typing import NamedTuple

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state

from skstruct.pruning.budget import Latency, Widths, parse_budget
from skstruct.pruning.joint_refit import refit_jointly
from skstruct.pruning.network import (
    count_flops,
    count_parameters,
    pre_activations,
    shape_of,
    with_weights,
)
from skstruct.pruning.plan import make_splits, remove_layers, schedule, target_widths
from skstruct.pruning.reconstruction import Options
from skstruct.pruning.search import Search
from skstruct.pruning.sensitivity import missed
from skstruct.pruning.shortcut import LayerRemoval
from skstruct.pruning.walk import Calibration


class PruningStep(NamedTuple):
    """One network on the way from the full to the pruned one.

    Attributes
    ----------
    widths : tuple of int
        Inputs, hidden layers and outputs.
    n_parameters, flops : int
        Weights and intercepts; multiply-adds of one row.
    output_error : float
        Share of the variance of the full network's output that is missed.
    score : float or None
        If y was given. Like the error, on the rows of `fit`.
    """

    widths: tuple
    n_parameters: int
    flops: int
    output_error: float
    score: float | None


class Job:
    """One run of a pruner on one network.

    Parameters
    ----------
    pruner : MLPPruner
        What to do.
    network : MLPClassifier or MLPRegressor
        The fitted network.
    X, y : arrays
        Rows; y may be None.
    unfitted : MLPClassifier, MLPRegressor or None
        What the network was fitted from, if that was now.

    Attributes
    ----------
    kept : list of arrays
        Features kept, then units of each hidden layer.
    path, trials, errors : list, dict, list
        See :class:`MLPPruner`.
    """

    def __init__(self, pruner, network, X, y, unfitted):
        self.pruner, self.full, self.X, self.y = pruner, network, X, y
        self.unfitted = unfitted
        self.options = Options(
            criterion=pruner.criterion,
            n_swaps=pruner.n_swaps,
            refit=pruner.refit,
            ridge=pruner.ridge,
            prune_inputs=pruner.prune_inputs,
            block_size=pruner.block_size if pruner.granularity == "block" else 1,
            refit_iter=pruner.refit_iter,
            rng=check_random_state(pruner.random_state),
        )
        self.scorer = None
        if y is not None:
            self.scorer = check_scoring(network, scoring=pruner.scoring)
        self.calibration = Calibration(network, X, self.options)
        self.kept = [np.arange(width) for width in shape_of(network)[:-1]]
        self.path, self.trials, self.errors = [], {}, []
        self._note(network, 0.0)

    def narrower(self):
        """Return the network with fewer units, and inputs, in each layer."""
        pruner, shape = self.pruner, shape_of(self.full)
        widths = Widths(shape, pruner.prune_inputs, self.options.block_size)
        target = target_widths(
            pruner.budget,
            widths,
            search=cache(lambda: self._search(widths)),
            latency=Latency(self.full, self.calibration.X),
            allocation=pruner.allocation,
        )
        n_steps = pruner.n_steps if pruner.schedule == "iterative" else 1
        network, calibration = self.full, self.calibration
        for step, width in enumerate(schedule(widths, target, n_steps)):
            if step:
                calibration = Calibration(network, self._inputs(), self.options)
            found = calibration.prune(width)
            network = found.network
            self.kept = [
                old[new] for old, new in zip(self.kept, found.kept, strict=True)
            ]
            self.errors = found.errors[widths.free[0] :]
            self._fine_tune(network)
            is_known = step == 0 and self.pruner.fine_tune_epochs == 0
            self._note(network, found.output_error if is_known else None)
        return network

    def without_layers(self):
        """Return the network with some of its hidden layers."""
        removal = LayerRemoval(self.calibration, self._splits(), self.scorer)
        latency = Latency(self.full, self.calibration.X)
        remove_layers(self.pruner.budget, removal, latency)
        network = removal.network
        if network is self.full:
            network = with_weights(network, network.coefs_, network.intercepts_)
        elif self.pruner.refit == "joint":
            weights = refit_jointly(
                network.activation,
                network.coefs_,
                network.intercepts_,
                self.X,
                self.calibration.targets[-1],
                self.pruner.refit_iter,
            )
            network = with_weights(network, *weights[:2])
        for index in range(1, len(self.kept)):
            if index not in removal.layers:
                self.kept[index] = np.array([], dtype=int)
        self._fine_tune(network)
        self._note(network)
        return network

    def _inputs(self):
        """Return the columns of X that are kept."""
        if len(self.kept[0]) == self.X.shape[1]:
            return self.X
        return self.X[:, self.kept[0]]

    def _fine_tune(self, network):
        for _ in range(self.pruner.fine_tune_epochs):
            network.partial_fit(self._inputs(), self.y)

    def _search(self, widths):
        search = Search(widths, self._splits(), self.scorer)
        self.trials = search.trials
        return search

    def _splits(self):
        kind, _ = parse_budget(self.pruner.budget)
        is_own = kind == "score_drop"
        return make_splits(
            self.full,
            self.X,
            self.y,
            cv=self.pruner.cv,
            options=self.options,
            unfitted=self.unfitted if is_own else None,
        )

    def _note(self, network, error=None):
        """Add a network to the path; its error is measured if it is not known."""
        X, shape = self._inputs(), shape_of(network)
        if error is None:
            found = pre_activations(network, X)[-1]
            error = missed(self.calibration.targets[-1], found)
        score = None if self.scorer is None else self.scorer(network, X, self.y)
        self.path.append(
            PruningStep(
                tuple(shape), count_parameters(shape), count_flops(shape), error, score
            )
        )
