"""Norms and products of groups of entries of parameters, for all units at once."""

from typing import NamedTuple

import numpy as np
import torch


class ProximalResult(NamedTuple):
    """What is there after a proximal step.

    Attributes
    ----------
    penalty : float
        The penalty, alpha included.
    n_zero : int
        Units that are zero.
    """

    penalty: float
    n_zero: int


def parameters_of(model, groups):
    """Return the parameters that groups are of, by name.

    Raises
    ------
    ValueError
        If there are none of these names and sizes.
    """
    named = dict(model.named_parameters())
    for name, (dim, units) in groups.parts.items():
        if name not in named:
            raise ValueError(
                f"groups are of {name!r}, which is no parameter of the model: give the "
                "model that they were made for, without wrappers such as those of "
                "torch.compile or DistributedDataParallel."
            )
        shape = tuple(named[name].shape)
        if dim is not None and (dim >= len(shape) or shape[dim] != len(units)):
            raise ValueError(
                f"groups are of {name!r} with {len(units)} indices of dimension {dim}, "
                f"but its shape is {shape}: make them anew after pruning."
            )
    return {name: named[name] for name in groups.parts}


def by_unit(groups, tensors, order=2):
    """Return the sum of |entries| ** order of each unit, and last of what is in none.

    Parameters
    ----------
    groups : UnitGroups
        The units.
    tensors : dict
        Name -> parameter, or something of its shape.
    order : {1, 2}
        The power.
    """
    total = _one_each(groups, tensors)
    dtype = total.dtype
    for name, tensor in tensors.items():
        dim, _ = groups.parts[name]
        others = [d for d in range(tensor.ndim) if d != dim]
        sizes = tensor.abs().to(dtype)
        if others:
            sizes = torch.linalg.vector_norm(tensor, order, dim=others, dtype=dtype)
        index = _index(groups, name, total.device)
        total.index_add_(0, index, sizes.reshape(-1).to(total.device) ** order)
    return total


def _one_each(groups, tensors):
    """Return zeros, one for each unit and one for no unit, precise enough for sums."""
    is_double = any(tensor.dtype == torch.float64 for tensor in tensors.values())
    return torch.zeros(
        groups.n_units + 1,
        dtype=torch.float64 if is_double else torch.float32,
        device=next(iter(tensors.values())).device,
    )


def spread(groups, values, name, tensor):
    """Return a value for each unit, in a shape that broadcasts with a parameter."""
    dim, _ = groups.parts[name]
    shape = [1] * tensor.ndim
    if dim is not None:
        shape[dim] = -1
    values = values.to(tensor.device)
    return values[_index(groups, name, tensor.device)].reshape(shape)


def _index(groups, name, device):
    return torch.from_numpy(groups.parts[name][1]).to(device)


@torch.no_grad()
def shrink_units(model, groups, alpha, step, l1_ratio):
    """Take a proximal step of the sparse group lasso, in place.

    Entries are thresholded, then units shortened: the minimiser of
    ``1/2 |c - v|^2 + step * alpha * (l1_ratio |c|_1 + (1 - l1_ratio) w |c|)``.
    Units that have a frozen part, and those of weight 0, stay.
    """
    tensors = parameters_of(model, groups)
    weights = _one_each(groups, tensors)
    weights[:-1] = torch.from_numpy(groups.weights)
    for name, parameter in tensors.items():
        if not parameter.requires_grad:
            weights[_index(groups, name, weights.device)] = 0.0
    free = {name: p for name, p in tensors.items() if p.requires_grad}
    if l1_ratio > 0:
        bound = step * alpha * l1_ratio * (weights > 0).to(weights.dtype)
        for name, parameter in free.items():
            own, wide = (
                spread(groups, bound, name, parameter),
                parameter.to(bound.dtype),
            )
            parameter.copy_(wide - torch.clamp(wide, -own, own))
    norms = by_unit(groups, tensors).sqrt()
    threshold = step * alpha * (1 - l1_ratio) * weights
    left = (norms - threshold).clamp(min=0.0)
    factors = torch.where(left > 0, left / norms, torch.where(threshold > 0, 0.0, 1.0))
    for name, parameter in free.items():
        parameter.mul_(spread(groups, factors, name, parameter))
    penalty = (1 - l1_ratio) * (weights * left)[:-1].sum()
    if l1_ratio > 0:
        lengths = by_unit(groups, tensors, order=1)
        penalty = penalty + l1_ratio * lengths[:-1][weights[:-1] > 0].sum()
    n_zero = int((left[:-1] == 0).sum())
    return ProximalResult(alpha * float(penalty), n_zero)


def gradients_of(model, groups):
    """Return the gradients of the parameters that groups are of, by name.

    Raises
    ------
    ValueError
        If there are none.
    """
    gradients = {n: p.grad for n, p in parameters_of(model, groups).items()}
    missing = [name for name, gradient in gradients.items() if gradient is None]
    if missing:
        raise ValueError(
            f"{missing[0]!r} has no gradient: call step() after optimizer.step() and "
            "before zero_grad(), and leave frozen layers out of the groups."
        )
    return gradients


@torch.no_grad()
def norms_by_unit(groups, tensors):
    """Return the norm of each unit's entries of tensors, as an array."""
    return by_unit(groups, tensors)[:-1].sqrt().cpu().numpy()


def norms_of(model, groups):
    """Return the norm of each unit, as an array."""
    return norms_by_unit(groups, parameters_of(model, groups))


@torch.no_grad()
def first_order(model, groups, gradients):
    """Return |sum of entry * gradient| of each unit: what the loss changes by."""
    total = _one_each(groups, gradients)
    for name, parameter in parameters_of(model, groups).items():
        dim, _ = groups.parts[name]
        product = (parameter * gradients[name]).to(total.dtype)
        others = [d for d in range(product.ndim) if d != dim]
        sums = product.sum(others) if others else product
        index = _index(groups, name, total.device)
        total.index_add_(0, index, sums.reshape(-1).to(total.device))
    return total[:-1].abs().cpu().numpy()


@torch.no_grad()
def keep_active(model, groups, active, optimizer=None):
    """Set the entries of units that are not active to zero, in place.

    Parameters
    ----------
    model : nn.Module
        The model.
    groups : UnitGroups
        The units.
    active : (n_units,) array of bool
        Which are.
    optimizer : torch.optim.Optimizer or None
        Whose state goes to zero too.
    """
    stays = torch.from_numpy(np.append(active, True))
    for name, parameter in parameters_of(model, groups).items():
        rests = ~spread(groups, stays, name, parameter)
        tensors = [parameter]
        if optimizer is not None:
            state = optimizer.state.get(parameter, {}).values()
            tensors += [
                t for t in state if getattr(t, "shape", None) == parameter.shape
            ]
        for tensor in tensors:
            tensor.masked_fill_(rests, 0.0)
