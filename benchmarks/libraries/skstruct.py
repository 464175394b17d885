"""skstruct: `group_lasso_path`, and the engine where there is no path function yet."""

import numpy as np

from benchmarks.libraries.base import Library, settings
from skstruct import group_lasso_path

ENGINE_DEFAULTS = {"tol": 1e-4, "max_iter": 1000}
SWEEP_ITERATIONS = 100_000
LOSSES = {
    "squared_error": "SquaredError",
    "logistic": "LogisticLoss",
    "poisson": "PoissonLoss",
    "multinomial": "MultinomialLoss",
}


class Skstruct(Library):
    """Our own path; tol is a duality gap relative to the null model's loss."""

    tightest = 1e-10
    compiles = True
    by_path_function = ("group", "lasso", "multitask")
    kinds = (
        *by_path_function,
        "sparse_group",
        "overlap",
        "logistic",
        "poisson",
        "multinomial",
    )

    def prepare(self, problem):
        """Label each feature with its group, or list the groups if they overlap."""
        if problem.kind == "overlap":
            return problem, np.split(problem.penalty.indices, problem.ptr[1:-1])
        return problem, np.repeat(np.arange(len(problem.weights)), problem.sizes)

    def fit_path(self, prepared, alphas, tol):
        """Solve the path."""
        problem, groups = prepared
        if problem.kind not in self.by_path_function:
            return _engine_path(problem, groups, alphas, tol)
        return group_lasso_path(
            problem.X,
            problem.y,
            groups=groups,
            group_weights=problem.weights,
            alphas=alphas,
            fit_intercept=True,
            **settings(tol=tol),
        )

    def unpack(self, prepared, result):
        """Pick two fields, outputs first and alphas last."""
        problem = prepared[0]
        coefs, intercepts = np.asarray(result.coefs), np.asarray(result.intercepts)
        if problem.kind in self.by_path_function:
            return coefs, intercepts
        coefs, intercepts = coefs.transpose(2, 1, 0), intercepts.T
        return (coefs, intercepts) if problem.y.ndim == 2 else (coefs[0], intercepts[0])


def _engine_path(problem, groups, alphas, tol):
    """Solve by the engine itself, which takes any loss and penalty."""
    from skstruct import losses, penalties
    from skstruct.groups import make_layout
    from skstruct.solvers.matrix import as_matrix
    from skstruct.solvers.solution import Problem
    from skstruct.solvers.solve import solve_path

    n, p = problem.X.shape
    overlap = problem.kind == "overlap"
    if overlap:
        penalty = penalties.IntersectionOverlap()
    elif problem.kind == "sparse_group":
        penalty = penalties.SparseGroupL2(l1_ratio=problem.penalty.l1_ratio)
    else:
        penalty = penalties.GroupL2()
    asked = Problem(
        matrix=as_matrix(problem.X),
        y=problem.y.reshape(n, -1),
        weights=np.full(n, 1 / n),
        layout=make_layout(groups, p, weights=problem.weights, overlap=overlap),
        penalty=penalty,
        loss=getattr(losses, LOSSES[problem.loss.name])(),
        fit_intercept=True,
    )
    options = ENGINE_DEFAULTS
    if tol is not None:
        options = {"tol": tol, "max_iter": SWEEP_ITERATIONS}
    return solve_path(asked, alphas, **options)
