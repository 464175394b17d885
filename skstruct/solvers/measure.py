"""What a certificate asks of a penalty, in the coordinates that it penalises."""

import numpy as np

from skstruct.solvers.design import feature_scales, rounding_variance
from skstruct.solvers.scaling import block_diagonal


class Measure:
    """Values and polars of one problem's penalty at coefficients of X's columns.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    mean : (p,) array
        Column means, zeros without intercept.
    """

    def __init__(self, problem, mean):
        self.problem = problem
        self.penalty = problem.penalty
        self.mean = mean
        self.scale = None
        if problem.scaling == "features":
            about = mean if problem.fit_intercept else None
            self.scale = feature_scales(problem.matrix, problem.weights, about)

    def columns(self, features):
        """Return weighted and centred columns as rows (k, n)."""
        rows = self.problem.matrix.rows(features)
        root = np.sqrt(self.problem.weights)
        rows -= self.mean[features, None]
        rows *= root
        if self.problem.fit_intercept:
            rows -= np.outer(rows @ root, root)
            norms2 = np.einsum("jn,jn->j", rows, rows)
            rows[norms2 <= rounding_variance(self.mean[features])] = 0.0
        return rows

    def scaled(self, rows, rescale):
        """Return rows (p, j), multiplied or divided by the features' scales."""
        return rows if self.scale is None else rescale(rows, self.scale[:, None])


class SeparableMeasure(Measure):
    """Measure of a penalty that is a sum over groups."""

    def __init__(self, problem, mean):
        super().__init__(problem, mean)
        layout = problem.layout
        self.weights = layout.weights
        self.ptr, self._factors = layout.ptr, None
        if problem.scaling == "groups":
            # X_g = V s U': coefficients B_g have orthonormal coordinates s U' B_g.
            parts = (_singular(self.columns(own)) for own in layout.feature_groups())
            self._factors = list(parts)
            ranks = [len(s) for _, s in self._factors]
            self.ptr = np.concatenate([[0], np.cumsum(ranks)])
            self._whiten = block_diagonal([U / s for U, s in self._factors]).T.tocsr()

    def value(self, coef, alpha):
        """Return the penalty of coefficients: (p, q), or latent ones (entries, q)."""
        coef = self._penalised(coef)
        return float(
            np.sum(self.penalty.values(coef, self.ptr, self.weights, alpha=alpha))
        )

    def _grouped(self, rows):
        """Sort rows (p, j) by group; latent rows are sorted already."""
        layout = self.problem.layout
        if layout.is_contiguous or len(rows) == len(layout.indices) > len(self.mean):
            return rows
        return rows[layout.indices]

    def _penalised(self, coef):
        layout = self.problem.layout
        if self.scale is not None and len(coef) > len(self.scale):
            coef = coef * self.scale[layout.indices, None]
        else:
            coef = self.scaled(coef, np.multiply)
        grouped = self._grouped(coef)
        if self._factors is None:
            return grouped
        out = np.zeros((self.ptr[-1], coef.shape[1]))
        for g, (U, s) in enumerate(self._factors):
            own = grouped[layout.ptr[g] : layout.ptr[g + 1]]
            if own.any():
                out[self.ptr[g] : self.ptr[g + 1]] = s[:, None] * (U.T @ own)
        return out

    def correlations(self, products):
        """Return products (p, j) of X in the coordinates that are penalised."""
        grouped = self._grouped(self.scaled(products, np.divide))
        return grouped if self._factors is None else self._whiten @ grouped

    def polars(self, correlations):
        """Return, by group, the smallest alpha at which zero is optimal."""
        return self.penalty.polar(correlations, self.ptr, self.weights)

    def domain(self, correlations, alpha):
        """Return the smallest strength at which the conjugate is finite."""
        polar = self.penalty.domain_polar(correlations, self.ptr, self.weights)
        return float(polar.max(initial=0.0))

    def conjugate(self, correlations, alpha):
        """Return the conjugate of alpha times the penalty, inside its domain."""
        return float(
            np.sum(self.penalty.conjugate(correlations, self.ptr, self.weights, alpha))
        )

    def violation(self, coef, correlations, alpha):
        """Return the largest violation of optimality, relative to alpha and weight."""
        violation = self.penalty.violation(
            self._penalised(coef), correlations, self.ptr, self.weights, alpha
        )
        penalised = self.weights > 0
        shares = violation[penalised] / (alpha * self.weights[penalised])
        return float(shares.max(initial=0.0))


class CoupledMeasure(Measure):
    """Measure of a norm that couples its groups."""

    def __init__(self, problem, mean):
        super().__init__(problem, mean)
        self.features = problem.penalised_features()
        self.norm = self.penalty.bind(problem.layout, self.features)

    def value(self, coef, alpha):
        """Return the norm of coefficients (p, q)."""
        return self.norm.value(self.scaled(coef, np.multiply)[self.features])

    def correlations(self, products):
        """Return products (p, j) of X in the coordinates that are penalised."""
        return self.scaled(products, np.divide)[self.features]

    def polars(self, correlations):
        """Return the correlations themselves: which features they admit is joint."""
        return correlations

    def domain(self, correlations, alpha):
        """Return the dual norm, or a bound just above it."""
        return self.norm.polar_bound(correlations, alpha)

    def conjugate(self, correlations, alpha):
        """Return 0: the conjugate of a norm inside its domain."""
        return 0.0


def _singular(rows):
    """Return U (k, r) and s (r,) of rows (k, n) = U s V', r their numerical rank."""
    norms = np.linalg.norm(rows, axis=1)
    U, s, _ = np.linalg.svd(rows, full_matrices=False)
    # Squares decide in the solver, where ranks come from Gram matrices.
    cutoff = norms.max(initial=0.0) * np.sqrt(max(rows.shape) * np.finfo(float).eps)
    return U[:, s > cutoff], s[s > cutoff]
