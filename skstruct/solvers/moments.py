"""What a squared-error fit needs to know of its rows, however many they are.

With weights d that sum to one and centred columns, the loss ::

    1/2 sum_i d_i |y_i - x_i B|^2 = 1/2 trace((Y - X B)' D (Y - X B))

depends on the rows through their second moments alone. Any matrix R with
``R'R = [X Y]' D [X Y]`` says the same of every B in p + q rows; a Cholesky factor is
one. Where there are many more rows than columns, one product of X with itself then
replaces all passes over it.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from skstruct.solvers.design import rounding_variance
from skstruct.solvers.matrix import as_matrix

# Bytes of rows in memory whose moments are merged with the others', and of rows that
# are centred and multiplied at once, in the cache.
_CHUNK_BYTES, _BLOCK_BYTES = 16_000_000, 2_000_000
# Rows whose mean is the first guess of the mean of all.
_GUESSED_FROM = 500
# Squared distances of a guess from the mean, in deviations: one that costs no digits to
# speak of, and one that does.
_NEAR, _FAR = 1e2, 1e4
# Fewest entries of X for which any of this is worth the trouble.
_SMALLEST = 200_000
# Rows for each column, from which on they are many.
_TALL = 4
# A column costs a product with all others; each alpha costs passes over the rows that
# take as long as the products with this many.
_COLUMNS_AN_ALPHA = 40
# Products are summed blockwise: their error is some roundings, whatever their number.
_ROUNDING = 16 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Moments:
    """First and second moments of rows z = (x, y), p + q wide.

    Attributes
    ----------
    weight : float
        Sum of the rows' weights.
    mean : (p + q,) array
        Weighted mean.
    scatter : (p + q, p + q) array
        Weighted sum of ``(z - mean)'(z - mean)``.
    squares : (p + q,) array
        Sums of squares as they were summed up, about something near the mean: rounding
        is relative to them.
    """

    weight: float
    mean: np.ndarray
    scatter: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, matrix, y, weights):
        """Return the moments of the rows of positive weight.

        Parameters
        ----------
        matrix : DenseMatrix
            X, (n, p).
        y : (n, q) array
            Responses.
        weights : (n,) array
            Nonnegative, not all zero.
        """
        kept = np.flatnonzero(weights)
        width = matrix.shape[1] + y.shape[1]
        step = max(_CHUNK_BYTES // (8 * width), 2 * width)
        total = cls.nothing()
        for start in range(0, len(kept), step):
            rows = kept[start : start + step]
            if len(rows) == rows[-1] - rows[0] + 1:
                rows = slice(rows[0], rows[-1] + 1)  # read in place, not copied twice
            total = total + cls.of_rows(matrix.X[rows], y[rows], weights[rows])
        return total

    @classmethod
    def nothing(cls):
        """Return the moments of no rows."""
        return cls(0.0, np.zeros(1), np.zeros((1, 1)), np.zeros(1))

    @classmethod
    def of_rows(cls, X, y, weights=None):
        """Return the moments of rows that are at hand.

        Parameters
        ----------
        X : (n, p) ndarray or CSR array
            float64 or float32.
        y : (n, q) array
            Responses.
        weights : (n,) array or None
            Nonnegative; None for ones.
        """
        if len(y) == 0 or (weights is not None and not weights.any()):
            return cls.nothing()
        if sparse.issparse(X):
            sums, guess = _sparse_sums(X, y, weights), np.zeros(X.shape[1] + y.shape[1])
        else:
            few = X[:_GUESSED_FROM]
            guess = few.mean(0, np.float64), y[:_GUESSED_FROM].mean(0)
            is_near = (guess[0] ** 2 <= _NEAR * few.var(0, np.float64)).all()
            if is_near and weights is None and _is_read_in_place(X):
                guess = np.concatenate([np.zeros(X.shape[1]), guess[1]])
                sums = _sums_in_place(X, y, guess[X.shape[1] :])
            else:
                guess = np.concatenate(guess)
                sums = _sums(X, y, weights, guess)
        moments, is_exact = cls._about_mean(sums, guess)
        if is_exact:
            return moments
        if sparse.issparse(X):
            X = X.toarray()
        return cls._about_mean(_sums(X, y, weights, moments.mean), moments.mean)[0]

    @classmethod
    def _about_mean(cls, sums, guess):
        """Return moments from sums about a guess, and whether no digits were lost."""
        weight, squares = float(sums[-1, -1]), np.diag(sums)[:-1].copy()
        rest = sums[-1, :-1] / weight
        scatter = sums[:-1, :-1]
        scatter -= weight * np.outer(rest, rest)
        between = weight * rest**2
        is_far = between > _FAR * np.diag(scatter)
        # A constant's mean has as many roundings as it has rows.
        is_far &= between > weight * rounding_variance(_GUESSED_FROM * guess)
        return cls(weight, guess + rest, scatter, squares), not is_far.any()

    def __add__(self, other):
        """Merge with the moments of other rows (Chan, Golub and LeVeque, 1983)."""
        if self.weight == 0 or other.weight == 0:
            return self if other.weight == 0 else other
        weight = self.weight + other.weight
        share = other.weight / weight
        step = other.mean - self.mean
        between = self.weight * share * np.outer(step, step)
        return Moments(
            weight,
            self.mean + share * step,
            self.scatter + other.scatter + between,
            self.squares + other.squares + np.diag(between),
        )

    def of_columns(self, features, q):
        """Return the moments of some columns of X, and of y.

        Parameters
        ----------
        features : integer array
            Positions of the columns of X.
        q : int
            Number of responses.
        """
        kept = np.concatenate([features, np.arange(len(self.mean) - q, len(self.mean))])
        scatter = self.scatter[np.ix_(kept, kept)]
        return Moments(self.weight, self.mean[kept], scatter, self.squares[kept])

    def rows(self, centred):
        """Return rows (m, p + q) whose squares and products sum to the mean ones.

        About the mean, or about zero. Columns that vary by no more than rounding are
        constant.
        """
        variance = np.diag(self.scatter) / self.weight
        is_constant = variance <= rounding_variance(self.mean)
        root, _ = square_root(self.scatter / self.weight, is_constant)
        return root if centred else np.vstack([root, self.mean])


def square_root(matrix, is_zero):
    """Return R (rank, m) with ``R'R`` a symmetric positive semidefinite matrix.

    By a pivoted Cholesky factorisation of the matrix scaled to a unit diagonal, so that
    neither collinear columns nor wild units do harm.

    Parameters
    ----------
    matrix : (m, m) array
        Not negative but by rounding.
    is_zero : (m,) bool array
        Rows and columns to leave out.

    Returns
    -------
    R : (rank, m) array
    pivots : (rank,) array
        Columns of R that make it upper triangular.
    """
    size = np.where(is_zero, 1.0, np.sqrt(np.abs(np.diag(matrix))))
    scaled = matrix / np.outer(size, size)
    scaled[is_zero] = scaled[:, is_zero] = 0.0
    factor, order, rank, _ = lapack.dpstrf(scaled)
    root = np.zeros((rank, len(matrix)))
    root[:, order - 1] = np.triu(factor)[:rank]
    return root * size, order[:rank] - 1


def _sums(X, y, weights, guess):
    """Return the weighted sums of squares and products of ``(x, y) - guess`` and 1."""
    n, p = X.shape
    width = len(guess) + 1
    step = min(n, max(_BLOCK_BYTES // (8 * width), 2 * width))
    order = "F" if X.flags.f_contiguous or X.strides[0] < X.strides[-1] else "C"
    rows = np.empty((step, width), order=order)
    total, product = np.zeros((width, width)), np.empty((width, width))
    for start in range(0, n, step):
        own = slice(start, start + step)
        Z = rows[: min(step, n - start)]
        np.subtract(X[own], guess[:p], out=Z[:, :p])
        np.subtract(y[own], guess[p:], out=Z[:, p:-1])
        Z[:, -1] = 1.0
        if weights is not None:
            Z *= np.sqrt(weights[own])[:, None]
        np.matmul(Z.T, Z, out=product)
        total += product
    return total


def _is_read_in_place(X):
    is_whole = X.flags.c_contiguous or X.flags.f_contiguous
    return X.dtype == np.float64 and is_whole


def _sums_in_place(X, y, guess):
    """Return the sums of squares and products of x, ``y - guess`` and 1.

    X is not copied, which would take a third of the time of its product with itself.
    """
    n, p = X.shape
    V = np.vstack([(y - guess).T, np.ones(n)])
    total = np.zeros((p + len(V),) * 2)
    product = np.empty((p, p))
    step = max(_BLOCK_BYTES // (8 * p), 2 * p)
    for start in range(0, n, step):
        rows, own = X[start : start + step], V[:, start : start + step]
        np.matmul(rows.T, rows, out=product)
        total[:p, :p] += product
        for k, values in enumerate(own, p):  # BLAS is slow where they are few
            total[k, :p] += values @ rows
    total[p:, p:] = V @ V.T
    total[:p, p:] = total[p:, :p].T
    return total


def _sparse_sums(X, y, weights):
    """Return the weighted sums of squares and products of x, y and 1."""
    p = X.shape[1]
    V = np.column_stack([y, np.ones(len(y))])
    W = V if weights is None else weights[:, None] * V
    total = np.empty((p + V.shape[1],) * 2)
    X = X.astype(np.float64)
    weighted = X if weights is None else sparse.diags_array(weights) @ X
    total[:p, :p] = (weighted.T @ X).toarray()
    total[:p, p:] = X.T @ W
    total[p:, :p] = total[:p, p:].T
    total[p:, p:] = V.T @ W
    return total


@dataclass(frozen=True)
class ShortProblem:
    """A squared-error problem on as many rows as there are columns.

    Attributes
    ----------
    moments : Moments
        Of the rows of the original.
    original : Problem
        The problem, prepared.
    problem : Problem
        The same in few rows, centred if there is an intercept.
    """

    moments: Moments
    original: object
    problem: object

    @classmethod
    def of(cls, problem):
        """Shorten a prepared problem."""
        moments = problem.moments
        if moments is None:
            moments = Moments.of(problem.matrix, problem.y, problem.weights)
        rows = moments.rows(centred=problem.fit_intercept)
        m, p = len(rows), problem.matrix.shape[1]
        rows = np.asfortranarray(rows * np.sqrt(m))
        short = replace(
            problem,
            matrix=as_matrix(rows[:, :p]),
            y=np.ascontiguousarray(rows[:, p:]),
            weights=np.full(m, 1.0 / m),
            fit_intercept=False,
            offset=None,
            moments=None,
            has_rows=True,
        )
        return cls(moments, problem, short.prepared())

    def intercepts(self, coefs):
        """Return intercepts (A, q) for coefficients (A, p, q)."""
        p = coefs.shape[1]
        if not self.original.fit_intercept:
            return np.zeros((len(coefs), coefs.shape[2]))
        return self.moments.mean[p:] - np.einsum(
            "apq,p->aq", coefs, self.moments.mean[:p]
        )

    def rounding(self, coefs):
        """Bound what the rounding of the moments leaves of each objective, (A,)."""
        moments, p = self.moments, coefs.shape[1]
        size = moments.squares / moments.weight
        if not self.original.fit_intercept:
            size = size + moments.mean**2
        size = np.sqrt(np.maximum(size, 0.0))
        terms = np.einsum("apq,p->aq", np.abs(coefs), size[:p]) + size[p:]
        return _ROUNDING * np.einsum("aq,aq->a", terms, terms)


def moments_pay(problem, n_alphas):
    """Whether one product of X with itself is cheaper than passes for each alpha.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    n_alphas : int
        For how many alphas, those of all folds together.
    """
    n, p = problem.matrix.shape
    if problem.matrix.is_sparse or not problem.loss.is_quadratic:
        return False
    return n * p >= _SMALLEST and n >= _TALL * p and p <= _COLUMNS_AN_ALPHA * n_alphas
