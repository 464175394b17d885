"""What stays in the place of a branch that has been removed: a constant."""

import torch
from torch import nn

from skstruct.pruning.torch.surgery import Conv

PLAIN = (bool, int, float, str, type(None))


class Nothing(nn.Module):
    """Stands for a layer whose output no longer matters: zeros, one channel wide.

    Parameters
    ----------
    module : nn.Module
        What was here. Its plain attributes are kept, as others may ask for them.
    dim : int
        Dimension of the channels, from the end.
    n_more : int or None
        If the module gave a tuple, how many it had besides the first, which become
        None.
    """

    # What nn.TransformerEncoderLayer asks before it takes a path of its own.
    _qkv_same_embed_dim, in_proj_bias = False, None

    def __init__(self, module, dim, n_more=None):
        super().__init__()
        for name, value in vars(module).items():
            if not name.startswith("_") and isinstance(value, PLAIN):
                setattr(self, name, value)
        self.channel_dim, self.n_more = dim, n_more
        # (kernel, stride, padding, dilation) by dimension, of what changes sizes.
        self.steps = _steps(module) if isinstance(module, Conv) else None

    def forward(self, *args, **kwargs):
        """Return the output for an input of which only the shape counts."""
        values = (*args, *kwargs.values())
        x = next(value for value in values if isinstance(value, torch.Tensor))
        shape = list(x.shape)
        for k, (kernel, stride, padding, dilation) in enumerate(self.steps or ()):
            dim = k - len(self.steps)
            reach = dilation * (kernel - 1) + 1
            shape[dim] = (shape[dim] + padding - reach) // stride + 1
        found = self.filled(x, shape)
        return found if self.n_more is None else (found, *(None,) * self.n_more)

    def filled(self, x, shape):
        """Return a tensor of this shape but for the channels."""
        shape[self.channel_dim] = 1
        return x.new_zeros(shape)


class Constant(Nothing):
    """Gives the same at every place: what is left of a branch that is removed.

    Parameters
    ----------
    module, dim, n_more
        As of `Nothing`.
    value : (n_channels,) Tensor
        What it gives.
    """

    def __init__(self, module, dim, n_more, value):
        super().__init__(module, dim, n_more)
        self.value = nn.Parameter(value.detach().clone())

    def filled(self, x, shape):
        """Return a tensor of this shape but for the channels."""
        value = self.value.reshape(-1, *(1,) * (-self.channel_dim - 1))
        shape[self.channel_dim] = len(value)
        # A tensor of its own, as what follows may add to it in place.
        return value.expand(shape).clone(memory_format=torch.contiguous_format)


def _steps(conv):
    n = len(conv.kernel_size)
    if conv.padding == "valid":
        padding = (0,) * n
    elif conv.padding == "same":
        padding = tuple(
            d * (k - 1) for d, k in zip(conv.dilation, conv.kernel_size, strict=True)
        )
    else:
        padding = tuple(2 * p for p in conv.padding)
    sizes = conv.kernel_size, conv.stride, padding, conv.dilation
    return list(zip(*sizes, strict=True))
