"""A pruned model as users want it."""

import copy

from torch import nn

from skstruct.pruning.torch.attention import restore_attention
from skstruct.pruning.torch.groups import READERS
from skstruct.pruning.torch.tracing import qualified
from skstruct.pruning.torch.transposed import turn_back


def finished(plan, model, original):
    """Return a pruned copy as users want it: like the original, but smaller."""
    here = dict(model.named_modules())
    for bias in plan.added:
        module = here.get(plan.owners[bias][0][0])
        if isinstance(module, READERS) and not module.bias.any():
            for name, _ in plan.owners[bias]:
                model.get_submodule(name).bias = None
    restore_attention(model, copy.deepcopy(plan.replaced), plan.nested)
    turn_back(model, plan.turned)
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


def _ancestor(before, name, attribute):
    """Return the tensor of the original that one of the result comes from, or None.

    For an added intercept, the weight of its layer; for what was part of
    `nn.MultiheadAttention`, the weights of all; for the constant of a branch, the first
    of the branch.
    """
    parent = name.rpartition(".")[0]
    places = (
        qualified(name, attribute),
        qualified(name, "weight"),
        qualified(parent, f"in_proj_{attribute}"),
        f"{name}_{attribute}",
        *(place for place in before if place.startswith(f"{name}.")),
    )
    return next((before[place] for place in places if place in before), None)
