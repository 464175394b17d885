"""The judge's penalties: value and dual norm, in plain float64 numpy.

Coefficients and correlations have shape (p,) or (p, q). Groups are given as `ptr`:
group g holds the columns ptr[g]:ptr[g + 1], or these entries of `indices` where groups
overlap. Where a dual norm has no closed form, its upper bound is returned, so that the
duality gap remains a bound.
"""

from dataclasses import dataclass

import numpy as np

BISECTIONS = 100
OVERLAP_STEPS = 1_000
OVERLAP_TOL = 1e-11  # relative width of the bracket around the squared dual norm


@dataclass(frozen=True)
class GroupNorm:
    """sum_g w_g ||B_g||."""

    name = "group"
    ptr: np.ndarray
    weights: np.ndarray

    def value(self, coef):
        """Return the penalty without its strength."""
        return self.weights @ _block_norms(coef, self.ptr)

    def dual_norm(self, correlation, coef=None):
        """Return max_g ||c_g|| / w_g."""
        return np.max(_block_norms(correlation, self.ptr) / self.weights)


@dataclass(frozen=True)
class SparseGroupNorm:
    """l1_ratio ||B||_1 + (1 - l1_ratio) sum_g w_g ||B_g||."""

    name = "sparse_group"
    ptr: np.ndarray
    weights: np.ndarray
    l1_ratio: float

    def value(self, coef):
        """Return the penalty without its strength."""
        groups = self.weights @ _block_norms(coef, self.ptr)
        return self.l1_ratio * np.abs(coef).sum() + (1 - self.l1_ratio) * groups

    def dual_norm(self, correlation, coef=None):
        """Return the largest root over groups of ||S(c_g, l1 t)|| = (1 - l1) w_g t.

        All groups are bisected at once. The left side falls in t, the right rises: at
        the upper end of each bracket the group is within its bounds.
        """
        size = np.abs(correlation)
        low = np.zeros(len(self.weights))
        # at the plain group norm over its weight alone, soft-thresholding only helps
        high = _block_norms(size, self.ptr) / ((1 - self.l1_ratio) * self.weights)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            above = self._excess(size, middle) > 0
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.max(high)

    def _excess(self, size, strength):
        cut = np.repeat(self.l1_ratio * strength, np.diff(self.ptr))
        cut = cut if size.ndim == 1 else cut[:, None]
        norms = _block_norms(np.maximum(size - cut, 0.0), self.ptr)
        return norms - (1 - self.l1_ratio) * self.weights * strength


@dataclass(frozen=True)
class OverlapNorm:
    """sum_g w_g ||B_g|| over groups that share columns."""

    name = "overlap"
    ptr: np.ndarray
    weights: np.ndarray
    indices: np.ndarray
    n_features: int

    def value(self, coef):
        """Return the penalty without its strength."""
        return self.weights @ _block_norms(coef[self.indices], self.ptr)

    def dual_norm(self, correlation, coef=None):
        """Return an upper bound of min max_g ||v_g|| / w_g over c = sum_g v_g.

        Every decomposition gives a bound. For masses m_g > 0 that sum to one, the best
        of sum_g m_g ||v_g||^2 / w_g^2 shares c_j out in proportion to w_g^2 / m_g: its
        value bounds the squared dual norm from below, its largest term from above.
        Multiplying each mass by its term closes the bracket. At a solution the masses
        are w_g ||B_g||, so the search starts there.
        """
        squares = _squares(correlation)[self.indices]
        if not squares.any():
            return 0.0
        mass = self._start(coef)
        best = np.inf
        for _ in range(OVERLAP_STEPS):
            terms = self._terms(squares, mass)
            best = min(best, terms.max())
            if best <= (1 + OVERLAP_TOL) * (mass @ terms):
                break
            mass = np.maximum(mass * terms, 1e-100)
            mass /= mass.sum()
        return np.sqrt(best)

    def _start(self, coef):
        mass = np.zeros(len(self.weights))
        if coef is not None:
            mass = self.weights * _block_norms(coef[self.indices], self.ptr)
        mass += 1e-6 * (mass.max() or 1.0)
        return mass / mass.sum()

    def _terms(self, squares, mass):
        """Return ||v_g||^2 / w_g^2 when c is shared out for these masses."""
        claims = np.repeat(self.weights**2 / mass, np.diff(self.ptr))
        total = np.bincount(self.indices, claims, self.n_features)
        shares = claims / total[self.indices]
        return np.add.reduceat(squares * shares**2, self.ptr[:-1]) / self.weights**2


def _block_norms(blocks, ptr):
    """Return the Frobenius norm of each group's rows."""
    return np.sqrt(np.add.reduceat(_squares(blocks), ptr[:-1]))


def _squares(rows):
    """Return the squared norm of each row."""
    return rows**2 if rows.ndim == 1 else np.sum(rows**2, axis=1)
