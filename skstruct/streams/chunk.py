"""Rows of one chunk, checked against what the first chunk said of all."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse


class Chunk(NamedTuple):
    """Rows as kernels take them.

    Attributes
    ----------
    X : (n, p) ndarray or CSR array
        float64 or float32.
    y : (n, q) float64 array
        Responses, encoded.
    weights : (n,) float64 array or None
        Sample weights; None for ones.
    offset : (n, q) float64 array or None
        Known part of the linear predictor.
    fold_ids : (n,) integer array or None
        Which fold holds a row out, -1 for none.
    """

    X: Any
    y: np.ndarray
    weights: np.ndarray | None
    offset: np.ndarray | None
    fold_ids: np.ndarray | None


@dataclass(frozen=True)
class Form:
    """What all chunks must look like, and how their responses are encoded.

    Attributes
    ----------
    n_features : int
        Width of X.
    feature_names : tuple of str or None
        Its columns, where they have names.
    y_shape : tuple
        Shape of y but for its rows: () or (q,).
    target : object
        Encodes responses: ``target.encoded(y)`` returns them (n, q), and
        ``target.weighted(weights, y)`` their weights.
    """

    n_features: int
    feature_names: tuple | None
    y_shape: tuple
    target: object

    def wanted(self, part):
        """Return the part as it is: all of it is looked at."""
        return part

    def read(self, part):
        """Load a part and return its `Chunk`; messages name the part."""
        X, y, weights, offset = part.load()
        try:
            return self._checked(part, X, y, weights, offset)
        except ValueError as error:
            raise ValueError(f"{part.name}: {error}") from None

    def _checked(self, part, X, y, weights, offset):
        X = self._checked_X(X)
        n = X.shape[0]
        y = self.checked_y(y, n)
        if weights is not None:
            weights = checked_weights(weights, n)
        weights = self.target.weighted(weights, y)
        y = self.target.encoded(y)
        if offset is not None:
            offset = as_array(offset)
            own = offset.shape if offset.ndim == 2 and offset.shape[1] > 1 else (n,)
            own = checked_numbers(offset.reshape(own), "offset", own)
            own = own if own.ndim == 2 else own[:, None]
            offset = np.ascontiguousarray(np.broadcast_to(own, y.shape))
        ids = None if part.folds is None else part.folds.ids(n)
        return Chunk(X, y, weights, offset, ids)

    def _checked_X(self, X):
        names = column_names(X)
        if self.feature_names and names and tuple(names) != self.feature_names:
            X = self._in_order(X, names)
        X = as_features(X)
        if X.ndim != 2 or X.shape[1] != self.n_features:
            width = X.shape[1] if X.ndim == 2 else f"shape {X.shape}"
            raise ValueError(
                f"X has {width} features, where the first chunk has {self.n_features}."
            )
        return X

    def _in_order(self, X, names):
        missing = [name for name in self.feature_names if name not in names]
        if missing or len(names) != len(self.feature_names):
            raise ValueError(
                f"X has the columns {list(names)[:5]}..., where the first chunk has "
                f"{list(self.feature_names)[:5]}...; {missing[:3]} are missing."
            )
        return X[list(self.feature_names)]

    def checked_y(self, y, n_rows):
        """Return labels or responses, (n,) or (n, q)."""
        y = as_array(y)
        if self.y_shape == () and y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.shape != (n_rows, *self.y_shape):
            raise ValueError(
                f"y has shape {y.shape}, where X has {n_rows} rows and y of the first "
                f"chunk shape {('n', *self.y_shape)}."
            )
        return y


def column_names(X):
    """Return the names of a table's columns, None if it is none or they are no text."""
    columns = getattr(X, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return list(columns)


def as_array(values):
    """Return anything as an ndarray."""
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)


def as_features(X):
    """Return X as float64 or float32, CSR if it is sparse; not copied if it is that."""
    if sparse.issparse(X):
        X = sparse.csr_array(X)
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
    else:
        X = as_array(X)
    if X.dtype.kind == "c":
        raise ValueError("X is complex; pass real features.")
    if X.dtype in (np.float64, np.float32):
        return X
    try:
        return X.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X of dtype {X.dtype} could not be converted to numbers ({error}); encode "
            "categories before, for example with get_dummies."
        ) from None


def checked_numbers(values, name, shape):
    """Return values as float64, of this shape and finite.

    Raises
    ------
    ValueError
        If they are not.
    """
    values = as_array(values)
    if values.shape != shape:
        raise ValueError(f"{name} has shape {values.shape}; it must be {shape}.")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise ValueError(f"{name} contains NaN or infinity, first in row {row}.")
    return values


def checked_weights(weights, n_rows):
    """Return sample weights (n_rows,), finite and nonnegative."""
    weights = checked_numbers(weights, "sample_weight", (n_rows,))
    if (weights < 0).any():
        row = int(np.argmax(weights < 0))
        raise ValueError(
            f"sample_weight must not be negative; row {row} has weight "
            f"{weights[row]:g}. Leave samples out with weight 0."
        )
    return weights


def refuse_not_finite(X):
    """Raise a ValueError that says where X is not finite, if anywhere."""
    values = X.data if sparse.issparse(X) else X
    bad = np.argwhere(~np.isfinite(values))
    if not len(bad):
        return
    where = f"first in row {bad[0][0]}, column {bad[0][1]}" if bad.shape[1] == 2 else ""
    raise ValueError(f"X contains NaN or infinity{', ' if where else ''}{where}.")
