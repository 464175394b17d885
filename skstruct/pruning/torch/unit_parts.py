"""The parameters that make each unit of a model, and those that read it."""

import torch
from torch import nn

from skstruct.pruning.torch.attention import SmallerAttention
from skstruct.pruning.torch.batches import as_batches
from skstruct.pruning.torch.plan import Plan
from skstruct.pruning.torch.tracing import qualified


def incoming(plan, group):
    """Return the axes of a group whose entries, if all are zero, make nothing of it."""
    return [
        axis for axis in group.indices if not _reads(group, axis) and _makes(plan, axis)
    ]


def outgoing(plan, group):
    """Return the axes of a group that read its units."""
    return [axis for axis in group.indices if _reads(group, axis)]


def _reads(group, axis):
    return axis.tensor in group.readers and axis.dim == 1


def _makes(plan, axis):
    """Whether an axis is one of a parameter, but not of slopes."""
    place, attribute = plan.owners[axis.tensor][0]
    module = plan.model.get_submodule(place)
    return attribute in module._parameters and not isinstance(module, nn.PReLU)


def units_of(model, inputs, targets, side):
    """Return the parts of each unit by group, and what is left whole and why.

    Raises
    ------
    TypeError, ValueError
        If the model is no module, does not take the inputs, or has no such units.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}.")
    batch = as_batches(inputs, 2)[0]
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False):
        plan = Plan(model, batch, targets, is_refitted=False)
    axes_of = incoming if side == "incoming" else outgoing
    units, left_whole = {}, dict(plan.left_whole)
    for group in plan.groups:
        axes = axes_of(plan, group)
        if not axes:
            left_whole[group.name] = f"has no {side} weights"
            continue
        parts = [_as_in_model(plan, axis, group.indices[axis]) for axis in axes]
        units[group.name] = [
            [(name, dim, rows[unit]) for name, dim, rows in parts]
            for unit in range(group.n_units)
        ]
    if not units:
        reasons = "; ".join(
            f"{name or 'model'}: {why}" for name, why in left_whole.items()
        )
        raise ValueError(
            f"Nothing of the model can be removed with targets={targets!r}. "
            f"Left whole: {reasons or 'nothing'}."
        )
    return units, left_whole


def _as_in_model(plan, axis, indices):
    """Return name, dimension and indices of an axis in the model that users have.

    There, queries, keys and values of `nn.MultiheadAttention` have one weight, and
    some weights are transposed.
    """
    name, _, attribute = axis.tensor.rpartition(".")
    if name in plan.turned and attribute == "weight":
        return axis.tensor, 1 - axis.dim, indices
    parent, _, layer = name.rpartition(".")
    is_split = parent and isinstance(plan.model.get_submodule(parent), SmallerAttention)
    if not is_split or layer == "out_proj":
        return axis.tensor, axis.dim, indices
    attention = plan.original.get_submodule(parent)
    if attribute == "weight" and not attention._qkv_same_embed_dim:
        return qualified(parent, f"{layer}_weight"), axis.dim, indices
    start = "qkv".index(layer[0]) * attention.embed_dim
    return qualified(parent, f"in_proj_{attribute}"), axis.dim, indices + start
