"""What sweeps of a loss with changing curvature keep up to date.

Sweeps work on a quadratic model of the loss (prox-Newton). With weights d, root
``r = sqrt(d)``, working set ``Z`` (m, n) and an orthonormal basis ``Q`` (f, n) of the
intercept and the free columns, the weighted linear predictor is ``F = Z'c + Q'a``
and the loss is ``sum_i d_i loss(y_i, o_i + F_i / r_i)``. Its Hessian in F is the plain
second derivative of the loss, K. The model's minimum over a is known exactly for every
c: in a basis of Q that is orthonormal in K it is ``A = Q R``, with R minus the gradient
at fixed a. Sweeps update R, F and A.
"""

import numpy as np
from scipy import linalg

from skstruct.solvers.free_fit import fit_free

# Block curvatures are computed anew once the curvature of a row has grown by this
# factor, or the largest growth is below the other one.
_GROWN, _SHRUNK = 1.3, 0.7
# Wider blocks are bounded by the largest curvature of a row.
_WIDEST_BLOCK = 64
# Models get at most this many times the curvature that the loss says.
_MOST_CAUTION = 4.0**8
# Newton systems are not formed from more entries than this.
_MOST_ENTRIES = 20_000_000


class CurvedFit:
    """A curved loss of the working set's linear predictor.

    Parameters
    ----------
    columns : DenseColumns or SparseColumns
        The working set.
    problem : Problem
        Loss, responses, offset.

    Attributes
    ----------
    size : float
        Twice the loss of the null model, measured from a perfect fit.
    slope : (n, q) array
        Gradient of the loss, as of the last call of `descent` or `refresh`.
    """

    is_curved = True
    is_gram = False

    def __init__(self, columns, problem):
        design = columns.design
        self.columns = columns
        self.blocks = columns.blocks
        self.loss = problem.loss
        kept = design.kept
        self.weights = problem.weights[kept]
        self.root = design.root
        self.y = problem.y[kept]
        self.offset = problem.offset[kept]
        self.lowest = self.loss.lowest(self.y, self.weights)
        self.Q = design.projected_out()
        n, q, f = design.n_rows, self.y.shape[1], len(self.Q)
        self.F = np.zeros((q, n))
        self.A = np.zeros((q, f))
        self.a = np.zeros((q, f))
        self.R = np.zeros((q, n))
        self.basis = np.broadcast_to(self.Q, (q, f, n))
        self._to_a = np.broadcast_to(np.eye(f), (q, f, f))
        self.M = np.zeros((q, 0, f))
        self.reference, self._caution = None, 1.0
        self.h, self.lipschitz = np.empty(0), np.empty(0)
        self.is_known = np.zeros(0, dtype=bool)
        if problem.fit_intercept:
            mean = self.loss.link((self.weights @ self.y)[None])[0]
            self.a[:, 0] = mean - self.weights @ self.offset  # the basis starts with it
            self.F = self.a @ self.Q
        self._refit()
        self.size = 2 * self.value(None)

    def respond(self, problem):
        """Go on with other responses and another loss."""
        kept = self.columns.design.kept
        self.loss, self.y = problem.loss, problem.y[kept]
        self.lowest = self.loss.lowest(self.y, self.weights)
        self.reference = None

    def extend(self, k):
        """Take in the last k coordinates of the columns."""
        blocks = self.blocks
        new = len(blocks.h) - len(self.h)
        self.h = np.concatenate([self.h, np.zeros(new)])
        n_new = len(blocks.groups) - len(self.is_known)
        self.is_known = np.concatenate([self.is_known, np.zeros(n_new, dtype=bool)])
        self.lipschitz = np.concatenate([self.lipschitz, np.zeros(n_new)])

    def drop_gram(self, C):
        """Do nothing: there is no Gram matrix."""

    @property
    def state(self):
        """Arrays, affine in C, that sweeps update."""
        return self.R, self.A, self.F, self.a

    @state.setter
    def state(self, arrays):
        self.R, self.A, self.F, self.a = arrays

    def predictor(self):
        """Return linear predictors (n, q), offset included."""
        return self.offset + (self._weighted_predictor() / self.root).T

    def _weighted_predictor(self):
        if not self.A.any():
            return self.F
        return self.F + np.einsum("tj,tjn->tn", self.A, self.basis)

    def refresh(self, C):
        """Recompute the state from the coefficients; refit what is not penalised."""
        self._settle()
        self.F = self.columns.fit(C) + self.a @ self.Q
        self._refit()

    def _settle(self):
        """Move what sweeps fitted of the free columns from A to a."""
        if self.A.any():
            self.F = self._weighted_predictor()
            self.a = self.a + np.einsum("tj,tji->ti", self.A, self._to_a)
            self.A = np.zeros_like(self.A)

    def _refit(self):
        f = self.predictor()
        a, f, self.slope = fit_free(self.loss, self.y, f, self.weights, self.Q)
        if a.any():
            self.a = self.a + a.T
            self.F = self.F + a.T @ self.Q

    def value(self, C):
        """Return the loss at the current state, from that of a perfect fit."""
        return self.loss.value(self.y, self.predictor(), self.weights) - self.lowest

    def descent(self, live):
        """Return minus the gradient (m, q), at the best fit of what is free."""
        self._settle()
        self._refit()
        return self.columns.products(self.residual(), live)

    def residual(self):
        """Return minus the gradient (q, n) in the weighted linear predictor."""
        return -(self.root * self.slope.T)

    def dual_scale(self, C):
        """Return 1: the gradient itself is the best dual point at the optimum."""
        return 1.0

    def dual_value(self, C, scale):
        """Return the dual value of the scaled gradient, from that of a perfect fit."""
        v = scale * self.slope
        offset = float(np.einsum("i,it,it->", self.weights, v, self.offset))
        return offset - self.loss.conjugate(self.y, v, self.weights) - self.lowest

    def prepare(self, order):
        """Set up the quadratic model at the current iterate for blocks `order`."""
        self._settle()
        self._refit()  # else A below would be a step that nothing guards
        curvature = self.loss.curvature(self.y, self.predictor())
        self.K = np.ascontiguousarray(self._caution * curvature.T)
        self.R = np.ascontiguousarray(self.residual())
        self.F = np.ascontiguousarray(self.F)
        self._eliminate(order)
        self._bound_blocks(order)

    def _eliminate(self, order):
        """Find the free columns' basis that is orthonormal in K, and its products."""
        q, f = self.a.shape
        self.M = np.zeros((q, self._n_products, f))
        if f == 0:
            return
        self.basis = np.empty((q, f, self.Q.shape[1]))
        self._to_a = np.empty((q, f, f))
        for t in range(q):
            weighted = self.Q * self.K[t]
            gram = weighted @ self.Q.T
            gram[np.diag_indices(f)] *= 1 + 1e-14
            L = np.linalg.cholesky(gram)
            self._to_a[t] = linalg.solve_triangular(L, np.eye(f), lower=True)
            self.basis[t] = self._to_a[t] @ self.Q
            rows = np.ascontiguousarray(self._to_a[t] @ weighted)
            self.M[t] = self.columns.raw_products(rows, order)
            self.A[t] = self.basis[t] @ self.R[t]

    @property
    def _n_products(self):
        return self.columns.M.shape[1]

    def _bound_blocks(self, order):
        """Bound the curvature of the model in each block.

        A bound at curvatures K0 of the rows is one at K, times the largest K / K0.
        """
        rows = self.K.max(axis=0)
        growth = np.inf
        if self.reference is not None:
            growth = float(np.max(rows / self.reference))
        if not _SHRUNK <= growth <= _GROWN:
            self.reference, growth = rows, 1.0
            self.is_known[:] = False
        for g in order[~self.is_known[order]]:
            self._bound_block(g)
        self.growth = growth

    def _bound_block(self, g):
        blocks = self.blocks
        own = slice(blocks.h_ptr[g], blocks.h_ptr[g + 1])
        plain = blocks.h[own]
        k = blocks.ptr[g + 1] - blocks.ptr[g]
        self.is_known[g] = True
        if k > _WIDEST_BLOCK:
            largest = self.reference.max()
            self.h[own] = largest * plain
            self.lipschitz[g] = largest * blocks.lipschitz[g]
            return
        gram = self.columns.block_gram(g, self.reference)
        if len(plain) == k:
            # Relative to the plain curvature, in whose eigenbasis the block is.
            unit = 1 / np.sqrt(plain)
            gram = gram * np.outer(unit, unit)
            largest = np.linalg.eigvalsh(gram)[-1] if k else 0.0
            self.h[own] = largest * plain
            self.lipschitz[g] = largest * blocks.lipschitz[g]
        else:
            self.h[own] = gram.ravel()
            self.lipschitz[g] = np.linalg.eigvalsh(gram)[-1]

    def judge_model(self, share):
        """Learn from the share of a step that could be kept; tell if the model did.

        A model whose whole steps lead uphill gets more curvature, until it is an
        upper bound of the loss, and less again once it holds.
        """
        if share == 0.0 and self._caution < _MOST_CAUTION:
            self._caution *= 4.0
            return False
        if share == 1.0:
            self._caution = max(1.0, 0.5 * self._caution)
        return True

    def sweep(self, C, struct, order):
        """Run one sweep over the blocks in `order`; return what it changed."""
        blocks = self.blocks
        curvature = (self.growth * self.h, blocks.h_ptr, self.growth * self.lipschitz)
        return self.columns.sweep(
            self.R, self.A, self.F, self.K, self.M, C, curvature, struct, order
        )

    def hessian_of(self, coordinates):
        """Return the Hessian (k * q, k * q) in some coordinates, free columns refitted.

        None where it is too costly.
        """
        q = len(self.a)
        if len(coordinates) * q * len(self.root) > _MOST_ENTRIES:
            return None
        rows, f = self.columns.rows_of(coordinates), self.predictor()
        if self.loss.is_joint:
            H = self.loss.hessian(self.y, f)
        else:
            H = self.loss.curvature(self.y, f)[:, :, None] * np.eye(q)
        both = np.concatenate([rows, self.Q])
        full = np.zeros((len(both), q, len(both), q))
        for s, t in zip(*np.nonzero(H.any(axis=0)), strict=True):
            if s <= t:
                full[:, s, :, t] = (both * H[:, s, t]) @ both.T
                full[:, t, :, s] = full[:, s, :, t].T
        full = full.reshape(len(both) * q, -1)
        k = len(rows) * q
        cross, free = full[:k, k:], full[k:, k:]
        return full[:k, :k] - cross @ np.linalg.lstsq(free, cross.T, rcond=1e-13)[0]
