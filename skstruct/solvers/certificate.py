"""The certificate of optimality, computed from the coefficients alone.

Nothing here is shared with the solvers' state: given X, y and a solution, the primal
objective and the value of a dual feasible point are computed in float64, and their
difference bounds how far the objective is from its minimum.

With weights d that sum to one and the linear predictor f, the primal and
dual of the squared error are::

    P = 1/2 sum_i d_i (y_i - f_i)^2 + alpha * penalty(B)
    D = max over v   sum_i d_i (y_i v_i - v_i^2 / 2)
        subject to   polar_g(X_g' D v) <= alpha for every penalised group,
                     v orthogonal (in d) to the intercept and the unpenalised columns.

The dual point is the residual, made orthogonal and then scaled: among its feasible
multiples the best is known in closed form (Massias, Gramfort and Salmon, Celer, ICML
2018, eq. 7; Ndiaye et al., Gap safe screening rules, JMLR 2017, for groups). Where
unpenalised coefficients must be nonnegative, the residual is projected on the polar
cone of their columns, which is what nonnegative least squares leaves over.
"""

import numpy as np
from scipy import linalg, optimize

from skstruct.solvers.design import column_means, feature_scales, rounding_variance
from skstruct.solvers.scaling import block_diagonal

# Residuals of several alphas are handled at once while they have fewer entries.
_ENTRIES_AT_ONCE = 4_000_000


class Certificate:
    """Certifier of solutions of one problem.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    """

    def __init__(self, problem):
        self.problem = problem
        matrix, d = problem.matrix, problem.weights
        self.mean = np.zeros(matrix.shape[1])
        if problem.fit_intercept:
            self.mean = column_means(matrix, d)
        self.scale = None
        if problem.scaling == "features":
            about = self.mean if problem.fit_intercept else None
            self.scale = feature_scales(matrix, d, about)
        # Dual points are orthogonal to the intercept: taking the mean out of y changes
        # no dual value, but saves the digits that a large mean would cost.
        y = problem.y
        self.y = y - d @ y if problem.fit_intercept else y
        layout = problem.layout
        self.free = layout.features_of(np.flatnonzero(layout.weights == 0))
        self.ptr, self._factors = layout.ptr, None
        if problem.scaling == "groups":
            # X_g = V s U': coefficients B_g have orthonormal coordinates s U' B_g.
            parts = (_singular(self._columns(own)) for own in layout.feature_groups())
            self._factors = list(parts)
            ranks = [len(s) for _, s in self._factors]
            self.ptr = np.concatenate([[0], np.cumsum(ranks)])
            self._whiten = block_diagonal([U / s for U, s in self._factors]).T.tocsr()

    def intercepts(self, coefs):
        """Return the best intercepts (A, q) for coefficients (A, p, q)."""
        if not self.problem.fit_intercept:
            return np.zeros((len(coefs), coefs.shape[2]))
        mean_y = self.problem.weights @ self.problem.y
        return mean_y - np.einsum("apq,p->aq", coefs, self.mean)

    def evaluate(self, alphas, coefs, intercepts):
        """Measure how far solutions are from optimal.

        Parameters
        ----------
        alphas : (A,) array
            Strengths, nonnegative.
        coefs : (A, p, q) array
            Coefficients of the columns of X.
        intercepts : (A, q) array
            Intercepts.

        Returns
        -------
        gaps : (A,) array
            Duality gaps, in units of the objective; at least 0.
        polars : (A, n_groups) array
            For each group, the smallest alpha at which zero is optimal for it, given
            the residuals; 0 for unpenalised groups.
        """
        n, q = self.problem.y.shape
        step = max(1, _ENTRIES_AT_ONCE // (n * q))
        parts = [
            self._evaluate(
                alphas[i : i + step], coefs[i : i + step], intercepts[i : i + step]
            )
            for i in range(0, len(alphas), step)
        ]
        gaps, polars = zip(*parts, strict=True)
        return np.concatenate(gaps), np.concatenate(polars)

    def _columns(self, features):
        """Weighted and centred columns as rows (k, n)."""
        rows = self.problem.matrix.rows(features)
        root = np.sqrt(self.problem.weights)
        rows -= self.mean[features, None]
        rows *= root
        if self.problem.fit_intercept:
            rows -= np.outer(rows @ root, root)
            norms2 = np.einsum("jn,jn->j", rows, rows)
            rows[norms2 <= rounding_variance(self.mean[features])] = 0.0
        return rows

    def _evaluate(self, alphas, coefs, intercepts):
        problem = self.problem
        n_alphas, p, q = coefs.shape
        stacked = coefs.transpose(1, 0, 2).reshape(p, n_alphas * q)
        predictions = problem.matrix.dot(stacked) + intercepts.ravel()
        descent = -problem.loss.gradient(np.tile(problem.y, n_alphas), predictions)
        duals = self._orthogonal(descent, alphas, stacked)
        weighted = problem.weights[:, None] * duals
        products = problem.matrix.tdot(weighted)
        if problem.fit_intercept:
            products -= np.multiply.outer(self.mean, weighted.sum(axis=0))
        correlations, layout = self._correlations(products), problem.layout
        gaps, polars = np.empty(n_alphas), np.empty((n_alphas, layout.n_groups))
        for i, alpha in enumerate(alphas):
            own = slice(i * q, (i + 1) * q)
            polars[i] = problem.penalty.polar(
                correlations[:, own], self.ptr, layout.weights
            )
            gaps[i] = self._gap(
                alpha, coefs[i], predictions[:, own], duals[:, own], polars[i].max()
            )
        return gaps, polars

    def _gap(self, alpha, coef, prediction, dual, polar):
        problem, d = self.problem, self.problem.weights
        if not np.array_equal(problem.penalty.project(coef), coef):
            return np.inf  # outside the constraint set
        primal = problem.loss.value(problem.y, prediction, d)
        if alpha > 0:
            primal += alpha * self._penalty(coef)
        scale = problem.loss.dual_scale(self.y, dual, d)
        if alpha > 0 and scale * polar > alpha:
            scale = alpha / polar
        return max(primal + problem.loss.conjugate(self.y, -scale * dual, d), 0.0)

    def _penalty(self, coef):
        layout, penalty = self.problem.layout, self.problem.penalty
        if self._factors is None:
            grouped = self._grouped(coef, np.multiply)
        else:
            grouped = np.zeros((self.ptr[-1], coef.shape[1]))
            for g, (U, s) in enumerate(self._factors):
                own = coef[layout.indices[layout.ptr[g] : layout.ptr[g + 1]]]
                if own.any():
                    grouped[self.ptr[g] : self.ptr[g + 1]] = s[:, None] * (U.T @ own)
        return float(np.sum(penalty.values(grouped, self.ptr, layout.weights)))

    def _correlations(self, products):
        """Return products (p, j) in the coordinates that are penalised, (m, j)."""
        grouped = self._grouped(products, np.divide)
        return grouped if self._factors is None else self._whiten @ grouped

    def _grouped(self, rows, rescale):
        """Sort rows (p, q) by group, multiplied or divided by the scales."""
        if self.scale is not None:
            rows = rescale(rows, self.scale[:, None])
        layout = self.problem.layout
        return rows if layout.is_contiguous else rows[layout.indices]

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
        rows = self._columns(features)
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


def _singular(rows):
    """Return U (k, r) and s (r,) of rows (k, n) = U s V', r their numerical rank."""
    norms = np.linalg.norm(rows, axis=1)
    U, s, _ = np.linalg.svd(rows, full_matrices=False)
    # Squares decide in the solver, where ranks come from Gram matrices.
    cutoff = norms.max(initial=0.0) * np.sqrt(max(rows.shape) * np.finfo(float).eps)
    return U[:, s > cutoff], s[s > cutoff]
