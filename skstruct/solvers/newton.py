"""Newton steps on the nonzero groups, where block coordinate descent is slow.

Where columns of different groups are strongly correlated, sweeps creep along the
directions that the groups share. On the groups that are nonzero the objective is
smooth; a Newton step there costs as much as some dozens of sweeps and takes all
directions at once. Sweeps remain in charge of which groups are nonzero.
"""

import numpy as np
from scipy import linalg

from skstruct.solvers.working_set import ROUNDING

# Systems wider than this are left to the sweeps.
_WIDEST = 2000
# A system of width m costs about as much as this many sweeps, times m^2 / n + m.
_COST = 0.03
_FEWEST_SWEEPS = 10
_STEPS = (1.0, 0.5, 0.25, 0.1)


class NewtonSchedule:
    """Decides when a Newton step may be worth its cost.

    The first is tried when an alpha has taken many sweeps; each step that does not
    help doubles the wait for the next.
    """

    def __init__(self, working_set):
        self.ws = working_set
        self._last = 0
        self._wait = _FEWEST_SWEEPS

    def is_due(self, n_sweeps):
        """Tell whether enough sweeps have passed since the last step."""
        m = int(np.count_nonzero(self.ws.C.any(axis=1)))
        cost = _COST * (m * m / self.ws.design.n_rows + m)
        return n_sweeps - self._last >= max(self._wait, cost)

    def record(self, n_sweeps, helped):
        """Remember a step."""
        self._last = n_sweeps
        self._wait = _FEWEST_SWEEPS / 4 if helped else 2 * max(self._wait, 10)


def newton_step(ws, alpha):
    """Take a guarded Newton step on the nonzero groups; tell whether it helped.

    Parameters
    ----------
    ws : WorkingSet
        Updated in place where the step lowers the objective.
    alpha : float
        Strength of the penalty.

    Returns
    -------
    bool
        Whether the objective fell.
    """
    blocks, q = ws.blocks, ws.C.shape[1]
    support = np.flatnonzero(ws.norms() > 0)
    sizes = np.diff(blocks.ptr)[support]
    n_coordinates = int(sizes.sum())
    if not 0 < n_coordinates * q <= _WIDEST:
        return False
    first = np.cumsum(sizes) - sizes  # where each block starts in the system
    shift = np.repeat(blocks.ptr[support] - first, sizes)
    coordinates = np.arange(n_coordinates) + shift
    gradient = -ws.fit.descent(support)[coordinates]
    hessian = ws.fit.hessian_of(coordinates)
    if hessian is None:
        return False
    C = ws.C[coordinates]
    for size in np.unique(sizes):
        own = np.flatnonzero(sizes == size)
        rows = first[own, None] + np.arange(size)
        models = ws.penalty.smooth_models(C[rows], support[own], blocks.weights, alpha)
        if models is None:
            return False
        gradient[rows] += models[0]
        entries = first[own, None] * q + np.arange(size * q)
        hessian[entries[:, :, None], entries[:, None, :]] += models[1]
    # Entries that the penalty holds at zero stay there.
    moving = C.ravel() != 0
    direction = np.zeros(len(moving))
    hessian = hessian if moving.all() else hessian[np.ix_(moving, moving)]
    step = _solve(hessian, gradient.ravel()[moving])
    if step is None:
        return False
    direction[moving] = step
    return _search(ws, alpha, coordinates, direction.reshape(-1, q))


def _solve(hessian, gradient):
    # The ridge only matters in directions that the data do not determine.
    diagonal = np.diag_indices_from(hessian)
    hessian[diagonal] += 1e-13 * hessian[diagonal].max()
    try:
        factor = linalg.cho_factor(hessian, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return None
    return linalg.cho_solve(factor, gradient, check_finite=False)


def _search(ws, alpha, coordinates, direction):
    before, start = ws.objective(alpha), ws.iterate
    for step in _STEPS:
        C = start[0].copy()
        C[coordinates] -= step * direction
        ws.C = ws.penalty.project(C)
        ws.fit.refresh(ws.C)
        if ws.objective(alpha) <= before * (1 + ROUNDING):
            return True
    ws.iterate = start
    return False
