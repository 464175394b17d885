"""Networks along a path of the penalty on features: from all features to none."""

import copy
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from skstruct.pruning.sparse_training import SparseMLP


class SparseMLPStep(NamedTuple):
    """One network of a path.

    Attributes
    ----------
    feature_penalty : float
        Strength of the penalty.
    selected_features : ndarray of int
        Features on which the network depends.
    selected_groups : ndarray
        Names of the groups with such features.
    score : float
        Accuracy or R squared on the validation data, NaN without.
    estimator : estimator
        The fitted model; its ``network_`` is the smaller network.
    """

    feature_penalty: float
    selected_features: np.ndarray
    selected_groups: np.ndarray
    score: float
    estimator: Any


def sparse_mlp_path(
    estimator, X, y, *, feature_penalties=30, eps=0.01, X_val=None, y_val=None
):
    """Fit a network for each strength of the penalty on features, from dense to sparse.

    Each fit starts from the weights of the last one, with a stronger penalty, so that
    features leave one after the other (Lemhadri et al., 2021, Algorithm 1).

    Parameters
    ----------
    estimator : GroupSparseMLPClassifier or GroupSparseMLPRegressor
        The network; a clone is fitted, and its `feature_penalty` is not used.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training data.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Values or classes.
    feature_penalties : int or array-like of float, default=30
        Number of strengths on a geometric grid that ends where no feature is left, or
        the strengths themselves.
    eps : float, default=0.01
        First strength of the grid as a share of the largest slope of the loss by a
        group of linear effects, per unit of weight, from where no linear model
        has any.
    X_val, y_val : array-like, default=None
        Data to score each network on.

    Returns
    -------
    list of SparseMLPStep
        Named tuples ``(feature_penalty, selected_features, selected_groups, score,
        estimator)``, score NaN without validation data, from weak to strong penalty.
        A grid ends with the first network without features.

    Raises
    ------
    ValueError
        If a parameter is not valid, or training diverges.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If a stage of a fit has not converged.

    References
    ----------
    Lemhadri, I., Ruan, F., Abraham, L. and Tibshirani, R. (2021). LassoNet: a neural
    network with feature sparsity. JMLR 22(127), 1-29.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct import GroupSparseMLPRegressor, sparse_mlp_path
    >>> X = np.random.default_rng(0).normal(size=(300, 10))
    >>> y = X[:, 1] ** 2 - X[:, 4]
    >>> model = GroupSparseMLPRegressor(
    ...     20, penalty="hierarchical", learning_rate_init=0.01, max_iter=300, tol=1e-3,
    ...     random_state=0)
    >>> path = sparse_mlp_path(model, X, y, feature_penalties=[0.01, 1.0])
    >>> [len(step.selected_features) for step in path]
    [10, 2]
    """
    if not isinstance(estimator, SparseMLP):
        raise ValueError(
            f"estimator={estimator!r} must be a GroupSparseMLPClassifier or "
            "GroupSparseMLPRegressor."
        )
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val must be given together.")
    model = clone(estimator).set_params(warm_start=True)
    steps, is_grid = [], np.ndim(feature_penalties) == 0
    strengths = feature_penalties
    if is_grid:
        strengths = _grid(clone(estimator), X, y, feature_penalties, eps)
    for strength in strengths:
        model.set_params(feature_penalty=float(strength)).fit(X, y)
        score = np.nan if X_val is None else model.score(X_val, y_val)
        steps.append(
            SparseMLPStep(
                float(strength),
                model.selected_features_,
                model.selected_groups_,
                float(score),
                copy.deepcopy(model),
            )
        )
        if is_grid and len(model.selected_features_) == 0:
            break
    return steps


def _grid(estimator, X, y, n_strengths, eps):
    """Yield strengths, geometric, and on until far more than enough."""
    if n_strengths < 2 or not 0 < eps < 1:
        raise ValueError(
            f"feature_penalties={n_strengths!r} must be at least 2, or an array, and "
            f"eps={eps!r} in (0, 1)."
        )
    largest = estimator._largest_slope(X, y)
    ratio = eps ** (-1 / (n_strengths - 1))
    for k in range(10 * n_strengths):
        yield largest * eps * ratio**k
