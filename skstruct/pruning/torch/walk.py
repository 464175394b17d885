"""Prune a model to given widths, from its inputs on."""

import copy
from contextlib import nullcontext

import numpy as np
import torch

from skstruct.pruning.reconstruction import GREEDY
from skstruct.pruning.torch.batches import mask_of, rows_of
from skstruct.pruning.torch.batches import prepared as on_device
from skstruct.pruning.torch.capture import Stop, hooks, run
from skstruct.pruning.torch.choosing import (
    Problem,
    adjusted,
    before_norm,
    choose,
    missed,
    refitted,
)
from skstruct.pruning.torch.links import Axis
from skstruct.pruning.torch.moments import Moments
from skstruct.pruning.torch.options import Pruned
from skstruct.pruning.torch.positions import inputs_at, sample, values_at
from skstruct.pruning.torch.probes import Probes, outputs_of
from skstruct.pruning.torch.replay import Replay, noting_calls
from skstruct.pruning.torch.surgery import Conv, rescale_heads, shrink

N_PROBED = 128  # rows that are enough for how the output depends on layers


class Calibration:
    """A model and what is known of it on some inputs.

    Parameters
    ----------
    plan : Plan
        The model, and what can be removed from it.
    batches : list of (args, kwargs)
        Inputs.
    options : Options
        How to prune.
    """

    def __init__(self, plan, batches, options):
        self.plan, self.batches, self.options = plan, batches, options
        self.model = plan.model
        self.quota = -(-options.n_positions // len(batches))
        self.targets, self.others = {}, {}
        self.once = [set() for _ in batches]
        self.moments, self.probes = {}, None
        self.first = None, None  # layer last looked at in the full model, its moments
        self._look()
        needs_probes = options.criterion == "taylor" or options.weighted
        if needs_probes:
            readers = {tensor: plan.modules_of(tensor) for tensor in plan.readers}
            self.probes = Probes(self.model, readers, 2, options.seed)
            for batch in self.some():
                self.probes.add(self.prepared(batch))

    def some(self):
        """Return about `N_PROBED` rows of the inputs, as batches."""
        total = len(self.batches)
        n_wanted = round(N_PROBED / np.mean([rows_of(b) for b in self.batches]))
        found = np.linspace(0, total - 1, min(max(n_wanted, 1), total))
        return [self.batches[int(index)] for index in found]

    def prepared(self, batch):
        """Return a batch that suits the model."""
        first = next(self.model.parameters())
        return on_device(batch, first.device, first.dtype)

    # -- passes through a model ----------------------------------------------

    def _pass(self, model, wanted, visit, around, last=None):
        """Run all batches; call `visit(reader, key, X, Z, other)` for each reader.

        `key` numbers what is seen; X are its inputs at some places, Z what it gives
        without its bias, `other` what that is added to, or None. `around(index)` is a
        context in which a batch is run.
        """
        plan = self.plan
        names = {name: tensor for tensor in wanted for name in plan.modules_of(tensor)}
        additions = {}
        for tensor, residual in plan.residuals.items():
            if tensor in wanted:
                place = residual.module, residual.ordinal
                additions.setdefault(place, []).append(tensor)
        numbers = dict.fromkeys(wanted, 0)
        for index, batch in enumerate(self.batches):
            held, seen_before = {}, dict(numbers)
            mask = mask_of(batch)

            def seen(tensor, *values, seen_before=seen_before):
                visit(tensor, numbers[tensor], *values)
                numbers[tensor] += 1
                n_seen = numbers[tensor] - seen_before[tensor]
                if tensor == last and n_seen == plan.n_calls(tensor):
                    raise Stop

            def layer(name, module, given, output, index=index, mask=mask, held=held):
                tensor = names[name]
                seed = [self.options.seed, plan.places[tensor], index]
                places = sample(module, output, mask, self.quota, seed)
                is_conv = isinstance(module, Conv)
                X = inputs_at(module, given, output, places)
                Z = values_at(output, places, is_conv)
                if module.bias is not None:  # layers with one weight may differ in it
                    Z = Z - module.bias
                if tensor in plan.residuals:
                    held[tensor] = X, Z, places, is_conv
                else:
                    seen(tensor, X, Z, None)

            def addition(module, ordinal, operands, held=held):
                for tensor in additions.get((module, ordinal), []):
                    X, Z, places, is_conv = held.pop(tensor)
                    other = operands[plan.residuals[tensor].operand]
                    seen(tensor, X, Z, values_at(other, places, is_conv))

            with hooks(model, names, layer), around(index):
                run(model, self.prepared(batch), addition if additions else None)

    def _look(self):
        """Run the full model once: targets, and Gram matrices of shared units."""
        plan = self.plan
        shared = {
            t for group in plan.groups for t in group.readers if plan.early(group)
        }
        for tensor in plan.readers:
            self.targets[tensor], self.others[tensor] = [], []
        self.moments = {tensor: Moments() for tensor in shared}

        def visit(tensor, number, X, Z, other):
            if not (X.isfinite().all() and Z.isfinite().all()):
                raise ValueError(
                    f"calibration_inputs give values in layer {plan.readers[tensor]!r} "
                    "that are not finite (NaN or infinite); look at the inputs and at "
                    "the weights of the model."
                )
            self.targets[tensor].append(Z)
            self.others[tensor].append(other)
            if tensor in shared:
                self.moments[tensor].add(X, Z)

        def around(index):
            return noting_calls(self.model, self.once[index])

        self._pass(self.model, list(plan.readers), visit, around)

    def moments_of(self, tensors):
        """Return what some layers of the full model get and give, as moments."""
        found = {tensor: Moments() for tensor in tensors}

        def visit(tensor, number, X, Z, other):
            found[tensor].add(X, Z)

        self._pass(self.model, tensors, visit, nullcontext)
        return {tensor: moments.centred() for tensor, moments in found.items()}

    # -- pruning -------------------------------------------------------------

    def prune(self, widths):
        """Return the model pruned to some widths.

        Parameters
        ----------
        widths : dict
            Name of each group -> units to keep.
        """
        # Where inputs are too many to be held, outputs are as well.
        is_held = isinstance(self.batches, list)
        walk = _Walk(self, widths, Replay(self.once) if is_held else None)
        if not walk.is_true():
            walk = _Walk(self, widths, None)
        return walk.result()

    def problem(self, group, tensor, moments, alive):
        """Return what a reader is to reproduce from the units of a group."""
        axis = Axis(tensor, 1)
        place = np.full(alive[axis].max() + 1, -1)
        place[alive[axis]] = np.arange(len(alive[axis]))
        size = self.plan.kernel_size(tensor)
        blocks = [
            (place[indices][:, None] * size + np.arange(size)).ravel()
            for indices in group.indices[axis]
        ]
        root = self.probes.root(tensor) if self.options.weighted else None
        if root is not None:
            root = root[alive[Axis(tensor, 0)]]
        return Problem(moments, blocks, root)

    def scores(self, group, rng):
        """Return the score of each unit, by a criterion that has one."""
        criterion = self.options.criterion
        if criterion == "random":
            return rng.uniform(size=group.n_units)
        if criterion == "taylor":
            axes = {tensor: Axis(tensor, 1) for tensor in group.readers}
            return self.probes.taylor(group, axes)
        return self.plan.magnitude(group)


class _Walk:
    """One model on its way to be smaller."""

    def __init__(self, calibration, widths, replay):
        self.replay = replay
        self.calibration, self.plan = calibration, calibration.plan
        self.options = calibration.options
        self.model = copy.deepcopy(calibration.model)
        self.alive = {axis: np.arange(n) for axis, n in self.plan.sizes.items()}
        self.kept, self.errors, self.few = {}, {}, {}
        self.owners = self.plan.owners
        removed = self.plan.removed(widths)
        self.lost = {tensor for branch in removed.values() for tensor in branch.lost}
        pruned = [g for g in self.plan.groups if widths[g.name] < g.n_units]
        self.groups = [group for group in pruned if widths[group.name] > 0]
        self._choose_early(self.groups, widths)
        self.left = self.plan.touched(widths)
        if len(self.left) < 2:
            self.replay = None
        last = {branch.reader: name for name, branch in removed.items()}
        while self.left:
            tensor = self.left[0]
            if tensor in last:
                self._remove(last[tensor], removed[last[tensor]])
            else:
                own = [group for group in self.groups if tensor in group.readers]
                self._visit(tensor, own, widths)
            self.left.remove(tensor)
        self.kept.update({g.name: np.arange(0) for g in pruned if not widths[g.name]})

    def result(self):
        """Return what came out."""
        for group in self.plan.groups:
            self.kept.setdefault(group.name, np.arange(group.n_units))
        return Pruned(self.model, self.kept, self.errors, self.few)

    def is_true(self):
        """Whether what the model does could be replayed."""
        if self.replay is None:
            return True
        batch = self.calibration.prepared(self.calibration.batches[0])

        def outputs():
            return outputs_of(run(self.model, batch))

        return self.replay.is_true(outputs, self.model)

    def _choose_early(self, groups, widths):
        """Choose what several layers read, on the full model, and what has scores."""
        options, found = self.options, {}
        rng = np.random.default_rng(options.seed)
        for group in groups:
            if options.criterion not in GREEDY:
                scores = self.calibration.scores(group, rng)
                best = np.argsort(-scores, kind="stable")[: widths[group.name]]
                found[group.name] = np.sort(best)
            elif self.plan.early(group):
                moments = self.calibration.moments
                problems = [
                    self._problem(group, tensor, moments[tensor].centred())
                    for tensor in group.readers
                    if tensor not in self.lost
                ]
                found[group.name] = self._choose(problems, widths[group.name])
        for group in groups:
            if group.name in found and self.plan.early(group):
                self._shrink(group, found[group.name])
        self.chosen = found

    def _problem(self, group, tensor, moments):
        return self.calibration.problem(group, tensor, moments, self.alive)

    def _choose(self, problems, n_kept):
        options = self.options
        return choose(
            problems, n_kept, options.criterion, options.ridge, options.n_swaps
        )

    def _shrink(self, group, units):
        self.kept[group.name] = units
        wanted = group.keep(units, self.alive)
        shrink(self.model, wanted, self.owners)
        if group.kind == "heads":
            rescale_heads(self.model, *self.plan.heads_of(group), len(units))

    def _remove(self, name, branch):
        """Put the mean of what a branch is to give in its place."""
        if self.options.refit is not None:
            moments = self._measure(branch.reader).centred()
            self.plan.add_intercept(self.model, branch.reader, moments[1])
            self.errors[branch.reader] = float(np.trace(moments[4]) > 0)
        self.owners = branch.cut(self.model, self.owners)
        self.kept[name] = np.arange(0)

    def _visit(self, tensor, groups, widths):
        """Choose the units that only this layer reads, and refit it."""
        options, plan = self.options, self.plan
        late = [group for group in groups if group.name not in self.kept]
        is_chosen = all(group.name in self.chosen for group in late)
        if options.refit is None and is_chosen:
            for group in late:
                self._shrink(group, self.chosen[group.name])
            return
        measured = self._measure(tensor)
        moments, n_places = measured.centred(), measured.n_rows
        for group in late:
            units = self.chosen.get(group.name)
            if units is None:
                problem = self._problem(group, tensor, moments)
                units = self._choose([problem], widths[group.name])
            before = self.alive[Axis(tensor, 1)]
            self._shrink(group, units)
            stays = np.isin(before, self.alive[Axis(tensor, 1)])
            stays = np.repeat(stays, plan.kernel_size(tensor))
            x, z, gram, cross, energy = moments
            rows = np.flatnonzero(stays)
            moments = x[rows], z, gram[np.ix_(rows, rows)], cross[rows], energy
        if n_places <= len(moments[2]):
            self.few[tensor] = n_places, len(moments[2])
        self._refit(tensor, moments, n_places, is_whole=not groups)

    def _measure(self, tensor):
        """Return moments of a layer's inputs now, and of what it is to give."""
        if self.kept:
            return self._looked_at(tensor)
        # Nothing is changed yet: the same for any widths.
        if self.calibration.first[0] != tensor:
            self.calibration.first = tensor, self._looked_at(tensor)
        return self.calibration.first[1]

    def _looked_at(self, tensor):
        targets = self.calibration.targets[tensor]
        others = self.calibration.others[tensor]
        out = torch.from_numpy(self.alive[Axis(tensor, 0)])
        residual, moments = self.plan.residuals.get(tensor), Moments()
        factor = None
        if residual is not None and self._is_corrected(tensor, residual):
            norm = residual.norm and self.model.get_submodule(residual.norm)
            factor = 1.0 if norm is None else before_norm(norm)

        def visit(_, number, X, Z, other):
            wanted = targets[number][:, out]
            if factor is not None:
                wanted = wanted + (others[number][:, out] - other) * factor
            moments.add(X, wanted)

        pending = self._pending()

        def around(index):
            if self.replay is None:
                return nullcontext()
            return self.replay.run(self.model, index, pending)

        self.calibration._pass(self.model, [tensor], visit, around, last=tensor)
        return moments

    def _pending(self):
        """Return the names of the modules that are still to change."""
        tensors = set(self.left)
        for group in self.groups:
            if group.name not in self.kept:
                tensors.update(axis.tensor for axis in group.indices)
        return {name for t in tensors for name, _ in self.plan.owners[t]}

    def _is_corrected(self, tensor, residual):
        """Whether the other operand is final: no layer to come gives it."""
        places = self.plan.places
        depends = residual.depends
        return depends is None or places.get(depends, -1) < places[tensor]

    def _refit(self, tensor, moments, n_places, is_whole):
        """Refit a layer, one that has lost nothing only as much as that is worth."""
        module = self.model.get_submodule(self.plan.readers[tensor])
        weights = module.weight.detach().flatten(1).double().cpu().numpy()
        columns = np.arange(weights.shape[1])
        if self.options.refit is not None:
            weights, intercept = (
                adjusted(moments, weights, n_places)
                if is_whole
                else refitted(moments, columns, weights, self.options.ridge)
            )
            with torch.no_grad():
                found = torch.from_numpy(weights).reshape(module.weight.shape)
                module.weight.copy_(found)
            self.plan.add_intercept(self.model, tensor, intercept)
        self.errors[tensor] = missed(moments, columns, weights)
