"""How far a fitted model is from the optimum of its own objective."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skstruct.linear_model.responses import fitted_problem
from skstruct.solvers.solve import certify


def duality_gap(estimator, X, y=None, sample_weight=None, offset=None):
    r"""Compute the duality gap of a fitted linear model.

    The gap is the objective of the model at ``coef_`` and ``intercept_``,
    less the value of the dual problem at a feasible point made from them:

    .. math::

        P(B, b) - D(v) \ge P(B, b) - \min P, \qquad
        D(v) = \frac{1}{\sum_i s_i} \sum_i s_i (v_i o_i - \ell^*(y_i, v_i))
               - (\alpha \, penalty)^*(-X^\top S v / \sum_i s_i)

    with v orthogonal to the intercept and to unpenalised columns (Fenchel duality;
    Rockafellar, 1970, section 31). Nothing of the solver's state is used: coefficients
    that come from elsewhere may be set on the estimator and measured.

    Parameters
    ----------
    estimator : GroupLasso or another linear model of this package
        A fitted estimator. A tuned one is measured at its ``alpha_``. Coefficients
        that `relax` has refitted are measured as they are.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Samples, those of the fit or others; of the squared error, anything that `fit`
        reads in chunks as well.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Responses; None where X is a source of chunks that have them.
    sample_weight : array-like of shape (n_samples,), default=None
        Sample weights.
    offset : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Offsets.

    Returns
    -------
    float
        The gap, at least 0, in units of the objective: that of ``dual_gap_`` for the
        data of the fit.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If the data do not fit the estimator.

    References
    ----------
    Rockafellar, R. T. (1970). Convex Analysis. Princeton University Press.

    Examples
    --------
    >>> from skstruct import GroupLasso, duality_gap
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=50, n_groups=4, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLasso(alpha=0.1, groups=groups).fit(X, y)
    >>> bool(abs(duality_gap(model, X, y) - model.dual_gap_) < 1e-10)
    True
    """
    check_is_fitted(estimator)
    in_chunks = hasattr(estimator, "_problem_to_fit")
    _, problem, coef = fitted_problem(
        estimator, X, y, sample_weight, offset, in_chunks=in_chunks
    )
    intercept = np.atleast_1d(estimator.intercept_).astype(np.float64)
    intercept = np.broadcast_to(intercept, (coef.shape[1],))
    problem = estimator._fitted_problem(problem)
    alpha = getattr(estimator, "alpha_", None)
    alpha = estimator.alpha if alpha is None else alpha
    return certify(problem, float(alpha), coef, intercept)
