"""celer: `celer_path` and `mtl_path`.

Objective, default weight 1 (the root of the size is passed), tol a duality gap
relative to ||y||^2 / n. No intercept in the path functions: data centred beforehand,
sparse columns by `X_offset`, as `celer.GroupLasso.fit` does.
"""

import numpy as np
from celer import celer_path
from celer.homotopy import mtl_path

from benchmarks.libraries.base import Centred, Library

ESTIMATOR_TOL = 1e-4  # of celer.GroupLasso; celer_path's own is 1e-6


class Celer(Library):
    """celer with its estimators' settings: prune, max_iter 100."""

    def supports(self, problem):
        """Leave out sparse data with several outputs."""
        too_much = problem.kind == "multitask" and problem.is_sparse
        return super().supports(problem) and not too_much

    def prepare(self, problem):
        """Centre the data."""
        return Centred(problem)

    def fit_path(self, prepared, alphas, tol):
        """Solve the path."""
        shared = {
            "alphas": alphas,
            "tol": ESTIMATOR_TOL if tol is None else tol,
            "max_iter": 100,
            "prune": True,
        }
        if prepared.problem.kind == "multitask":
            return mtl_path(prepared.X, prepared.y, **shared)[1]
        return celer_path(
            prepared.X,
            prepared.y,
            **_model(prepared.problem),
            **_means(prepared),
            **shared,
        )[1]

    def unpack(self, prepared, result):
        """Add the intercepts."""
        return prepared.with_intercepts(np.asarray(result))


def _model(problem):
    """Return the name of the model, and its groups."""
    if problem.kind == "lasso":
        return {"pb": "lasso"}
    groups = problem.sizes.tolist()
    return {"pb": "grouplasso", "groups": groups, "weights": problem.weights}


def _means(prepared):
    """Return the means of sparse columns, which celer centres as it goes."""
    if not prepared.problem.is_sparse:
        return {}
    return {"X_offset": prepared.X_mean, "X_scale": np.ones_like(prepared.X_mean)}
