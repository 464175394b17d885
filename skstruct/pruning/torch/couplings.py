"""Walk through the graph of a model and link what can only be removed together."""

import math
from typing import NamedTuple

import numpy as np
import torch

from skstruct.pruning.torch.links import FIXED, Links
from skstruct.pruning.torch.operations import (
    ALONG,
    MOVES,
    REDUCTIONS,
    along,
    compressed,
    is_pointwise,
    matrix_product,
    meet,
    moved,
    name_of,
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


class Couplings:
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
    links : Links
        Labels of all axes, and links.
    calls : list of Call
        Linear layers and convolutions, in the order of the graph.
    products : list of Product
        Of attention.
    heads : list of arrays
        Labels of what are heads of attention.
    """

    def __init__(self, pieces, first, n_rows):
        self.links, self.first, self.n_rows = Links(), first, n_rows
        self.calls, self.products, self.heads = [], [], []
        self.pieces, self._tags, self._names = pieces, {}, {}
        for piece in pieces:
            for node in piece.graph.nodes:
                if node.op == "placeholder" and node.name in piece.tensors:
                    tensor = piece.tensors[node.name]
                    self._names[node] = first.get(tensor, tensor)
                self._visit(node)

    # -- tags and tensors ----------------------------------------------------

    def _tag(self, node):
        return self._tags.get(node) if isinstance(node, torch.fx.Node) else None

    def _tensor(self, node):
        """Return the name of the parameter or buffer that a node is, or None."""
        return self._names.get(node) if isinstance(node, torch.fx.Node) else None

    def _axis(self, node, dim):
        """Return the labels of a dimension of a parameter, or None."""
        name = self._tensor(node)
        if name is None:
            return None
        return self.links.axis(name, dim, shape_of(node)[dim])

    def _hold(self, node, dim, reason):
        """Fix a dimension of a parameter."""
        labels = self._axis(node, dim)
        if labels is not None:
            self.links.fix(labels, reason)

    def _visit(self, node):
        if node.op == "output":
            for source in node.all_input_nodes:
                self._fix(source, "is part of the output")
        elif node.op == "call_function":
            name = name_of(node)
            rule = getattr(self, f"_do_{RULES.get(name, name)}", None)
            if rule is None:
                rule = self._rule_of_kind(node, name)
            self._tags[node] = rule(node)

    def _rule_of_kind(self, node, name):
        if name in MOVES:
            return self._move
        if is_pointwise(node):
            return self._pointwise
        if name in REDUCTIONS:
            return self._reduce
        if name in ALONG:
            return self._along
        if "pool" in name or name.startswith("upsample"):
            return self._pool
        return self._unknown

    def _fix(self, node, reason):
        """Fix what a node carries, and if it is a parameter, all of it."""
        tag = self._tag(node)
        for part in tag if isinstance(tag, list) else [tag]:
            if part is not None:
                self.links.fix(part, reason)
        if self._tensor(node) is not None:
            for dim in range(len(shape_of(node))):
                self._hold(node, dim, reason)

    # -- kinds of operations -------------------------------------------------

    def _unknown(self, node):
        for source in node.all_input_nodes:
            self._fix(source, f"goes through {name_of(node)}")
        return None

    def _move(self, node):
        sources = node.all_input_nodes
        for source in sources:
            if self._tensor(source) is not None:
                self._fix(source, f"is used by {name_of(node)}")
        if all(self._tag(source) is None for source in sources):
            return None
        return moved(node, self._tag)

    def _do_getitem(self, node):
        tag = self._tag(node.args[0])
        return tag[node.args[1]] if isinstance(tag, list) else tag

    def _pointwise(self, node):
        sources = [n for n in node.all_input_nodes if shape_of(n) is not None]
        tags = [self._tag(n) for n in sources]
        known = [tag for tag in tags if tag is not None]
        varies = {d for tag in known for d in range(-tag.ndim, 0) if tag.shape[d] > 1}
        operands = []
        for source, tag in zip(sources, tags, strict=True):
            if self._tensor(source) is not None:
                tag = self._of_parameter(source, varies, name_of(node))
            operands.append((tag, shape_of(source)))
        if all(tag is None for tag, _ in operands):
            return None
        return meet(self.links, operands, f"meets in {name_of(node)} what must stay whole")

    def _of_parameter(self, node, varies, name):
        """Return the tag of a parameter that is added, multiplied, and so on."""
        shape = shape_of(node)
        long = [d for d in range(-len(shape), 0) if shape[d] > 1]
        sliced = [d for d in long if d in varies]
        for dim in long:
            if len(sliced) != 1 or dim not in sliced:
                self._hold(node, dim + len(shape), f"is used by {name}")
        if len(sliced) != 1:
            return None
        return along(self._axis(node, sliced[0] + len(shape)), sliced[0], len(shape))

    def _reduce(self, node):
        source = node.args[0]
        if self._tensor(source) is not None:
            self._fix(source, f"is used by {name_of(node)}")
        tag = self._tag(source)
        if tag is None:
            return None
        # `norm` and `linalg_vector_norm` have an order first.
        is_norm = "norm" in name_of(node)
        place = 2 if is_norm else 1
        dims = node.args[place] if len(node.args) > place else None
        dims = node.kwargs.get("dim", dims)
        dims = list(range(tag.ndim)) if dims in (None, []) else dims
        dims = [dims] if isinstance(dims, int) else list(dims)
        tag = self.links.collapse(tag, dims, f"meets others in {name_of(node)}")
        value = node.meta["val"]
        if not isinstance(value, torch.Tensor):
            return None
        if value.ndim < tag.ndim:
            tag = np.squeeze(tag, axis=tuple(d % tag.ndim for d in dims))
        return compressed(tag) if tag.size > 1 else None

    def _along(self, node):
        """Do what works along one dimension: softmax and so on."""
        tag = self._tag(node.args[0])
        if tag is None:
            return None
        dim = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", -1)
        reason = f"meets others in {name_of(node)}"
        found = self.links.collapse(tag, [dim], reason)
        is_one = isinstance(node.meta["val"], torch.Tensor)
        return found if is_one else [found] * len(node.meta["val"])

    def _pool(self, node):
        tag, shape = self._tag(node.args[0]), shape_of(node.args[0])
        if tag is None:
            return None
        digits = [c for c in name_of(node) if c in "123"]
        spatial = int(digits[-1]) if digits else len(shape) - 2
        dims = range(len(shape) - spatial, len(shape))
        found = self.links.collapse(tag, dims, "is pooled with others")
        is_one = isinstance(node.meta["val"], torch.Tensor)
        return found if is_one else [found] * len(node.meta["val"])

    def _do_pad(self, node):
        tag = self._tag(node.args[0])
        if tag is None:
            return None
        amounts = node.args[1]
        padded = [-1 - k // 2 for k, amount in enumerate(amounts) if amount]
        if all(tag.shape[dim] == 1 for dim in padded):
            return tag
        if name_of(node) == "pad" and len(node.args) > 2 and node.args[2] != "constant":
            return self._unknown(node)
        shape = shape_of(node.args[0])
        full = torch.from_numpy(np.array(np.broadcast_to(tag, shape)))
        return compressed(torch.nn.functional.pad(full, amounts, value=FIXED).numpy())

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

    def _do_embedding(self, node):
        weight = node.args[0]
        if self._tensor(weight) is None:
            return self._unknown(node)
        return along(self._axis(weight, 1), -1, len(shape_of(node)))

    # -- products of activations ---------------------------------------------

    def _do_matmul(self, node):
        sources = node.args[:2]
        shapes = [shape_of(source) for source in sources]
        if any(self._tensor(s) is not None for s in sources) or min(map(len, shapes)) < 2:
            return self._unknown(node)
        pairs = [(self._tag(s), shape) for s, shape in zip(sources, shapes, strict=True)]
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
        names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")
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


RULES = {
    **{f"conv{n}d": "conv" for n in "123"},
    **{f"conv_transpose{n}d": "conv_transpose" for n in "123"},
    "instance_norm": "batch_norm",
    "rms_norm": "layer_norm",
    "bmm": "matmul",
    "mm": "matmul",
    "scaled_dot_product_attention": "sdpa",
    "constant_pad_nd": "pad",
}
