"""Fits to what a penalty has selected, without its shrinkage."""

from dataclasses import replace

import numpy as np

from skstruct.groups import make_layout
from skstruct.penalties import GroupL2, SquaredL2
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.solve import solve_path


def refitted(problem, solution, ridge, *, tol, max_iter):
    """Return the solution with coefficients fitted anew on its nonzero features.

    The relaxed lasso at its far end (Meinshausen, 2007; Hastie, Tibshirani and
    Tibshirani, 2020), for any loss.

    Parameters
    ----------
    problem : Problem
        What `solution` solves.
    solution : Solution
        Along a path.
    ridge : float
        Strength of a ridge ``ridge / 2 |B|^2`` on the penalised features; 0 for none.
    tol, max_iter
        As in `solve_path`.

    Returns
    -------
    Solution
        Gaps and sweeps are those of the refits.
    """
    coefs, intercepts = np.zeros_like(solution.coefs), solution.intercepts.copy()
    gaps, n_iters = solution.gaps.copy(), solution.n_iters.copy()
    accepted, null_loss, before = solution.accepted_gap, solution.null_loss, None
    free = problem.free_features()
    for k, coef in enumerate(solution.coefs):
        support = np.flatnonzero(coef.any(axis=1))
        if before is not None and np.array_equal(support, before):
            coefs[k], intercepts[k] = coefs[k - 1], intercepts[k - 1]
            gaps[k], n_iters[k] = gaps[k - 1], n_iters[k - 1]
            continue
        before = support
        if len(support) == 0:
            continue
        part = _restricted(problem, support, free, ridge)
        fit = solve_path(part, [ridge], tol=tol, max_iter=max_iter)
        coefs[k, support], intercepts[k] = fit.coefs[0], fit.intercepts[0]
        gaps[k], n_iters[k] = fit.gaps[0], fit.n_iters[0]
        accepted, null_loss = max(accepted, fit.accepted_gap), fit.null_loss
    return replace(
        solution,
        coefs=coefs,
        intercepts=intercepts,
        gaps=gaps,
        n_iters=n_iters,
        accepted_gap=accepted,
        null_loss=null_loss,
        is_certified=True,
    )


def blended(solution, refit, share):
    """Return coefficients between a solution (share 0) and its refit (share 1)."""
    return replace(
        solution,
        coefs=(1 - share) * solution.coefs + share * refit.coefs,
        intercepts=(1 - share) * solution.intercepts + share * refit.intercepts,
    )


def _restricted(problem, support, free, ridge):
    """Return the problem on some columns, with a ridge or nothing on them."""
    weights = np.where(np.isin(support, free), 0.0, float(ridge > 0))
    penalty = SquaredL2 if ridge > 0 else GroupL2
    return replace(
        problem,
        matrix=as_matrix(problem.matrix.X[:, support]),
        layout=make_layout(None, len(support), weights=weights),
        penalty=penalty(positive=problem.penalty.positive),
        scaling="features" if problem.scaling == "features" else "none",
        moments=problem.moments
        and problem.moments.of_columns(support, problem.y.shape[1]),
    )
