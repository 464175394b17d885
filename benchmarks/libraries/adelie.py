"""adelie: `grpnet` (naive mode) and `gaussian_cov` (covariance mode).

Weights default to the root of the size and are passed all the same. The loss of
several outputs or classes is divided by their number, so alpha is too; the default
weight would count them in. Binary y is in {0, 1}. tol bounds a squared change of the
coefficients relative to the variance of y; beyond squared error it is the tolerance of
the inner problem, and irls_tol, with the same default, that of the reweighting: both
are swept together. By default `grpnet` leaves the path at 90 % of explained deviance,
and `gaussian_cov` when that stops growing: `early_exit=False` everywhere, else the path
would not be complete. One alpha is approached in six steps from alpha_max, which is
faster than going there at once.
"""

import adelie as ad
import numpy as np

from benchmarks.libraries.base import Library, settings

WALK = 6  # steps to a single alpha
FAMILIES = {
    "multitask": ad.glm.multigaussian,
    "logistic": ad.glm.binomial,
    "poisson": ad.glm.poisson,
    "multinomial": ad.glm.multinomial,
}


class Adelie(Library):
    """Naive mode, one thread."""

    loosest = 1e-4
    tightest = 1e-18
    kinds = ("group", "lasso", "multitask", "logistic", "poisson", "multinomial")

    def prepare(self, problem):
        """Wrap a sparse matrix (`grpnet` wraps arrays), and know alpha_max."""
        X, y = problem.X, np.ascontiguousarray(problem.y)
        if problem.is_sparse:
            X = ad.matrix.sparse(X, method="naive", n_threads=1)
        if problem.kind == "logistic":
            y = 0.5 * (y + 1)
        return problem, X, y, problem.alpha_max

    def fit_path(self, prepared, alphas, tol):
        """Solve the path."""
        problem, X, y, alpha_max = prepared
        if len(alphas) == 1:
            alphas = np.geomspace(alpha_max, alphas[0], WALK)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        family = FAMILIES.get(problem.kind, ad.glm.gaussian)
        curved = problem.loss.name != "squared_error"
        return ad.grpnet(
            X,
            family(y),
            groups=problem.ptr[:-1],
            penalty=problem.weights,
            lmda_path=alphas / n_outputs,
            **_common(tol),
            **settings(irls_tol=tol if curved else None),
        )

    def unpack(self, prepared, state):
        """Turn the sparse rows (feature by feature, outputs inside) around."""
        problem = prepared[0]
        n_alphas = len(problem.alphas)
        _check_complete(state, WALK if n_alphas == 1 else n_alphas)
        betas = state.betas.toarray()[-n_alphas:]
        intercepts = np.asarray(state.intercepts)[-n_alphas:]
        if problem.y.ndim == 1:
            return betas.T, intercepts
        shape = (len(betas), problem.X.shape[1], problem.y.shape[1])
        return betas.reshape(shape).transpose(2, 1, 0), intercepts.T


class AdelieCovariance(Library):
    """Covariance mode: the Gram matrix is made in the timed part."""

    loosest = 1e-4
    tightest = 1e-18
    kinds = ("group", "lasso")

    def supports(self, problem):
        """Take what it is meant for: more rows than columns."""
        n, p = problem.X.shape
        return super().supports(problem) and not problem.is_sparse and p <= n

    def fit_path(self, problem, alphas, tol):
        """Make the centred Gram matrix and solve the path on it."""
        X, y, n = problem.X, problem.y, len(problem.y)
        mean = X.mean(axis=0)
        gram = X.T @ X / n - np.outer(mean, mean)
        return mean, ad.gaussian_cov(
            np.asfortranarray(gram),
            X.T @ (y - y.mean()) / n,
            groups=problem.ptr[:-1],
            penalty=problem.weights,
            lmda_path=alphas,
            **_common(tol),
        )

    def unpack(self, problem, result):
        """Add the intercepts."""
        mean, state = result
        _check_complete(state, len(problem.alphas))
        coefs = state.betas.toarray().T
        return coefs, problem.y.mean() - mean @ coefs


def _common(tol):
    return settings(tol=tol, early_exit=False, progress_bar=False, n_threads=1)


def _check_complete(state, asked):
    solved = state.betas.shape[0]
    if solved != asked:
        raise RuntimeError(f"adelie returned {solved} of {asked} alphas")
