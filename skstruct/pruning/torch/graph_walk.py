"""Walk through the graphs of a model: what most operations link."""

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
    meet,
    moved,
    name_of,
    shape_of,
)

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


class GraphWalk:
    """Tags of all nodes of some graphs, and the links between labels.

    An operation has a rule of its own, `_do_` and its name, or that of its kind.

    Parameters
    ----------
    pieces : list of Piece
        What was traced.
    first : dict
        Any name of a tensor -> its first name.

    Attributes
    ----------
    links : Links
        Labels of all axes, and links.
    """

    def __init__(self, pieces, first):
        self.links, self.pieces = Links(), pieces
        self._tags, self._names = {}, {}
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
        return meet(
            self.links, operands, f"meets in {name_of(node)} what must stay whole"
        )

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
