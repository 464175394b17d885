"""The groups that the solver works on, and the current iterate.

The working set holds, for the groups admitted so far, their columns in penalised
coordinates (`columns`), their curvature (`blocks`), their coefficients ``C`` (m, q),
and what the loss makes of them (`fit`). It only grows; each alpha then works on the
part of it that is live.
"""

import numpy as np

from skstruct.penalties.norms import group_norms
from skstruct.solvers.blocks import Blocks
from skstruct.solvers.curved_fit import CurvedFit
from skstruct.solvers.dense_columns import DenseColumns
from skstruct.solvers.quadratic_fit import QuadraticFit
from skstruct.solvers.sparse_columns import SparseColumns

# An extrapolation is taken back when it raises the objective by more than this share.
# Below it lies rounding: decisions there would depend on the order of the rows, and
# tight solutions need extrapolations whose gains no objective shows any more.
ROUNDING = 1e-14


def best_dual(dual, scale, domain, alpha):
    """Return the best of the dual values at a scale and at 1, made feasible.

    The scale is right for norms, whose dual norm `domain` bounds it; 1 is for
    penalties that grow faster.
    """
    most = alpha / domain if domain > 0 else np.inf
    scales = {min(scale, most), min(1.0, most)}
    return max(float(dual(scale)) for scale in scales)


class WorkingSet:
    """Admitted groups with their coefficients C (m, q), their columns and their fit."""

    def __init__(self, design, problem):
        self.design = design
        self.blocks = Blocks(design.layout)
        self._penalty = problem.penalty
        self.penalty = problem.penalty.take(self.blocks.groups)
        columns = DenseColumns if design.is_read_densely else SparseColumns
        self.columns = columns(design, problem.penalty, self.blocks)
        if problem.loss.is_quadratic:
            self.fit = QuadraticFit(self.columns, design.target(problem.y))
        else:
            self.fit = CurvedFit(self.columns, problem)
        self.C = np.zeros((0, problem.y.shape[1]))

    def admit(self, groups):
        """Bring groups in, their coefficients zero."""
        groups = groups[~self.blocks.is_member[groups]]
        if len(groups) == 0:
            return
        m = self.blocks.width
        self.blocks.append(groups, *self.columns.enter(groups))
        k = self.blocks.width - m
        self.penalty = self._penalty.take(self.blocks.groups)
        self.fit.extend(k)
        self.C = np.concatenate([self.C, np.zeros((k, self.C.shape[1]))])
        self.fit.refresh(self.C)

    @property
    def iterate(self):
        """The coefficients and the fit's state: arrays affine in C."""
        return (self.C, *self.fit.state)

    @iterate.setter
    def iterate(self, arrays):
        self.C, self.fit.state = arrays[0], arrays[1:]

    def enter_domain(self):
        """Project the iterate on the penalty's domain."""
        C = self.penalty.project(self.C)
        if not np.array_equal(C, self.C):
            self.C = C
            self.fit.refresh(C)

    def set_coef(self, coef):
        """Make coefficients (p, q), zero outside the working set, the iterate."""
        self.C = self.blocks.coordinates(coef)
        self.fit.refresh(self.C)

    def norms(self):
        """Return the norm of each admitted group's coefficients."""
        return group_norms(self.C, self.blocks.ptr)

    def bind(self, alpha):
        """Return the penalty's struct for the admitted groups."""
        return self.penalty.bind(self.blocks.weights, alpha)

    def objective(self, alpha):
        """Return the objective at the current iterate."""
        blocks = self.blocks
        values = self.penalty.values(self.C, blocks.ptr, blocks.weights, alpha)
        return self.fit.value(self.C) + alpha * float(np.sum(values))

    def look(self, alpha, live):
        """Look at the gradients of the live groups.

        Returns
        -------
        gap : float
            Duality gap of the problem restricted to them; for a penalty that is not
            convex, the largest violation of optimality relative to alpha.
        objective : float
            Objective at the current iterate.
        wanted : integer array
            Those of which zero would not be optimal.
        """
        descent = self.fit.descent(live)
        grouped = descent, self.blocks.ptr, self.blocks.weights
        polar = self.penalty.polar(*grouped)
        objective = self.objective(alpha)
        unpenalised = self.blocks.weights == 0
        if self.penalty.is_convex:
            gap = objective - self._dual(grouped, alpha)
            if unpenalised.any():
                gap += self._constraint_gap(descent, unpenalised)
        else:
            gap = self._violation(grouped, live, alpha)
        return gap, objective, np.flatnonzero((polar > alpha) | unpenalised)

    def _dual(self, grouped, alpha):
        descent, ptr, weights = grouped
        domain = self.penalty.domain_polar(*grouped).max(initial=0.0)

        def dual(scale):
            value = self.fit.dual_value(self.C, scale)
            u = scale * descent
            return value - self.penalty.conjugate(u, ptr, weights, alpha).sum()

        return best_dual(dual, self.fit.dual_scale(self.C), domain, alpha)

    def _violation(self, grouped, live, alpha):
        violation = self.penalty.violation(self.C, *grouped, alpha)[live]
        strength = alpha * np.where(grouped[2] > 0, grouped[2], 1.0)[live]
        return float(np.max(violation / strength, initial=0.0))

    def _constraint_gap(self, descent, groups):
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
        step = C - self.penalty.project(C + descent[own] / curvature)
        return float(np.sum(np.abs(step) * np.sqrt(curvature * self.fit.size)))
