"""Make the tensors of a model smaller, in place."""

import torch
from torch import nn

Norm = nn.modules.batchnorm._NormBase
Conv = nn.modules.conv._ConvNd
Transposed = nn.modules.conv._ConvTransposeNd


def shrink(model, keep, owners):
    """Keep some indices of some dimensions of the tensors of a model.

    Parameters
    ----------
    model : nn.Module
        Changed in place.
    keep : dict
        Name of a tensor -> dict of dimension -> (n_kept,) array of int.
    owners : dict
        Name of a tensor -> places that hold it.
    """
    for name, by_dim in keep.items():
        if name not in owners:  # it went with a whole branch
            continue
        places = owners[name]
        module, attribute = model.get_submodule(places[0][0]), places[0][1]
        old = getattr(module, attribute)
        new = old.detach()
        for dim, kept in by_dim.items():
            new = new.index_select(dim, torch.as_tensor(kept, device=new.device))
        new = new.contiguous()
        if isinstance(old, nn.Parameter):
            new = nn.Parameter(new, requires_grad=old.requires_grad)
        for module_name, attribute in places:
            module = model.get_submodule(module_name)
            setattr(module, attribute, new)
            _declare(module)


def set_module(model, name, module):
    """Put a module in the place of another, which is not the model itself."""
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, module)


def _declare(module):
    """Make what a module says about its sizes true again."""
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, Transposed):
        module.out_channels = module.weight.shape[1] * module.groups
    elif isinstance(module, Conv):
        old, new = module.out_channels, module.weight.shape[0]
        if module.groups > 1:
            module.groups = module.groups * new // old
        module.out_channels = new
        module.in_channels = module.weight.shape[1] * module.groups
    elif isinstance(module, Norm):
        sized = [module.weight, module.running_mean]
        module.num_features = len(next(t for t in sized if t is not None))
    elif isinstance(module, nn.GroupNorm):
        old, new = module.num_channels, len(module.weight)
        module.num_groups = module.num_groups * new // old
        module.num_channels = new
    elif isinstance(module, nn.PReLU):
        module.num_parameters = len(module.weight)
    elif isinstance(module, nn.Embedding):
        module.embedding_dim = module.weight.shape[1]


def rescale_heads(model, module_names, n_units, widths, n_kept):
    """Correct the numbers of heads, and widths of all, that modules remember.

    Attributes with "head" in their name that are multiples of the number of units, and
    sizes and dimensions that are the width of all heads together.
    """
    for name in module_names:
        module = model.get_submodule(name)
        for attribute, value in list(vars(module).items()):
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                continue
            says = attribute.lower()
            is_size = any(word in says for word in ("dim", "size", "embd", "width"))
            counts = "head" in says and not is_size and value % n_units == 0
            if "before" not in says and (counts or (is_size and value in widths)):
                setattr(module, attribute, value * n_kept // n_units)
