"""What can be removed from a model, and what it then costs."""

import copy
import math
from functools import cached_property

import numpy as np
import torch
from torch import nn

from skstruct.pruning.torch.attention import restore_attention, split_attention
from skstruct.pruning.torch.batches import few_rows, prepared, rows_of
from skstruct.pruning.torch.capture import count_additions, run
from skstruct.pruning.torch.couplings import Couplings
from skstruct.pruning.torch.groups import (
    find_groups,
    forward_of,
    residuals_of,
    shared_place,
)
from skstruct.pruning.torch.links import Axis
from skstruct.pruning.torch.operations import name_of
from skstruct.pruning.torch.probes import check_outputs, outputs_of
from skstruct.pruning.torch.surgery import Norm, rescale_heads, shrink
from skstruct.pruning.torch.tracing import owners_of, qualified, trace

TOLERANCE = 1e-3  # of the largest output: what the trial of a removal may differ


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
    """

    def __init__(self, model, batch, targets, is_refitted=True):
        self.original = model
        self.model = _copied(model).eval().float()
        for parameter in self.model.parameters():
            parameter.requires_grad_(parameter.is_floating_point())
        self._replaced, self._nested = split_attention(self.model)
        first = next(self.model.parameters())
        self.batch = prepared(few_rows(batch, 2), first.device, torch.float32)
        check_outputs(self.model, self.batch)
        self.owners, names = owners_of(self.model)
        pieces, self.left_whole = trace(self.model, *self.batch)
        self._couplings = Couplings(pieces, names, rows_of(self.batch))
        groups, left_whole = find_groups(self._couplings, self.owners, self.model)
        self.left_whole.update(left_whole)
        self.groups = [group for group in groups if group.kind in targets]
        self.places = {}
        for place, call in enumerate(self._couplings.calls):
            self.places.setdefault(call.tensor, place)
        self._added = {}
        if is_refitted:
            self._add_intercepts()
        self._try()
        self._note_readers()

    # -- what is found -------------------------------------------------------

    def _note_readers(self):
        tensors = {tensor for group in self.groups for tensor in group.readers}
        ordered = sorted(tensors, key=self.places.get)
        self.readers = {tensor: self.owners[tensor][0][0] for tensor in ordered}
        counts = count_additions(self.model, self.batch)
        traced = {}
        found = residuals_of(self._couplings, traced)
        self.residuals = {
            tensor: residual
            for tensor, residual in found.items()
            if tensor in tensors
            and counts[residual.module] == traced[residual.module]
            and (residual.norm is None or self._is_norm(residual.norm))
        }

    def _is_norm(self, name):
        return isinstance(self.model.get_submodule(name), Norm)

    @cached_property
    def norms(self):
        """Name of the batch norm that follows a layer without intercept."""
        found, seen = {}, set()
        for piece in self._couplings.pieces:
            for call in self._couplings.calls:
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
        several = [call.tensor for call in self._couplings.calls]
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
            self._added[bias] = tensor
            self.owners[bias] = [(name, "bias") for name, _ in places]
            for group in self.groups:
                if Axis(tensor, 0) in group.indices:
                    group.indices[Axis(bias, 0)] = group.indices[Axis(tensor, 0)]

    def _try(self):
        """Remove half the units of all groups; leave whole those where that fails."""
        self.groups = [group for group in self.groups if self._goes_alone(group)]
        with torch.no_grad():
            wanted = self._outputs_without(self.groups)
        if self._is_fine(self.groups, wanted):
            return
        fine = []
        for group in self.groups:
            tried = [*fine, group]
            if self._is_fine(tried, self._outputs_without(tried)):
                fine.append(group)
            else:
                self.left_whole[group.name] = (
                    "its size seems to be written into the code: without some units, "
                    "the model fails or gives something else"
                )
        self.groups = fine

    def _goes_alone(self, group):
        """Whether a group can shrink where others of the same layers do not.

        Not where a layer's output is cut into parts of equal size.
        """
        made = {a for a in group.indices if a.dim == 0 or a.tensor not in group.readers}
        others = (other.indices for other in self.groups if other.name != group.name)
        if not any(made & indices.keys() for indices in others):
            return True
        is_fine = self._is_fine([group], self._outputs_without([group]))
        if not is_fine:
            self.left_whole[group.name] = "is cut into parts whose sizes go together"
        return is_fine

    def _outputs_without(self, groups):
        """Return outputs of the full model in which nothing reads half the units."""
        model = copy.deepcopy(self.model)
        for group in groups:
            for tensor in group.readers:
                lost = group.indices[Axis(tensor, 1)][group.n_units // 2 :]
                place, attribute = self.owners[tensor][0]
                weight = getattr(model.get_submodule(place), attribute)
                with torch.no_grad():
                    weight[:, torch.from_numpy(lost.ravel())] = 0.0
        return outputs_of(run(model, self.batch))

    def _is_fine(self, groups, wanted):
        widths = {group.name: group.n_units for group in self.groups}
        widths.update({group.name: group.n_units // 2 for group in groups})
        try:
            found = outputs_of(run(self.resized(widths), self.batch))
        except Exception:  # whatever a model raises when a size is not what it expects
            return False
        return len(found) == len(wanted) and all(
            a.shape == b.shape
            and (a - b).abs().max() <= TOLERANCE * b.abs().max().clamp(min=1e-6)
            for a, b in zip(found, wanted, strict=True)
        )

    # -- groups --------------------------------------------------------------

    @cached_property
    def sizes(self):
        """Number of indices of each axis that is known, of the full model."""
        links = self._couplings.links
        found = {axis: len(labels) for axis, labels in links.axes.items()}
        for group in self.groups:
            for axis in group.indices:
                found[axis] = self._full_shapes[axis.tensor][axis.dim]
        return found

    def modules_of(self, tensor):
        """Return the names of the layers of a weight: several if it is shared."""
        found = {}
        for name, _ in self.owners[tensor]:
            found.setdefault(id(self.model.get_submodule(name)), name)
        return list(found.values())

    def add_intercept(self, model, tensor, more):
        """Add an array to what the layers of a weight give."""
        for name in self.modules_of(tensor):
            place, sign = model.get_submodule(name).bias, 1.0
            if place is None:
                place, sign = model.get_submodule(self.norms[tensor]).running_mean, -1.0
            place.detach().add_(torch.from_numpy(sign * more).to(place))

    def n_calls(self, tensor):
        """Return how often a weight is used in one pass through the model."""
        return sum(call.tensor == tensor for call in self._couplings.calls)

    @staticmethod
    def early(group):
        """Whether units have to be chosen before any layer is refitted."""
        return len(group.readers) > 1

    def kernel_size(self, tensor):
        """Return how many columns an input channel of a layer has."""
        return math.prod(self._full_shapes[tensor][2:])

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
        model = copy.deepcopy(self.model)
        alive = {axis: np.arange(size) for axis, size in self.sizes.items()}
        for group in self.groups:
            n_kept = widths[group.name]
            if n_kept < group.n_units:
                shrink(model, group.keep(np.arange(n_kept), alive), self.owners)
                if group.kind == "heads":
                    rescale_heads(model, *self.heads_of(group), n_kept)
        return model

    def n_parameters(self, widths):
        """Return the number of parameters with some widths, added intercepts too."""
        changed = self._shapes(widths)
        pruned = (group for group in self.groups if widths[group.name] < group.n_units)
        refitted = {tensor for group in pruned for tensor in group.readers}
        return sum(
            self._numel(name, changed)
            for name in self._parameters
            if self._added.get(name) in refitted or name not in self._added
        )

    @cached_property
    def _parameters(self):
        """Names of all parameters, each once."""
        return [
            name
            for name, places in self.owners.items()
            if places[0][1] in self.model.get_submodule(places[0][0])._parameters
        ]

    @cached_property
    def _full_shapes(self):
        """Shape of each tensor of the full model."""
        return {
            name: tuple(getattr(self.model.get_submodule(place), attribute).shape)
            for name, ((place, attribute), *_) in self.owners.items()
        }

    @cached_property
    def _units_of_labels(self):
        """Number of the linked set of each label."""
        return self._couplings.links.components()[0]

    def flops(self, widths):
        """Return the multiply-adds of one row with some widths."""
        changed, kept = self._shapes(widths), self._kept_labels(widths)
        total = 0.0
        for call in self._couplings.calls:
            total += call.positions * self._numel(call.tensor, changed)
        for product in self._couplings.products:
            total += product.cost * np.count_nonzero(kept[product.labels])
        return int(total)

    def _shapes(self, widths):
        """Return how many indices of axes go, by tensor and dimension."""
        lost = {}
        for group in self.groups:
            gone = group.n_units - widths[group.name]
            for axis, indices in group.indices.items():
                by_dim = lost.setdefault(axis.tensor, {})
                by_dim[axis.dim] = by_dim.get(axis.dim, 0) + gone * indices.shape[1]
        return lost

    def _numel(self, name, lost):
        shape = list(self._full_shapes[name])
        for dim, gone in lost.get(name, {}).items():
            shape[dim] -= gone
        return math.prod(shape)

    def _kept_labels(self, widths):
        """Return for each label whether it is there with some widths."""
        links, found = self._couplings.links, self._units_of_labels
        stays = np.ones(found.max() + 1, dtype=bool)
        for group in self.groups:
            axis, indices = next(iter(group.indices.items()))
            stays[found[links.axes[axis][indices[widths[group.name] :, 0]]]] = False
        return stays[found]

    # -- the result ----------------------------------------------------------

    def finished(self, model, original):
        """Return a pruned copy as users want it: like the original, but smaller."""
        for bias in self._added:
            place = self.owners[bias][0][0]
            module = model.get_submodule(place)
            if not module.bias.any():
                for name, _ in self.owners[bias]:
                    model.get_submodule(name).bias = None
        restore_attention(model, copy.deepcopy(self._replaced), self._nested)
        before = dict(original.named_parameters(remove_duplicate=False))
        before.update(original.named_buffers(remove_duplicate=False))
        wide = next(original.parameters()).dtype
        modes = {name: module.training for name, module in original.named_modules()}
        for name, module in model.named_modules():
            module.training = modes.get(name, original.training)
            own = [*module._parameters.items(), *module._buffers.items()]
            for attribute, tensor in own:
                if tensor is None or not tensor.is_floating_point():
                    continue
                old = _ancestor(before, name, attribute)
                tensor.data = tensor.data.to(wide if old is None else old.dtype)
                if isinstance(tensor, nn.Parameter):
                    tensor.requires_grad_(old is None or old.requires_grad)
                    tensor.grad = None
        return model


def _copied(model):
    try:
        return copy.deepcopy(model)
    except RuntimeError as error:
        raise ValueError(
            "model cannot be copied: make what is computed from other parameters a "
            "parameter first, as by torch.nn.utils.remove_weight_norm or "
            f"torch.nn.utils.prune.remove. {error}"
        ) from error


def _ancestor(before, name, attribute):
    """Return the tensor of the original that one of the result comes from, or None.

    For an added intercept, the weight of its layer; for what was part of
    `nn.MultiheadAttention`, the weights of all.
    """
    parent = name.rpartition(".")[0]
    places = (
        qualified(name, attribute),
        qualified(name, "weight"),
        qualified(parent, f"in_proj_{attribute}"),
        f"{name}_{attribute}",
    )
    return next((before[place] for place in places if place in before), None)
