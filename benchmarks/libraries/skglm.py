"""skglm: its solvers on its compiled data fits and penalties, warm-started by hand.

Default weight 1 (the root of the size is passed). tol is absolute, the distance to
the subdifferential: it is swept as a multiple of alpha_max. skglm has no path over
groups: each alpha is a `solve` of its own, as in its estimators with `warm_start`.

Sparse groups: `WeightedL1GroupL2` has no subdifferential, so that tol bounds the
change that a proximal step would make; its value() counts the intercept as a feature,
which gets the weight 0. Logistic and Poisson groups: by `GroupProxNewton`, as
`GroupBCD` takes the Lipschitz constants of single features for those of groups
(logistic) or finds none (Poisson).
"""

import numpy as np
from skglm.datafits import (
    LogisticGroup,
    PoissonGroup,
    Quadratic,
    QuadraticGroup,
    QuadraticMultiTask,
)
from skglm.penalties import L1, L2_1, WeightedGroupL2, WeightedL1GroupL2
from skglm.solvers import AndersonCD, GroupBCD, GroupProxNewton, MultiTaskBCD

from benchmarks.libraries.base import Library

ESTIMATOR_SETTINGS = {"max_iter": 50, "max_epochs": 50_000, "tol": 1e-4}
SWEEP_ITERATIONS = 1000
GROUP_FITS = {"logistic": LogisticGroup, "poisson": PoissonGroup}


class Skglm(Library):
    """skglm with its estimators' settings, but more iterations in the sweep."""

    compiles = True
    kinds = ("group", "lasso", "multitask", "sparse_group", "logistic", "poisson")

    def supports(self, problem):
        """Leave out several outputs with larger groups or sparse data."""
        rows = np.all(problem.sizes == 1) and not problem.is_sparse
        return super().supports(problem) and (problem.kind != "multitask" or rows)

    def prepare(self, problem):
        """Keep y in the order that the solver wants, and alpha_max."""
        return problem, np.asfortranarray(problem.y), problem.alpha_max

    def fit_path(self, prepared, alphas, tol):
        """Solve at each alpha from the last one's coefficients."""
        problem, y, alpha_max = prepared
        datafit, penalty, solver = _compose(problem, alphas[0])
        if tol is not None:
            solver.tol, solver.max_iter = tol * alpha_max, SWEEP_ITERATIONS
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
        return QuadraticMultiTask(), L2_1(alpha), MultiTaskBCD(**ESTIMATOR_SETTINGS)
    if problem.kind == "lasso":
        return Quadratic(), L1(alpha), AndersonCD(**ESTIMATOR_SETTINGS)
    groups = _groups(problem)
    penalty = WeightedGroupL2(alpha, problem.weights, *groups)
    if problem.kind in GROUP_FITS:  # no estimator: the solver's own settings
        return GROUP_FITS[problem.kind](*groups), penalty, GroupProxNewton()
    solver = GroupBCD(**ESTIMATOR_SETTINGS)
    if problem.kind == "sparse_group":
        penalty = _sparse_group(problem, alpha, groups)
        solver.ws_strategy = "fixpoint"
    return QuadraticGroup(*groups), penalty, solver


def _groups(problem):
    indices = np.arange(problem.X.shape[1], dtype=np.int32)
    return problem.ptr.astype(np.int32), indices


def _sparse_group(problem, alpha, groups):
    l1_ratio = problem.penalty.l1_ratio
    features = np.full(problem.X.shape[1] + 1, l1_ratio)
    features[-1] = 0.0  # the intercept
    return WeightedL1GroupL2(alpha, (1 - l1_ratio) * problem.weights, features, *groups)
