"""Data that several test files use."""

import inspect

import numpy as np
import sklearn
from scipy import sparse
from sklearn.base import RegressorMixin

import skstruct

#: Three groups of the nine features below: not in order, of sizes 4, 3 and 2.
GROUPS = {"a": [0, 7, 3, 5], "b": [8, 1, 2], "c": [4, 6]}

HAS_CALLBACKS = tuple(int(v) for v in sklearn.__version__.split(".")[:2]) >= (1, 9)

#: Ways to hold one and the same X.
STORAGES = {
    "dense": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "csc_matrix": sparse.csc_matrix,
    "csc_array": sparse.csc_array,
    "csr_matrix": sparse.csr_matrix,
    "csr_array": sparse.csr_array,
    "coo_array": sparse.coo_array,
}


def estimators():
    """All public linear models with groups, whichever there are."""
    public = (getattr(skstruct, name) for name in skstruct.__all__)
    return [
        item
        for item in public
        if isinstance(item, type)
        and issubclass(item, sklearn.base.BaseEstimator)
        and "groups" in inspect.signature(item).parameters
        and hasattr(item, "predict")
        and hasattr(item, "groups_to_frame")
    ]


def regressors():
    """All public regressors."""
    return [cls for cls in estimators() if issubclass(cls, RegressorMixin)]


def make_target(cls, y, n_classes=3):
    """Responses that suit an estimator: y itself, or classes cut from it."""
    if issubclass(cls, RegressorMixin):
        return y
    first = y if y.ndim == 1 else y[:, 0]
    cuts = np.quantile(first, np.arange(1, n_classes) / n_classes)
    return np.array(["low", "mid", "top", "max"])[np.searchsorted(cuts, first)]


def make_data(seed=0, n_samples=40, n_features=9, n_outputs=None, density=1.0):
    """Correlated X with means that are not zero, and y that depends on five columns."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) + rng.normal(size=n_features)
    X[:, 1:] += 0.5 * X[:, :-1]
    X[rng.uniform(size=X.shape) > density] = 0.0
    coef = rng.normal(size=(n_features, n_outputs or 1))
    coef[5:] = 0
    y = 1.0 + X @ coef + 0.5 * rng.normal(size=(n_samples, n_outputs or 1))
    return X, (y if n_outputs else y[:, 0])


def as_lists(model):
    """Groups and weights of a fitted model as `naive` wants them."""
    return [list(group) for group in model.groups_], list(model.group_weights_)


def columns(y):
    """Responses as (n, q)."""
    return np.reshape(np.asarray(y, dtype=float), (len(y), -1))


def coefficients(model):
    """Coefficients (p, q) and intercept (q,) of a fitted model."""
    return np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
