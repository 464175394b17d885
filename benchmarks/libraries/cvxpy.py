"""cvxpy with CLARABEL: what one does today where no library knows the penalty.

Convex modelling states the problem as it is written; nothing needs converting. The
interior point solver starts anew at each alpha and takes minutes on the full problem,
so it is given single alphas of overlapping groups only. tol is CLARABEL's, for the gap
(absolute and relative) and for feasibility. What cvxpy needs to bring the problem to
the solver's form is timed: its user waits for that as well.
"""

import cvxpy as cp
import numpy as np

from benchmarks.libraries.base import Library

TOLERANCES = ("tol_gap_abs", "tol_gap_rel", "tol_feas")


class Cvxpy(Library):
    """cvxpy's CLARABEL, of squared error and overlapping groups at one alpha."""

    loosest = 1e-3
    tightest = 1e-10
    kinds = ("overlap",)

    def supports(self, problem):
        """Leave out whole paths."""
        return super().supports(problem) and len(problem.alphas) == 1

    def fit_path(self, problem, alphas, tol):
        """Model and solve the problem."""
        coef, intercept = cp.Variable(problem.X.shape[1]), cp.Variable()
        residual = problem.y - problem.X @ coef - intercept
        loss = cp.sum_squares(residual) / (2 * len(problem.y))
        members = np.split(problem.penalty.indices, problem.ptr[1:-1])
        norms = cp.hstack([cp.norm(coef[columns]) for columns in members])
        objective = cp.Minimize(loss + alphas[0] * (problem.weights @ norms))
        options = {} if tol is None else dict.fromkeys(TOLERANCES, tol)
        cp.Problem(objective).solve(solver="CLARABEL", max_threads=1, **options)
        return coef.value, intercept.value

    def unpack(self, problem, result):
        """Add the axis of alphas."""
        coef, intercept = result
        return coef[:, None], np.atleast_1d(intercept)
