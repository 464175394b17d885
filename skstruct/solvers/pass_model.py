"""Models that a pass has looked at, and the quadratic models of the loss around them.

A quadratic model is minimised in memory by the engine of the squared error: with what
is free eliminated and the second derivatives S of the loss as ``R'R``, its minimum is
that of ``|y - R c|^2 / 2`` plus the penalty, on as many rows as S has. Outputs, whose
second derivatives differ, are laid side by side as coordinates of one output: penalties
look at the entries of a block alone, not at how they are arranged.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from skstruct.groups.layout import GroupLayout
from skstruct.losses import SquaredError
from skstruct.solvers.block_descent import descend
from skstruct.solvers.design import Design
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.moments import square_root
from skstruct.solvers.newton import newton_step
from skstruct.solvers.solution import Problem
from skstruct.solvers.working_set import WorkingSet

# Directions of the free columns whose curvature is a smaller share do not count.
_FLAT = 1e-13
# Gaps of a squared error below this share of it are rounding. Newton steps and sweeps
# then go on for a while, until these change next to nothing.
_ROUNDING, _STILL = 1e-13, 1e-31
_POLISHING_STEPS, _POLISHING_SWEEPS = 2, 50
# Share of the wanted gap at which sweeps stop, and the most of them at each alpha.
_INNER_SHARE = 0.3
_MOST_SWEEPS = 10_000


@dataclass(frozen=True)
class Parameters:
    """A model: penalised coordinates c (m, q), free a (k, q), intercept b (q,)."""

    c: np.ndarray
    a: np.ndarray
    b: np.ndarray

    def towards(self, other, share):
        """Return the model a share of the way to another."""
        mine, others = (self.c, self.a, self.b), (other.c, other.a, other.b)
        return Parameters(
            *(u + share * (v - u) for u, v in zip(mine, others, strict=True))
        )


@dataclass(frozen=True)
class Curvature:
    """Mean second derivatives of the loss in some columns and the intercept.

    Attributes
    ----------
    columns : (m,) array
        The columns, ascending.
    pairs : (n_pairs, m + 1, m + 1) array
        By output, or for a joint loss by pairs of outputs s <= t.
    is_joint : bool
        Which of the two.
    """

    columns: np.ndarray
    pairs: np.ndarray
    is_joint: bool

    def transformed(self, E, q):
        """Return ``E' H E``, (w * q, w * q), for E (m + 1, w); outputs run fastest."""
        w = E.shape[1]
        full = np.zeros((w, q, w, q))
        pairs = [(t, t) for t in range(q)]
        if self.is_joint:
            pairs = [(s, t) for s in range(q) for t in range(s, q)]
        for (s, t), H in zip(pairs, self.pairs, strict=True):
            full[:, s, :, t] = E.T @ H @ E
            if s != t:
                full[:, t, :, s] = full[:, s, :, t].T
        return full.reshape(w * q, w * q)


class QuadraticModel:
    """The loss around a model, to second order, in the groups with known curvature.

    Parameters
    ----------
    state : State
        Where.
    curvature : Curvature
        Second derivatives there, or near there.
    penalty : Penalty
        Resolved.
    caution : float
        Multiple of the curvature to suppose.
    """

    def __init__(self, state, curvature, penalty, caution=1.0):
        self.state, self.caution = state, caution
        coordinates = state.coordinates
        self.q = len(state.at.b)
        self.groups = coordinates.groups_within(curvature.columns)
        self.rows, self.ptr = coordinates.rows_of(self.groups)
        self.penalty = penalty.take(self.groups)
        self.weights = coordinates.weights[self.groups]
        E = self._expansion(coordinates, curvature.columns)
        H = caution * curvature.transformed(E, self.q)
        self._eliminate(H)

    def _expansion(self, coordinates, columns):
        """Return E (m + 1, w): columns from coordinates c, a and, if any, b."""
        T = coordinates.T[columns][:, self.rows].toarray()
        free = (columns[:, None] == coordinates.free).astype(float)
        m, k = len(columns), len(coordinates.free)
        self.has_intercept = self.state.has_intercept
        E = np.zeros((m + 1, T.shape[1] + k + self.has_intercept))
        E[:m, : T.shape[1]], E[:m, T.shape[1] : T.shape[1] + k] = T, free
        if self.has_intercept:
            E[m, -1] = 1.0
        return E

    def _eliminate(self, H):
        """Minimise over the free columns, as a function of the penalised ones."""
        n = len(self.rows) * self.q
        gradient, free_gradient = (
            self.state.gradient[self.rows].ravel(),
            self.free_gradient,
        )
        cross = H[n:, :n]
        right = np.column_stack([cross, free_gradient])
        left = _solve_symmetric(H[n:, n:], right, self.q) if len(right) else right
        self._free_by_c, self._free_step = left[:, :n], left[:, n]
        self.S = H[:n, :n] - cross.T @ self._free_by_c
        self.slope = gradient - cross.T @ self._free_step

    @property
    def free_gradient(self):
        """Gradient in the free columns and the intercept, outputs fastest."""
        state = self.state
        parts = [state.free_gradient]
        if state.has_intercept:
            parts.append(state.intercept_gradient[None])
        return np.concatenate(parts).ravel()

    @property
    def free_gain(self):
        """What fitting the free columns alone would gain."""
        return 0.5 * float(self.free_gradient @ self._free_step)

    @property
    def start(self):
        """Coordinates (n * q,) of its groups around which the model is."""
        return self.state.at.c[self.rows].ravel()

    def minimize(self, alphas, gap):
        """Return the coordinates (A, n * q) of its groups at the model's minima.

        Parameters
        ----------
        alphas : (A,) array
            Strengths of the penalty, decreasing and positive.
        gap : float
            Duality gap to reach, in units of the loss.
        """
        root, pivots = square_root(self.S, np.diag(self.S) <= 0)
        m, n = root.shape
        if m == 0:
            return np.tile(self.start, (len(alphas), 1))
        y = linalg.solve_triangular(
            root[:, pivots],
            (self.S @ self.start - self.slope)[pivots],
            trans="T",
        )
        bounds, names = self.ptr * self.q, range(len(self.groups))
        problem = Problem(
            as_matrix(np.asfortranarray(root * np.sqrt(m))),
            (y * np.sqrt(m))[:, None],
            np.full(m, 1.0 / m),
            GroupLayout(n, bounds, np.arange(n), self.weights, names),
            self.penalty,
            fit_intercept=False,
            loss=SquaredError(),
            offset=np.zeros((m, 1)),
        )
        ws = self._working_set(problem)
        live, found = np.arange(len(self.groups)), []
        for alpha in alphas:
            descend(ws, alpha, live, _INNER_SHARE * gap, _MOST_SWEEPS)
            if gap < _ROUNDING * ws.fit.size:
                _polish(ws, alpha)
            found.append(ws.blocks.coef(ws.C)[:, 0])
        return np.array(found)

    def _working_set(self, problem):
        """Return a working set of all groups, with the start as its iterate."""
        shape = problem.layout, problem.weights, False, "none"
        ws = WorkingSet(Design(problem.matrix, *shape, free_groups=[]), problem)
        ws.admit(np.arange(len(self.groups)))
        ws.set_coef(self.start[:, None])
        return ws

    def polars_at(self, c):
        """Return, by group, the polar that the model expects at coordinates (m, q)."""
        step = c[self.rows].ravel() - self.start
        descent = -(self.slope + self.S @ step).reshape(-1, self.q)
        return self.penalty.polar(descent, self.ptr, self.weights)

    def moved(self, c):
        """Return the model with coordinates c (n * q,), what is free fitted."""
        at, q = self.state.at, self.q
        step = c - self.start
        free = -(self._free_step + self._free_by_c @ step).reshape(-1, q)
        new = at.c.copy()
        new[self.rows] = c.reshape(-1, q)
        k = len(at.a)
        b = at.b + free[k] if self.has_intercept else at.b
        return Parameters(new, at.a + free[:k], b)


def _polish(ws, alpha):
    """Go on where gaps are rounding, until steps are."""
    for _ in range(_POLISHING_STEPS):
        if not newton_step(ws, alpha):
            break
    struct, active = ws.bind(alpha), np.flatnonzero(ws.norms() > 0)
    for _ in range(_POLISHING_SWEEPS):
        if ws.fit.sweep(ws.C, struct, active) <= _STILL * ws.fit.size:
            break


def _solve_symmetric(H, right, q):
    """Return ``H^+ right``, outputs fastest; directions that do not curve rest.

    All outputs of a column are scaled alike: of the coefficients of classes, which only
    matter up to a common number, the shortest step keeps the sum.
    """
    size = np.sqrt(np.abs(np.diag(H)).reshape(-1, q).mean(axis=1)).repeat(q)
    size = np.where(size > 0, size, 1.0)
    scaled = np.linalg.lstsq(
        H / np.outer(size, size), right / size[:, None], rcond=_FLAT
    )[0]
    return scaled / size[:, None]
