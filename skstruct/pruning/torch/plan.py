"""What can be removed from a model, and what it then costs."""

import copy
import math
from functools import cached_property

import numpy as np
import torch
from torch import nn

from skstruct.pruning.torch.attention import split_attention
from skstruct.pruning.torch.batches import few_rows, prepared, rows_of
from skstruct.pruning.torch.branches import branches_of
from skstruct.pruning.torch.capture import count_additions
from skstruct.pruning.torch.costs import Costs
from skstruct.pruning.torch.couplings import Couplings
from skstruct.pruning.torch.groups import (
    find_groups,
    forward_of,
    residuals_of,
    shared_place,
)
from skstruct.pruning.torch.links import Axis
from skstruct.pruning.torch.operations import name_of
from skstruct.pruning.torch.probes import check_outputs
from skstruct.pruning.torch.surgery import Norm, rescale_heads, shrink
from skstruct.pruning.torch.tracing import owners_of, qualified, trace
from skstruct.pruning.torch.transposed import turn
from skstruct.pruning.torch.trials import try_branch, try_halves


class Plan:
    """What can be removed from a model.

    Parameters
    ----------
    model : nn.Module
        Left as it is.
    batch : (args, kwargs)
        Inputs, of which two rows are used.
    targets : collection of str
        Kinds of groups that may be pruned.
    is_refitted : bool
        Whether layers will be refitted, for which some need an intercept.

    Attributes
    ----------
    model : nn.Module
        A copy to work on: in single precision and in evaluation mode, attention split
        into linear layers, and with intercepts where a refit needs them.
    groups : list of Group
        What can be pruned.
    left_whole : dict
        Name of a module -> why it is not.
    readers : dict
        Weight -> name of its layer, of those that read units.
    places : dict
        Weight -> its place in the order of the model.
    residuals, norms : dict
        Weight -> Residual, and -> name of the batch norm that directly follows.
    branches : dict
        Name of a group, of those that may be removed whole -> what then goes.
    divisible : set of str
        Names of the groups that may lose some of their units.
    costs : Costs
        Counts parameters and multiply-adds.
    """

    def __init__(self, model, batch, targets, is_refitted=True):
        self.original = model
        self.model = _copied(model).eval().float()
        for parameter in self.model.parameters():
            parameter.requires_grad_(parameter.is_floating_point())
        self.replaced, self.nested = split_attention(self.model)
        self.turned = turn(self.model)
        first = next(self.model.parameters())
        self.batch = prepared(few_rows(batch, 2), first.device, torch.float32)
        check_outputs(self.model, self.batch)
        self.owners, self.first_names = owners_of(self.model)
        pieces, self.left_whole = trace(self.model, *self.batch)
        self.couplings = Couplings(pieces, self.first_names, rows_of(self.batch))
        groups, left_whole = find_groups(self.couplings, self.owners, self.model)
        self.left_whole.update(left_whole)
        with_layers = "layers" in targets
        self.groups = [g for g in groups if with_layers or g.kind in targets]
        self.places = {}
        for place, call in enumerate(self.couplings.calls):
            self.places.setdefault(call.tensor, place)
        self.added, self.is_refitted = {}, is_refitted
        if is_refitted:
            self._add_intercepts()
        self.branches = {}
        fine, reasons = try_halves(self, self.groups)
        self.left_whole.update(reasons)
        self.divisible = {group.name for group in fine if group.kind in targets}
        if with_layers:
            self._note_readers()
            self._find_branches()
        known = self.divisible | self.branches.keys()
        self.groups = [group for group in self.groups if group.name in known]
        self._note_readers()
        self.costs = Costs(self)

    # -- what is found -------------------------------------------------------

    def _note_readers(self):
        tensors = {tensor for group in self.groups for tensor in group.readers}
        ordered = sorted(tensors, key=self.places.get)
        self.readers = {tensor: self.owners[tensor][0][0] for tensor in ordered}
        counts = count_additions(self.model, self.batch)
        traced = {}
        found = residuals_of(self.couplings, traced)
        self.residuals = {
            tensor: residual
            for tensor, residual in found.items()
            if tensor in tensors
            and counts[residual.module] == traced[residual.module]
            and (residual.norm is None or self._is_norm(residual.norm))
        }

    def _find_branches(self):
        """Find what can be removed whole, and try it."""
        for group in self.groups:
            for branch in branches_of(group, self, self.couplings):
                if try_branch(self, branch):
                    self.branches[group.name] = branch
                    break

    @cached_property
    def inside(self):
        """Names of the groups that go with the branch of another, by that."""
        found = {}
        for name, branch in self.branches.items():
            lost = {*branch.lost, branch.reader}
            found[name] = [
                group.name
                for group in self.groups
                if group.name != name
                and {axis.tensor for axis in group.indices} <= lost
            ]
        return found

    def closed(self, widths):
        """Return widths with 0 for all groups that are in a branch removed."""
        inner = {
            g for name in self.branches if not widths[name] for g in self.inside[name]
        }
        return {name: 0 if name in inner else width for name, width in widths.items()}

    def removed(self, widths):
        """Return the branches that are removed with some widths, by group.

        Those that are inside of others are not named.
        """
        empty = {name for name in self.branches if not widths[name]}
        inner = {group for name in empty for group in self.inside[name]}
        return {n: branch for n, branch in self.branches.items() if n in empty - inner}

    def touched(self, widths):
        """Return the readers that change with some widths, in order.

        Those that get fewer units and, where layers are refitted, those after a branch
        that is removed, which may make up for it.
        """
        pruned = (group for group in self.groups if widths[group.name] < group.n_units)
        found = {tensor for group in pruned for tensor in group.readers}
        found -= self.lost(widths)
        gone = {branch.reader for branch in self.removed(widths).values()}
        if gone and self.is_refitted:
            first = min(map(self.places.get, gone))
            later = {t for t in self.residuals if self.places[t] > first}
            found |= later - self.lost(widths)
        return sorted(found, key=self.places.get)

    def lost(self, widths):
        """Return tensors that go whole with some widths."""
        return {t for branch in self.removed(widths).values() for t in branch.lost}

    def _is_norm(self, name):
        return isinstance(self.model.get_submodule(name), Norm)

    @cached_property
    def norms(self):
        """Name of the batch norm that follows a layer without intercept."""
        found, seen = {}, set()
        for piece in self.couplings.pieces:
            for call in self.couplings.calls:
                users = list(call.node.users)
                if call.node.graph is not piece.graph or call.tensor in seen:
                    continue
                is_norm = len(users) == 1 and name_of(users[0]) == "batch_norm"
                mean = users[0].args[3] if is_norm else None
                # The mean of a norm that others use as well is theirs too.
                if mean is not None and len(mean.users) == 1:
                    name = qualified(piece.name, forward_of(users[0])[0])
                    if self._is_norm(name):
                        found[call.tensor] = name
        several = [call.tensor for call in self.couplings.calls]
        return {t: name for t, name in found.items() if several.count(t) == 1}

    def _add_intercepts(self):
        """Give an intercept to layers that need one to be refitted."""
        for tensor in {tensor for group in self.groups for tensor in group.readers}:
            places = self.owners[tensor]
            module = self.model.get_submodule(places[0][0])
            if module.bias is not None or tensor in self.norms:
                continue
            zeros = module.weight.new_zeros(len(module.weight))
            module.bias = nn.Parameter(zeros)
            bias = qualified(places[0][0], "bias")
            self.added[bias] = tensor
            self.owners[bias] = [(name, "bias") for name, _ in places]
            for group in self.groups:
                if Axis(tensor, 0) in group.indices:
                    group.indices[Axis(bias, 0)] = group.indices[Axis(tensor, 0)]

    # -- groups --------------------------------------------------------------

    @cached_property
    def sizes(self):
        """Number of indices of each axis that is known, of the full model."""
        links = self.couplings.links
        found = {axis: len(labels) for axis, labels in links.axes.items()}
        for group in self.groups:
            for axis in group.indices:
                found[axis] = self.full_shapes[axis.tensor][axis.dim]
        return found

    def modules_of(self, tensor):
        """Return the names of the layers of a weight: several if it is shared."""
        found = {}
        for name, _ in self.owners[tensor]:
            found.setdefault(id(self.model.get_submodule(name)), name)
        return list(found.values())

    def intercepts_of(self, model, tensor):
        """Return where intercepts of the layers of a weight go, with their signs."""
        found = []
        for name in self.modules_of(tensor):
            bias = model.get_submodule(name).bias
            if bias is not None:
                found.append((bias, 1.0))
            else:
                norm = model.get_submodule(self.norms[tensor])
                found.append((norm.running_mean, -1.0))
        return found

    def add_intercept(self, model, tensor, more):
        """Add an array to what the layers of a weight give."""
        with torch.no_grad():
            for place, sign in self.intercepts_of(model, tensor):
                place.add_(torch.from_numpy(sign * more).to(place))

    def n_calls(self, tensor):
        """Return how often a weight is used in one pass through the model."""
        return sum(call.tensor == tensor for call in self.couplings.calls)

    @staticmethod
    def early(group):
        """Whether units have to be chosen before any layer is refitted."""
        return len(group.readers) > 1

    def kernel_size(self, tensor):
        """Return how many columns an input channel of a layer has."""
        return math.prod(self.full_shapes[tensor][2:])

    def heads_of(self, group):
        """Return what `rescale_heads` needs: modules, number of units, widths."""
        names = [self.owners[axis.tensor][0][0] for axis in group.indices]
        parents = [name.rpartition(".")[0] for name in names]
        shared = shared_place(group.makers)
        common = [shared] if shared else []
        widths = {indices.size for indices in group.indices.values()}
        return list(dict.fromkeys([*parents, *common])), group.n_units, widths

    def magnitude(self, group):
        """Return norm in times norm out of each unit's weights."""
        inside, outside = np.zeros(group.n_units), np.zeros(group.n_units)
        for axis, indices in group.indices.items():
            place, attribute = self.owners[axis.tensor][0]
            weight = getattr(self.model.get_submodule(place), attribute).detach()
            if attribute != "weight" or weight.ndim < 2:
                continue
            squares = weight.double().pow(2).movedim(axis.dim, 0).flatten(1).sum(dim=1)
            total = squares.cpu().numpy()[indices].sum(axis=1)
            if axis.tensor in group.readers and axis.dim == 1:
                outside += total
            else:
                inside += total
        return np.sqrt(inside * outside)

    # -- sizes and costs -----------------------------------------------------

    def resized(self, widths):
        """Return the model with the first units of each group, for its shapes."""
        model, owners = copy.deepcopy(self.model), self.owners
        alive = {axis: np.arange(size) for axis, size in self.sizes.items()}
        for branch in self.removed(widths).values():
            owners = branch.cut(model, owners)
        for group in self.groups:
            n_kept = widths[group.name]
            if 0 < n_kept < group.n_units:
                shrink(model, group.keep(np.arange(n_kept), alive), owners)
                if group.kind == "heads":
                    rescale_heads(model, *self.heads_of(group), n_kept)
        return model

    @cached_property
    def full_shapes(self):
        """Shape of each tensor of the full model."""
        return {
            name: tuple(getattr(self.model.get_submodule(place), attribute).shape)
            for name, ((place, attribute), *_) in self.owners.items()
        }


def _copied(model):
    try:
        return copy.deepcopy(model)
    except RuntimeError as error:
        raise ValueError(
            "model cannot be copied: make what is computed from other parameters a "
            "parameter first, as by torch.nn.utils.remove_weight_norm or "
            f"torch.nn.utils.prune.remove. {error}"
        ) from error
