"""From a problem and its alphas to certified solutions."""

from dataclasses import replace

import numpy as np
from scipy import optimize

from skstruct.groups import GroupLayout
from skstruct.solvers.certificate import duality_gaps
from skstruct.solvers.design import Design, column_means
from skstruct.solvers.path import PathSolver
from skstruct.solvers.solution import Solution

# When the certificate does not confirm the solver's word, it is asked for this
# much more, twice.
_TIGHTEN = (0.1, 0.01)
# Largest dense array, in bytes, that an unpenalised fit of sparse X may need.
_MOST_BYTES = 4e9


def alpha_grid(alpha_max, n_alphas, eps):
    """Return `n_alphas` alphas, geometric from `alpha_max` down to ``eps`` of it."""
    if alpha_max <= np.finfo(np.float64).resolution:
        # Every model is the null model; any positive grid will do.
        return np.full(n_alphas, np.finfo(np.float64).resolution)
    return np.geomspace(alpha_max, alpha_max * eps, n_alphas)


def solve_path(problem, alphas, *, tol, max_iter, eps=1e-3, start=None, on_solved=None):
    """Solve a problem for many alphas.

    Parameters
    ----------
    problem : Problem
        What to solve.
    alphas : int or array
        Number of alphas of a grid from ``alpha_max`` to ``eps * alpha_max``, or the
        alphas themselves, nonnegative and in any order.
    tol : float
        Bound on the duality gap, relative to the null model's loss.
    max_iter : int
        Most sweeps at each alpha.
    eps : float
        Length of the grid.
    start : (p, q) array or None
        Coefficients to start from.
    on_solved : callable or None
        Called without arguments after each alpha.

    Returns
    -------
    Solution
        With alphas sorted from large to small.
    """
    solver = PathSolver(problem, tol, max_iter)
    if np.ndim(alphas) == 0:
        alphas = alpha_grid(solver.alpha_max, int(alphas), eps)
    alphas = np.sort(np.asarray(alphas, dtype=np.float64))[::-1]
    if start is not None:
        solver.start_from(start)
    enough = accepted_gap(problem, solver.null_loss, tol)
    found = _solve_penalised(problem, solver, alphas[alphas > 0], enough, on_solved)
    n_zero = np.count_nonzero(alphas == 0)
    if n_zero:
        zero = _solve_unpenalised(problem)
        if on_solved is not None:
            on_solved()
        found = [
            np.concatenate([part, np.repeat(last, n_zero, axis=0)])
            for part, last in zip(found, zero, strict=True)
        ]
    return Solution(alphas, *found, null_loss=solver.null_loss, accepted_gap=enough)


def accepted_gap(problem, null_loss, tol):
    """Return the gap at which a solution counts as converged.

    That is `tol` times the null model's loss, plus what rounding leaves of a gap
    when responses are large beside their deviations.
    """
    largest = np.abs(problem.y).max(initial=0.0)
    rounding = 10 * np.finfo(np.float64).eps * largest
    return tol * null_loss + rounding * np.sqrt(2 * null_loss) + rounding**2


def _solve_penalised(problem, solver, alphas, enough, on_solved):
    """Return coefs, intercepts, gaps and sweeps, asking again where gaps are large."""
    coefs, n_iters = solver.solve(alphas, on_solved)
    coefs, intercepts, gaps = _certified(problem, alphas, coefs)
    for factor in _TIGHTEN:
        again = np.flatnonzero((gaps > enough) & (n_iters < solver.max_iter))
        if len(again) == 0:
            break
        better, more = solver.refine(alphas[again], coefs[again], factor)
        better, new_intercepts, new_gaps = _certified(problem, alphas[again], better)
        n_iters[again] += more
        chosen = new_gaps < gaps[again]
        improved = again[chosen]
        coefs[improved] = better[chosen]
        intercepts[improved] = new_intercepts[chosen]
        gaps[improved] = new_gaps[chosen]
    return coefs, intercepts, gaps, n_iters


def _certified(problem, alphas, coefs):
    """Round to the coefficients' dtype, set the intercepts, and measure the gaps."""
    coefs = np.ascontiguousarray(coefs.astype(problem.dtype).astype(np.float64))
    n_alphas, p, q = coefs.shape
    intercepts = np.zeros((n_alphas, q))
    if problem.fit_intercept:
        mean = column_means(problem.matrix, problem.weights)
        intercepts = problem.weights @ problem.y - np.einsum("apq,p->aq", coefs, mean)
    return coefs, intercepts, duality_gaps(problem, alphas, coefs, intercepts)


def _solve_unpenalised(problem):
    """Return coefs, intercepts, gaps and sweeps of the least-squares fit."""
    matrix = problem.matrix
    n_bytes = 8.0 * matrix.shape[0] * matrix.shape[1]
    if matrix.is_sparse and n_bytes > _MOST_BYTES:
        raise ValueError(
            f"alpha=0 asks for an unpenalised fit, which needs a dense copy of X of "
            f"{n_bytes / 1e9:.0f} GB; use a small positive alpha, or "
            "scipy.sparse.linalg.lsqr."
        )
    layout = problem.layout
    free = GroupLayout(
        layout.n_features,
        layout.ptr,
        layout.indices,
        np.zeros(layout.n_groups),
        layout.names,
    )
    unpenalised = replace(problem, layout=free, scaling="none")
    alphas = np.zeros(1)
    if problem.penalty.is_unconstrained:
        coefs = PathSolver(unpenalised, 1.0, 1).null_coefs()
    else:
        coefs = _nonnegative_least_squares(unpenalised)
    return *_certified(unpenalised, alphas, coefs), np.ones(1, dtype=np.intp)


def _nonnegative_least_squares(problem):
    design = Design(
        problem.matrix,
        problem.layout,
        problem.weights,
        problem.fit_intercept,
        "none",
        [],
    )
    rows = design.centred_rows(np.arange(problem.layout.n_features))
    norms = np.linalg.norm(rows, axis=1)
    norms[norms == 0] = 1.0
    columns = (rows / norms[:, None]).T
    fits = [optimize.nnls(columns, y)[0] / norms for y in design.target(problem.y).T]
    return np.array(fits).T[None]
