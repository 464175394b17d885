"""How chunks of responses are looked at, and encoded for a loss."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from skstruct.streams.chunk import as_array, checked_numbers, checked_weights
from skstruct.streams.pieces import ColumnOf, ParquetRows


@dataclass(frozen=True)
class Numbers:
    """Responses that are numbers.

    Attributes
    ----------
    loss : Loss
        Knows which responses are in its domain.
    """

    loss: object

    def encoded(self, y):
        """Return responses (n, q)."""
        if y.dtype.kind not in "fiub":
            raise ValueError(f"y of dtype {y.dtype} must be numbers.")
        y = checked_numbers(y, "y", y.shape)
        y = y if y.ndim == 2 else y[:, None]
        self.loss.check_values(y)
        return y

    def weighted(self, weights, y):
        """Return the weights as they are."""
        return weights


@dataclass(frozen=True)
class Labels:
    """Responses that are classes.

    Attributes
    ----------
    classes : (n_classes,) array
        Sorted.
    factors : (n_classes,) array or None
        What the weights of their samples are multiplied by.
    is_joint : bool
        Whether the loss takes one-hot rows, or -1 and 1.
    """

    classes: np.ndarray
    factors: np.ndarray | None
    is_joint: bool

    def encoded(self, y):
        """Return one-hot rows (n, n_classes), or -1 and 1 (n, 1)."""
        codes = self._codes(y)
        if self.is_joint:
            return np.eye(len(self.classes))[codes]
        return np.where(codes == 1, 1.0, -1.0)[:, None]

    def weighted(self, weights, y):
        """Return the weights times those of the classes."""
        if self.factors is None:
            return weights
        factors = self.factors[self._codes(y)]
        return factors if weights is None else weights * factors

    def _codes(self, y):
        codes = np.searchsorted(self.classes, y)
        codes = np.minimum(codes, len(self.classes) - 1)
        unknown = np.flatnonzero(self.classes[codes] != y)
        if len(unknown):
            row = unknown[0]
            label = y[row : row + 1].tolist()[0]
            raise ValueError(
                f"y has the label {label!r} in row {row}, which is none of the "
                f"classes {self.classes.tolist()[:10]} that a pass over all labels "
                "found. The data must not change between passes."
            )
        return codes


class LabelChunk(NamedTuple):
    """Labels (n,) and weights (n,) of a chunk; its features were not looked at."""

    y: np.ndarray
    weights: np.ndarray | None
    X: np.ndarray


@dataclass(frozen=True)
class LabelForm:
    """Reads labels and weights, and leaves features where they are if it can."""

    def wanted(self, part):
        """Return the part without what is not looked at."""
        pieces = part.pieces
        if len(pieces) == 4:
            return part.holding((None, pieces[1], pieces[2], None))
        if len(pieces) != 5:
            return part
        table, _, y, weights, _ = pieces
        columns = [p.name for p in (y, weights) if isinstance(p, ColumnOf)]
        if isinstance(table, ParquetRows):
            table = replace(table, columns=tuple(columns))
        return part.holding((table if columns else None, None, y, weights, None))

    def read(self, part):
        """Load a part's labels; messages name the part."""
        _, y, weights, _ = part.load()
        try:
            y = as_array(y)
            y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
            if y.ndim != 1:
                raise ValueError(f"y has shape {y.shape}; classes must be (n_rows,).")
            if y.dtype.kind == "f":
                checked_numbers(y, "y", y.shape)
            if weights is not None:
                weights = checked_weights(weights, len(y))
        except ValueError as error:
            raise ValueError(f"{part.name}: {error}") from None
        return LabelChunk(y, weights, np.empty((0, 0)))


class LabelsKernel:
    """Finds which labels there are, and how much they weigh."""

    must_be_finite = True

    def of(self, chunk):
        """Return the `LabelSums` of a chunk."""
        labels, codes = np.unique(chunk.y, return_inverse=True)
        return LabelSums(labels, np.bincount(codes, chunk.weights, len(labels)))

    def is_finite(self, found):
        """Return True: it has been looked at."""
        return True


@dataclass(frozen=True)
class LabelSums:
    """Labels, sorted, and the sums of weights of their samples."""

    labels: np.ndarray
    weights: np.ndarray

    def __add__(self, other):
        """Merge with the labels of other rows."""
        both = np.concatenate([self.labels, other.labels])
        labels, codes = np.unique(both, return_inverse=True)
        weights = np.concatenate([self.weights, other.weights])
        return LabelSums(labels, np.bincount(codes, weights, len(labels)))
