"""Choose blocks of columns that reproduce targets best, from a Gram matrix alone."""

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, lapack

from skstruct.kernels import block_selection as kernel
from skstruct.solvers.block_lasso import lasso_order

LASSO = ("group_lasso", "adaptive_group_lasso")
MANY = 128  # columns from which on matrix products are faster than sweeps
STRIDE = 64


class BlockSelection(NamedTuple):
    """Blocks kept, and what they reproduce.

    Attributes
    ----------
    kept : (n_kept,) array of int
        Blocks kept, in increasing order.
    weights : (d, q) array
        Least-squares weights, zero outside the blocks kept.
    error : float
        ``|Z - H weights|^2 + ridge |weights|^2``, with the ridge as given.
    order : array of int
        Blocks in the order they were added or (backward) removed: each start of it
        is one step of the nested path.
    errors : array
        Error before the first step and after each, without swaps; for the group
        lasso, before the first and after the last.
    """

    kept: np.ndarray
    weights: np.ndarray
    error: float
    order: np.ndarray
    errors: np.ndarray


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


def select_blocks(
    gram,
    cross,
    target,
    ptr,
    n_blocks,
    *,
    method="forward",
    ridge=0.0,
    n_swaps=0,
    screen=None,
):
    """Keep the `n_blocks` blocks that reproduce the targets best, greedily.

    Parameters
    ----------
    gram, cross, target, ptr, ridge
        As in `Tableau`.
    n_blocks : int
        Blocks to keep, 0 to all.
    method : {"forward", "backward", "group_lasso", "adaptive_group_lasso"}, \
            default="forward"
        Add the best block to none, or remove the cheapest from all, one by one; or
        take blocks as they enter the path of the group lasso, and refit them.
    n_swaps : int, default=0
        Rounds of trades afterwards.
    screen : int, default=None
        Look only at so many blocks, the first on the path of the adaptive group lasso,
        and at no fewer than `n_blocks`. None means all.

    Returns
    -------
    BlockSelection
        Fewer than `n_blocks` blocks are kept if all others depend on them.
    """
    total = len(ptr) - 1
    if not 0 <= n_blocks <= total:
        raise ValueError(f"n_blocks must be in [0, {total}], got {n_blocks}.")
    if screen is not None and max(screen, n_blocks) < total:
        return _select_screened(
            gram, cross, target, ptr, n_blocks, screen, method, ridge, n_swaps
        )
    tableau = Tableau(gram, cross, target, ptr, ridge)
    order, errors = _run(tableau, gram, cross, n_blocks, method, ridge)
    if n_swaps:
        tableau.swap(n_swaps)
    weights = tableau.weights()
    shrunk = target - np.vdot(np.asarray(cross), weights)
    return BlockSelection(
        np.flatnonzero(tableau.kept), weights, float(shrunk), order, errors
    )


def _run(tableau, gram, cross, n_blocks, method, ridge):
    """Take blocks in or out; return their order and the errors on the way."""
    if method == "forward":
        return tableau.forward(n_blocks)
    if method == "backward":
        tableau.enter(range(len(tableau.kept)))
        return tableau.backward(max(int(tableau.kept.sum()) - n_blocks, 0))
    if method in LASSO:
        order = lasso_order(
            gram,
            cross,
            tableau.ptr,
            n_blocks,
            ridge=ridge,
            is_adaptive=method == "adaptive_group_lasso",
        )
        start = tableau.error
        tableau.enter(order[:n_blocks])
        order = order[:n_blocks][tableau.kept[order[:n_blocks]]]
        return order, np.array([start, tableau.error])
    raise ValueError(
        "method must be 'forward', 'backward', 'group_lasso' or "
        f"'adaptive_group_lasso', got {method!r}."
    )


def _select_screened(
    gram, cross, target, ptr, n_blocks, screen, method, ridge, n_swaps
):
    """Select among the first `screen` blocks of the path; give all their numbers."""
    n_candidates = max(screen, n_blocks)
    order = lasso_order(gram, cross, ptr, n_candidates, ridge=ridge, is_adaptive=True)
    # What has not entered the path carries little: it fills up in its own order.
    rest = np.setdiff1d(np.arange(len(ptr) - 1), order)
    blocks = np.sort(np.concatenate([order, rest])[:n_candidates])
    columns = np.concatenate([np.arange(ptr[g], ptr[g + 1]) for g in blocks])
    few = select_blocks(
        gram[np.ix_(columns, columns)],
        cross[columns],
        target,
        np.concatenate([[0], np.cumsum(np.diff(ptr)[blocks])]),
        n_blocks,
        method=method,
        ridge=ridge,
        n_swaps=n_swaps,
    )
    weights = np.zeros_like(cross, dtype=np.float64)
    weights[columns] = few.weights
    return few._replace(kept=blocks[few.kept], weights=weights, order=blocks[few.order])


def select_jointly(problems, n_blocks, *, method="backward"):
    """Keep the blocks that serve several least-squares problems best, greedily.

    The error is the sum of the problems' errors, each relative to its target: one
    problem after the other on the diagonal of a large one, which is never formed.

    Parameters
    ----------
    problems : list of (gram, cross, target, ptr, ridge)
        As in `Tableau`. All have the same number of blocks, of sizes of their own.
    n_blocks : int
        Blocks to keep, 0 to all.
    method : {"forward", "backward"}, default="backward"
        Add the best block to none, or remove the cheapest from all, one by one.

    Returns
    -------
    array of int
        Blocks kept, in increasing order. Those that are worth nothing stay out, or go
        first, in the order of their numbers.
    """
    total = len(problems[0][3]) - 1
    if not 0 <= n_blocks <= total:
        raise ValueError(f"n_blocks must be in [0, {total}], got {n_blocks}.")
    tableaus = []
    for gram, cross, target, ptr, ridge in problems:
        scale = 1 / np.sqrt(target) if target > 0 else 0.0
        tableaus.append(Tableau(gram, cross * scale, float(target > 0), ptr, ridge))
    is_backward = method == "backward"
    kept = np.full(total, is_backward)
    sign = -1.0 if is_backward else 1.0
    if is_backward:
        for tableau in tableaus:
            tableau.enter(range(total))
    for _ in range(total - n_blocks if is_backward else n_blocks):
        blocks = np.flatnonzero(kept == is_backward)
        worth = [sum(max(t.value(g, sign), 0.0) for t in tableaus) for g in blocks]
        found = blocks[np.argmin(worth) if is_backward else np.argmax(worth)]
        for tableau in tableaus:
            tableau.move([found], sign)
        kept[found] = not is_backward
    return np.flatnonzero(kept)
