"""Functions that follow a path of alphas, and what they take as alphas."""

from collections import namedtuple
from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_array

from skstruct.linear_model.docs import shared_docs
from skstruct.linear_model.fitting import warn_if_not_converged
from skstruct.linear_model.group_lasso import GroupLasso
from skstruct.linear_model.overlapping_group_lasso import OverlappingGroupLasso
from skstruct.linear_model.sparse_group_lasso import SparseGroupLasso
from skstruct.solvers.solve import solve_path

GroupPath = namedtuple(
    "GroupPath", ["alphas", "coefs", "dual_gaps", "intercepts", "n_iters"]
)
GroupPath.__doc__ = "What :func:`group_lasso_path` and its sisters return."


@shared_docs
def group_lasso_path(
    X,
    y=None,
    *,
    groups=None,
    loss="squared_error",
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
    """Fit the group lasso for a sequence of alphas.

    The objective is that of :class:`GroupLasso`. Every alpha starts from the
    last one's solution.

    Parameters
    ----------
    {data}
    {groups}
    {loss}
    {path_alphas}
    sample_weight, offset : array-like, default=None
        As in :meth:`GroupLasso.fit`.
    {shape}
    {positive}
    {solver}

    Returns
    -------
    {path_returns}

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
        loss=loss,
        group_weights=group_weights,
        remainder=remainder,
        fit_intercept=fit_intercept,
        standardize=standardize,
        positive=positive,
        tol=tol,
        max_iter=max_iter,
    )
    return _path(model, X, y, alphas, eps, sample_weight, offset)


@shared_docs
def sparse_group_lasso_path(
    X,
    y=None,
    *,
    groups=None,
    l1_ratio=0.05,
    loss="squared_error",
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
    """Fit the sparse group lasso for a sequence of alphas.

    The objective is that of :class:`SparseGroupLasso`. Every alpha starts from the
    last one's solution.

    Parameters
    ----------
    {data}
    {groups}
    {l1_ratio}
    {loss}
    {path_alphas}
    sample_weight, offset : array-like, default=None
        As in :meth:`SparseGroupLasso.fit`.
    {shape}
    {positive}
    {solver}

    Returns
    -------
    {path_returns}

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
    SparseGroupLasso : For one alpha.
    SparseGroupLassoCV : Chooses alpha by cross-validation.

    Examples
    --------
    >>> from skstruct import sparse_group_lasso_path
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=50, n_groups=4, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> path = sparse_group_lasso_path(X, y, groups=groups, alphas=20)
    >>> path.coefs.shape
    (12, 20)
    >>> bool((path.coefs[:, 0] == 0).all())
    True
    """
    model = SparseGroupLasso(
        groups=groups,
        l1_ratio=l1_ratio,
        loss=loss,
        group_weights=group_weights,
        remainder=remainder,
        fit_intercept=fit_intercept,
        standardize=standardize,
        positive=positive,
        tol=tol,
        max_iter=max_iter,
    )
    return _path(model, X, y, alphas, eps, sample_weight, offset)


@shared_docs
def overlapping_group_lasso_path(
    X,
    y=None,
    *,
    groups=None,
    overlap="latent",
    loss="squared_error",
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
    """Fit the overlapping group lasso for a sequence of alphas.

    The objective is that of :class:`OverlappingGroupLasso`. Every alpha starts from the
    last one's solution.

    Parameters
    ----------
    {data}
    {groups}
    {overlap}
    {loss}
    {path_alphas}
    sample_weight, offset : array-like, default=None
        As in :meth:`OverlappingGroupLasso.fit`.
    {shape}
    {positive}
    {solver}

    Returns
    -------
    {path_returns}

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
    OverlappingGroupLasso : For one alpha.
    OverlappingGroupLassoCV : Chooses alpha by cross-validation.

    Examples
    --------
    >>> from skstruct import overlapping_group_lasso_path
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=50, n_groups=4, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> groups = [range(7), range(5, 12)]
    >>> path = overlapping_group_lasso_path(X, y, groups=groups, alphas=20)
    >>> path.coefs.shape
    (12, 20)
    >>> bool((path.coefs[:, 0] == 0).all())
    True
    """
    model = OverlappingGroupLasso(
        groups=groups,
        overlap=overlap,
        loss=loss,
        group_weights=group_weights,
        remainder=remainder,
        fit_intercept=fit_intercept,
        standardize=standardize,
        positive=positive,
        tol=tol,
        max_iter=max_iter,
    )
    return _path(model, X, y, alphas, eps, sample_weight, offset)


def _path(model, X, y, alphas, eps, sample_weight, offset):
    """Follow the path of a regressor."""
    model._validate_params()
    alphas = check_alphas(alphas, eps)
    problem = model._problem_to_fit(X, y, sample_weight, offset).problem
    how = {"tol": model.tol, "max_iter": model.max_iter}
    solution = solve_path(problem, alphas, eps=eps, **how)
    warn_if_not_converged(solution, **how)
    coefs, intercepts = model._path_arrays(problem, solution)
    return GroupPath(
        solution.alphas, coefs, solution.gaps, intercepts, solution.n_iters
    )


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
