"""Some of the places at which a layer is applied: its inputs there, unfolded."""

import numpy as np
import torch
import torch.nn.functional as F

from skstruct.pruning.torch.surgery import Conv


def sample(module, output, mask, n_most, seed):
    """Return the numbers of at most so many places of the output of a layer.

    Places are rows, and what else the layer is applied to: pixels, or tokens, of which
    those that `mask` (rows, length) leaves out do not count.
    """
    if isinstance(module, Conv):
        n_places = len(output) * int(np.prod(output.shape[2:]))
    else:
        n_places = int(np.prod(output.shape[:-1]))
    places = np.arange(n_places)
    if mask is not None and tuple(output.shape[:-1]) == tuple(mask.shape):
        places = np.flatnonzero(mask.cpu().numpy())
    if len(places) > n_most:
        rng = np.random.default_rng(seed)
        places = np.sort(rng.choice(places, n_most, replace=False))
    return torch.from_numpy(places)


def values_at(tensor, places, is_conv):
    """Return the channels (n_places, n_channels) of a tensor at some places."""
    if not is_conv:
        return tensor.reshape(-1, tensor.shape[-1])[places]
    flat = tensor.flatten(2)
    return flat[places // flat.shape[2], :, places % flat.shape[2]]


def inputs_at(module, given, output, places):
    """Return what the weight of a layer is multiplied with, at some places.

    Columns are in the order of `weight.flatten(1)`; only these places are unfolded.
    """
    if not isinstance(module, Conv):
        return values_at(given, places, False)
    padding = module._reversed_padding_repeated_twice
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    padded = F.pad(given, padding, mode=mode) if any(padding) else given
    spatial = output.shape[2:]
    rank, rest = len(spatial), places % int(np.prod(spatial))
    where = np.unravel_index(rest.numpy(), tuple(spatial))
    index = [(places // int(np.prod(spatial))).view(-1, *(1,) * rank), slice(None)]
    for dim in range(rank):
        start = torch.from_numpy(where[dim]) * module.stride[dim]
        steps = torch.arange(module.kernel_size[dim]) * module.dilation[dim]
        shape = [1] * (rank + 1)
        shape[dim + 1] = -1
        index.append(start.view(-1, *(1,) * rank) + steps.view(shape))
    return padded[tuple(index)].movedim(-1, 1).flatten(1)
