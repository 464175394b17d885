"""What the output of a model loses when one group of units is pruned alone."""

import copy

import numpy as np
import torch

from skstruct.pruning.reconstruction import GREEDY
from skstruct.pruning.torch.choosing import ranked, refitted
from skstruct.pruning.torch.links import Axis

N_NUMBERS = 100_000_000  # in Gram matrices that are held at once


class Sensitivity:
    """Measures, for each group, what widths of it alone cost.

    Groups that one layer reads are pruned in the full model: one pass gives the Gram
    matrices of many, one order of their units serves all widths, and what is lost is
    left out by zeros in the reader's weights. Others are pruned as usual.

    Parameters
    ----------
    calibration : Calibration
        The full model, on rows to prune on.
    error : callable
        ``error(model)`` returns what the output misses on other rows.
    """

    def __init__(self, calibration, error):
        self.calibration, self.error = calibration, error
        self.plan, self.options = calibration.plan, calibration.options
        self.alive = {axis: np.arange(n) for axis, n in self.plan.sizes.items()}
        self.model = copy.deepcopy(calibration.model)
        self.rng = np.random.default_rng(self.options.seed)

    def curves(self, widths):
        """Return the errors of each group at some widths of it.

        Parameters
        ----------
        widths : dict
            Name of a group -> increasing widths, of which 0 stands for none.

        Returns
        -------
        dict
            Name of a group -> list of float.
        """
        groups = [group for group in self.plan.groups if group.name in widths]
        found = {}
        for group in (g for g in groups if self.plan.early(g)):
            found[group.name] = [self._pruned(group, w) for w in widths[group.name]]
        for some in self._held_at_once([g for g in groups if not self.plan.early(g)]):
            moments = self.calibration.moments_of([g.readers[0] for g in some])
            for group in some:
                known = moments[group.readers[0]]
                found[group.name] = self._curve(group, known, widths[group.name])
        return found

    def _pruned(self, group, width):
        full = {other.name: other.n_units for other in self.plan.groups}
        return self.error(self.calibration.prune({**full, group.name: width}).model)

    def _held_at_once(self, groups):
        """Yield some of the groups at a time, by the size of their Gram matrices."""
        some, total = [], 0
        for group in groups:
            reader = group.readers[0]
            size = (
                self.plan.sizes[Axis(reader, 1)] * self.plan.kernel_size(reader)
            ) ** 2
            if some and total + size > N_NUMBERS:
                yield some
                some, total = [], 0
            some.append(group)
            total += size
        if some:
            yield some

    def _curve(self, group, moments, widths):
        reader = group.readers[0]
        problem = self.calibration.problem(group, reader, moments, self.alive)
        order = self._order(group, problem, max(widths))
        columns = np.concatenate(problem.blocks)
        others = np.setdiff1d(np.arange(len(moments[2])), columns)
        errors = []
        for width in widths:
            kept = [problem.blocks[unit] for unit in order[:width]]
            stays = np.sort(np.concatenate([others, *kept])).astype(int)
            errors.append(self._error_with(reader, moments, stays))
        return errors

    def _order(self, group, problem, n_most):
        if self.options.criterion in GREEDY:
            return ranked(problem, n_most, self.options.ridge)
        scores = self.calibration.scores(group, self.rng)
        return np.argsort(-scores, kind="stable")

    def _error_with(self, reader, moments, stays):
        """Return the error if a layer reads some columns of its inputs only."""
        model = self.model
        modules = [model.get_submodule(name) for name in self.plan.modules_of(reader)]
        before = [(m.weight, m.weight.clone()) for m in modules]
        if self.options.refit is not None:
            places = self.plan.intercepts_of(model, reader)
            before += [(place, place.clone()) for place, _ in places]
        weights = modules[0].weight.detach().flatten(1).double().cpu().numpy()
        fresh, intercept = np.zeros_like(weights), np.zeros(len(weights))
        fresh[:, stays] = weights[:, stays]
        if self.options.refit is not None:
            fresh[:, stays], intercept = refitted(
                moments, stays, weights[:, stays], self.options.ridge
            )
        with torch.no_grad():
            try:
                for module in modules:
                    module.weight.copy_(
                        torch.from_numpy(fresh).reshape(module.weight.shape)
                    )
                if self.options.refit is not None:
                    self.plan.add_intercept(model, reader, intercept)
                return self.error(model)
            finally:
                for tensor, old in before:
                    tensor.copy_(old)
