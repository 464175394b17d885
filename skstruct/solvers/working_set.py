"""The groups that the solver works on, and the current iterate.

The working set holds, for the groups admitted so far, their columns in penalised
coordinates (`store`), their curvature (`blocks`) and their coefficients ``C`` (m, q).
It only grows; each alpha then works on the part of it that is live.
"""

import numpy as np

from skstruct.penalties.norms import group_norms
from skstruct.solvers.blocks import Blocks
from skstruct.solvers.dense_store import DenseStore
from skstruct.solvers.sparse_store import SparseStore

# An extrapolation is taken back when it raises the objective by more than this share.
# Below it lies rounding: decisions there would depend on the order of the rows, and
# tight solutions need extrapolations whose gains no objective shows any more.
ROUNDING = 1e-14


def best_scaled_dual(rr, yr, polar, alpha):
    """Return the best dual value among feasible multiples of the residual.

    The dual of the squared error is ``y'v - |v|^2 / 2`` over ``polar(Z'v) <= alpha``.

    Parameters
    ----------
    rr, yr : float
        ``r'r`` and ``y'r``.
    polar : float
        Largest polar of ``Z'r`` over the groups.
    alpha : float
        Bound on the polar.
    """
    if rr <= 0.0:
        return 0.0
    scale = max(yr / rr, 0.0)
    if polar * scale > alpha:
        scale = alpha / polar
    return scale * yr - 0.5 * scale**2 * rr


class WorkingSet:
    """Admitted groups with their coefficients C (m, q) and their store."""

    def __init__(self, design, Y, penalty):
        self.design = design
        self.penalty = penalty
        self.blocks = Blocks(design.layout)
        store = DenseStore if design.is_read_densely else SparseStore
        self.store = store(design, penalty, np.ascontiguousarray(Y.T), self.blocks)
        self.C = np.zeros((0, Y.shape[1]))

    def admit(self, groups):
        """Bring groups in, their coefficients zero."""
        groups = groups[~self.blocks.is_member[groups]]
        if len(groups):
            self.C = self.store.admit(groups, self.C)

    @property
    def iterate(self):
        """The coefficients and the store's state: arrays affine in C."""
        return (self.C, *self.store.state)

    @iterate.setter
    def iterate(self, arrays):
        self.C, self.store.state = arrays[0], arrays[1:]

    def enter_domain(self):
        """Project the iterate on the penalty's domain."""
        C = self.penalty.project(self.C)
        if not np.array_equal(C, self.C):
            self.C = C
            self.store.refresh(C)

    def set_coef(self, coef):
        """Make coefficients (p, q), zero outside the working set, the iterate."""
        self.C = self.blocks.coordinates(coef)
        self.store.refresh(self.C)

    def norms(self):
        """Return the norm of each admitted group's coefficients."""
        return group_norms(self.C, self.blocks.ptr)

    def penalty_value(self, C):
        """Return ``sum_g penalty_g(C_g)``."""
        blocks = self.blocks
        return float(np.sum(self.penalty.values(C, blocks.ptr, blocks.weights)))

    def objective(self, alpha):
        """Return the objective at the current iterate."""
        rr, _ = self.store.moments(self.C)
        return 0.5 * rr + alpha * self.penalty_value(self.C)

    def look(self, alpha, live):
        """Look at the gradients of the live groups.

        Returns
        -------
        gap : float
            Duality gap of the problem restricted to them.
        objective : float
            Objective at the current iterate.
        wanted : integer array
            Those of which zero would not be optimal.
        """
        blocks = self.blocks
        gradient = self.store.gradient(live)
        polar = self.penalty.polar(gradient, blocks.ptr, blocks.weights)
        rr, yr = self.store.moments(self.C)
        dual = best_scaled_dual(rr, yr, polar.max(initial=0.0), alpha)
        objective = 0.5 * rr + alpha * self.penalty_value(self.C)
        gap = objective - dual
        unpenalised = blocks.weights == 0
        if unpenalised.any():
            gap += self._constraint_gap(gradient, unpenalised)
        return gap, objective, np.flatnonzero((polar > alpha) | unpenalised)

    def _constraint_gap(self, gradient, groups):
        """Bound what unpenalised but constrained groups may still gain.

        Their multipliers make the dual point infeasible. A projected
        gradient step of each coordinate, times a coefficient large enough to fit
        all of Y, is more than they can gain.
        """
        blocks = self.blocks
        own = np.repeat(groups, np.diff(blocks.ptr))
        curvature = np.repeat(blocks.lipschitz, np.diff(blocks.ptr))[own, None]
        curvature = np.where(curvature > 0, curvature, 1.0)
        C = self.C[own]
        step = C - self.penalty.project(C + gradient[own] / curvature)
        return float(np.sum(np.abs(step) * np.sqrt(curvature * self.store.YY)))
