"""Rank blocks by when the group lasso takes them in, on a Gram matrix alone.

The screen in front of the exact but slower steps of
:mod:`skstruct.solvers.block_selection`: a path of group lasso problems ::

    minimise over B   1/2 <B, G B> - <C, B> + alpha sum_g w_g |B_g|

from the alpha where all is zero down to that with as many blocks as wanted.
"""

import numpy as np

from skstruct.kernels.sweeps import sweep
from skstruct.penalties import GroupL2
from skstruct.penalties.norms import group_norms

STEP = 0.85  # from one alpha to the next
SMALLEST = 1e-4  # of the first alpha: where the path ends at the latest
LOOSE = 1e-2  # tolerance of the screen: tighter ones rank hardly better


class BlockLassoPath:
    """Solutions of the group lasso on a Gram matrix, from strong to weak alphas.

    Parameters
    ----------
    gram : (d, d) array
        ``H'H``, with blocks of consecutive columns.
    cross : (d, q) array
        ``H'Z``.
    ptr : (n_blocks + 1,) array of int
        Block g has columns ``ptr[g]`` to ``ptr[g + 1]``.
    weights : (n_blocks,) array
        Weights of the norms. Blocks of weight infinity stay out.
    tol : float, default=1e-3
        An alpha is done when a sweep changes the objective by less than this share
        of what has been gained.
    max_iter : int, default=200
        Bound on the sweeps of one alpha.
    """

    def __init__(self, gram, cross, ptr, weights, *, tol=1e-3, max_iter=200):
        self.ptr = np.asarray(ptr, dtype=np.int64)
        self.tol, self.max_iter = tol, max_iter
        self.usable = np.flatnonzero(np.isfinite(weights))
        self.weights = np.where(np.isfinite(weights), weights, 1.0)
        self._rotate(np.array(gram, dtype=float), np.array(cross, dtype=float))
        self.coef = np.zeros_like(self.cross)
        self.R = np.ascontiguousarray(self.cross.T)
        self.active = np.zeros(len(self.weights), dtype=bool)

    def _rotate(self, gram, cross):
        """Turn each block to the eigenbasis of its own Gram matrix."""
        values = gram.diagonal().copy()
        for start, stop in zip(self.ptr[:-1], self.ptr[1:], strict=True):
            if stop - start > 1:
                own = slice(start, stop)
                values[own], basis = np.linalg.eigh(gram[own, own])
                gram[own] = basis.T @ gram[own]
                gram[:, own] = gram[:, own] @ basis
                cross[own] = basis.T @ cross[own]
        self.gram, self.cross = np.ascontiguousarray(gram), cross
        self.h = np.maximum(values, 0.0)
        self.lipschitz = np.maximum.reduceat(self.h, self.ptr[:-1])

    def polars(self):
        """Return, by block, the alpha below which it would move from zero."""
        norms = group_norms(self.R.T, self.ptr) / self.weights
        outside = np.ones(len(norms), dtype=bool)
        outside[self.usable] = False
        norms[outside] = 0.0
        return norms

    def solve(self, alpha):
        """Move on to the solution at `alpha`; return the norms of the blocks."""
        struct = GroupL2().bind(self.weights, alpha)
        self.active |= self.polars() > alpha
        for _ in range(self.max_iter):
            order = np.flatnonzero(self.active)
            change = self._sweep(struct, order)
            gained = 0.5 * float(np.vdot(self.coef, self.cross))
            if change <= self.tol * gained or not len(order):
                missed = (self.polars() > alpha * (1 + self.tol)) & ~self.active
                if not missed.any():
                    break
                self.active |= missed
        norms = group_norms(self.coef, self.ptr)
        self.active = norms > 0
        return norms

    def _sweep(self, struct, order):
        none, nothing = np.empty((len(self.R), 0)), np.empty((0, 0))
        columns = np.empty((1, len(self.gram), 0))
        return sweep(
            self.gram,
            True,
            self.R,
            none,
            nothing,
            nothing,
            columns,
            self.coef,
            self.ptr,
            self.h,
            self.ptr,
            self.lipschitz,
            struct,
            order,
        )


def block_weights(gram, cross, ptr, ridge, is_adaptive):
    """Weights that make the penalty blind to the scale of the columns.

    Root mean square length of a block's columns, divided, if `is_adaptive`, by that
    of the fit that its least-squares weights contribute (Zou, 2006). Infinity for
    blocks of zeros.
    """
    sizes = np.diff(ptr)
    scale = np.sqrt(np.add.reduceat(gram.diagonal(), ptr[:-1]) / sizes)
    weights = scale * np.sqrt(sizes)
    if is_adaptive:
        lifted = gram + max(ridge, 1e-10 * np.trace(gram) / len(gram)) * np.eye(
            len(gram)
        )
        fit = group_norms(np.linalg.solve(lifted, cross), ptr) * scale
        weights = weights / np.maximum(fit, 1e-10 * max(fit.max(), 1e-300))
    return np.where(scale > 0, weights, np.inf)


def lasso_order(gram, cross, ptr, n_blocks, *, ridge=0.0, is_adaptive=False, tol=LOOSE):
    """Return blocks in the order in which they enter the path of the group lasso.

    Parameters
    ----------
    gram, cross, ptr
        As in :class:`BlockLassoPath`.
    n_blocks : int
        The path ends when so many have entered, or when alpha has fallen to 1e-4 of
        where it began.
    ridge : float, default=0.0
        Added to the diagonal of `gram`.
    is_adaptive : bool, default=False
        Whether weights are divided by the size of the least-squares fit.
    tol : float, default=1e-2
        As in :class:`BlockLassoPath`.

    Returns
    -------
    array of int
        Those that enter at the same alpha by decreasing size of their fit. A block
        that has left again keeps its place. May be fewer than `n_blocks`.
    """
    ptr = np.asarray(ptr, dtype=np.int64)
    weights = block_weights(gram, cross, ptr, ridge, is_adaptive)
    path = BlockLassoPath(
        gram + ridge * np.eye(len(gram)), cross, ptr, weights, tol=tol
    )
    scale = np.where(np.isfinite(weights), weights, 0.0)
    first = path.polars().max(initial=0.0)
    order, alpha = [], first
    entered = np.zeros(len(weights), dtype=bool)
    while len(order) < n_blocks and alpha > SMALLEST * first:
        alpha *= STEP
        norms = path.solve(alpha) * scale
        new = np.flatnonzero((norms > 0) & ~entered)
        order.extend(new[np.argsort(-norms[new], kind="stable")])
        entered[new] = True
    return np.array(order, dtype=np.intp)
