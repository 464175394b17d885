"""Choose blocks of columns that reproduce targets best, from a Gram matrix alone."""

from typing import NamedTuple

import numpy as np

from skstruct.kernels import block_selection as kernel


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
        Blocks in the order they were added (forward) or removed (backward): each
        start of it is one step of the nested path.
    errors : (len(order) + 1,) array
        Error before the first step and after each, without swaps.
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
            value = self._value(g, sign)
            if value >= 0:
                kernel.move(*self._state, g, sign)
                self.error -= sign * value

    def complete(self):
        """Take in what depended on blocks that are out again, of the blocks kept."""
        for g in np.flatnonzero(self.kept):
            if not self.inside[self.ptr[g] : self.ptr[g + 1]].all():
                kernel.move(*self._state, g, 1.0)

    def forward(self, n_steps):
        """Add the best block `n_steps` times, fewer if the rest is dependent."""
        order, values = np.empty(n_steps, dtype=np.intp), np.empty(n_steps)
        done = kernel.add_greedily(*self._state, n_steps, order, values, *self._scratch)
        return self._steps(order[:done], -values[:done])

    def backward(self, n_steps):
        """Remove the cheapest block `n_steps` times."""
        order, values = np.empty(n_steps, dtype=np.intp), np.empty(n_steps)
        *state, inside = self._state
        kernel.remove_greedily(
            *state, self._zero, inside, n_steps, order, values, *self._scratch
        )
        return self._steps(order, values)

    def swap(self, n_rounds, patience=20):
        """Trade kept blocks for better ones, cheapest first, up to `n_rounds` times."""
        for _ in range(n_rounds):
            candidates = self._cheapest_first()
            tol = max(1e-9 * self.error, 1e-13 * self._target)
            if not kernel.swap(*self._state, candidates, patience, tol):
                break

    def weights(self):
        """Least-squares weights of the columns kept, zero elsewhere."""
        return np.where(self.inside[:, None], self.B, 0.0)

    @property
    def _state(self):
        return self.A, self.B, self.ptr, self.kept, self._floor, self.inside

    def _value(self, g, sign):
        floor = self._floor if sign > 0 else self._zero
        span = self.ptr[g], self.ptr[g + 1]
        return kernel.block_value(
            self.A, self.B, *span, sign, floor, self.inside, *self._scratch
        )

    def _cheapest_first(self):
        blocks = np.flatnonzero(self.kept)
        costs = [self._value(g, -1.0) for g in blocks]
        return blocks[np.argsort(costs, kind="stable")]

    def _steps(self, order, changes):
        errors = self.error + np.concatenate([[0.0], np.cumsum(changes)])
        self.error = float(errors[-1])
        return order, errors


def select_blocks(
    gram, cross, target, ptr, n_blocks, *, method="forward", ridge=0.0, n_swaps=0
):
    """Keep the `n_blocks` blocks that reproduce the targets best, greedily.

    Parameters
    ----------
    gram, cross, target, ptr, ridge
        As in `Tableau`.
    n_blocks : int
        Blocks to keep, 0 to all.
    method : {"forward", "backward"}, default="forward"
        Add the best block to none, or remove the cheapest from all, one by one.
    n_swaps : int, default=0
        Rounds of trades afterwards.

    Returns
    -------
    BlockSelection
        Fewer than `n_blocks` blocks are kept if all others depend on them.
    """
    tableau = Tableau(gram, cross, target, ptr, ridge)
    total = len(tableau.kept)
    if not 0 <= n_blocks <= total:
        raise ValueError(f"n_blocks must be in [0, {total}], got {n_blocks}.")
    if method == "forward":
        order, errors = tableau.forward(n_blocks)
    elif method == "backward":
        tableau.move(range(total))
        surplus = int(tableau.kept.sum()) - n_blocks
        order, errors = tableau.backward(max(surplus, 0))
    else:
        raise ValueError(f"method must be 'forward' or 'backward', got {method!r}.")
    if n_swaps:
        tableau.swap(n_swaps)
    weights = tableau.weights()
    shrunk = target - np.vdot(np.asarray(cross), weights)
    return BlockSelection(
        np.flatnonzero(tableau.kept), weights, float(shrunk), order, errors
    )
