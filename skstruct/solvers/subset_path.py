"""Least squares on the best few groups, for several numbers of groups at once.

With weights ``d`` that sum to one, the problem of size k is::

    minimise  1/2 |Y - Z b|^2 + ridge / 2 |B|^2   with at most k groups not zero

where Z holds the weighted, centred columns of X, free of what is always in the model,
and b the coefficients B in suitable units. Each group gets coordinates c, ``b_g = T_g
c_g``, in which ``Z_g'Z_g`` plus its part of the ridge is the identity; directions in
which a group does not vary are left out. Groups are chosen on the Gram matrix of these
(`skstruct.solvers.tableau`); coefficients are then corrected once by residuals
computed from X itself, which regains the digits that a Gram matrix loses (corrected
seminormal equations; Bjorck, 1987).
"""

import copy
from dataclasses import dataclass

import numpy as np

from skstruct.solvers.certificate import Certificate
from skstruct.solvers.design import Design
from skstruct.solvers.scaling import block_diagonal
from skstruct.solvers.tableau import Tableau

METHODS = ("forward", "backward", "both")
# Largest Gram matrix, in bytes.
_MOST_BYTES = 4e9
# Variance, as a share of its own, below which a column or direction counts as constant.
_DEPENDENT = 1e-10
# Share of the responses' sum of squares that rounding may leave unexplained.
_PERFECT = 1e-13
# Rounds of trades, each better than the last: far more than are ever needed.
_MANY = 1_000_000


@dataclass(frozen=True)
class SubsetPath:
    """Models of increasing numbers of groups, A of them.

    Attributes
    ----------
    sizes : (A,) integer array
        Most groups allowed, increasing.
    coefs : (A, p, q) array
        Coefficients of the columns of X.
    intercepts : (A, q) array
        Intercepts.
    objectives : (A,) array
        Half the weighted mean squared error, ridge included.
    order : integer array
        Groups in the order in which greedy steps alone would have them, best first.
    order_objectives : (len(order) + 1,) array
        Objective of each start of `order`, from none to all of it.
    """

    sizes: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    objectives: np.ndarray
    order: np.ndarray
    order_objectives: np.ndarray


def subset_path(problem, sizes, *, method, n_swaps, ridge, on_solved=None):
    """Find good subsets of groups of the given sizes.

    Parameters
    ----------
    problem : Problem
        Data and groups; those of weight zero are in every model and not counted.
    sizes : integer array
        Most groups allowed, increasing.
    method : {"forward", "backward", "both"}
        Greedy steps from no group, or from all (as many as are independent); or the
        better of the two for each size.
    n_swaps : int or None
        Rounds of trades at each size; None for as many as help.
    ridge : float
        Strength of a ridge.
    on_solved : callable or None
        Called without arguments after each size.

    Returns
    -------
    SubsetPath
    """
    problem = problem.prepared()
    sums = _Sums(problem, ridge)
    runs = [
        _greedy(sums, sizes, direction, _MANY if n_swaps is None else n_swaps)
        for direction in (("forward", "backward") if method == "both" else (method,))
    ]
    p, q = problem.layout.n_features, problem.y.shape[1]
    coefs = np.zeros((len(sizes), p, q))
    for i in range(len(sizes)):
        coefs[i] = sums.coef(min((run.found[i] for run in runs), key=lambda f: f.error))
        if on_solved is not None:
            on_solved()
    intercepts = Certificate(problem).intercepts(coefs)
    first = runs[0]
    return SubsetPath(
        np.asarray(sizes),
        coefs,
        intercepts,
        np.array([sums.objective(coef) for coef in coefs]),
        sums.groups[first.order],
        0.5 * sums.unit**2 * first.errors,
    )


class _Sums:
    """Sums of squares and products of the groups to choose among.

    Attributes
    ----------
    groups : integer array
        The groups of positive weight.
    features : (p,) integer array
        Their features.
    T : (p, m) sparse array
        From the coordinates c to ``b = T c``.
    ptr : integer array
        Where each group's coordinates start and end.
    gram, cross : (m, m) and (m, q) arrays
        Products of the coordinates' columns with each other and with Y.
    """

    def __init__(self, problem, ridge):
        layout = problem.layout
        self.problem, self.ridge = problem, ridge
        self.groups = np.flatnonzero(layout.weights > 0)
        self.features = layout.features_of(self.groups)
        _check_size(len(self.features))
        free = np.flatnonzero(layout.weights == 0)
        self.design = Design(
            problem.matrix, layout, problem.weights, problem.fit_intercept, "none", free
        )
        Y = self.design.target(problem.y)
        largest = np.abs(Y).max(initial=0.0) or 1.0
        self.unit = largest * (np.linalg.norm(Y / largest) or 1.0)
        self.Y = Y / self.unit
        self.target = float(np.sum(self.Y**2))
        read = self._dense if self.design.is_read_densely else self._sparse
        gram = read()
        dead = gram.diagonal() <= _DEPENDENT * self.shares
        self.T, self.ptr = self._coordinates(gram, dead, layout.sizes[self.groups])
        self.gram = self.T.T @ (self.T.T @ gram).T
        self.cross = self.T.T @ (self._columns.T @ self.Y)
        for start, stop in zip(self.ptr[:-1], self.ptr[1:], strict=True):
            self.gram[start:stop, start:stop] = np.eye(stop - start)

    def _dense(self):
        rows = self.design.centred_rows(self.features)
        self._measure(_norms(rows))
        rows /= self.scale[:, None]
        rows = self.design.free.project(rows)
        self._columns, self._Q = rows.T, np.empty((0, self.design.n_rows))
        return rows @ rows.T

    def _sparse(self):
        W, self._Q = (
            self.design.sparse_columns(self.features),
            self.design.projected_out(),
        )
        self._measure(_norms(W.T.tocsr()))
        W.data /= np.repeat(self.scale, np.diff(W.indptr))
        self._columns = W
        M = np.asarray((self._Q @ W).T)
        return (W.T @ W).toarray() - M @ M.T

    def _measure(self, norms):
        """Choose units: each column's norm; but one for all where a ridge counts."""
        units = norms.max(initial=0.0) if self.ridge > 0 else norms
        units = np.broadcast_to(units, norms.shape)
        self.scale = np.where(units > 0, units, 1.0)
        self.shares = (norms / self.scale) ** 2

    def _coordinates(self, gram, dead, sizes):
        blocks, ends = [], np.cumsum(sizes)
        for start, stop in zip(ends - sizes, ends, strict=True):
            own = slice(start, stop)
            H = np.where(dead[own] | dead[own, None], 0.0, gram[own, own])
            values, V = np.linalg.eigh(H)
            keep = values > _DEPENDENT * values[-1]
            values = values[keep] + self.ridge / self.scale[start] ** 2
            blocks.append(V[:, keep] / np.sqrt(values))
        ranks = [T.shape[1] for T in blocks]
        return block_diagonal(blocks), np.concatenate([[0], np.cumsum(ranks)])

    def tableau(self):
        """Return a tableau with no group in."""
        return Tableau(self.gram, self.cross, self.target, self.ptr)

    def coef(self, fitted):
        """Return coefficients (p, q) of X, corrected once."""
        T, inverse = self.T[:, fitted.used], fitted.inverse
        b = T @ fitted.weights
        fit = self._columns @ b
        residual = self.Y - (fit - self._Q.T @ (self._Q @ fit))
        slope = self._columns.T @ residual - (self.ridge / self.scale**2)[:, None] * b
        b = b + T @ (inverse @ (T.T @ slope))
        problem = self.problem
        coef = np.zeros((problem.layout.n_features, self.Y.shape[1]))
        coef[self.features] = (b * (self.unit / self.scale[:, None])).astype(
            problem.dtype
        )
        free = self.design.free_features
        if len(free):
            own = self.design.free_coef(problem.y, coef)
            coef[free] = own.astype(problem.dtype)
        return coef

    def objective(self, coef):
        """Return the objective of coefficients (p, q)."""
        problem, d = self.problem, self.problem.weights
        residual = problem.y - problem.matrix.dot(coef)
        if problem.fit_intercept:
            residual = residual - d @ residual
        loss = np.einsum("i,it,it->", d, residual, residual)
        return 0.5 * float(loss + self.ridge * np.sum(coef[self.features] ** 2))


@dataclass(frozen=True)
class _Fitted:
    """Squared error, coordinates used, their weights and inverse Gram matrix."""

    error: float
    used: np.ndarray
    weights: np.ndarray
    inverse: np.ndarray


@dataclass(frozen=True)
class _Run:
    """One run of greedy steps: what each size found, and the nested path."""

    found: list
    order: np.ndarray
    errors: np.ndarray


def _greedy(sums, sizes, direction, n_swaps):
    """Step from size to size; polish a copy at each."""
    tableau = sums.tableau()
    down = direction == "backward"
    order, errors = _forward(tableau, len(tableau.kept) if down else 0)
    orders, all_errors = [order[:0]], [errors[-1:]]
    found = {}
    for size in [*sizes[::-1], 0] if down else sizes:
        n_steps = int(tableau.kept.sum()) - size
        if down:
            order, errors = tableau.backward(max(n_steps, 0))
        else:
            order, errors = _forward(tableau, -n_steps)
        orders.append(order)
        all_errors.append(errors[1:])
        if size not in found:
            found[size] = _polished(sums, tableau, n_swaps)
    order, errors = np.concatenate(orders), np.concatenate(all_errors)
    if down:  # what is removed last comes first
        order, errors = order[::-1], errors[::-1]
    return _Run([found[size] for size in sizes], order.astype(np.intp), errors)


def _forward(tableau, n_steps):
    """Add the best groups, but none to what is a perfect fit but for rounding."""
    if tableau.error <= _PERFECT:
        n_steps = 0
    order, errors = tableau.forward(n_steps)
    n_useful = int(np.argmax(np.append(errors[:-1], 0.0) <= _PERFECT))
    tableau.move(order[n_useful:], -1.0)
    tableau.error = float(errors[n_useful])
    return order[:n_useful], errors[: n_useful + 1]


def _polished(sums, tableau, n_swaps):
    """Return the fit after trades, made on a copy."""
    if n_swaps and tableau.error > _PERFECT and tableau.kept.any():
        tableau = copy.deepcopy(tableau)
        tableau.swap(n_swaps, patience=len(tableau.kept))
        tableau.complete()
    used = np.flatnonzero(tableau.inside)
    weights = tableau.weights()
    error = sums.target - float(np.vdot(sums.cross, weights))
    return _Fitted(error, used, weights[used], -tableau.A[np.ix_(used, used)])


def _norms(rows):
    """Return norms of rows, dense or sparse, without overflow."""
    largest = abs(rows).max(axis=1)
    largest = np.ravel(largest.toarray() if hasattr(largest, "toarray") else largest)
    largest = np.where(largest > 0, largest, 1.0)
    if hasattr(rows, "toarray"):
        rows = rows.multiply(1.0 / largest[:, None])
        squares = np.ravel(rows.multiply(rows).sum(axis=1))
    else:
        squares = np.einsum("jn,jn->j", *[rows / largest[:, None]] * 2)
    return np.where(squares > 0, largest * np.sqrt(squares), 0.0)


def _check_size(n_columns):
    if 8.0 * n_columns**2 > _MOST_BYTES:
        raise ValueError(
            f"Subsets are chosen on the Gram matrix of the features, {n_columns} x "
            f"{n_columns} numbers or {8e-9 * n_columns**2:.0f} GB, which is too large. "
            "Choose some thousand features first, for example by GroupLasso."
        )
