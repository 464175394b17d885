"""A fitted transformer that is given some of its columns and gives out some."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin

from skstruct._compat import safe_indexing
from skstruct.pipeline.trace import input_names


class FrozenPart(TransformerMixin, BaseEstimator):
    """Part of a fitted transformer; neither `fit` nor `clone` changes it.

    Parameters
    ----------
    transformer : estimator
        The fitted transformer.
    filler : row of shape (1, n_all_inputs) or None
        Values for the columns that are missing; None if there are none.
    inputs : list of int
        The columns that are given.
    outputs : list of int
        The outputs to give out.
    """

    def __init__(self, transformer, filler, inputs, outputs):
        self.transformer = transformer
        self.filler = filler
        self.inputs = inputs
        self.outputs = outputs

    def __sklearn_clone__(self):
        return self

    def __sklearn_is_fitted__(self):
        return True

    @property
    def n_features_in_(self):
        """Number of columns that are given."""
        return len(self.inputs)

    def fit(self, X, y=None):
        """Do nothing."""
        return self

    def transform(self, X):
        """Transform X as the full transformer does, and give out a part of it."""
        if self.filler is not None:
            X = filled(X, self.filler, self.inputs)
        return safe_indexing(self.transformer.transform(X), self.outputs, axis=1)

    def get_feature_names_out(self, input_features=None):
        """Return the names that the full transformer gives these outputs."""
        if input_features is not None and self.filler is not None:
            names = np.array(input_names(self.transformer), dtype=object)
            names[self.inputs] = input_features
            input_features = names
        names = self.transformer.get_feature_names_out(input_features)
        return np.asarray(names, dtype=object)[self.outputs]


def filled(X: Any, filler: Any, inputs: list[int]) -> Any:
    """Return X with the columns that are missing, each a constant."""
    if sparse.issparse(X):
        places = np.arange(len(inputs))
        shape = (len(inputs), filler.shape[1])
        ones = np.ones(len(inputs))
        return X @ sparse.csr_array((ones, (places, inputs)), shape=shape)
    rows = np.zeros(X.shape[0], dtype=int)
    if hasattr(X, "iloc"):
        full = filler.iloc[rows].set_axis(X.index)
        for place, i in enumerate(inputs):
            full.isetitem(i, X.iloc[:, place])
        return full
    if hasattr(X, "with_columns"):
        return filler[rows].with_columns(X.get_columns())
    full = np.asarray(filler, dtype=X.dtype if X.dtype.kind in "biuf" else object)[rows]
    full[:, inputs] = X
    return full


def columns_at(X: Any, columns: list[int], is_flat: bool = False) -> Any:
    """Return some columns of X, or the only one as a one-dimensional one."""
    return safe_indexing(X, columns[0] if is_flat else columns, axis=1)


def same_values(left: Any, right: Any) -> bool:
    """Return whether two outputs are equal, where they are not missing."""
    left, right = (
        v.toarray() if sparse.issparse(v) else np.asarray(v) for v in (left, right)
    )
    if left.shape != right.shape:
        return False
    missing = (left != left) & (right != right)
    return bool(np.all((left == right) | missing))
