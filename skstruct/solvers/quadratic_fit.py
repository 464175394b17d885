"""What sweeps of a squared error keep up to date.

In penalised coordinates the working set is ``Z`` (m, n), a row a coordinate, and the
residuals are ``r = y - Z'c``. While the working set is narrow, its Gram matrix is kept
as well: sweeps then update the gradients ``Z r`` at m operations an entry instead of
n. What sweeps update, the residuals or the gradients, is the *state*.
"""

import numpy as np

from skstruct.kernels.sweeps import sweep

_NONE = np.empty((0, 0))


class QuadraticFit:
    """Squared error of the working set's linear predictor.

    Parameters
    ----------
    columns : DenseColumns or SparseColumns
        The working set.
    Y : (n, q) array
        Targets, weighted, and free of what is not penalised.

    Attributes
    ----------
    size : float
        Sum of squares of Y: the loss that is at stake, twice.
    gram : (m, m) array or None
        Gram matrix, or None when sweeps run on residuals.
    """

    is_curved = False

    def __init__(self, columns, Y):
        self.columns = columns
        self.blocks = columns.blocks
        self.Y = np.ascontiguousarray(Y.T)
        self.size = float(np.einsum("tj,tj->", self.Y, self.Y))
        q = len(self.Y)
        self.ZY = np.empty((q, 0))
        self.gram = np.empty((0, 0))
        self.gradients = np.empty((q, 0))
        # A kernel argument that is not used while the Gram matrix is.
        self._none = np.empty((q, 0)), np.empty((1, 0, 0))

    @property
    def is_gram(self):
        """Whether sweeps run on the Gram matrix."""
        return self.gram is not None

    def extend(self, k):
        """Take in the last k coordinates of the columns."""
        m = self.blocks.width
        entered = self.columns.last_with(k, self.Y)
        self.ZY = np.concatenate([self.ZY, entered], axis=1)
        if self.is_gram and self.columns.gram_pays(m):
            cross = self.columns.last_with_all(k)
            # Never a view of a larger buffer: kernels would be compiled once more.
            gram = np.empty((m, m))
            gram[: m - k, : m - k] = self.gram
            gram[m - k :] = cross
            gram[: m - k, m - k :] = cross[:, : m - k].T
            self.gram = gram
        else:
            self.gram = None

    def drop_gram(self, C):
        """Go on with residuals: the Gram matrix is too coarse for what is asked."""
        self.gram = None
        self.refresh(C)

    @property
    def state(self):
        """Arrays, affine in C, that sweeps update."""
        return (self.gradients,) if self.is_gram else (self.R, self.A)

    @state.setter
    def state(self, arrays):
        if self.is_gram:
            (self.gradients,) = arrays
        else:
            self.R, self.A = arrays

    def refresh(self, C):
        """Recompute the state from the coefficients, without rounding of updates."""
        if self.is_gram:
            used = np.flatnonzero(C.any(axis=1))
            self.gradients = self.ZY - C[used].T @ self.gram[used]
        else:
            self.R = self.Y - self.columns.fit(C)
            self.A = np.ascontiguousarray(self.R @ self.columns.Q.T)

    def prepare(self, order):
        """Do nothing: the quadratic model is the loss itself."""

    def sweep(self, C, struct, order):
        """Run one sweep over the blocks in `order`; return what it changed."""
        blocks = self.blocks
        curvature = blocks.h, blocks.h_ptr, blocks.lipschitz
        if self.is_gram:
            A, M = self._none
            return sweep(
                self.gram,
                True,
                self.gradients,
                A,
                _NONE,
                _NONE,
                M,
                C,
                blocks.ptr,
                *curvature,
                struct,
                order,
            )
        return self.columns.sweep(
            self.R, self.A, _NONE, _NONE, self.columns.M, C, curvature, struct, order
        )

    def descent(self, live):
        """Return ``Z r`` (m, q); rows of groups that are not live may be zero."""
        if self.is_gram:
            return self.gradients.T
        return self.columns.products(self._residual(), live)

    def hessian_of(self, coordinates):
        """Return the Hessian (k * q, k * q) in some coordinates."""
        if self.is_gram:
            gram = self.gram[np.ix_(coordinates, coordinates)]
        else:
            gram = self.columns.gram_of(coordinates)
        return np.kron(gram, np.eye(len(self.Y)))

    def value(self, C):
        """Return the loss at coefficients C and the current state."""
        return 0.5 * self._moments(C)[0]

    def dual_scale(self, C):
        """Return the multiple of the residual with the best dual value."""
        rr, yr = self._moments(C)
        return max(yr / rr, 0.0) if rr > 0.0 else 1.0

    def dual_value(self, C, scale):
        """Return the dual value ``y'v - |v|^2 / 2`` at the scaled residual v."""
        rr, yr = self._moments(C)
        return scale * yr - 0.5 * scale**2 * rr

    def _moments(self, C):
        """Return ``r'r`` and ``y'r``."""
        if self.is_gram:
            yr = self.size - float(np.einsum("tj,jt->", self.ZY, C))
            return max(yr - float(np.einsum("tj,jt->", self.gradients, C)), 0.0), yr
        R = self._residual()
        return float(np.einsum("tj,tj->", R, R)), float(np.einsum("tj,tj->", self.Y, R))

    def _residual(self):
        return self.R - self.A @ self.columns.Q if len(self.columns.Q) else self.R
