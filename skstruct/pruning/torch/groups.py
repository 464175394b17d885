"""Groups of units that can be removed from a model: channels, heads, hidden units."""

import operator
import sys
from collections import Counter
from itertools import takewhile
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from skstruct.pruning.torch.links import FIXED
from skstruct.pruning.torch.operations import name_of, shape_of
from skstruct.pruning.torch.surgery import Conv, Transposed
from skstruct.pruning.torch.tracing import qualified

READERS = (nn.Linear, Conv)


class Group(NamedTuple):
    """Units of one kind, any of which can be removed.

    Attributes
    ----------
    name : str
        Of the modules that make the units.
    makers : list of str
        These modules.
    kind : {"channels", "heads", "ffn"}
        What they are.
    n_units : int
        How many there are.
    indices : dict
        Axis -> (n_units, size) array: what each unit has of it.
    readers : list of str
        Weights that read the units, in the order of the model.
    """

    name: str
    makers: list
    kind: str
    n_units: int
    indices: dict
    readers: list

    def keep(self, units, alive):
        """Return what to keep of each tensor, as `surgery.shrink` wants it.

        Parameters
        ----------
        units : array of int
            Units to keep.
        alive : dict
            Axis -> original indices that are still there; changed.
        """
        wanted = {}
        lost = np.setdiff1d(np.arange(self.n_units), units)
        for axis, indices in self.indices.items():
            stays = ~np.isin(alive[axis], indices[lost])
            wanted.setdefault(axis.tensor, {})[axis.dim] = np.flatnonzero(stays)
            alive[axis] = alive[axis][stays]
        return wanted


class Residual(NamedTuple):
    """An addition that the output of a reader goes into, maybe after a batch norm.

    Attributes
    ----------
    module : str
        The module whose `forward` adds.
    ordinal : int
        How many additions it makes before.
    operand : int
        Which operand is the other one.
    norm : str or None
        The batch norm on the way.
    depends : str or None
        Weight of the reader whose output the other operand is, if it is one.
    """

    module: str
    ordinal: int
    operand: int
    norm: str | None
    depends: str | None


def find_groups(couplings, owners, model):
    """Return the groups that can be pruned, and why other units are left whole.

    Returns
    -------
    groups : list of Group
        In the order of the model.
    left_whole : dict
        Name -> reason.
    """
    links = couplings.links
    found, reasons = links.components()
    members = {}  # unit -> {axis: number of indices}
    for axis, labels in links.axes.items():
        numbers, counts = np.unique(found[labels], return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            members.setdefault(number, {})[axis] = count
    fixed = members.pop(int(found[FIXED]), {})
    alike = {}
    for number, parts in members.items():
        alike.setdefault(tuple(parts.items()), []).append(number)
    heads = {int(n) for labels in couplings.heads for n in found[labels]}
    order = _order_of(couplings, owners, model)
    odd = {call.tensor for call in couplings.calls} - order.keys()
    groups, left_whole = [], {}
    for signature, numbers in alike.items():
        parts = dict(signature)
        makers = _makers_of(parts, owners, model)
        kind = _kind_of(parts, heads & set(numbers), owners, model)
        name = _name_of(makers, kind)
        readers = [axis.tensor for axis in parts if _reads(axis, owners, model)]
        if len(numbers) < 2:
            left_whole[name] = reasons.get(numbers[0], "is one unit")
        elif not readers:
            left_whole[name] = "is not read by a linear layer or a convolution"
        elif outside := [a for a in parts if a.dim == 1 and a.tensor in odd]:
            left_whole[name] = _oddness(_module_of(outside[0], owners, model))
        else:
            indices = _indices_of(links, found, parts, numbers)
            readers.sort(key=order.get)
            groups.append(Group(name, makers, kind, len(numbers), indices, readers))
    groups.sort(key=lambda group: order[group.readers[-1]])
    groups = _uniquely_named(groups)
    pruned = {maker for group in groups for maker in group.makers}
    for axis in fixed:
        if _makes(axis, owners, model):
            module = owners[axis.tensor][0][0]
            why = links.reason_of(links.axes[axis])
            if module not in pruned:
                left_whole.setdefault(module, why or "is coupled with what must stay")
    return groups, left_whole


def _module_of(axis, owners, model):
    return model.get_submodule(owners[axis.tensor][0][0])


def _is_weight(axis, owners, model):
    module = _module_of(axis, owners, model)
    is_layer = isinstance(module, (*READERS, nn.Embedding))
    return is_layer and owners[axis.tensor][0][1] == "weight"


def _reads(axis, owners, model):
    """Whether an axis is the input of a linear layer or an ungrouped convolution."""
    if axis.dim != 1 or not _is_weight(axis, owners, model):
        return False
    module = _module_of(axis, owners, model)
    return not isinstance(module, Transposed | nn.Embedding)


def _makes(axis, owners, model):
    """Whether an axis is the output of a layer."""
    if not _is_weight(axis, owners, model):
        return False
    is_second = isinstance(_module_of(axis, owners, model), Transposed | nn.Embedding)
    return axis.dim == int(is_second)


def _makers_of(parts, owners, model):
    makers = [owners[a.tensor][0][0] for a in parts if _makes(a, owners, model)]
    others = [owners[axis.tensor][0][0] for axis in parts]
    return list(dict.fromkeys(makers or others))


def _name_of(makers, kind):
    """Return the place that makers have in common for heads, else their names."""
    if kind == "heads" and len(makers) > 1 and shared_place(makers):
        return shared_place(makers)
    return _joined(makers)


def _joined(makers):
    if len(makers) > 4:
        makers = [*makers[:3], f"{len(makers) - 3} more"]
    return " + ".join(makers)


def shared_place(names):
    """Return the name of the module that modules have in common, "" if of none."""
    levels = zip(*(name.split(".") for name in names), strict=False)
    same = takewhile(lambda level: len(set(level)) == 1, levels)
    return ".".join(level[0] for level in same)


def _uniquely_named(groups):
    """Return groups of which no two have one name, as all else goes by it."""
    several, seen, found = Counter(group.name for group in groups), Counter(), []
    for group in groups:
        is_one = several[group.name] == 1
        name = group.name if is_one else _joined(group.makers)
        seen[name] += 1
        while seen[name] > 1:
            name = f"{name} ({seen[name]})"
            seen[name] += 1
        found.append(group._replace(name=name))
    return found


def _kind_of(parts, is_head, owners, model):
    if is_head:
        return "heads"
    modules = [_module_of(a, owners, model) for a in parts if _makes(a, owners, model)]
    return "channels" if any(isinstance(m, Conv) for m in modules) else "ffn"


def _indices_of(links, found, parts, numbers):
    indices = {}
    for axis, count in parts.items():
        unit = found[links.axes[axis]]
        order = np.argsort(unit, kind="stable")
        start = np.searchsorted(unit[order], numbers)
        rows = order[start[:, None] + np.arange(count)]
        indices[axis] = rows
    # In the order of the first axis.
    by_place = np.argsort(next(iter(indices.values()))[:, 0], kind="stable")
    return {axis: rows[by_place] for axis, rows in indices.items()}


def _order_of(couplings, owners, model):
    """Return the place in the graph of each weight that only its own layer uses."""
    order, others = {}, set()
    for place, call in enumerate(couplings.calls):
        module = model.get_submodule(owners[call.tensor][0][0])
        kind = forward_of(call.node)[1]
        if isinstance(module, READERS) and kind is type(module) and is_plain(module):
            order.setdefault(call.tensor, place)
        else:
            others.add(call.tensor)
    return {tensor: place for tensor, place in order.items() if tensor not in others}


def is_plain(module):
    """Whether a layer passes on the product of its input with its weight."""
    if module._forward_hooks or module._forward_pre_hooks:
        return False
    base = _base_of(module)
    own = (getattr(type(module), name, None) for name in ("forward", "_conv_forward"))
    plain = (getattr(base, name, None) for name in ("forward", "_conv_forward"))
    return "forward" not in vars(module) and all(map(operator.is_, own, plain))


def _base_of(module):
    """Return the class of `torch.nn` that a layer is of."""
    return next(k for k in type(module).__mro__ if k in vars(nn).values())


def _oddness(module):
    if isinstance(module, READERS) and not is_plain(module):
        base = f"nn.{_base_of(module).__name__}"
        return f"is read by a layer whose forward is not that of {base}, or has hooks"
    return "is read by a weight outside of its own layer"


def residuals_of(couplings, counts):
    """Return the addition that the output of each product goes into, if it does.

    Parameters
    ----------
    couplings : Couplings
        Of the model.
    counts : dict
        Gets the number of additions of each module.

    Returns
    -------
    dict
        Name of the weight -> Residual.
    """
    calls = {call.node: call for call in couplings.calls}
    several = Counter(call.tensor for call in couplings.calls)
    found = {}
    for piece in couplings.pieces:
        for node in piece.graph.nodes:
            if node.op != "call_function" or name_of(node) != "add":
                continue
            module = qualified(piece.name, forward_of(node)[0])
            ordinal = counts.get(module, 0)
            counts[module] = ordinal + 1
            if node.kwargs.get("alpha", 1) != 1 or len(node.args) < 2:
                continue
            operands = node.args[:2]
            shapes = [shape_of(o) for o in operands if isinstance(o, torch.fx.Node)]
            if len(shapes) < 2 or shapes[0] != shapes[1]:
                continue
            ends = [_back_to_call(operand, calls) for operand in operands]
            for own, (call, norm) in enumerate(ends):
                if call is not None and several[call.tensor] == 1:
                    other = ends[1 - own][0]
                    depends = None if other is None else other.tensor
                    norm = None if norm is None else qualified(piece.name, norm)
                    found[call.tensor] = Residual(
                        module, ordinal, 1 - own, norm, depends
                    )
    return found


def forward_of(node):
    """Return name and class of the module in whose `forward` an operation is."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    if not stack:
        return "", None
    name, kind = stack[-1]
    if isinstance(kind, str):
        place, _, kind = kind.rpartition(".")
        kind = getattr(sys.modules.get(place), kind, None)
    return name, kind


def _back_to_call(node, calls):
    """Go back through dropout and a batch norm to a product; (None, None) if not."""
    norm = None
    while len(node.users) == 1:
        if node in calls:
            return calls[node], norm
        name = name_of(node) if node.op == "call_function" else None
        if name == "batch_norm" and norm is None:
            norm = forward_of(node)[0]
        elif name not in ("dropout", "to", "contiguous"):
            break
        node = node.args[0]
    return None, None
