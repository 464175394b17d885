"""X as the solver sees it: weighted, centred, and free of what is not penalised.

With weights ``d`` that sum to one, a squared-error problem is::

    1/2 |Y - Z c|^2 + alpha * penalty(c),     Z = P diag(sqrt(d)) X T

where P projects out the intercept and the unpenalised columns. X itself is never
changed nor copied: centring, weighting and projecting are applied to the columns
that enter the working set and, implicitly, to products with all of X. Rows of weight
zero are left out, which is also how cross-validation folds share one X.
"""

import numpy as np
from scipy import linalg


class Design:
    """Weighted, centred and projected view of X.

    Parameters
    ----------
    matrix : DenseMatrix or CscMatrix
        X, of shape (n, p).
    layout : GroupLayout
        The groups.
    weights : (n,) array
        Nonnegative, summing to one.
    fit_intercept : bool
        Project out the intercept.
    scaling : {"none", "features", "groups"}
        What is standardised; see `GroupLasso`.
    free_groups : integer array
        Groups to project out: unpenalised and unconstrained.

    Attributes
    ----------
    kept : index array or slice
        Rows of positive weight.
    root : (n_kept,) array
        Square roots of their weights.
    mean : (p,) array
        Weighted column means; zeros without intercept.
    scale : (p,) array or None
        Weighted standard deviations where features are standardised.
    free : FreeColumns
        The columns projected out.
    """

    def __init__(self, matrix, layout, weights, fit_intercept, scaling, free_groups):
        self.matrix = matrix
        self.layout = layout
        self.weights = weights
        self.fit_intercept = fit_intercept
        self.kept = slice(None) if weights.all() else np.flatnonzero(weights)
        self.root = np.sqrt(weights[self.kept])
        self.mean = np.zeros(matrix.shape[1])
        if fit_intercept:
            self.mean = column_means(matrix, weights)
        self.scale = None
        if scaling == "features":
            self.scale = feature_scales(matrix, weights, self.mean)
        self.scaling = scaling
        self.free_groups = np.asarray(free_groups, dtype=np.intp)
        self.free_features = layout.features_of(self.free_groups)
        self.free = FreeColumns(self.centred_rows(self.free_features))

    @property
    def n_rows(self):
        """Number of rows of positive weight."""
        return len(self.root)

    def centred_rows(self, features):
        """Return weighted, centred columns as rows, (k, n_kept), not yet projected."""
        rows = self.matrix.rows(features)[:, self.kept]
        if self.fit_intercept:
            rows -= self.mean[features, None]
        rows *= self.root
        if self.fit_intercept:
            # What is left of a constant column is rounding: no group may use it.
            norms2 = np.einsum("jn,jn->j", rows, rows)
            rows[norms2 <= rounding_variance(self.mean[features])] = 0.0
        return rows

    def rows(self, features):
        """Return columns of the design, unscaled, as rows of a new (k, n_kept) array."""
        return self.free.project(self.centred_rows(features))

    def target(self, y):
        """Return Y (n_kept, q) for responses y (n, q): weighted, centred, projected."""
        y = y[self.kept]
        if self.fit_intercept:
            y = y - (self.root**2) @ y
        return self.free.project((y * self.root[:, None]).T).T

    def correlate(self, R):
        """Return, grouped and scaled, the products of all columns with R (n_kept, q).

        R must lie in the range of the projection, as residuals do; projecting the
        columns then changes nothing.
        """
        weighted = R * self.root[:, None]
        if not isinstance(self.kept, slice):
            full = np.zeros((self.matrix.shape[0], R.shape[1]))
            full[self.kept] = weighted
            weighted = full
        if self.fit_intercept:
            # Means may be huge: make the sum they multiply exactly small first.
            weighted = weighted - np.multiply.outer(self.weights, weighted.sum(axis=0))
        products = self.matrix.tdot(weighted)
        if self.fit_intercept:
            products = products - np.multiply.outer(self.mean, weighted.sum(axis=0))
        if self.scale is not None:
            products = products / self.scale[:, None]
        return products if self.layout.is_contiguous else products[self.layout.indices]


class FreeColumns:
    """Columns that are not penalised: projected out, then solved for at the end.

    Parameters
    ----------
    rows : (k, n) array
        The columns, weighted and centred, as rows; k may be 0.
    """

    def __init__(self, rows):
        self.basis = None
        if len(rows):
            self._factor(rows)

    def _factor(self, rows):
        # Equilibrated, so that the rank does not depend on the columns' units.
        norms = np.linalg.norm(rows, axis=1)
        self._norms = np.where(norms > 0, norms, 1.0)
        U, s, Vt = linalg.svd((rows / self._norms[:, None]).T, full_matrices=False)
        rank = int(np.sum(s > (s[0] if len(s) else 0.0) * max(rows.shape) * 1e-15))
        self.basis = np.ascontiguousarray(U[:, :rank].T)
        self._to_coef = Vt[:rank].T / s[:rank]

    def project(self, rows):
        """Remove from each row of (k, n) its part in the free columns."""
        if self.basis is None:
            return rows
        for _ in range(2):  # twice is enough (Parlett), once is not
            rows = rows - (rows @ self.basis.T) @ self.basis
        return rows

    def coef(self, target):
        """Return the least-squares, minimum-norm coefficients (k, q) for (n, q)."""
        return (self._to_coef @ (self.basis @ target)) / self._norms[:, None]


def column_means(matrix, weights):
    """Return the weighted mean of each column, (p,); constant columns exactly."""
    return matrix.tdot(weights[:, None])[:, 0]


def feature_scales(matrix, weights, mean):
    """Return the weighted root mean square of each column about `mean`, (p,).

    Columns that vary by no more than rounding get 1: they stay as they are.
    """
    variance = matrix.variance(weights, mean)
    return np.sqrt(np.where(variance > rounding_variance(mean), variance, 1.0))


def rounding_variance(mean):
    """Return the variance that rounding alone may leave in a constant column."""
    return (10 * np.finfo(np.float64).eps * mean) ** 2
