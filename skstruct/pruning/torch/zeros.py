"""Remove units that are zero: what is left computes the same."""

import copy
import warnings

import numpy as np
from torch import nn

from skstruct.pruning.torch.capture import hooks, run
from skstruct.pruning.torch.links import Axis
from skstruct.pruning.torch.options import Pruned
from skstruct.pruning.torch.surgery import Conv, Norm, rescale_heads, shrink
from skstruct.pruning.torch.unit_parts import incoming

CONSTANT = 1e-5  # of the largest input of a layer: what a constant may vary by rounding


def without_zeros(calibration):
    """Return the model without units that nothing reads, or that nothing makes.

    What the latter give all the same, as behind a sigmoid, goes into intercepts. Of
    each group one unit stays at least.
    """
    plan, model = calibration.plan, copy.deepcopy(calibration.model)
    received = _received(calibration)
    lost, odd = {}, {}
    for group in plan.groups:
        unread = np.ones(group.n_units, dtype=bool)
        folds = np.ones(group.n_units, dtype=bool)
        for tensor in group.readers:
            indices = group.indices[Axis(tensor, 1)]
            weightless = _zero_along(plan, Axis(tensor, 1))[indices].all(axis=1)
            constant = _foldable(plan, tensor, received.get(tensor))[indices]
            unread &= weightless
            folds &= weightless | constant.all(axis=1)
        still = _still(plan, group)
        gone = unread | (still & folds)
        odd[group.name] = int((still & ~gone).sum())
        gone[0] &= not gone.all()
        gone &= group.name in plan.divisible
        lost[group.name] = gone
    _warn(odd)
    _fold(plan, model, received, lost)
    alive = {axis: np.arange(size) for axis, size in plan.sizes.items()}
    kept = {name: np.flatnonzero(~gone) for name, gone in lost.items()}
    for group in plan.groups:
        if not lost[group.name].any():
            continue
        units = kept[group.name]
        shrink(model, group.keep(units, alive), plan.owners)
        if group.kind == "heads":
            rescale_heads(model, *plan.heads_of(group), len(units))
    return Pruned(model, kept, {}, {})


def _zero_along(plan, axis):
    """Return for each index of an axis whether all entries are zero."""
    place, attribute = plan.owners[axis.tensor][0]
    tensor = getattr(plan.model.get_submodule(place), attribute).detach()
    rows = (
        tensor.movedim(axis.dim, 0).flatten(1) if tensor.ndim > 1 else tensor[:, None]
    )
    return ~rows.bool().any(dim=1).cpu().numpy()


def _still(plan, group):
    """Return which units give the same for every input: nothing makes them.

    The weights of all layers that give a unit are zero, or the scales of batch norms
    that follow them.
    """
    still = np.ones(group.n_units, dtype=bool)
    for axis in incoming(plan, group):
        place, attribute = plan.owners[axis.tensor][0]
        module = plan.model.get_submodule(place)
        if attribute == "bias" or isinstance(module, Norm | nn.GroupNorm):
            continue
        zero = _zero_along(plan, axis)[group.indices[axis]].all(axis=1)
        norm = plan.norms.get(axis.tensor)
        if norm is not None and plan.model.get_submodule(norm).weight is not None:
            scales = plan.model.get_submodule(norm).weight.detach().cpu().numpy()
            zero |= (scales[group.indices[axis]] == 0).all(axis=1)
        still &= zero
    return still


def _received(calibration):
    """Return the least and the largest input of each reader, (n_inputs,) each."""
    plan, found = calibration.plan, {}
    names = {n: tensor for tensor in plan.readers for n in plan.modules_of(tensor)}

    def visit(name, module, given, output):
        channels = given.ndim - 1
        if isinstance(module, Conv):
            channels -= module.weight.ndim - 2
        others = [dim for dim in range(given.ndim) if dim != channels]
        low, high = (
            (given.amin(others), given.amax(others)) if others else (given, given)
        )
        low, high = low.double().cpu().numpy(), high.double().cpu().numpy()
        if names[name] in found:
            before = found[names[name]]
            low, high = np.minimum(before[0], low), np.maximum(before[1], high)
        found[names[name]] = low, high

    for batch in calibration.batches:
        with hooks(plan.model, names, visit):
            run(plan.model, calibration.prepared(batch))
    return found


def _foldable(plan, tensor, received):
    """Return which inputs of a reader are constant, so that an intercept can do it."""
    if received is None:
        return np.zeros(plan.sizes[Axis(tensor, 1)], dtype=bool)
    low, high = received
    is_zero = (low == 0) & (high == 0)
    if any(_pads(plan.model.get_submodule(name)) for name in plan.modules_of(tensor)):
        return is_zero
    scale = max(np.abs(low).max(), np.abs(high).max())
    return is_zero | (high - low <= CONSTANT * scale)


def _pads(module):
    """Whether a layer pads its input by zeros."""
    if not isinstance(module, Conv) or module.padding_mode != "zeros":
        return False
    if isinstance(module.padding, str):
        return module.padding == "same" and max(module.kernel_size) > 1
    return any(module.padding)


def _fold(plan, model, received, lost):
    """Add to intercepts what readers get from constant units."""
    for group in plan.groups:
        for tensor in group.readers:
            if tensor not in received or not lost[group.name].any():
                continue
            place = plan.owners[tensor][0][0]
            weight = plan.model.get_submodule(place).weight.detach().double()
            columns = group.indices[Axis(tensor, 1)][lost[group.name]].ravel()
            low, high = received[tensor]
            whole = weight.reshape(*weight.shape[:2], -1).sum(dim=2).cpu().numpy()
            more = whole[:, columns] @ ((low[columns] + high[columns]) / 2)
            if more.any():
                plan.add_intercept(model, tensor, more)


def _warn(odd):
    odd = {name: count for name, count in odd.items() if count}
    if odd:
        warnings.warn(
            f"Some units give one value, other than zero, for all inputs, {odd} by "
            "group, and stay: next to the zeros that a convolution pads them with, no "
            "intercept does the same.",
            stacklevel=7,
        )
