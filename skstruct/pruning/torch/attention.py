"""Multi-head attention with any number of heads of any size."""

import torch
import torch.nn.functional as F
from torch import nn

from skstruct.pruning.torch.removed import Nothing
from skstruct.pruning.torch.surgery import set_module


class SmallerAttention(nn.Module):
    """What `nn.MultiheadAttention` computes, with fewer heads than its width allows.

    There, the size of a head is the width of the model divided by the number of heads.
    Here, queries, keys and values are linear layers of their own.

    Parameters
    ----------
    attention : nn.MultiheadAttention
        Where the weights come from.
    """

    # What nn.TransformerEncoderLayer asks before it takes a path of its own.
    _qkv_same_embed_dim, in_proj_bias = False, None

    def __init__(self, attention):
        super().__init__()
        self.num_heads, self.head_dim = attention.num_heads, attention.head_dim
        self.n_heads_before = attention.num_heads
        self.batch_first, self.dropout = attention.batch_first, attention.dropout
        if attention._qkv_same_embed_dim:
            weights = attention.in_proj_weight.chunk(3)
        else:
            weights = [getattr(attention, f"{n}_proj_weight") for n in "qkv"]
        bias = attention.in_proj_bias
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        for name, weight, bias in zip("qkv", weights, biases, strict=True):
            setattr(self, f"{name}_proj", _linear(weight, bias))
        self.out_proj = _linear(attention.out_proj.weight, attention.out_proj.bias)
        self._full_shapes = self._shapes()

    def _shapes(self):
        return [tuple(getattr(self, f"{n}_proj").weight.shape) for n in (*"qkv", "out")]

    def is_whole(self):
        """Return whether no weight has lost anything, of heads or of neighbours."""
        return self._shapes() == self._full_shapes

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        """Return the attended values and, if wanted, the weights of the attention."""
        is_single = query.ndim == 2
        if is_single:
            query, key, value = (t.unsqueeze(0) for t in (query, key, value))
            if key_padding_mask is not None:
                key_padding_mask = key_padding_mask.unsqueeze(0)
        elif not self.batch_first:
            query, key, value = (t.transpose(0, 1) for t in (query, key, value))
        q, k, v = (
            layer(t).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for layer, t in (
                (self.q_proj, query),
                (self.k_proj, key),
                (self.v_proj, value),
            )
        )
        mask = self._mask(q, key_padding_mask, attn_mask)
        weights = None
        dropout = self.dropout if self.training else 0.0
        if need_weights:
            scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5
            weights = F.softmax(scores if mask is None else scores + mask, dim=-1)
            found = F.dropout(weights, dropout, self.training) @ v
            weights = weights.mean(dim=1) if average_attn_weights else weights
        else:
            found = F.scaled_dot_product_attention(q, k, v, mask, dropout)
        found = self.out_proj(found.transpose(1, 2).flatten(2))
        if is_single:
            found = found.squeeze(0)
            weights = None if weights is None else weights.squeeze(0)
        elif not self.batch_first:
            found = found.transpose(0, 1)
        return found, weights

    def _mask(self, q, key_padding_mask, attn_mask):
        """Return what to add to the scores (n, heads, queries, keys), or None."""
        mask = None
        if attn_mask is not None:
            mask = _additive(attn_mask, q.dtype)
            if mask.ndim == 3:  # one for each row and head
                if self.num_heads != self.n_heads_before:
                    raise ValueError(
                        f"attn_mask has shape {tuple(mask.shape)}, one for each head, "
                        f"of which only {self.num_heads} of {self.n_heads_before} are "
                        "left; pass a mask of two dimensions."
                    )
                mask = mask.unflatten(0, (-1, self.num_heads))
        if key_padding_mask is not None:
            padding = _additive(key_padding_mask, q.dtype)[:, None, None]
            mask = padding if mask is None else mask + padding
        return mask


def _additive(mask, dtype):
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    zero = torch.zeros((), dtype=dtype, device=mask.device)
    return zero.masked_fill(mask, float("-inf"))


def _linear(weight, bias):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None)
    layer.weight = nn.Parameter(weight.detach().clone(), weight.requires_grad)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach().clone(), bias.requires_grad)
    return layer


def split_attention(model):
    """Replace each `nn.MultiheadAttention` that can be, in place.

    Returns
    -------
    replaced : dict
        Name -> the module replaced.
    nested : list of str
        Encoders that packed what is padded, which needs the modules replaced.
    """
    replaced, nested = {}, []
    for name, module in list(model.named_modules()):
        plain = type(module) is nn.MultiheadAttention
        if plain and module.bias_k is None and not module.add_zero_attn and name:
            set_module(model, name, SmallerAttention(module).train(module.training))
            replaced[name] = module
        elif isinstance(module, nn.TransformerEncoder) and module.use_nested_tensor:
            module.use_nested_tensor = False
            nested.append(name)
    return replaced, nested


def restore_attention(model, replaced, nested):
    """Put back, in place, attention that has lost nothing.

    Parameters
    ----------
    model : nn.Module
        With what `split_attention` put in.
    replaced, nested
        What it returned.
    """
    here = dict(model.named_modules())
    for name, module in replaced.items():
        found, parent = here.get(name), here.get(name.rpartition(".")[0])
        is_whole = isinstance(found, SmallerAttention) and found.is_whole()
        # A layer of an encoder would not call what is next to attention of PyTorch's.
        if is_whole and not any(isinstance(p, Nothing) for p in parent.children()):
            set_module(model, name, module)
    for name in nested:
        parts = here[name].modules() if name in here else ()
        is_whole = not any(isinstance(m, SmallerAttention | Nothing) for m in parts)
        if name in here:
            here[name].use_nested_tensor = is_whole
