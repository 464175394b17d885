"""The group lasso and its path."""

from collections import namedtuple
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array

from skstruct._compat import Interval, fit_context, with_callbacks
from skstruct.linear_model.base import (
    GroupLinearRegressor,
    atomic_fit,
    warn_if_not_converged,
)
from skstruct.solvers.solve import solve_path

GroupPath = namedtuple(
    "GroupPath", ["alphas", "coefs", "dual_gaps", "intercepts", "n_iters"]
)
GroupPath.__doc__ = "What :func:`group_lasso_path` returns."


class GroupLasso(GroupLinearRegressor):
    r"""Linear regression that keeps or drops whole groups of features.

    Minimises, over coefficients B and intercept b,

    .. math::

        \frac{1}{2 \sum_i s_i} \sum_i s_i \lVert y_i - o_i - x_i^\top B - b
        \rVert^2 + \alpha \sum_g w_g \lVert B_g \rVert_F

    with sample weights s, offsets o and group weights w. All coefficients of a group,
    for all outputs, are zero or nonzero together (Yuan and Lin, 2006). With groups of
    one feature this is the lasso; with several outputs, the multi-task lasso.

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty, nonnegative, in units of y squared per unit of
        coefficient. 0 is ordinary least squares; from some ``alpha_max`` on, every
        penalised group is zero (:func:`group_lasso_path` starts there).
    groups : int, array-like, list, dict, callable or None, default=None
        Which features belong together:

        - None: each feature is its own group;
        - int k: consecutive blocks of k features;
        - labels of shape (n_features,): features with equal labels are a group;
        - list of collections of feature indices or names: one group each;
        - dict of group name to indices, names, a slice, a mask, or a regular
          expression of feature names;
        - callable of the feature names that returns any of these.

        Every feature must be in one group; see `remainder`.
    group_weights : array-like of shape (n_groups,), dict or None, default=None
        Weights w, in the order of ``group_names_`` (labels are sorted, other forms
        stay as given), or by group name. 0 leaves a group unpenalised. None means the
        square root of the group's size (number of features), for every group that a
        dict leaves out too.
    remainder : {"error", "singletons", "unpenalized"}, default="error"
        What becomes of features in no group: an error that names them, a group each,
        or one group of weight 0.
    fit_intercept : bool, default=True
        Whether to fit an intercept, which is never penalised.
    standardize : {"none", "features", "groups"}, default="none"
        In which coordinates coefficients are penalised: as they are; multiplied by
        their feature's standard deviation (as if X had been standardised); or such
        that each group's columns are orthonormal, so that a group is penalised by
        the size of what it fits (Simon and Tibshirani, 2012). ``coef_`` always
        belongs to X as given. Without intercept, deviations are about zero.
    positive : bool, default=False
        Constrain all coefficients to be nonnegative.
    tol : float, default=1e-4
        Stop when the duality gap is at most `tol` times the loss of the null model
        (intercept and unpenalised groups only).
    max_iter : int, default=10_000
        Most sweeps over the groups.
    warm_start : bool, default=False
        Start from the coefficients of the last fit.
    verbose : bool or int, default=False
        Print sweeps and duality gap when done.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients; float32 where X is.
    intercept_ : float or ndarray of shape (n_outputs,)
        Intercept; 0.0 if it is not fitted.
    dual_gap_ : float
        Duality gap of the solution, in units of the objective: the objective is at
        most this much above its minimum. Computed in float64 from the coefficients.
    n_iter_ : int
        Sweeps run, the closing pass over all groups included.
    groups_ : list of ndarray
        Feature indices of each group.
    group_names_ : ndarray of shape (n_groups,)
        Names of the groups.
    group_weights_ : ndarray of shape (n_groups,)
        Weights of the groups.
    group_norms_ : ndarray of shape (n_groups,)
        Euclidean norms of the groups' coefficients, all outputs together.
    selected_groups_ : ndarray
        Names of the groups whose norm is not zero.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X has string names.

    See Also
    --------
    GroupLassoCV : Chooses alpha by cross-validation.
    group_lasso_path : Solutions for many alphas.
    sklearn.linear_model.Lasso : Without groups.
    sklearn.linear_model.MultiTaskLasso : Groups across outputs only.

    Notes
    -----
    Solved by block coordinate descent on a growing working set of groups, each block
    minimised exactly, with extrapolation; ``doc/design/solver.md`` has the details.

    References
    ----------
    Yuan, M. and Lin, Y. (2006). Model selection and estimation in regression with
    grouped variables. JRSS B 68(1), 49-67.

    Simon, N. and Tibshirani, R. (2012). Standardization and the group lasso penalty.
    Statistica Sinica 22(3), 983-1001.

    Examples
    --------
    >>> from skstruct import GroupLasso
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=100, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLasso(alpha=0.3, groups=groups).fit(X, y)
    >>> print(model.selected_groups_)
    [2 5]
    >>> model.coef_.shape
    (18,)
    """

    _parameter_constraints = {
        **GroupLinearRegressor._parameter_constraints,
        "alpha": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        alpha=1.0,
        *,
        groups=None,
        group_weights=None,
        remainder="error",
        fit_intercept=True,
        standardize="none",
        positive=False,
        tol=1e-4,
        max_iter=10_000,
        warm_start=False,
        verbose=False,
    ):
        self.alpha = alpha
        self.groups = groups
        self.group_weights = group_weights
        self.remainder = remainder
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.positive = positive
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.verbose = verbose

    @atomic_fit
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, offset=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data. Dense X is used in place in either memory order, float64
            or float32; sparse X as CSC.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Responses.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights; weight k is the same as repeating the sample k times.
        offset : array-like of shape (n_samples,) or (n_samples, n_outputs), \
                default=None
            Known part of the response, to which the model adds.

        Returns
        -------
        self : GroupLasso
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, groups or parameters are not valid; the message says which, and
            the estimator stays as it was.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If the duality gap is larger than asked for after `max_iter` sweeps.
        """
        X, y, problem = self._make_problem(X, y, sample_weight, offset)
        context = self._init_callback_context(max_subtasks=0)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        solution = solve_path(
            problem,
            np.array([self.alpha], dtype=np.float64),
            tol=self.tol,
            max_iter=self.max_iter,
            start=self._start(problem),
        )
        warn_if_not_converged(solution, self.tol, self.max_iter)
        self._set_solution(problem, solution, 0, y)
        if self.verbose:
            print(
                f"GroupLasso: {self.n_iter_} sweeps, duality gap {self.dual_gap_:.3g}, "
                f"{len(self.selected_groups_)} of {len(self.groups_)} groups selected"
            )
        context.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        return self

    def _start(self, problem):
        if not (self.warm_start and hasattr(self, "coef_")):
            return None
        coef = np.atleast_2d(self.coef_).T.astype(np.float64)
        fits = coef.shape == (problem.matrix.shape[1], problem.y.shape[1])
        return coef if fits else None


def group_lasso_path(
    X,
    y,
    *,
    groups=None,
    alphas=100,
    eps=1e-3,
    sample_weight=None,
    offset=None,
    group_weights=None,
    remainder="error",
    fit_intercept=True,
    standardize="none",
    positive=False,
    tol=1e-4,
    max_iter=10_000,
):
    r"""Fit the group lasso for a sequence of alphas.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Training data.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Responses.
    groups : int, array-like, list, dict, callable or None, default=None
        The groups, as in :class:`GroupLasso`.
    alphas : int or array-like of shape (n_alphas,), default=100
        Number of alphas on a geometric grid from ``alpha_max``, the smallest alpha at
        which every penalised group is zero, to ``eps * alpha_max``; or the alphas
        themselves, nonnegative.
    eps : float, default=1e-3
        Length of the grid, in (0, 1).
    sample_weight, offset : array-like, default=None
        As in :meth:`GroupLasso.fit`.
    group_weights, remainder, fit_intercept, standardize, positive, tol, max_iter
        As in :class:`GroupLasso`; `tol` and `max_iter` hold for each alpha.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,)
        From large to small.
    coefs : ndarray of shape (n_features, n_alphas) or \
            (n_outputs, n_features, n_alphas)
        Coefficients.
    dual_gaps : ndarray of shape (n_alphas,)
        Duality gaps, in units of the objective.
    intercepts : ndarray of shape (n_alphas,) or (n_outputs, n_alphas)
        Intercepts.
    n_iters : ndarray of shape (n_alphas,)
        Sweeps at each alpha.

    Raises
    ------
    ValueError
        If data, groups or parameters are not valid.

    Warns
    -----
    sklearn.exceptions.ConvergenceWarning
        If some duality gap is larger than asked for.

    See Also
    --------
    GroupLasso : For one alpha.
    GroupLassoCV : Chooses alpha by cross-validation.

    Examples
    --------
    >>> from skstruct import group_lasso_path
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=50, n_groups=4, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> path = group_lasso_path(X, y, groups=groups, alphas=20)
    >>> path.coefs.shape
    (12, 20)
    >>> bool((path.coefs[:, 0] == 0).all())
    True
    """
    model = GroupLasso(
        groups=groups,
        group_weights=group_weights,
        remainder=remainder,
        fit_intercept=fit_intercept,
        standardize=standardize,
        positive=positive,
        tol=tol,
        max_iter=max_iter,
    )
    model._validate_params()
    alphas = check_alphas(alphas, eps)
    _, y, problem = model._make_problem(X, y, sample_weight, offset)
    solution = solve_path(problem, alphas, tol=tol, max_iter=max_iter, eps=eps)
    warn_if_not_converged(solution, tol, max_iter)
    coefs, intercepts = path_arrays(problem, solution, y)
    return GroupPath(
        solution.alphas, coefs, solution.gaps, intercepts, solution.n_iters
    )


def path_arrays(problem, solution, y):
    """Return coefs and intercepts of a path in the shapes of scikit-learn's paths."""
    coefs = solution.coefs.transpose(2, 1, 0).astype(problem.dtype)
    intercepts = solution.intercepts.T
    return (coefs[0], intercepts[0]) if y.ndim == 1 else (coefs, intercepts)


def check_alphas(alphas, eps):
    """Return alphas as an int or as an array, sorted from large to small.

    Raises
    ------
    ValueError
        If they are not a positive number of alphas or nonnegative values, or if `eps`
        is not in (0, 1).
    """
    if not (isinstance(eps, Real) and 0 < eps < 1):
        raise ValueError(
            f"eps={eps!r} must be in (0, 1): the smallest alpha as a share of the "
            "largest."
        )
    if isinstance(alphas, Integral) and not isinstance(alphas, bool):
        if alphas < 1:
            raise ValueError(f"alphas={alphas} must be at least 1, or an array.")
        return int(alphas)
    if np.ndim(alphas) == 0:
        for_one = f" For this one value pass alphas=[{alphas!r}]."
        raise ValueError(
            f"alphas={alphas!r} must be an int, the number of alphas, or an array of "
            f"them.{for_one if isinstance(alphas, Real) else ''}"
        )
    alphas = check_array(alphas, ensure_2d=False, dtype=np.float64, input_name="alphas")
    if alphas.ndim != 1 or (alphas < 0).any():
        raise ValueError(
            "alphas must be one-dimensional and nonnegative; got shape "
            f"{alphas.shape}, smallest {alphas.min()}."
        )
    return np.sort(alphas)[::-1]
