"""What layers and attention link: what can only be removed together."""

import math
from typing import NamedTuple

import numpy as np
import torch

from skstruct.pruning.torch.graph_walk import GraphWalk
from skstruct.pruning.torch.links import FIXED
from skstruct.pruning.torch.operations import (
    along,
    compressed,
    matrix_product,
    meet,
    shape_of,
    vector,
)


class Call(NamedTuple):
    """A product with a weight: what reads units, and what it costs.

    Attributes
    ----------
    tensor : str
        Name of the weight.
    node : torch.fx.Node
        The operation.
    positions : float
        Products a row of the batch.
    """

    tensor: str
    node: torch.fx.Node
    positions: float


class Product(NamedTuple):
    """A product of two activations: its multiply-adds grow with what is kept.

    Attributes
    ----------
    labels : array
        One for each part that costs alike.
    cost : float
        Multiply-adds of one part, a row of the batch.
    """

    labels: np.ndarray
    cost: float


class Couplings(GraphWalk):
    """What the pieces of a model link.

    Parameters
    ----------
    pieces : list of Piece
        What was traced.
    first : dict
        Any name of a tensor -> its first name.
    n_rows : int
        Rows of the batch that was traced.

    Attributes
    ----------
    calls : list of Call
        Linear layers and convolutions, in the order of the graph.
    products : list of Product
        Of attention.
    heads : list of arrays
        Labels of what are heads of attention.
    """

    def __init__(self, pieces, first, n_rows):
        self.n_rows = n_rows
        self.calls, self.products, self.heads = [], [], []
        super().__init__(pieces, first)

    # -- layers --------------------------------------------------------------

    def _do_linear(self, node):
        x, weight, *bias = [*node.args, *node.kwargs.values()]
        name = self._tensor(weight)
        if name is None:
            return self._unknown(node)
        shape = shape_of(x)
        self._read(node, name, x, -1, math.prod(shape[:-1]))
        return self._produce(weight, bias, -1, len(shape_of(node)))

    def _read(self, node, name, x, dim, positions):
        """Link the input of a product with the second dimension of its weight."""
        size = shape_of(x)[dim]
        reason = "is read with others by one weight"
        labels = vector(self.links, self._tag(x), dim, size, reason)
        self.links.join(self.links.axis(name, 1, size), labels)
        self.calls.append(Call(name, node, positions / self.n_rows))

    def _produce(self, weight, bias, dim, rank, out=0):
        labels = self._axis(weight, out)
        for extra in bias:
            found = self._axis(extra, 0)
            if found is not None:
                self.links.join(found, labels)
            elif isinstance(extra, torch.fx.Node):
                self.links.fix(labels, "has a bias that is computed")
        return along(labels, dim, rank)

    def _do_conv(self, node):
        x, weight, bias, *rest = node.args + (None,) * (3 - len(node.args))
        name, shape = self._tensor(weight), shape_of(x)
        wide = shape_of(weight)
        if name is None or len(shape) != len(wide):
            return self._unknown(node)
        groups = rest[3] if len(rest) > 3 else node.kwargs.get("groups", 1)
        places = math.prod(shape_of(node)[2:]) * shape[0]
        if groups == 1:
            self._read(node, name, x, 1, places)
            return self._produce(weight, [bias], 1, len(shape))
        # Whole groups go: their inputs together with their outputs.
        reason = "is in one group of a convolution"
        inside = vector(self.links, self._tag(x), 1, shape[1], reason)
        inside = inside.reshape(groups, -1)
        outside = self._axis(weight, 0).reshape(groups, -1)
        for labels in (inside, outside):
            self.links.join(labels, inside[:, :1])
            if labels.shape[1] > 1:
                self.links.note(labels, reason)
        self.calls.append(Call(name, node, places / self.n_rows))
        return self._produce(weight, [bias], 1, len(shape))

    def _do_conv_transpose(self, node):
        x, weight, bias, *rest = node.args + (None,) * (3 - len(node.args))
        groups = rest[3] if len(rest) > 3 else node.kwargs.get("groups", 1)
        if self._tensor(weight) is None or groups != 1:
            return self._unknown(node)
        self._fix(x, "goes into a transposed convolution")
        self._hold(weight, 0, "goes into a transposed convolution")
        places = math.prod(shape_of(x)[2:]) * shape_of(x)[0]
        self.calls.append(Call(self._tensor(weight), node, places / self.n_rows))
        return self._produce(weight, [bias], 1, len(shape_of(x)), out=1)

    def _do_batch_norm(self, node):
        x, *tensors = node.args[:5]
        shape = shape_of(x)
        reason = "is in one batch normalisation"
        labels = vector(self.links, self._tag(x), 1, shape[1], reason)
        for tensor in tensors:
            found = self._axis(tensor, 0)
            if found is not None:
                self.links.join(found, labels)
            elif isinstance(tensor, torch.fx.Node):
                self.links.fix(labels, "is normalised by a tensor that is computed")
        return compressed(along(labels, 1, len(shape)))

    def _do_group_norm(self, node):
        x, groups, *tensors = node.args[:4]
        shape = shape_of(x)
        reason = "is normalised with others"
        labels = vector(self.links, self._tag(x), 1, shape[1], reason)
        self.links.join(labels.reshape(groups, -1), labels.reshape(groups, -1)[:, :1])
        self.links.note(labels, reason)
        for tensor in tensors:
            found = self._axis(tensor, 0)
            if found is not None:
                self.links.join(found, labels)
        if not any(self._tensor(tensor) for tensor in tensors):
            self.links.fix(labels, "goes through a group norm without weights")
        return compressed(along(labels, 1, len(shape)))

    def _do_layer_norm(self, node):
        tag = self._tag(node.args[0])
        if tag is None:
            return None
        dims = range(tag.ndim - len(node.args[1]), tag.ndim)
        return self.links.collapse(tag, dims, "is normalised with others")

    def _do_prelu(self, node):
        x, weight = node.args
        shape = shape_of(x)
        labels = vector(self.links, self._tag(x), 1, shape[1], "has one slope")
        slopes = self._axis(weight, 0)
        if slopes is None:
            return self._unknown(node)
        if len(slopes) > 1:
            self.links.join(slopes, labels)
        return compressed(along(labels, 1, len(shape)))

    def _do_embedding(self, node):
        weight = node.args[0]
        if self._tensor(weight) is None:
            return self._unknown(node)
        return along(self._axis(weight, 1), -1, len(shape_of(node)))

    # -- products of activations ---------------------------------------------

    def _do_matmul(self, node):
        sources = node.args[:2]
        shapes = [shape_of(source) for source in sources]
        if (
            any(self._tensor(s) is not None for s in sources)
            or min(map(len, shapes)) < 2
        ):
            return self._unknown(node)
        pairs = [
            (self._tag(s), shape) for s, shape in zip(sources, shapes, strict=True)
        ]
        rank = max(map(len, shapes))
        pairs = [_of_rank(tag, shape, rank) for tag, shape in pairs]
        reason = "is summed over by a product"
        tag, heads = matrix_product(self.links, *pairs, reason)
        self._multiply(node, heads, math.prod(shape_of(node)) * shapes[0][-1])
        return tag

    def _multiply(self, node, heads, cost):
        labels = heads if len(heads) else np.array([FIXED])
        self.products.append(Product(labels, cost / self.n_rows / len(labels)))
        if len(heads):
            self.heads.append(heads)

    def _do_sdpa(self, node):
        names = (
            "query",
            "key",
            "value",
            "attn_mask",
            "dropout_p",
            "is_causal",
            "scale",
        )
        given = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
        operands, queries = [], shape_of(given["query"])
        for name in names[:3]:
            tag, shape = self._tag(given[name]), shape_of(given[name])
            if tag is not None:
                tag = self.links.collapse(tag, [-2, -1], "is in one head")
                if shape[-3] != queries[-3] and tag.shape[-3] > 1:
                    tag = np.repeat(tag, queries[-3] // shape[-3], axis=-3)
            operands.append((tag, (*queries[:-2], 1, 1)))
        if isinstance(given.get("attn_mask"), torch.fx.Node):
            mask = given["attn_mask"]
            operands.append((self._tag(mask), (*shape_of(mask)[:-2], 1, 1)))
        tag = meet(self.links, operands, "is in one head")
        many = tag is not None and tag.size > 1
        heads = np.unique(tag) if many else np.array([], dtype=int)
        n_keys, n_values = shape_of(given["key"])[-2], shape_of(given["value"])[-1]
        cost = math.prod(queries[:-1]) * n_keys * (queries[-1] + n_values)
        self._multiply(node, heads, cost)
        return tag if many else None


def _of_rank(tag, shape, rank):
    """Return a tag and a shape with ones in front."""
    front = (1,) * (rank - len(shape))
    return None if tag is None else tag.reshape(front + tag.shape), front + shape
