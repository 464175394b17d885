"""From a problem and its alphas to certified solutions."""

from dataclasses import replace

import numpy as np

from skstruct.solvers.certificate import Certificate
from skstruct.solvers.design import Design, nonnegative_least_squares
from skstruct.solvers.path import PathSolver
from skstruct.solvers.solution import Solution

# Largest dense array, in bytes, that an unpenalised fit of sparse X may need.
_MOST_BYTES = 4e9


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
        alphas = solver.grid(int(alphas), eps)
    alphas = np.sort(np.asarray(alphas, dtype=np.float64))[::-1]
    if start is not None:
        solver.start_from(start)
    n_zero = np.count_nonzero(alphas == 0)
    if n_zero:
        _check_that_it_fits(problem.matrix)
    found = solver.solve(alphas[alphas > 0], on_solved)
    if n_zero:
        zero = _solve_unpenalised(problem)
        found = [
            np.concatenate([part, np.repeat(last, n_zero, axis=0)])
            for part, last in zip(found, zero, strict=True)
        ]
        for _ in range(n_zero if on_solved is not None else 0):
            on_solved()
    return Solution(
        alphas, *found, null_loss=solver.null_loss, accepted_gap=solver.accepted_gap
    )


def _check_that_it_fits(matrix):
    n_bytes = 8.0 * matrix.shape[0] * matrix.shape[1]
    if matrix.is_sparse and n_bytes > _MOST_BYTES:
        raise ValueError(
            f"alpha=0 asks for an unpenalised fit, which needs a dense copy of X of "
            f"{n_bytes / 1e9:.0f} GB; use a small positive alpha, or "
            "scipy.sparse.linalg.lsqr."
        )


def _solve_unpenalised(problem):
    """Return coefs, intercepts, gaps and sweeps of the least-squares fit."""
    free = replace(problem.layout, weights=np.zeros(problem.layout.n_groups))
    unpenalised = replace(problem, layout=free, scaling="none")
    if problem.penalty.is_unconstrained:
        coefs = PathSolver(unpenalised, tol=1.0, max_iter=1).null_coefs()
    else:
        coefs = _nonnegative_fit(unpenalised)
    certificate = Certificate(unpenalised)
    intercepts = certificate.intercepts(coefs)
    gaps, _ = certificate.evaluate(np.zeros(1), coefs, intercepts)
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
