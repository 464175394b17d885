"""From a problem and its alphas to certified solutions."""

from dataclasses import replace

import numpy as np

from skstruct.groups import make_layout
from skstruct.penalties import GroupL2
from skstruct.solvers.certificate import Certificate
from skstruct.solvers.coupled_path import CoupledPath
from skstruct.solvers.decomposition import decomposition
from skstruct.solvers.design import Design, nonnegative_least_squares
from skstruct.solvers.moments import ShortProblem, moments_pay
from skstruct.solvers.passes import solve_streamed
from skstruct.solvers.path import PathSolver
from skstruct.solvers.smoothed_path import SmoothedPath
from skstruct.solvers.solution import Solution
from skstruct.solvers.streamed_moments import about_mean

# Largest dense array, in bytes, that an unpenalised fit of sparse X may need.
_MOST_BYTES = 4e9
# Share of the accepted gap that the rounding of moments may take up.
_HARMLESS = 0.1


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
    if problem.run_pass is not None:
        return _solve_in_passes(problem, alphas, tol, max_iter, eps, on_solved)
    problem = problem.prepared()
    how = {"tol": tol, "max_iter": max_iter, "eps": eps, "start": start}
    n_alphas = int(alphas) if np.ndim(alphas) == 0 else len(alphas)
    is_positive = np.ndim(alphas) == 0 or np.min(alphas) > 0
    if not problem.has_rows or (
        is_positive and (problem.moments or moments_pay(problem, n_alphas))
    ):
        solution, is_exact = _solve_short(problem, alphas, on_solved=on_solved, **how)
        if is_exact or not problem.has_rows:
            return solution
        alphas, on_solved = solution.alphas, None
    return _solve_by_rows(problem, alphas, on_solved=on_solved, **how)


def _solve_in_passes(problem, alphas, tol, max_iter, eps, on_solved):
    """Solve by passes over rows that are elsewhere; coefficients start from zero."""
    how = {"tol": tol, "max_iter": max_iter, "eps": eps}
    solution = solve_streamed(problem, alphas, **how).solution
    for _ in range(len(solution.alphas) if on_solved is not None else 0):
        on_solved()
    return solution


def _solve_short(problem, alphas, **how):
    """Solve by the moments of the rows; tell whether rounding did no harm."""
    short = ShortProblem.of(problem)
    solution = _solve_by_rows(short.problem, alphas, **how)
    rounding = short.rounding(solution.coefs)
    solution = replace(
        solution,
        intercepts=short.intercepts(solution.coefs),
        gaps=solution.gaps + rounding * problem.penalty.is_convex,
    )
    accepted = solution.accepted_gap
    if not problem.penalty.is_convex:  # there it is a violation relative to alpha
        accepted *= solution.null_loss
    return solution, bool((rounding <= _HARMLESS * accepted).all())


def _solve_by_rows(problem, alphas, *, tol, max_iter, eps, start, on_solved):
    solver = _solver(problem, tol, max_iter)
    if np.ndim(alphas) == 0:
        alphas = solver.grid(int(alphas), eps)
    alphas = np.sort(np.asarray(alphas, dtype=np.float64))[::-1]
    if start is not None:
        solver.start_from(start)
    positive = alphas[alphas > 0]
    if problem.penalty.is_convex:
        found = solver.solve(positive, on_solved)
    else:
        convex = replace(problem, penalty=problem.penalty.convex_start())
        starts = PathSolver(convex, tol, max_iter).solve(positive)[0]
        found = solver.solve(positive, on_solved, starts)
    n_zero = len(alphas) - len(positive)
    if n_zero:
        zero = _solve_unpenalised(problem)
        found = [
            np.concatenate([part, np.repeat(last, n_zero, axis=0)])
            for part, last in zip(found, zero, strict=True)
        ]
        for _ in range(n_zero if on_solved is not None else 0):
            on_solved()
    return Solution(
        alphas,
        *found,
        null_loss=solver.null_loss,
        accepted_gap=solver.accepted_gap,
        is_certified=problem.penalty.is_convex,
    )


def alpha_grid(problem, n_alphas, eps):
    """Return alphas, geometric from the problem's ``alpha_max`` to `eps` times it."""
    problem = problem.prepared()
    if problem.moments:
        problem = ShortProblem.of(problem).problem
    return _solver(problem, 1e-4, 1).grid(n_alphas, eps)


def certify(problem, alpha, coef, intercept):
    """Return the duality gap of coefficients (p, q) and intercepts (q,).

    For a penalty that is not convex, the largest violation of the optimality
    conditions. Where groups are latent, or the loss has kinks, the dual point is that
    of a solution found from the coefficients; any is valid.
    """
    problem = problem.prepared()
    rounding = 0.0
    if not problem.has_rows:
        rounding = ShortProblem(problem.moments, problem, None).rounding(coef[None])[0]
        intercept = about_mean(problem, coef[None], intercept[None])[0]
    if alpha == 0:
        problem = _unpenalised(problem)
    latents = duals = None
    if problem.layout.is_overlapping and problem.penalty.is_block_separable:
        latents = decomposition(problem, coef)[None]
    if not problem.loss.is_smooth:
        solver = _solver(problem, 1e-6, 10_000)
        solver.start_from(coef)
        solver.solve(np.array([alpha]))
        duals = solver.v
    gaps, _ = Certificate(problem).evaluate(
        np.array([alpha]), coef[None], intercept[None], latents, duals
    )
    return float(gaps[0] + rounding * problem.penalty.is_convex)


def _solver(problem, tol, max_iter):
    path = PathSolver if problem.penalty.is_block_separable else CoupledPath
    if problem.loss.is_smooth:
        return path(problem, tol, max_iter)
    return SmoothedPath(problem, tol, max_iter, path)


def _check_that_it_fits(matrix):
    n_bytes = 8.0 * matrix.shape[0] * matrix.shape[1]
    if matrix.is_sparse and n_bytes > _MOST_BYTES:
        raise ValueError(
            f"alpha=0 asks for an unpenalised fit, which needs a dense copy of X of "
            f"{n_bytes / 1e9:.0f} GB; use a small positive alpha, or "
            "scipy.sparse.linalg.lsqr."
        )


def _unpenalised(problem):
    p = problem.layout.n_features
    return replace(
        problem,
        layout=make_layout(None, p, weights=np.zeros(p)),
        penalty=GroupL2(positive=problem.penalty.positive),
        scaling="none",
    )


def _solve_unpenalised(problem):
    """Return coefs, intercepts, gaps and sweeps of the unpenalised fit."""
    _check_that_it_fits(problem.matrix)
    unpenalised = _unpenalised(problem)
    duals = None
    if problem.penalty.is_unconstrained:
        solver = _solver(unpenalised, 1.0, 1)
        coefs = solver.null_coefs()
        certificate = solver.certificate
        if not problem.loss.is_smooth:
            duals, certificate = solver.v, solver.solver.certificate
        intercepts = certificate.intercepts(coefs)
    elif problem.loss.is_quadratic:
        coefs = _nonnegative_fit(unpenalised)
        intercepts = Certificate(unpenalised).intercepts(coefs)
    else:
        raise ValueError(
            "alpha=0 with positive=True is not supported for the loss "
            f"{type(problem.loss).__name__}; use a small positive alpha."
        )
    gaps, _ = Certificate(unpenalised).evaluate(
        np.zeros(1), coefs, intercepts, duals=duals
    )
    return coefs, intercepts, gaps, np.ones(1, dtype=np.intp)


def _nonnegative_fit(problem):
    design = Design(
        problem.matrix,
        problem.layout,
        problem.weights,
        problem.fit_intercept,
        "none",
        free_groups=[],
    )
    rows = design.centred_rows(np.arange(problem.layout.n_features))
    return nonnegative_least_squares(rows, design.target(problem.y))[None]
