"""Sums and norms of the entries of parameters by unit, for all units at once."""

import numpy as np
import torch


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
    total = zeros_by_unit(groups, tensors)
    dtype = total.dtype
    for name, tensor in tensors.items():
        dim, _ = groups.parts[name]
        others = [d for d in range(tensor.ndim) if d != dim]
        if others:
            sizes = torch.linalg.vector_norm(tensor, order, dim=others, dtype=dtype)
        else:
            sizes = tensor.abs().to(dtype)
        index = index_of(groups, name, total.device)
        total.index_add_(0, index, sizes.reshape(-1).to(total.device) ** order)
    return total


def summed(groups, tensors):
    """Return the sum of the entries of each unit, and last of what is in none."""
    total = zeros_by_unit(groups, tensors)
    for name, tensor in tensors.items():
        dim, _ = groups.parts[name]
        others = [d for d in range(tensor.ndim) if d != dim]
        sums = tensor.sum(others, dtype=total.dtype) if others else tensor
        index = index_of(groups, name, total.device)
        total.index_add_(0, index, sums.reshape(-1).to(total))
    return total


def zeros_by_unit(groups, tensors):
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
    return values[index_of(groups, name, tensor.device)].reshape(shape)


def index_of(groups, name, device):
    """Return the unit of each index of a parameter."""
    return torch.from_numpy(groups.parts[name][1]).to(device)


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
    named = parameters_of(model, groups)
    products = {name: named[name] * slope for name, slope in gradients.items()}
    return summed(groups, products)[:-1].abs().cpu().numpy()


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
