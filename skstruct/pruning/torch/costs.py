"""What a model costs with some widths: parameters and multiply-adds."""

import math
from functools import cached_property

import numpy as np


class Costs:
    """Counts by shapes alone, without making any model.

    Parameters
    ----------
    plan : Plan
        Of the model.
    """

    def __init__(self, plan):
        self.plan = plan

    def n_parameters(self, widths):
        """Return the number of parameters with some widths, added intercepts too."""
        changed, lost = self._shapes(widths), self.plan.lost(widths)
        constants = sum(
            self.plan.full_shapes[branch.reader][0] - changed[branch.reader].get(0, 0)
            for branch in self.plan.removed(widths).values()
        )
        touched = self.plan.touched(widths)
        return constants + sum(
            self._numel(name, changed)
            for name in self._parameters
            if name not in lost
            and (self.plan.added.get(name) in touched or name not in self.plan.added)
        )

    @cached_property
    def _parameters(self):
        """Names of all parameters, each once."""
        return [
            name
            for name, places in self.plan.owners.items()
            if places[0][1] in self.plan.model.get_submodule(places[0][0])._parameters
        ]

    @cached_property
    def _units_of_labels(self):
        """Number of the linked set of each label."""
        return self.plan.couplings.links.components()[0]

    def flops(self, widths):
        """Return the multiply-adds of one row with some widths."""
        changed, kept = self._shapes(widths), self._kept_labels(widths)
        total, lost = 0.0, self.plan.lost(widths)
        for call in self.plan.couplings.calls:
            if call.tensor not in lost:
                total += call.positions * self._numel(call.tensor, changed)
        for product in self.plan.couplings.products:
            total += product.cost * np.count_nonzero(kept[product.labels])
        return int(total)

    def _shapes(self, widths):
        """Return how many indices of axes go, by tensor and dimension."""
        lost = {}
        for group in self.plan.groups:
            gone = group.n_units - widths[group.name]
            for axis, indices in group.indices.items():
                by_dim = lost.setdefault(axis.tensor, {})
                by_dim[axis.dim] = by_dim.get(axis.dim, 0) + gone * indices.shape[1]
        return lost

    def _numel(self, name, lost):
        shape = list(self.plan.full_shapes[name])
        for dim, gone in lost.get(name, {}).items():
            shape[dim] -= gone
        return math.prod(shape)

    def _kept_labels(self, widths):
        """Return for each label whether it is there with some widths."""
        links, found = self.plan.couplings.links, self._units_of_labels
        stays = np.ones(found.max() + 1, dtype=bool)
        for group in self.plan.groups:
            axis, indices = next(iter(group.indices.items()))
            stays[found[links.axes[axis][indices[widths[group.name] :, 0]]]] = False
        return stays[found]
