"""skglm: its solvers on its compiled data fits and penalties, warm-started by hand.

Default weight 1 (the root of the size is passed). tol is absolute, the distance to
the subdifferential: it is swept as a multiple of alpha_max. skglm has no path over
groups: each alpha is a `solve` of its own, as in its estimators with `warm_start`.
"""

import numpy as np
from skglm.datafits import Quadratic, QuadraticGroup, QuadraticMultiTask
from skglm.penalties import L1, L2_1, WeightedGroupL2
from skglm.solvers import AndersonCD, GroupBCD, MultiTaskBCD

from benchmarks.libraries.base import Library

ESTIMATOR_SETTINGS = {"max_iter": 50, "max_epochs": 50_000, "tol": 1e-4}


class Skglm(Library):
    """skglm with its estimators' settings, but more iterations in the sweep."""

    compiles = True

    def supports(self, problem):
        """Leave out several outputs with larger groups or sparse data."""
        rows = np.all(problem.sizes == 1) and not problem.is_sparse
        return problem.kind != "multitask" or rows

    def prepare(self, problem):
        """Keep y in the order that the solver wants, and alpha_max."""
        return problem, np.asfortranarray(problem.y), problem.alpha_max

    def fit_path(self, prepared, alphas, tol):
        """Solve at each alpha from the last one's coefficients."""
        problem, y, alpha_max = prepared
        datafit, penalty, solver = _compose(problem, alphas[0])
        for name, value in _settings(alpha_max, tol).items():
            setattr(solver, name, value)
        solver.fit_intercept = True
        w = np.zeros((problem.X.shape[1] + 1, *y.shape[1:]))
        fit = np.zeros(y.shape, order="F")
        path = []
        for alpha in alphas:
            penalty.alpha = alpha
            w = solver.solve(problem.X, y, datafit, penalty, w, fit)[0]
            path.append(w.copy())
        return path

    def unpack(self, prepared, result):
        """Split the intercepts off and put the alphas last."""
        path = np.moveaxis(np.array(result), 0, -1)  # (p + 1, [q,] n_alphas)
        coefs, intercepts = path[:-1], path[-1]
        return (coefs if coefs.ndim == 2 else coefs.swapaxes(0, 1)), intercepts


def _compose(problem, alpha):
    """Return the data fit, the penalty and the solver of a kind of problem."""
    if problem.kind == "multitask":
        return QuadraticMultiTask(), L2_1(alpha), MultiTaskBCD()
    if problem.kind == "lasso":
        return Quadratic(), L1(alpha), AndersonCD()
    ptr = problem.ptr.astype(np.int32)
    indices = np.arange(problem.X.shape[1], dtype=np.int32)
    penalty = WeightedGroupL2(alpha, problem.weights, ptr, indices)
    return QuadraticGroup(ptr, indices), penalty, GroupBCD()


def _settings(alpha_max, tol):
    """Return the estimators' defaults, or a tolerance relative to alpha_max."""
    if tol is None:
        return ESTIMATOR_SETTINGS
    return ESTIMATOR_SETTINGS | {"max_iter": 1000, "tol": tol * alpha_max}
