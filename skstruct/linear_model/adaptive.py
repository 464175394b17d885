"""Group weights from a first fit, so that strong groups are penalised less."""

from dataclasses import replace

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import check_array

from skstruct.groups import make_layout
from skstruct.penalties import SquaredL2
from skstruct.solvers.cross_validation import (
    Choice,
    cross_validate_paths,
    moments_of_folds,
    negative_deviances,
)
from skstruct.solvers.measured_norms import column_variances, measured_norms
from skstruct.solvers.solve import alpha_grid, solve_path

_FLOOR = 1e-6  # smallest norm that counts, as a share of the largest
_N_ALPHAS = 20
_N_FOLDS = 5


def adapted(problem, adaptive, gamma, *, tol, max_iter):
    """Return the problem with weights ``w_g / |B_g|^gamma`` of a first fit B.

    Wang and Leng (2008), eq. 3, in the coordinates in which the penalty measures
    coefficients. Norms below 1e-6 of the largest count as that; if all are zero, the
    weights stay as they are.

    Parameters
    ----------
    problem : Problem
        The problem.
    adaptive : {"ridge", "group_lasso"}, array-like or None
        The first fit: with a ridge, or with the problem's own penalty, its strength
        chosen by cross-validation; or its coefficients, (p,) or (q, p).
    gamma : float
        The exponent.
    tol, max_iter
        As in `solve_path`.
    """
    if adaptive is None:
        return problem
    if isinstance(adaptive, str):
        coef = _first_fit(problem, adaptive, tol=tol, max_iter=max_iter)
    else:
        coef = _given(problem, adaptive)
    norms = measured_norms(problem, coef)
    largest = norms.max(initial=0.0)
    if largest == 0:
        return problem
    weights = problem.layout.weights / np.maximum(norms, _FLOOR * largest) ** gamma
    return replace(problem, layout=replace(problem.layout, weights=weights))


def _given(problem, coef):
    coef = check_array(
        coef, ensure_2d=False, dtype=np.float64, input_name="adaptive coefficients"
    )
    p, q = problem.layout.n_features, problem.y.shape[1]
    if coef.shape not in ((p,), (q, p)) or (coef.ndim == 1 and q > 1):
        shape = f"({p},) or (1, {p})" if q == 1 else f"({q}, {p})"
        raise ValueError(
            f"adaptive must be 'ridge', 'group_lasso' or coefficients of shape "
            f"{shape}; got shape {coef.shape}."
        )
    return np.atleast_2d(coef).T


def _first_fit(problem, kind, *, tol, max_iter):
    """Return the coefficients (p, q) of the first fit."""
    if kind == "ridge":
        p = problem.matrix.shape[1]
        free = np.isin(np.arange(p), problem.free_features())
        problem = replace(
            problem,
            layout=make_layout(None, p, weights=np.where(free, 0.0, 1.0)),
            penalty=SquaredL2(positive=problem.penalty.positive),
            scaling="none" if problem.scaling == "none" else "features",
        )
        top = _ridge_scale(problem)
        alphas = np.geomspace(top, 1e-5 * top, _N_ALPHAS)
    else:
        alphas = alpha_grid(problem, _N_ALPHAS, 1e-3)
    return cross_validated_coef(problem, alphas, tol=tol, max_iter=max_iter)


def cross_validated_coef(problem, alphas, **how):
    """Return the coefficients (p, q) at the alpha of the best mean score in 5 folds."""
    splits = _folds(problem)
    total, moments = moments_of_folds(problem, splits, len(alphas))
    scores, _ = cross_validate_paths(
        [(problem, alphas)],
        splits,
        lambda fold, solution, test: negative_deviances(
            fold, problem.weights, solution, test
        ),
        prepare=lambda fold: fold,
        variants=lambda fold, solution: [solution],
        n_jobs=None,
        on_solved=lambda task: None,
        moments=moments,
        **how,
    )
    problem = replace(problem, moments=problem.moments or total)
    best = Choice.from_scores(scores[0, 0]).best
    return solve_path(problem, alphas[: best + 1], **how).coefs[-1]


def _folds(problem):
    """Return folds of the rows that count, with every class in each if possible."""
    rows = np.flatnonzero(problem.weights > 0)
    n_folds = max(2, min(_N_FOLDS, len(rows)))
    y = problem.y[rows]
    if not problem.loss.is_for_classes:
        splitter, labels = KFold(n_folds, shuffle=True, random_state=0), None
    else:
        labels = y.argmax(axis=1) if y.shape[1] > 1 else y[:, 0]
        n_folds = max(2, min(n_folds, np.unique(labels, return_counts=True)[1].min()))
        splitter = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    return [
        (rows[train], rows[test])
        for train, test in splitter.split(np.zeros(len(rows)), labels)
    ]


def _ridge_scale(problem):
    """Return a strength at which a ridge leaves next to nothing of any column."""
    variances = column_variances(problem)
    if problem.scaling != "none":
        variances = (variances > 0).astype(float)
    y, weights = problem.y, problem.weights
    if problem.loss.is_smooth:
        null = problem.loss.link(np.broadcast_to(weights @ y, y.shape))
        bend = weights @ problem.loss.curvature(y, null)
    else:
        bend = 1.0 / np.maximum(weights @ np.abs(y - np.median(y, axis=0)), 1e-12)
    return float(variances.sum() * bend.max()) or 1.0
