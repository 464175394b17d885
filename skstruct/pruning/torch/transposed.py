"""Linear layers whose weight is transposed, as `Conv1D` of `transformers`."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from skstruct.pruning.torch.surgery import set_module


def turn(model):
    """Replace such layers by `nn.Linear`, in place.

    Returns
    -------
    dict
        Name -> the layer replaced.
    """
    shared = _shared(model)
    turned = {}
    for name, module in list(model.named_modules()):
        if name and _is_transposed(module) and module.weight not in shared:
            rows, columns = module.weight.shape
            layer = nn.Linear(rows, columns)
            layer.weight = nn.Parameter(module.weight.detach().T.contiguous())
            layer.bias = nn.Parameter(module.bias.detach().clone())
            set_module(model, name, layer.train(module.training))
            turned[name] = module
    return turned


def turn_back(model, turned):
    """Put back, in place, layers of the class that they had, with what is left."""
    here = dict(model.named_modules())
    for name, module in turned.items():
        layer = here.get(name)
        if isinstance(layer, nn.Linear):
            old = copy.copy(module)
            old._parameters = {}
            old.weight = nn.Parameter(layer.weight.detach().T.contiguous())
            old.bias = nn.Parameter(layer.bias.detach())
            old.nx, old.nf = old.weight.shape
            set_module(model, name, old)


def _shared(model):
    """Return the parameters that several modules have."""
    seen, shared = set(), set()
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            (shared if parameter in seen else seen).add(parameter)
    return shared


def _is_transposed(module):
    """Whether a layer adds its bias to the product of its input with its weight."""
    own = dict(module.named_parameters(recurse=False))
    is_named = type(module).__name__ == "Conv1D" and hasattr(module, "nf")
    if not is_named or own.keys() != {"weight", "bias"} or own["weight"].ndim != 2:
        return False
    if module._forward_hooks or module._forward_pre_hooks:
        return False
    x = torch.linspace(-1, 1, len(own["weight"]))[None].to(own["weight"])
    with torch.no_grad():
        wanted = F.linear(x, own["weight"].T, own["bias"])
        error = (module(x) - wanted).abs().max()
    return bool(error <= 1e-3 * wanted.abs().max())
