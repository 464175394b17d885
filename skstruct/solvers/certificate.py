"""The certificate of optimality, computed from the coefficients alone.

Nothing here is shared with the solvers' state: given X, y and a solution, the primal
objective and the value of a dual feasible point are computed in float64, and their
difference bounds how far the objective is from its minimum.

With weights d that sum to one, offset o and the linear predictor f, primal and dual
are (Fenchel; Rockafellar, Convex Analysis, 1970, sec. 31)::

    P = sum_i d_i loss(y_i, f_i) + alpha * penalty(B)
    D = max over v   sum_i d_i (v_i o_i - loss*(y_i, v_i)) - (alpha penalty)*(-X' D v)
        subject to   v orthogonal (in d) to the intercept and the unpenalised columns.

The conjugate of a norm is 0 where its dual norm ``polar(X' D v)`` is at most alpha,
and infinite elsewhere. The dual point is the gradient of the loss, made orthogonal and
then scaled. For the squared error it is the residual, and the best of its feasible
multiples is known in closed form (Massias, Gramfort and Salmon, Celer, ICML 2018, eq.
7; Ndiaye et al., Gap safe screening rules, JMLR 2017, for groups). Where unpenalised
coefficients must be nonnegative, the residual is projected on the polar cone of their
columns, which is what nonnegative least squares leaves over. For a curved loss, whose
conjugate has a domain to stay in, the point is made orthogonal by fitting what is
unpenalised once more.

A penalty that is not convex has no such bound. What is reported then is the largest
violation of the optimality conditions: over the groups, the distance of the gradient
from alpha times the subdifferential, divided by alpha times the group's weight.
"""

import numpy as np
from scipy import linalg, optimize

from skstruct.solvers.design import FreeColumns, column_means
from skstruct.solvers.free_fit import fit_free
from skstruct.solvers.measure import CoupledMeasure, SeparableMeasure

# Residuals of several alphas are handled at once while they have fewer entries.
_ENTRIES_AT_ONCE = 4_000_000


class Certificate:
    """Certifier of solutions of one problem.

    Parameters
    ----------
    problem : Problem
        What is to be solved, prepared.
    """

    def __init__(self, problem):
        self.problem = problem
        matrix, d = problem.matrix, problem.weights
        self.mean = np.zeros(matrix.shape[1])
        if problem.fit_intercept:
            self.mean = column_means(matrix, d)
        separable = problem.penalty.is_block_separable
        measure = SeparableMeasure if separable else CoupledMeasure
        self.measure = measure(problem, self.mean)
        self.free = problem.free_features()
        self.y, self.kept = problem.y, None
        if problem.loss.is_quadratic:
            # Dual points are orthogonal to the intercept: taking the mean out of y
            # changes no dual value, but saves the digits that it would cost.
            if problem.fit_intercept:
                self.y = problem.y - d @ problem.y
            return
        self.kept = np.flatnonzero(d)
        self.free_columns = FreeColumns(self.measure.columns(self.free)[:, self.kept])

    def respond(self, problem):
        """Go on with another loss and other responses of the same X and groups."""
        self.problem = self.measure.problem = problem
        self.y = problem.y

    # -- what is not penalised -------------------------------------------------

    def intercepts(self, coefs):
        """Return the best intercepts (A, q) for coefficients (A, p, q)."""
        problem = self.problem
        if not problem.fit_intercept:
            return np.zeros((len(coefs), coefs.shape[2]))
        if problem.loss.is_quadratic:
            mean_y = problem.weights @ problem.y
            return mean_y - np.einsum("apq,p->aq", coefs, self.mean)
        return np.array(
            [self._fit_free(coef, only_intercept=True)[0] for coef in coefs]
        )

    def free_coefs(self, coefs):
        """Return the best coefficients (A, k, q) of the k free columns.

        `coefs` (A, p, q) are zero there.
        """
        return np.array([self._fit_free(coef)[1] for coef in coefs])

    def _fit_free(self, coef, only_intercept=False):
        """Return intercept (q,) and coefficients (k, q) of the free columns."""
        problem = self.problem
        d = problem.weights[self.kept]
        f = (problem.offset + problem.matrix.dot(coef))[self.kept]
        intercept = np.zeros(f.shape[1])
        if problem.fit_intercept:
            # From centred predictors, so that the start is near.
            mean = (d @ problem.y[self.kept])[None]
            start = problem.loss.link(mean)[0] - d @ f
            f, intercept = f + start, intercept + start
        basis = self._basis(only_intercept)
        a, _, _ = fit_free(problem.loss, problem.y[self.kept], f, d, basis)
        if problem.fit_intercept:
            intercept, a = intercept + a[0], a[1:]
        if only_intercept or len(self.free) == 0:
            return intercept, np.zeros((len(self.free), f.shape[1]))
        return intercept, self.free_columns.coef(self.free_columns.basis.T @ a)

    def _basis(self, only_intercept=False):
        """Return orthonormal rows that span what is unpenalised."""
        root = np.sqrt(self.problem.weights[self.kept])
        parts = [root[None, :]] if self.problem.fit_intercept else []
        if self.free_columns.basis is not None and not only_intercept:
            parts.append(self.free_columns.basis)
        return np.concatenate([np.empty((0, len(root))), *parts])

    # -- the gap ---------------------------------------------------------------

    def evaluate(self, alphas, coefs, intercepts, latents=None, duals=None):
        """Measure how far solutions are from optimal.

        Parameters
        ----------
        alphas : (A,) array
            Strengths, nonnegative.
        coefs : (A, p, q) array
            Coefficients of the columns of X.
        intercepts : (A, q) array
            Intercepts.
        latents : (A, entries, q) array or None
            For a latent penalty, the coefficients of each group, that add up to
            `coefs`. The gap is that of their penalty.
        duals : (n, q) array or None
            For a loss without gradient and a single alpha, minus a subgradient of the
            loss, orthogonal to what is unpenalised.

        Returns
        -------
        gaps : (A,) array
            Duality gaps, in units of the objective, at least 0; violations of
            optimality if the penalty is not convex.
        polars : (A, n_groups) array
            For each group, the smallest alpha at which zero is optimal for it, given
            the gradient; 0 for unpenalised groups. For penalties that couple groups,
            the correlations (A, k, q) of the penalised features.
        """
        n, q = self.problem.y.shape
        step = max(1, _ENTRIES_AT_ONCE // (n * q))
        latents = coefs if latents is None else latents
        arrays = alphas, coefs, intercepts, latents
        parts = [
            self._evaluate(*(part[i : i + step] for part in arrays), duals)
            for i in range(0, len(alphas), step)
        ]
        gaps, polars = zip(*parts, strict=True)
        return np.concatenate(gaps), np.concatenate(polars)

    def _evaluate(self, alphas, coefs, intercepts, latents, duals):
        problem, measure = self.problem, self.measure
        n_alphas, p, q = coefs.shape
        stacked = coefs.transpose(1, 0, 2).reshape(p, n_alphas * q)
        predictions = problem.matrix.dot(stacked) + intercepts.ravel()
        if problem.loss.is_quadratic:
            residuals = np.tile(problem.y, n_alphas) - predictions
            duals = self._orthogonal(residuals, alphas, stacked)
        else:
            predictions += np.tile(problem.offset, n_alphas)
            if problem.loss.is_smooth:
                duals = self._refitted(predictions, alphas)
        weighted = problem.weights[:, None] * duals
        products = problem.matrix.tdot(weighted)
        if problem.fit_intercept:
            products -= np.multiply.outer(self.mean, weighted.sum(axis=0))
        correlations = measure.correlations(products)
        gaps, polars = np.empty(n_alphas), []
        for i, alpha in enumerate(alphas):
            own = slice(i * q, (i + 1) * q)
            polars.append(measure.polars(correlations[:, own]))
            gaps[i] = self._gap(
                alpha,
                latents[i],
                predictions[:, own],
                duals[:, own],
                correlations[:, own],
            )
        return gaps, np.array(polars)

    def _gap(self, alpha, coef, prediction, dual, correlation):
        problem, d = self.problem, self.problem.weights
        if not np.array_equal(problem.penalty.project(coef), coef):
            return np.inf  # outside the constraint set
        if alpha > 0 and not problem.penalty.is_convex:
            return self.measure.violation(coef, correlation, alpha)
        primal = problem.loss.value(problem.y, prediction, d)
        most = np.inf
        if alpha > 0:
            primal += alpha * self.measure.value(coef, alpha)
            domain = self.measure.domain(correlation, alpha)
            most = alpha / domain if domain > 0 else np.inf
        # The first is best for a norm, 1 for a penalty that grows faster.
        scales = {problem.loss.dual_scale(self.y, dual, d), 1.0}
        values = [
            self._dual_value(min(s, most), dual, correlation, alpha) for s in scales
        ]
        return max(primal - max(values), 0.0)

    def _dual_value(self, scale, dual, correlation, alpha):
        problem, d = self.problem, self.problem.weights
        v = -scale * dual
        value = -problem.loss.conjugate(self.y, v, d)
        if not problem.loss.is_quadratic:
            value += float(np.einsum("i,it,it->", d, v, problem.offset))
        if alpha > 0:
            value -= self.measure.conjugate(scale * correlation, alpha)
        return value

    def _refitted(self, predictions, alphas):
        """Return minus the gradients (n, A * q) where what is unpenalised is fitted."""
        problem, kept = self.problem, self.kept
        d, y = problem.weights[kept], problem.y[kept]
        basis, q = self._basis(), y.shape[1]
        out = np.zeros_like(predictions)
        for i in range(len(alphas)):
            own = slice(i * q, (i + 1) * q)
            slope = fit_free(problem.loss, y, predictions[kept, own], d, basis)[2]
            out[kept, own] = -slope
        return out

    def _orthogonal(self, residuals, alphas, coefs):
        """Make residuals (n, A * q) dual feasible but for their scale."""
        if self.problem.fit_intercept:
            residuals = residuals - self.problem.weights @ residuals
        q = self.problem.y.shape[1]
        if (np.asarray(alphas) > 0).all():
            return self._without(self.free, residuals, coefs)
        residuals = residuals.copy()
        everything = np.arange(self.problem.layout.n_features)
        for i, alpha in enumerate(alphas):
            features = everything if alpha == 0 else self.free
            own = slice(i * q, (i + 1) * q)
            residuals[:, own] = self._without(
                features, residuals[:, own], coefs[:, own]
            )
        return residuals

    def _without(self, features, residuals, coefs):
        """Take out of residuals what unpenalised features can still explain."""
        if len(features) == 0:
            return residuals
        rows = self.measure.columns(features)
        norms = np.linalg.norm(rows, axis=1)
        norms[norms == 0] = 1.0
        columns = (rows / norms[:, None]).T
        root = np.sqrt(self.problem.weights)[:, None]
        target = root * residuals
        if self.problem.penalty.is_unconstrained:
            left = _least_squares_residual(columns, target)
        else:
            # The features' own fit is added back: nonnegative least squares of the
            # bare residuals, to which the answer is zero, is degenerate.
            own_fit = columns @ (coefs[features] * norms[:, None])
            left = _nonnegative_residual(columns, target + own_fit)
        # Rows of weight zero do not matter: only weighted products are used.
        return np.divide(left, root, out=np.zeros_like(left), where=root > 0)


def _least_squares_residual(columns, target):
    # A direction that only rounding spans must not be taken out of the dual point.
    cutoff = max(columns.shape) * 1e-15
    for _ in range(2):
        solution = linalg.lstsq(columns, target, cond=cutoff, check_finite=False)[0]
        target = target - columns @ solution
    return target


def _nonnegative_residual(columns, target):
    fits = [optimize.nnls(columns, t)[0] for t in target.T]
    return target - columns @ np.array(fits).T
