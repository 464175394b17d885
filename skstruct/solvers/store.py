"""How the columns of the working set are held, and what a sweep keeps up to date.

In penalised coordinates the working set is ``Z`` (m, n), a row a coordinate, and the
residuals are ``r = y - Z'c``. While the working set is narrow, its Gram matrix is kept
as well: sweeps then update the gradients ``Z r`` at m operations an entry instead of
n. What sweeps update, the residuals or the gradients, is the store's *state*.
"""

import numpy as np

from skstruct.kernels.sweeps import sweep


class Store:
    """What dense and sparse stores share: the Gram matrix and the arithmetic on it.

    Parameters
    ----------
    design : Design
        The data.
    penalty : Penalty
        Says in which coordinates blocks are minimised.
    Y : (q, n) array
        Targets.
    blocks : Blocks
        The admitted groups; the store appends to it.

    Attributes
    ----------
    YY : float
        Sum of squares of Y.
    ZY : (q, m) array
        Gradients at zero.
    gram : (m, m) array or None
        Gram matrix, or None when sweeps run on residuals.
    """

    def __init__(self, design, penalty, Y, blocks):
        self.blocks = blocks
        self.design = design
        self.penalty = penalty
        self.Y = Y
        self.YY = float(np.einsum("tj,tj->", Y, Y))
        self.ZY = np.empty((len(Y), 0))
        self.gram = np.empty((0, 0))
        self.gradients = np.empty((len(Y), 0))

    @property
    def is_gram(self):
        """Whether sweeps run on the Gram matrix."""
        return self.gram is not None

    def admit(self, groups, C):
        """Bring groups in beside those of coefficients C (m, q); return C extended."""
        m = self.blocks.width
        self.blocks.append(groups, *self._enter(groups))
        k = self.blocks.width - m
        self.ZY = np.concatenate([self.ZY, self._last_with_target(k)], axis=1)
        if self.is_gram and self._gram_pays(m + k):
            cross = self._last_with_all(k)
            self.gram = grown(self.gram, (m + k, m + k))
            self.gram[m:] = cross
            self.gram[:m, m:] = cross[:, :m].T
        else:
            self.gram = None
        C = np.concatenate([C, np.zeros((k, C.shape[1]))])
        self.refresh(C)
        return C

    def drop_gram(self, C):
        """Go on with residuals: the Gram matrix is too coarse for what is asked."""
        self.gram = None
        self.refresh(C)

    @property
    def state(self):
        """Arrays, affine in C, that sweeps update."""
        return (self.gradients,) if self.is_gram else self._residual_state

    @state.setter
    def state(self, arrays):
        if self.is_gram:
            (self.gradients,) = arrays
        else:
            self._residual_state = arrays

    def refresh(self, C):
        """Recompute the state from the coefficients, without rounding of updates."""
        if self.is_gram:
            used = np.flatnonzero(C.any(axis=1))
            self.gradients = self.ZY - C[used].T @ self.gram[used]
        else:
            self._refresh_residual(C)

    def sweep(self, C, struct, order):
        """Run one sweep over the blocks in `order`; return what it changed."""
        if self.is_gram:
            return self._sweep_rows(self.gram, self.gradients, C, struct, order)
        return self._sweep_residual(C, struct, order)

    def _sweep_rows(self, Z, R, C, struct, order):
        blocks = self.blocks
        return sweep(
            Z,
            self.is_gram,
            R,
            C,
            blocks.ptr,
            blocks.h,
            blocks.h_ptr,
            blocks.lipschitz,
            struct,
            order,
        )

    def gradient(self, live):
        """Return ``Z r`` (m, q); rows of groups that are not live may be zero."""
        if self.is_gram:
            return self.gradients.T
        return self._gradient_from_residual(live)

    def gram_of(self, coordinates):
        """Return the Gram matrix of some coordinates."""
        if self.is_gram:
            return self.gram[np.ix_(coordinates, coordinates)]
        return self._gram_from_columns(coordinates)

    def moments(self, C):
        """Return ``r'r`` and ``y'r`` at coefficients C and the current state."""
        if self.is_gram:
            yr = self.YY - float(np.einsum("tj,jt->", self.ZY, C))
            return max(yr - float(np.einsum("tj,jt->", self.gradients, C)), 0.0), yr
        R = self._residual()
        return float(np.einsum("tj,tj->", R, R)), float(np.einsum("tj,tj->", self.Y, R))


def grown(array, shape):
    """Return `array` enlarged to `shape`, its buffer reused while there is room."""
    buffer = array.base if array.base is not None else array
    if any(have < want for have, want in zip(buffer.shape, shape, strict=True)):
        capacity = tuple(
            want if have == want else max(want, min(2 * have, 2 * want))
            for have, want in zip(buffer.shape, shape, strict=True)
        )
        buffer = np.empty(capacity)
        buffer[tuple(slice(s) for s in array.shape)] = array
    return buffer[tuple(slice(s) for s in shape)]
