"""Block coordinate descent on the working set, with extrapolation.

An *iterate* is the tuple of the coefficients C (m, q) and of what the fit keeps
up to date beside them; all of it is affine in C, so iterates can be extrapolated.

For a curved loss each cycle works on a quadratic model at its first iterate (a
prox-Newton step), and objectives are those of the loss itself.
"""

import numpy as np

from skstruct.solvers.newton import NewtonSchedule, newton_step
from skstruct.solvers.working_set import ROUNDING

# Iterates that one extrapolation combines (Bertrand and Massias, 2021, use 5).
_ANDERSON_MEMORY = 5
# An objective that falls by less than this share of itself does not fall.
_TINY = 1e-15
# Most cycles between two looks at the gap.
_MOST_CYCLES = 8
# Squared steps below this share of |Y|^2 are rounding.
_STALLED = 1e-29
# Looks at which neither gap nor objective improve, before rounding is the reason.
_PATIENCE = 20
# Shortest part of a prox-Newton step that is tried.
_SMALLEST_SHARE = 1e-6


def descend(working_set, alpha, live, gap_target, max_sweeps):
    """Minimise over the live groups until their duality gap is at most `gap_target`.

    Cycles of block coordinate descent on the active groups, each followed by a look
    at the gradients of all live ones, which gives the gap and the groups to activate.
    The iterates of a cycle are extrapolated, and that is kept when it lowers the
    objective (Bertrand and Massias, Anderson acceleration of coordinate descent,
    AISTATS 2021).

    Parameters
    ----------
    working_set : WorkingSet
        Updated in place.
    alpha : float > 0
        Strength of the penalty.
    live : integer array
        Positions, in the working set, of the groups that may become nonzero.
    gap_target : float
        Absolute.
    max_sweeps : int
        Bound on the sweeps.

    Returns
    -------
    int
        Sweeps run.
    """
    ws = working_set
    struct = ws.bind(alpha)
    n_sweeps, n_cycles, change = 0, 1, np.inf
    gap_before = best_gap = best_objective = np.inf
    patience = _PATIENCE
    newton = NewtonSchedule(ws)
    while True:
        gap, objective, wanted = ws.look(alpha, live)
        improved = gap < best_gap or objective < best_objective * (1 - _TINY)
        patience = _PATIENCE if improved else patience - 1
        best_gap = min(best_gap, gap)
        best_objective = min(best_objective, objective)
        stalled = patience == 0 or change <= _STALLED * ws.fit.size
        if gap <= gap_target or n_sweeps >= max_sweeps or stalled:
            return n_sweeps
        active = np.union1d(np.flatnonzero(ws.norms() > 0), wanted)
        if len(active) == 0:
            return n_sweeps
        n_cycles = _cycles_until_next_look(gap_before, gap, gap_target, n_cycles)
        gap_before = gap
        if newton.is_due(n_sweeps):
            newton.record(n_sweeps, newton_step(ws, alpha))
        for _ in range(n_cycles):
            budget = max_sweeps - n_sweeps
            if budget > 0:
                done, change = _cycle(ws, struct, alpha, active, budget)
                n_sweeps += done


def _cycles_until_next_look(before, now, target, n_cycles):
    """Half of the cycles that the present rate of decrease would need."""
    if before == np.inf:
        return 1
    if now >= before:  # the gap need not fall at every look
        return min(2 * n_cycles, _MOST_CYCLES)
    rate = np.log(before / now) / n_cycles
    return int(np.clip(0.5 * np.log(now / target) / rate, 1, _MOST_CYCLES))


def _cycle(ws, struct, alpha, active, budget):
    """Sweep the active groups a few times, at most `budget`, then extrapolate.

    Returns the sweeps run and what the last one changed; for a curved loss what the
    first one did, as the last ones may solve a model exactly that does not hold.
    """
    ws.fit.prepare(active)
    start = ws.objective(alpha) if ws.fit.is_curved else None
    history, first = [_copy(ws.iterate)], None
    for _ in range(min(_ANDERSON_MEMORY, budget)):
        change = ws.fit.sweep(ws.C, struct, active)
        first = change if first is None else first
        history.append(_copy(ws.iterate))
        if change <= _STALLED * ws.fit.size:
            break
    else:
        if len(history) > _ANDERSON_MEMORY:
            _extrapolate(ws, alpha, history, np.inf if start is None else start)
    if ws.fit.is_curved:
        change = first
        moved = _search_back(ws, alpha, history[0], start)
        if not ws.fit.judge_model(moved):
            change = np.inf  # a more cautious model may still get somewhere
    return len(history) - 1, change


def _extrapolate(ws, alpha, history, most):
    """Combine the iterates of a cycle, unless that raises the objective.

    Nor may it be above `most`: sweeps that overshoot have at least gone downhill at
    first, so that one can go back, which extrapolations from them need not.
    """
    mix = anderson_weights([iterate[0] for iterate in history])
    if mix is None:
        return
    before = min(ws.objective(alpha), most)
    ws.iterate = combine(mix, history[1:])
    ws.enter_domain()
    if not ws.objective(alpha) <= before * (1 + ROUNDING):
        ws.iterate = history[-1]


def _search_back(ws, alpha, first, objective):
    """Go back towards the first iterate until the objective has not risen.

    A minimum of the model may lie where the model no longer holds. Returns the share
    of the way that was kept; where it is 0 a penalty that is not convex may be to
    blame, for which less than the whole way need not go downhill.
    """
    last, share = ws.iterate, 1.0
    while not ws.objective(alpha) <= objective * (1 + ROUNDING):
        share *= 0.5
        if share < _SMALLEST_SHARE:
            ws.iterate = first
            return 0.0
        ws.iterate = combine([1 - share, share], [first, last])
    return share


def _copy(iterate):
    return tuple(array.copy() for array in iterate)


def anderson_weights(iterates):
    """Return weights, summing to one, that make the combined step smallest.

    Parameters
    ----------
    iterates : list of K + 1 arrays
        Successive iterates of a fixed-point map.

    Returns
    -------
    (K,) array or None
        Weights of the last K iterates; None when the steps are degenerate.
    """
    points = np.stack([C.ravel() for C in iterates])
    steps = np.diff(points, axis=0)
    gram = steps @ steps.T
    trace = np.trace(gram)
    if not np.isfinite(trace) or trace <= 0.0:
        return None
    gram[np.diag_indices_from(gram)] += 1e-6 * trace
    weights = np.linalg.solve(gram, np.ones(len(gram)))
    total = weights.sum()
    return None if total == 0.0 else weights / total


def combine(weights, iterates):
    """Return the affine combination of iterates; weights sum to one."""
    return tuple(
        np.tensordot(weights, np.stack(arrays), axes=1)
        for arrays in zip(*iterates, strict=True)
    )
