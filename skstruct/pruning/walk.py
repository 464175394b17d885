"""Prune a network to given widths: layer by layer, then all weights together."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from skstruct.pruning.criteria import taylor_scores
from skstruct.pruning.importance import output_roots
from skstruct.pruning.joint_refit import refit_jointly
from skstruct.pruning.network import ACTIVATIONS, pre_activations, with_weights
from skstruct.pruning.reconstruction import EXACT, LayerProblem, choose_units


class Pruned(NamedTuple):
    """A smaller network, units kept and errors by layer (inputs first).

    `output_error` is the share of the variance of the output that is missed.
    """

    network: object
    kept: list
    errors: list
    output_error: float


class Calibration:
    """What a full network computes on some rows, from which it can be pruned.

    Least-squares problems of layers whose inputs are still those of the full network
    are kept: they serve all widths that are tried.
    """

    def __init__(self, network, X, options):
        self.network, self.options = network, options
        self.X = np.asarray(X, dtype=network.coefs_[0].dtype)
        self.targets = pre_activations(network, self.X)
        self._problems = {}

    def layer(self, index):
        """Return the activations of a layer, 0 for the inputs."""
        if index == 0:
            return self.X
        return ACTIVATIONS[self.network.activation](self.targets[index - 1])

    def problem(self, index):
        """Return the least squares of the layer after the full layer `index`."""
        if index not in self._problems:
            self._problems[index] = self._problem(index, self.layer(index))
        return self._problems[index]

    def _problem(self, index, H):
        root = self.roots[index] if self.options.criterion in EXACT else None
        return LayerProblem(H, self.targets[index], self.options.ridge, root)

    @cached_property
    def roots(self):
        """Weights of the errors of each layer, from what they do to the output."""
        return output_roots(
            self.network,
            self.targets,
            self.options.rng,
            to_inputs=self.options.prune_inputs,
        )

    @cached_property
    def scores(self):
        """Scores of the criterion that looks at the whole network, or None."""
        if self.options.criterion != "taylor":
            return [None] * len(self.targets)
        return taylor_scores(
            self.network,
            self.X,
            self.targets,
            self.options.rng,
            to_inputs=self.options.prune_inputs,
        )

    def prune(self, widths):
        """Return the network with `widths` inputs and hidden units, inputs first."""
        network, options = self.network, self.options
        coefs, intercepts = list(network.coefs_), list(network.intercepts_)
        inputs, kept, errors = None, [], []
        for index, n_kept in enumerate(widths):
            width = coefs[index].shape[0]
            if inputs is None and n_kept == width:  # nothing has changed so far
                kept.append(np.arange(width))
                errors.append(0.0)
                continue
            if inputs is None:
                H, problem = self.layer(index), self.problem(index)
            else:
                H = self._activate(inputs @ coefs[index - 1] + intercepts[index - 1])
                problem = self._problem(index, H)
            W_in = coefs[index - 1] if index else np.eye(width)
            units = choose_units(
                problem, n_kept, options, H, W_in, coefs[index], self.scores[index]
            )
            coef, intercept = coefs[index][units], intercepts[index]
            if options.refit is not None:
                coef, intercept = problem.refit(units)
            if index:
                coefs[index - 1] = coefs[index - 1][:, units]
                intercepts[index - 1] = intercepts[index - 1][units]
            coefs[index], intercepts[index] = coef, intercept
            inputs = H[:, units]
            kept.append(units)
            errors.append(problem.error(units, coef, intercept))
        output_error = errors[-1]
        if inputs is not None and options.refit == "joint":
            coefs, intercepts, output_error = refit_jointly(
                network.activation,
                coefs,
                intercepts,
                self.X[:, kept[0]],
                self.targets[-1],
                options.refit_iter,
            )
        small = with_weights(network, coefs, intercepts)
        return Pruned(small, kept, errors, output_error)

    def _activate(self, Z):
        return ACTIVATIONS[self.network.activation](Z)
