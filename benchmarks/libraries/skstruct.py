"""skstruct: `group_lasso_path`."""

import numpy as np

from benchmarks.libraries.base import Library, settings
from skstruct import group_lasso_path


class Skstruct(Library):
    """Our own path; tol is a duality gap relative to the null model's loss."""

    tightest = 1e-10
    compiles = True

    def prepare(self, problem):
        """Label each feature with its group."""
        labels = np.repeat(np.arange(len(problem.weights)), problem.sizes)
        return problem, labels

    def fit_path(self, prepared, alphas, tol):
        """Solve the path."""
        problem, labels = prepared
        return group_lasso_path(
            problem.X,
            problem.y,
            groups=labels,
            group_weights=problem.weights,
            alphas=alphas,
            fit_intercept=True,
            **settings(tol=tol),
        )

    def unpack(self, prepared, result):
        """Pick two fields of the named tuple; intercepts have outputs first."""
        return np.asarray(result.coefs), np.asarray(result.intercepts)
