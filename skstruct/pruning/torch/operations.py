"""What each operation of a graph says about which indices go together.

The tag of a tensor is an integer array of its rank, of size 1 along dimensions that
nothing depends on: the labels (see `links`) of its entries. None means that nothing in
it belongs to anything that could be removed. Operations that only move data are run on
the tags themselves.
"""

import math
import operator

import numpy as np
import torch

from skstruct.pruning.torch.links import FIXED

MOVES = {
    *("alias", "chunk", "clone", "contiguous", "detach", "expand", "expand_as"),
    *("flatten", "flip", "movedim", "narrow", "numpy_T", "permute", "pixel_shuffle"),
    *("repeat", "repeat_interleave", "reshape", "roll", "select", "slice", "split"),
    *("split_with_sizes", "squeeze", "stack", "t", "transpose", "unbind", "unflatten"),
    *("unsafe_chunk", "unsafe_split", "unsqueeze", "view", "_unsafe_view", "cat"),
    *("concat", "concatenate", "tensor_split", "swapaxes", "channel_shuffle", "mT"),
}
SAME = {
    *("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
    *("to", "_to_copy", "type_as", "lift_fresh_copy", "native_dropout"),
    *("hardswish", "hardsigmoid", "hardtanh", "relu6", "elu", "selu", "celu", "silu"),
    *("mish", "softplus", "leaky_relu", "rrelu", "log_sigmoid", "threshold", "gelu"),
    *("where", "masked_fill", "clamp", "square", "float", "rsub", "hardshrink"),
}
REDUCTIONS = {
    *("mean", "sum", "amax", "amin", "std", "var", "norm", "logsumexp", "prod"),
    *("argmax", "argmin", "any", "all", "linalg_vector_norm"),
}
ALONG = {"softmax", "_softmax", "log_softmax", "cumsum", "sort", "topk", "glu"}


def name_of(node):
    """Return the name of the operation of a node, as "conv2d"."""
    if node.target is operator.getitem:
        return "getitem"
    parts = str(node.target).split(".")
    name = parts[1] if len(parts) > 1 else parts[0]
    return name[:-1] if name.endswith("_") and not name.startswith("__") else name


def is_pointwise(node):
    """Whether each entry of the result depends on one of each argument only."""
    tags = getattr(node.target, "tags", ())
    return torch.Tag.pointwise in tags or name_of(node) in SAME


def compressed(tag):
    """Return a tag of size 1 along dimensions in which it does not vary."""
    if not tag.any():
        return None
    for dim in range(tag.ndim):
        first = np.take(tag, [0], axis=dim)
        if tag.shape[dim] > 1 and (tag == first).all():
            tag = first
    return tag


def shape_of(node):
    """Return the shape of the tensor that a node gives, or None."""
    value = node.meta.get("val")
    return tuple(value.shape) if isinstance(value, torch.Tensor) else None


def vector(links, tag, dim, size, reason):
    """Return the labels along one dimension, linking what differs along others."""
    if tag is None:
        return np.full(size, FIXED)
    others = [d for d in range(tag.ndim) if d != dim % tag.ndim]
    labels = links.collapse(tag, others, reason).ravel()
    return np.broadcast_to(labels, (size,))


def along(labels, dim, rank):
    """Return labels as a tag that varies along one dimension of so many."""
    shape = [1] * rank
    shape[dim % rank] = len(labels)
    return labels.reshape(shape)


def meet(links, operands, reason):
    """Link the tags of operands that are broadcast together; return that of the result.

    Where a tag varies and another operand does not, but is as long, what differs has
    to stay together: the other operand could not be shortened.

    Parameters
    ----------
    links : Links
        Where links go.
    operands : list of (tag or None, shape)
        Of one rank or less.
    reason : str
        Told of what has to stay together.
    """
    rank = max(len(shape) for _, shape in operands)
    shapes = [(1,) * (rank - len(shape)) + tuple(shape) for _, shape in operands]
    tags = []
    for (tag, _), shape in zip(operands, shapes, strict=True):
        full = (
            None if tag is None else tag.reshape((1,) * (rank - tag.ndim) + tag.shape)
        )
        tags.append((full, shape))
    result = None
    for index, (tag, _) in enumerate(tags):
        if tag is None:
            continue
        others = [pair for k, pair in enumerate(tags) if k != index]
        rigid = [
            dim
            for dim in range(rank)
            if tag.shape[dim] > 1
            and any(
                shape[dim] > 1 and (other is None or other.shape[dim] == 1)
                for other, shape in others
            )
        ]
        tag = links.collapse(tag, rigid, reason)
        if result is None:
            result = tag
        else:
            links.join(result, tag)
            result = np.broadcast_arrays(result, tag)[0]
    return result


def moved(node, tag_of):
    """Return the tag or tags of what an operation that moves data gives."""

    def as_labels(value):
        if isinstance(value, torch.fx.Node):
            shape = shape_of(value)
            if shape is None:
                return value.meta["val"]
            tag = tag_of(value)
            tag = np.full(shape, FIXED) if tag is None else np.broadcast_to(tag, shape)
            return torch.from_numpy(np.array(tag))
        if isinstance(value, list | tuple):
            return [as_labels(item) for item in value]
        return value

    args = [as_labels(value) for value in node.args]
    kwargs = {key: as_labels(value) for key, value in node.kwargs.items()}
    kwargs.pop("memory_format", None)
    if name_of(node) in ("view", "_unsafe_view"):  # tags have strides of their own
        found = args[0].reshape(args[1])
    else:
        found = node.target(*args, **kwargs)
    if isinstance(found, torch.Tensor):
        return compressed(found.numpy())
    return [compressed(part.numpy()) for part in found]


def matrix_product(links, left, right, reason):
    """Link what a product of (..., m, k) and (..., k, n) tensors needs.

    What is removed along k is removed whole, for each matrix of the batch: the
    dimension of a head.

    Parameters
    ----------
    links : Links
        Where links go.
    left, right : (tag or None, shape)
        Of at least two dimensions.
    reason : str
        Told of what has to stay together.

    Returns
    -------
    tag : array or None
        Of the product.
    heads : (n,) array
        Labels along dimensions that both have before their last two.
    """

    def apart(tag, inner, outer):
        if tag is None or tag.shape[inner] == 1:
            return tag, None
        tag = links.collapse(tag, [outer, inner], reason)
        return (tag if tag.size > 1 else None), tag

    a, a_inner = apart(left[0], -1, -2)
    b, b_inner = apart(right[0], -2, -1)
    if a_inner is not None and b_inner is not None:
        links.join(a_inner, b_inner)
    operands = [(a, (*left[1][:-1], 1)), (b, (*right[1][:-2], 1, right[1][-1]))]
    heads = [
        np.unique(tag)
        for tag in (a, b)
        if tag is not None and math.prod(tag.shape[:-2]) > 1
    ]
    return meet(links, operands, reason), np.concatenate([*heads, np.array([], int)])
