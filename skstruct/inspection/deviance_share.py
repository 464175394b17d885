"""How much of the deviance that a model explains is due to each group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skstruct.pipeline.table import model_and_head

if TYPE_CHECKING:  # models load numba, which whoever has fitted one has loaded
    from skstruct.linear_model.responses import FittedResponses
    from skstruct.losses import Loss

_NODES = 16  # of a Gauss-Legendre rule: exact for polynomials up to degree 31
_MOST_PANELS = 64
_PRECISION = 1e-10


def group_deviance_share(
    estimator: Any, X: Any, y: Any, *, sample_weight: Any = None
) -> Bunch:
    r"""Share the deviance that a linear model explains out among its groups.

    With the deviance :math:`D(f) = \sum_i s_i (\ell(y_i, f_i) - \inf \ell)`, the null
    predictor :math:`f_0` of the mean of y, and the fitted one

    .. math::

        f = f_0 + c_0 + \sum_g c_g, \qquad
        c_g = \sum_{j \in g} (x_j - m_j) \beta_j

    with the means :math:`m_j` of the columns, the share of a group is what its part
    earns on the straight way from null to fit:

    .. math::

        share_g = - \frac{1}{D(f_0)} \int_0^1
        \langle \nabla D(f_0 + t (f - f_0)), c_g \rangle \, dt

    These are the values of Aumann and Shapley (1974) of the game that groups play by
    entering little by little, all at the same pace. By the fundamental theorem of
    calculus they add up: all shares and that of the intercept's shift c_0 are together
    the share of the deviance explained, :math:`1 - D(f) / D(f_0)`. For the squared
    error it is :math:`(2 cov(c_g, y) - cov(c_g, f)) / var(y)`, which for least squares
    on the rows of the fit is the covariance share :math:`cov(c_g, f) / var(y)` (Pratt,
    1987, in terms of whole groups).

    Parameters
    ----------
    estimator : estimator
        A fitted linear model of this package, or what contains one, such as a
        GroupedPipeline or a search.
    X : {array-like, sparse matrix, data frame} of shape (n_samples, n_features)
        Samples, those of the fit or others; raw ones for a pipeline.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Responses. The deviances of several outputs are added.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.

    Returns
    -------
    sklearn.utils.Bunch
        With attributes

        - group_names : ndarray of shape (n_groups,);
        - shares : ndarray of shape (n_groups,), relative to the null deviance. Groups
          that are not selected have 0; one that others hold back can be negative;
        - unique : ndarray of shape (n_groups,), by how much the deviance rises,
          relative to the null deviance, when the group's part is replaced by its mean
          and nothing is fitted again. These need not add up;
        - intercept : float, the share of c_0: 0 for the squared error on the rows of
          the fit; a few percent, of either sign, where the mean of the predictor is
          not the predictor of the mean;
        - explained : float, the share of the deviance that the model explains.

    Raises
    ------
    TypeError
        If there is no linear model with groups in the estimator, or its target is
        transformed.
    ValueError
        If the data do not fit the model, or y is constant.

    See Also
    --------
    group_permutation_importance : What shuffling costs, for any model and score.

    Notes
    -----
    A feature in several groups counts for each of them in equal parts. Classes are
    weighted as in the fit (`class_weight`). The integral is computed by Gauss-Legendre
    rules until the shares add up to 1e-10, where the loss is smooth; for losses with
    kinks as far as 1024 nodes go, to about 1e-4. Offsets are not taken into account.

    References
    ----------
    Aumann, R. J. and Shapley, L. S. (1974). Values of non-atomic games. Princeton
    University Press.

    Pratt, J. W. (1987). Dividing the indivisible: using simple symmetry to partition
    variance explained. Proc. 2nd Int. Tampere Conf. in Statistics, 245-260.

    Examples
    --------
    >>> from skstruct import GroupLasso, group_deviance_share
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLasso(alpha=0.3, groups=groups).fit(X, y)
    >>> result = group_deviance_share(model, X, y)
    >>> result.shares.round(2).tolist()
    [0.0, 0.0, 0.24, 0.0, 0.0, 0.22]
    >>> bool(abs(result.shares.sum() - model.score(X, y)) < 1e-9)
    True
    """
    from skstruct.linear_model.responses import fitted_responses

    check_is_fitted(estimator)
    model, head = model_and_head(estimator)
    check_is_linear(estimator, model)
    if head is not None:
        X = head.transform(X)
    data = fitted_responses(model, X, y, sample_weight)
    loss, weights = data.loss, data.weights
    if not np.ptp(data.y[weights > 0], axis=0).any():
        raise ValueError("y is constant: there is no deviance to explain.")
    null = np.broadcast_to(loss.link((weights @ data.y)[None]), data.y.shape)
    null_deviance = loss.value(data.y, null, weights) - loss.lowest(data.y, weights)
    gain = loss.value(data.y, null, weights) - loss.value(
        data.y, data.predictor, weights
    )
    slope = weights[:, None] * mean_gradient(loss, data, null, gain)
    means = weights @ data.X
    earned = -(data.X.T @ slope - np.outer(means, slope.sum(axis=0)))
    earned = (earned * data.coef).sum(axis=1) / shared_among(model)
    shift = weights @ (data.predictor - null)
    return Bunch(
        group_names=model.group_names_,
        shares=np.array([earned[own].sum() for own in model.groups_]) / null_deviance,
        unique=losses_without(model, data, means) / null_deviance,
        intercept=-float(slope.sum(axis=0) @ shift) / null_deviance,
        explained=gain / null_deviance,
    )


def check_is_linear(estimator: Any, model: Any) -> None:
    """Raise TypeError unless a model of y itself, as a sum over features, is inside."""
    inner = getattr(estimator, "best_estimator_", estimator)
    steps = [own for _, own in getattr(inner, "steps", [])]
    if any(isinstance(own, TransformedTargetRegressor) for own in [inner, *steps]):
        raise TypeError(
            "The model's target is transformed, so its deviance is not one of y. Pass "
            "the fitted inner model, and the transformed y."
        )
    if not hasattr(model, "coef_"):
        raise TypeError(
            f"{type(model).__name__} is no linear model; shares of deviance are those "
            "of sums of parts. Use group_permutation_importance."
        )


def mean_gradient(
    loss: Loss, data: FittedResponses, null: np.ndarray, gain: float
) -> np.ndarray:
    """Return the loss's gradient (n, q), averaged over the way from null to fit."""
    way = data.predictor - null
    nodes, node_weights = np.polynomial.legendre.leggauss(_NODES)
    mean = np.zeros_like(way)
    n_panels = 1
    while True:
        mean[:] = 0.0
        for panel in range(n_panels):
            for node, weight in zip(nodes, node_weights, strict=True):
                t = (panel + (1.0 + node) / 2.0) / n_panels
                mean += (
                    weight / (2.0 * n_panels) * loss.gradient(data.y, null + t * way)
                )
        missed = gain + float(data.weights @ (mean * way).sum(axis=1))
        if abs(missed) <= _PRECISION * abs(gain) or n_panels == _MOST_PANELS:
            return mean
        n_panels *= 2


def shared_among(model: Any) -> np.ndarray:
    """Return how many groups each feature is in, at least one."""
    counts = np.bincount(np.concatenate(model.groups_), minlength=model.n_features_in_)
    return np.maximum(counts, 1)


def losses_without(model: Any, data: FittedResponses, means: np.ndarray) -> np.ndarray:
    """Return how much the loss rises without each group's part of the predictor."""
    fitted = data.loss.value(data.y, data.predictor, data.weights)
    coef = data.coef / shared_among(model)[:, None]
    rises = np.zeros(len(model.groups_))
    for g, own in enumerate(model.groups_):
        if coef[own].any():
            part = data.X[:, own] @ coef[own] - means[own] @ coef[own]
            rises[g] = (
                data.loss.value(data.y, data.predictor - part, data.weights) - fitted
            )
    return rises
