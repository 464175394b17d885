"""Least squares on the blocks of columns kept, from a Gram matrix alone."""

import numpy as np
from scipy.linalg import cho_solve, lapack

from skstruct.kernels import block_selection as kernel

MANY = 256  # columns from which on matrix products are faster than sweeps
STRIDE = 64


class Tableau:
    """A Gram matrix swept on the blocks kept; see `skstruct.kernels.block_selection`.

    Parameters
    ----------
    gram : (d, d) array
        ``H'H``, with blocks of consecutive columns. Symmetric.
    cross : (d, q) array
        ``H'Z``.
    target : float
        ``|Z|^2``.
    ptr : (n_blocks + 1,) array of int
        Block g has columns ``ptr[g]`` to ``ptr[g + 1]``.
    ridge : float >= 0, default=0.0
        Added to the diagonal, in the units of `gram`.
    """

    def __init__(self, gram, cross, target, ptr, ridge=0.0):
        if not (np.isfinite(gram).all() and np.isfinite(cross).all()):
            raise ValueError("gram and cross must be finite; scale the columns first.")
        self.A = np.array(gram, dtype=np.float64, order="C")
        raw = self.A.diagonal()
        # A column of zeros carries nothing, whatever the ridge.
        self._floor = np.where(raw > 0, kernel.DEPENDENT * raw, np.inf)
        self._zero = np.zeros_like(raw)
        self.A.flat[:: len(self.A) + 1] += ridge
        self.B = np.array(cross, dtype=np.float64, order="C")
        self.ptr = np.asarray(ptr, dtype=np.intp)
        self.kept = np.zeros(len(self.ptr) - 1, dtype=np.bool_)
        self.inside = np.zeros(len(self.A), dtype=np.bool_)
        self._target = self.error = float(target)
        widest = int(np.diff(self.ptr).max(initial=1))
        self._scratch = np.empty((widest, widest)), np.empty(widest)

    def move(self, blocks, sign=1.0):
        """Take blocks in (1.0) or out (-1.0), one by one, dependent ones left out."""
        for g in blocks:
            value = self.value(g, sign)
            if value >= 0:
                kernel.move(*self._state, g, sign)
                self.error -= sign * value

    def enter(self, blocks):
        """Take many blocks into an empty tableau at once, if they are independent."""
        blocks = np.asarray(blocks, dtype=np.intp)
        if self.kept.any() or not len(blocks):
            self.move(blocks)
            return
        inside = np.zeros(len(self.kept), dtype=bool)
        inside[blocks] = True
        inside = np.repeat(inside, np.diff(self.ptr))
        inner = self.A[np.ix_(inside, inside)]
        factor, failed = lapack.dpotrf(inner, lower=1)
        if not failed and (factor.diagonal() ** 2 > self._floor[inside]).all():
            self._sweep(blocks, inside, factor, 1.0)
        else:
            self.move(blocks)

    def _sweep(self, blocks, columns, factor, sign):
        """Take columns in (1.0) or out (-1.0), by the Cholesky factor of theirs."""
        others = ~columns
        inverse = cho_solve((factor, True), np.eye(len(factor)))
        across = sign * self.A[np.ix_(others, columns)]
        ratio = across @ inverse
        weights = inverse @ self.B[columns]
        self.error -= sign * float(np.vdot(self.B[columns], weights))
        self.A[np.ix_(others, others)] -= sign * ratio @ across.T
        self.A[np.ix_(others, columns)] = sign * ratio
        self.A[np.ix_(columns, others)] = sign * ratio.T
        self.A[np.ix_(columns, columns)] = -sign * inverse
        self.B[others] -= across @ weights
        self.B[columns] = weights
        self.kept[blocks], self.inside[columns] = sign > 0, sign > 0

    def complete(self):
        """Take in what depended on blocks that are out again, of the blocks kept."""
        for g in np.flatnonzero(self.kept):
            if not self.inside[self.ptr[g] : self.ptr[g + 1]].all():
                kernel.move(*self._state, g, 1.0)

    def forward(self, n_steps):
        """Add the best block `n_steps` times, fewer if the rest is dependent."""
        if len(self.kept) == len(self.A) and not self.kept.any():
            return self._forward_by_columns(n_steps)
        order, values = np.empty(n_steps, dtype=np.intp), np.empty(n_steps)
        done = kernel.add_greedily(*self._state, n_steps, order, values, *self._scratch)
        return self._steps(order[:done], -values[:done])

    def _forward_by_columns(self, n_steps):
        """Do the same for blocks of one column, sweeping only in the end.

        The rows of a Cholesky factor of the columns kept, one more a step, give what
        is left of the diagonal and of the products: d (step + q) operations a step
        instead of the sweep's d (d + q).
        """
        left, products = self.A.diagonal().copy(), self.B.copy()
        factor = np.empty((n_steps, len(left)))
        order, values = [], []
        for step in range(n_steps):
            gains = np.einsum("ij,ij->i", products, products)
            usable = left > self._floor
            usable[order] = False
            gains = np.divide(gains, left, out=np.full_like(gains, -1.0), where=usable)
            # Of equal ones the first, as in the kernel.
            j = int(np.argmax(gains >= gains.max() / (1 + kernel.TIE)))
            if gains[j] < 0:
                break
            row = self.A[j] - factor[:step, j] @ factor[:step]
            row /= np.sqrt(left[j])
            products -= np.outer(row, products[j] / np.sqrt(left[j]))
            left -= row**2
            factor[step] = row
            order.append(j)
            values.append(gains[j])
        start = self.error
        self.enter(order)
        return self._nested(start, order, -np.array(values))

    def backward(self, n_steps):
        """Remove the cheapest block `n_steps` times."""
        if len(self.kept) == len(self.A) >= MANY:
            return self._backward_by_columns(n_steps)
        order, values = np.empty(n_steps, dtype=np.intp), np.empty(n_steps)
        *state, inside = self._state
        kernel.remove_greedily(
            *state, self._zero, inside, n_steps, order, values, *self._scratch
        )
        return self._steps(order, values)

    def _backward_by_columns(self, n_steps):
        """Do the same for blocks of one column, sweeping only in the end.

        Of the inverse of the Gram matrix kept, only the columns that go are brought up
        to date, and all of it once in `STRIDE` steps, without what is gone.
        """
        left, order, values = np.flatnonzero(self.inside), [], []
        inverse, weights = -self.A[np.ix_(left, left)], self.B[left]
        while len(order) < n_steps:
            n_now = min(STRIDE, n_steps - len(order))
            gone, costs, rows, steps = _removed(inverse, weights, n_now)
            order.extend(left[gone])
            values.extend(costs)
            stays = np.setdiff1d(np.arange(len(left)), gone)
            rows = rows[:, stays]
            inverse = inverse[np.ix_(stays, stays)] - rows.T @ rows
            weights = weights[stays] - rows.T @ steps
            left = left[stays]
        start, out = self.error, np.zeros(len(self.A), dtype=bool)
        out[order] = True
        factor, failed = lapack.dpotrf(-self.A[np.ix_(out, out)], lower=1)
        if failed:
            self.move(order, -1.0)
        elif order:
            self._sweep(order, out, factor, -1.0)
        return self._nested(start, order, np.array(values))

    def swap(self, n_rounds, patience=20):
        """Trade kept blocks for better ones, cheapest first, up to `n_rounds` times."""
        for _ in range(n_rounds):
            candidates = self._cheapest_first()
            tol = max(1e-9 * self.error, 1e-13 * self._target)
            if not kernel.swap(*self._state, candidates, patience, tol):
                break

    def value(self, g, sign):
        """Return what a block gains (1.0) or costs to remove (-1.0), -1 if nothing."""
        floor = self._floor if sign > 0 else self._zero
        span = self.ptr[g], self.ptr[g + 1]
        return kernel.block_value(
            self.A, self.B, *span, sign, floor, self.inside, *self._scratch
        )

    def weights(self):
        """Least-squares weights of the columns kept, zero elsewhere."""
        return np.where(self.inside[:, None], self.B, 0.0)

    @property
    def _state(self):
        return self.A, self.B, self.ptr, self.kept, self._floor, self.inside

    def _cheapest_first(self):
        blocks = np.flatnonzero(self.kept)
        costs = [self.value(g, -1.0) for g in blocks]
        return blocks[np.argsort(costs, kind="stable")]

    def _steps(self, order, changes):
        order, errors = self._nested(self.error, order, changes)
        self.error = float(errors[-1])
        return order, errors

    @staticmethod
    def _nested(start, order, changes):
        errors = start + np.concatenate([[0.0], np.cumsum(changes)])
        return np.asarray(order, dtype=np.intp), errors


def _removed(inverse, weights, n_steps):
    """Remove the cheapest column `n_steps` times from a least-squares problem.

    Returns the columns, what each costs, and rows F and V: what is left are the
    inverse ``inverse - F'F`` and the weights ``weights - F'V``.
    """
    diagonal, squares = (
        inverse.diagonal().copy(),
        np.einsum("ij,ij->i", weights, weights),
    )
    F, V = np.empty((n_steps, len(inverse))), np.empty((n_steps, weights.shape[1]))
    gone, costs, stays = [], [], np.ones(len(inverse), dtype=bool)
    for step in range(n_steps):
        worth = np.full(len(stays), np.inf)
        j = int(np.argmin(np.divide(squares, diagonal, out=worth, where=stays)))
        root = np.sqrt(diagonal[j])
        before = F[:step, j]
        F[step] = (inverse[j] - before @ F[:step]) / root
        V[step] = (weights[j] - before @ V[:step]) / root
        row, past = F[step], V[:step] @ V[step]
        along = weights @ V[step] - past @ F[:step]
        squares -= row * (2 * along - row * (V[step] @ V[step]))
        diagonal -= row**2
        stays[j] = False
        gone.append(j)
        costs.append(max(worth[j], 0.0))
    return gone, costs, F, V
