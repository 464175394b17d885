"""Which indices of which tensors go together: labels, and links between them."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

FIXED = 0  # the label of all that must stay


class Axis(NamedTuple):
    """One dimension of a parameter or buffer."""

    tensor: str
    dim: int


class Links:
    """Labels of the indices of axes, and links between labels.

    What is linked can only be removed together; what is linked to `FIXED`, not at all.

    Attributes
    ----------
    axes : dict
        Axis -> (size,) array of labels, made when it is first asked for.
    """

    def __init__(self):
        self.axes, self._n_labels = {}, 1
        self._left, self._right, self._notes = [], [], []

    def axis(self, tensor, dim, size):
        """Return the labels of an axis."""
        key = Axis(tensor, dim)
        if key not in self.axes:
            self.axes[key] = np.arange(self._n_labels, self._n_labels + size)
            self._n_labels += size
        return self.axes[key]

    def join(self, left, right):
        """Link two arrays of labels, element by element, after broadcasting."""
        left, right = np.broadcast_arrays(left, right)
        differ = left != right
        self._left.append(left[differ])
        self._right.append(right[differ])

    def fix(self, labels, reason):
        """Say that indices must stay, and why."""
        self.join(labels, FIXED)
        self.note(labels, reason)

    def note(self, labels, reason):
        """Remember why labels are linked."""
        self._notes.append((np.unique(labels), reason))

    def reason_of(self, labels):
        """Return what was noted first of any of some labels, or None."""
        for noted, reason in self._notes:
            if np.isin(noted, labels, assume_unique=False).any():
                return reason
        return None

    def collapse(self, tag, dims, reason):
        """Link labels that differ along `dims` only; return one of each set."""
        varying = [d for d in dims if tag.shape[d] > 1]
        for dim in varying:
            first = np.take(tag, [0], axis=dim)
            self.join(tag, first)
            self.note(first, reason)
            tag = first
        return tag

    def components(self):
        """Return the number of the linked set of each label, and why sets are so."""
        left = np.concatenate([*self._left, [0]])
        right = np.concatenate([*self._right, [0]])
        graph = coo_array((np.ones(len(left)), (left, right)), (self._n_labels,) * 2)
        _, found = connected_components(graph, directed=False)
        reasons = {}
        for labels, reason in self._notes:
            for number in np.unique(found[labels]):
                reasons.setdefault(int(number), reason)
        return found, reasons
