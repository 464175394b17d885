"""Whole branches that can be removed: what of them stays is a constant."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from skstruct.pruning.torch.capture import hooks, run
from skstruct.pruning.torch.groups import forward_of
from skstruct.pruning.torch.links import Axis
from skstruct.pruning.torch.operations import name_of
from skstruct.pruning.torch.removed import Constant, Nothing
from skstruct.pruning.torch.surgery import Conv, set_module
from skstruct.pruning.torch.tracing import qualified

CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.RMSNorm)
PASSED = {"dropout", "to", "contiguous", "batch_norm"}


class Branch(NamedTuple):
    """All of what leads to the addition of a reader's output to something else.

    Attributes
    ----------
    reader : str
        Weight of the last layer.
    constant : str
        The module that gives the constant instead.
    norm : str or None
        A batch norm after that, which becomes a part of the constant.
    gone : dict
        Modules before that, of which nothing is left -> how they are replaced, as
        ``(dim, n_more)`` of `Nothing`.
    form : (dim, n_more)
        The same of the constant.
    lost : frozenset of str
        Tensors that go, besides the weight of the last layer.
    """

    reader: str
    constant: str
    norm: str | None
    gone: dict
    form: tuple
    lost: frozenset

    def cut(self, model, owners):
        """Remove the branch, in place; return the places of tensors that are left.

        The constant has the place of the last layer's weight.
        """
        layer = owners[self.reader][0][0]
        value = _value(model, model.get_submodule(layer), self.norm)
        for name, form in self.gone.items():
            set_module(model, name, Nothing(model.get_submodule(name), *form))
        old = model.get_submodule(self.constant)
        set_module(model, self.constant, Constant(old, *self.form, value))
        if self.norm is not None and not _is_in(self.norm, self.constant):
            set_module(model, self.norm, nn.Identity())
        left = {
            name: places for name, places in owners.items() if name not in self.lost
        }
        return {**left, self.reader: [(self.constant, "value")]}


def _value(model, layer, norm):
    """Return what a layer gives if nothing goes in, after the norm that follows."""
    value = layer.weight.new_zeros(len(layer.weight))
    if layer.bias is not None:
        value = layer.bias.detach()
    if norm is None:
        return value
    norm = model.get_submodule(norm)
    tensors = norm.running_mean, norm.running_var, norm.weight, norm.bias
    return F.batch_norm(value[None], *tensors, False, 0.0, norm.eps)[0]


def branches_of(group, plan, couplings):
    """Yield the ways in which all that leads to a group's reader could be removed.

    The first leaves as little behind as there can be; the second replaces single
    layers only. None, if the units are not all that a residual's reader gets.

    Parameters
    ----------
    group : Group
        Units that a layer reads at last.
    plan : Plan
        Of the model.
    couplings : Couplings
        Its operations.
    """
    reader = group.readers[-1]
    residual = plan.residuals.get(reader)
    size = plan.sizes[Axis(reader, 1)]
    if residual is None:
        return
    if group.indices[Axis(reader, 1)].size < size:
        return
    norm = residual.norm
    if norm is not None and plan.model.get_submodule(norm).running_mean is None:
        return
    (call,) = (call for call in couplings.calls if call.tensor == reader)
    (piece,) = (p for p in couplings.pieces if p.graph is call.node.graph)
    dead = _dead(piece, call.node)
    after = _passed_on(call.node)
    by_module = _nodes_by_module(piece)
    layer = plan.owners[reader][0][0]
    outer = [m for m in _around(layer) if by_module.get(m, {None}) <= dead | after]
    whole = next(iter(outer), layer)
    for is_fine in (False, True):
        constant = layer if is_fine else whole
        gone = _modules(dead, by_module, piece, plan.model, is_fine)
        gone = [name for name in gone if not _is_in(name, constant)]
        forms = _forms(plan, [*gone, constant], layer)
        replaced = [*gone, constant, *([norm] if norm is not None else [])]
        lost = _lost(plan.owners, replaced, reader)
        if forms is None or lost is None or _is_used(piece, plan, lost, dead | after):
            continue
        if not {*group.readers} <= lost | {reader}:
            continue
        form = forms.pop(constant)
        yield Branch(reader, constant, norm, forms, form, frozenset(lost))


def _is_in(name, module):
    return name == module or name.startswith(f"{module}.")


def _around(name):
    """Return names of the modules that a module is in, and itself, outermost first."""
    parts = name.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts) + 1)]


def _dead(piece, last):
    """Return the operations whose results go nowhere but into `last`."""
    known = {last}
    for node in reversed(piece.graph.nodes):
        if node.op == "call_function" and node.users.keys() <= known:
            known.add(node)
    return known - {last}


def _passed_on(node):
    """Return the operations from a product on that its addition does without."""
    found = {node}
    while len(node.users) == 1:
        (node,) = node.users
        if node.op != "call_function" or name_of(node) not in PASSED:
            break
        found.add(node)
    return found


def _stack(piece, node):
    """Return names of the modules that an operation is in, outermost first."""
    stack = node.meta.get("nn_module_stack", {}).values()
    return [qualified(piece.name, name.split("@")[0]) for name, _ in stack]


def _nodes_by_module(piece):
    found = {}
    for node in piece.graph.nodes:
        if node.op == "call_function":
            for name in _stack(piece, node):
                found.setdefault(name, set()).add(node)
    return found


def _modules(dead, by_module, piece, model, is_fine):
    """Return modules with parameters all of whose operations are dead.

    The outermost such, or those that consist of no others.
    """
    found = {}
    for node in dead:
        names = [name for name in _stack(piece, node) if name]
        names = [name for name in names if by_module[name] <= dead]
        if is_fine:
            own = forward_of(node)[0]
            names = [name for name in names if name == qualified(piece.name, own)]
        for name in names:
            if any(True for _ in model.get_submodule(name).parameters()):
                found[name] = None
                break
    return list(found)


def _forms(plan, names, layer):
    """Return (dim, n_more) of each module, or None if one gives something else."""
    found = {}

    def visit(name, module, given, output):
        is_many = isinstance(output, tuple)
        first = output[0] if is_many and output else output
        if isinstance(first, torch.Tensor):
            dim = _channel_dim(module, plan.model.get_submodule(layer))
            found[name] = dim, len(output) - 1 if is_many else None

    with hooks(plan.model, names, visit):
        run(plan.model, plan.batch)
    return found if len(found) == len(names) else None


def _channel_dim(module, layer):
    """Return the dimension of a module's channels, from the end."""
    if isinstance(module, CHANNELS_LAST):
        return -1
    conv = module if isinstance(module, Conv) else layer
    return -1 - len(conv.kernel_size) if isinstance(conv, Conv) else -1


def _lost(owners, replaced, reader):
    """Return tensors of some modules but for one, or None if others share them."""
    lost = set()
    for tensor, places in owners.items():
        inside = [any(_is_in(name, m) for m in replaced) for name, _ in places]
        if any(inside) and not all(inside):
            return None
        if any(inside) and tensor != reader:
            lost.add(tensor)
    return lost


def _is_used(piece, plan, lost, own):
    """Whether an operation outside of the branch uses one of its tensors."""
    for node in piece.graph.nodes:
        if node.op == "placeholder" and node.name in piece.tensors:
            place = plan.first_names.get(piece.tensors[node.name])
            if place in lost and not node.users.keys() <= own:
                return True
    return False
