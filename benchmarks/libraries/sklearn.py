"""scikit-learn: `lasso_path`, where groups are single features.

Its Lasso with one output, its MultiTaskLasso with several. tol is a duality gap
relative to ||y||^2. No intercept in the path function: data centred beforehand.
"""

from sklearn.linear_model import lasso_path

from benchmarks.libraries.base import Centred, Library, settings


class ScikitLearn(Library):
    """scikit-learn's coordinate descent."""

    kinds = ("lasso", "multitask")

    def supports(self, problem):
        """Take dense problems with groups of one feature."""
        rows = max(problem.sizes) == 1 and not problem.is_sparse
        return super().supports(problem) and rows

    def prepare(self, problem):
        """Centre the data."""
        return Centred(problem)

    def fit_path(self, prepared, alphas, tol):
        """Solve the path."""
        max_iter = None if tol is None else 100_000
        options = settings(tol=tol, max_iter=max_iter)
        if prepared.y.ndim == 1:
            options["precompute"] = False
        return lasso_path(
            prepared.X, prepared.y, alphas=alphas, copy_X=False, **options
        )[1]

    def unpack(self, prepared, result):
        """Add the intercepts."""
        return prepared.with_intercepts(result)
