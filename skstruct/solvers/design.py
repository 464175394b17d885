"""X as the solver sees it: weighted, centred, and free of what is not penalised.

With weights ``d`` that sum to one, a squared-error problem is::

    1/2 |Y - Z c|^2 + alpha * penalty(c),     Z = P diag(sqrt(d)) X T

where P projects out the intercept and the unpenalised columns. X itself is never
changed nor copied: centring, weighting and projecting are applied to the columns
that enter the working set and, implicitly, to products with all of X. Rows of weight
zero are left out, which is also how cross-validation folds share one X.
"""

import numpy as np
from scipy import linalg, optimize, sparse

from skstruct.solvers.scaling import (
    block_basis,
    block_diagonal,
    block_grams,
    gram_bases,
    whitener,
)

# Sparse matrices above this density are read as dense ones.
_DENSE = 0.25
# Squared ratio of mean to deviation above which columns are centred explicitly.
_ILL_CENTRED = 1e8
# Columns whose variance is this many roundings may be constant.
_DOUBTFUL = 1e8


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
    ptr : (n_groups + 1,) array
        Where each group's penalised coordinates start and end.
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
            about = self.mean if fit_intercept else None
            self.scale = feature_scales(matrix, weights, about)
        self.whiteners = self._whiteners() if scaling == "groups" else None
        self.ptr = layout.ptr
        if self.whiteners is not None:
            ranks = [T.shape[1] for T in self.whiteners]
            self.ptr = np.concatenate([[0], np.cumsum(ranks)])
            self._whiten = block_diagonal(self.whiteners).T.tocsr()
        self.free_features = np.unique(layout.features_of(free_groups))
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
            self._clear_constant(rows, self.mean[features])
        return rows

    def _clear_constant(self, rows, means):
        """Set to zero what rounding leaves of constant columns: no group may use it.

        The rounding of a mean grows with the number of rows. Where it might be all
        that is left, the columns are centred once more before they are judged.
        """
        norms2 = np.einsum("jn,jn->j", rows, rows)
        doubtful = np.flatnonzero(norms2 <= _DOUBTFUL * rounding_variance(means))
        if len(doubtful):
            again = rows[doubtful]
            again -= np.outer(again @ self.root, self.root)
            norms2 = np.einsum("jn,jn->j", again, again)
            again[norms2 <= rounding_variance(means[doubtful])] = 0.0
            rows[doubtful] = again

    @property
    def is_plain(self):
        """Whether coefficients are penalised as they are, without standardisation."""
        return self.scale is None and self.whiteners is None

    def coordinates(self, groups):
        """Return ``T_g`` (k, r) of each group: ``B_g = T_g c_g``, c_g penalised."""
        layout = self.layout
        if self.whiteners is not None:
            return [self.whiteners[g] for g in groups]
        if self.scale is None:
            return [np.eye(size) for size in layout.sizes[groups]]
        features = (layout.indices[layout.ptr[g] : layout.ptr[g + 1]] for g in groups)
        return [np.diag(1.0 / self.scale[own]) for own in features]

    def _whiteners(self):
        """Return for every group the transform that makes its columns orthonormal."""
        everything = np.arange(self.layout.n_groups)
        if self.is_read_densely:
            parts = (self.centred_rows(own) for own in self.layout.feature_groups())
            return [whitener(block_basis(part)) for part in parts]
        features = self.layout.features_of(everything)
        W = self.sparse_columns(features)
        M = np.asarray(W.T @ self.root)[:, None] * self.fit_intercept
        whiteners = []
        for g, gram in enumerate(block_grams(W, M, self.layout.sizes)):
            if gram is None:
                basis = block_basis(self.centred_rows(self.layout.features_of([g])))
            else:
                (basis,) = gram_bases(gram[None], self.n_rows)
            whiteners.append(whitener(basis))
        return whiteners

    def sparse_columns(self, features):
        """Return weighted columns (n_kept, k) as CSC, neither centred nor projected."""
        columns = self.matrix.columns(features)
        if not isinstance(self.kept, slice):
            columns = columns.tocsr()[self.kept]
        return sparse.csc_array(sparse.diags_array(self.root) @ columns)

    def projected_out(self):
        """Return orthonormal rows (f, n_kept) that span what is projected out."""
        parts = [self.root[None, :]] if self.fit_intercept else []
        if self.free.basis is not None:
            parts.append(self.free.basis)
        return np.concatenate([np.empty((0, self.n_rows)), *parts])

    @property
    def is_read_densely(self):
        """Whether the working set is better held dense.

        Beside dense X, so are sparse matrices with few zeros, and those of which
        implicit centring would cancel all digits.
        """
        if not self.matrix.is_sparse:
            return True
        return self.matrix.density > _DENSE or self._loses_digits()

    def _loses_digits(self):
        # Only columns without zeros can have means far beyond their deviations.
        full = self.matrix.full_columns(self.weights)
        if not self.fit_intercept or len(full) == 0:
            return False
        rows = self.centred_rows(full)
        variance = np.einsum("jn,jn->j", rows, rows)
        lossy = self.mean[full] ** 2 > _ILL_CENTRED * variance
        return bool(lossy[variance > 0].any())

    def rows(self, features):
        """Return columns of the design, unscaled, as new rows (k, n_kept)."""
        return self.free.project(self.centred_rows(features))

    def target(self, y):
        """Return Y (n_kept, q) for responses y (n, q): weighted, centred, projected."""
        y = y[self.kept]
        if self.fit_intercept:
            y = y - (self.root**2) @ y
        return self.free.project((y * self.root[:, None]).T).T

    def free_coef(self, y, coefs):
        """Return least-squares coefficients (k, A * q) of the free columns.

        `coefs` (p, A * q) holds A solutions side by side, zero in the free columns.
        """
        left = np.tile(y, coefs.shape[1] // y.shape[1]) - self.matrix.dot(coefs)
        left = left[self.kept]
        if self.fit_intercept:
            left = left - (self.root**2) @ left
        return self.free.coef(left * self.root[:, None])

    def correlate(self, R):
        """Return the products of all penalised coordinates with R (n_kept, q).

        Group g has rows ``ptr[g]`` to ``ptr[g + 1]`` of the result, (ptr[-1], q).

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
        if not self.layout.is_contiguous:
            products = products[self.layout.indices]
        if self.whiteners is not None:
            products = self._whiten @ products
        return products


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

    def coef(self, target):
        """Return the least-squares, minimum-norm coefficients (k, j) for (n, j)."""
        return (self._to_coef @ (self.basis @ target)) / self._norms[:, None]

    def project(self, rows):
        """Remove from each row of (k, n) its part in the free columns."""
        if self.basis is None:
            return rows
        for _ in range(2):  # twice is enough (Parlett), once is not
            rows = rows - (rows @ self.basis.T) @ self.basis
        return rows


def nonnegative_least_squares(rows, target):
    """Return coefficients (k, q) >= 0 that fit target (n, q) best by rows (k, n)."""
    norms = np.linalg.norm(rows, axis=1)
    norms[norms == 0] = 1.0
    columns = (rows / norms[:, None]).T
    return np.array([optimize.nnls(columns, y)[0] / norms for y in target.T]).T


def column_means(matrix, weights):
    """Return the weighted mean of each column, (p,); constant columns exactly."""
    return matrix.tdot(weights[:, None])[:, 0]


def feature_scales(matrix, weights, mean):
    """Return the weighted root mean square of each column about `mean`, (p,).

    Without a mean (None), about zero. Columns that vary by no more than rounding get
    1: they stay as they are.
    """
    moment = matrix.second_moment(weights, mean)
    rounding = 0.0 if mean is None else rounding_variance(mean)
    return np.sqrt(np.where(moment > rounding, moment, 1.0))


def rounding_variance(mean):
    """Return the variance that rounding alone may leave in a constant column."""
    return (10 * np.finfo(np.float64).eps * mean) ** 2
