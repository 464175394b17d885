"""Block coordinate descent on the working set, with extrapolation.

Letters: C (m, q) coefficients, R what the store keeps up to date (residuals or
gradients), P the objective, D the value of a dual feasible point.
"""

import numpy as np

# Iterates that one extrapolation combines (Bertrand and Massias, 2021, use 5).
_ANDERSON_MEMORY = 5
# Steps that change less than this share of |Y|^2 are rounding.
_STALLED = 1e-18


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
    n_sweeps : int
        Sweeps run.
    gap : float
        Duality gap of the problem restricted to the live groups.
    """
    ws = working_set
    struct = ws.penalty.bind(ws.blocks.weights, alpha)
    n_sweeps = 0
    while True:
        gap, wanted = ws.gap(alpha, live)
        if gap <= gap_target or n_sweeps >= max_sweeps:
            return n_sweeps, gap
        active = np.union1d(np.flatnonzero(ws.norms() > 0), wanted)
        if len(active) == 0:
            return n_sweeps, gap
        done, change = _cycle(ws, struct, alpha, active, gap_target)
        n_sweeps += done
        if change <= _STALLED * ws.store.YY:
            gap, _ = ws.gap(alpha, live)
            return n_sweeps, gap


def _cycle(ws, struct, alpha, active, gap_target):
    """Sweep the active groups a few times, then extrapolate.

    Returns the sweeps run and what the last one changed.
    """
    store, blocks = ws.store, ws.blocks
    history = [(ws.C.copy(), store.R.copy())]
    for i in range(_ANDERSON_MEMORY):
        _, change = store.sweep(blocks, ws.C, struct, active, 1, 0.0)
        if change <= 1e-3 * gap_target:
            return i + 1, change
        history.append((ws.C.copy(), store.R.copy()))
    mix = anderson_weights([C for C, _ in history])
    if mix is not None:
        before = ws.objective(alpha)
        ws.C, store.R = combine(mix, history[1:])
        if not ws.objective(alpha) < before:
            ws.C, store.R = history[-1]
    return _ANDERSON_MEMORY, change


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
    gram[np.diag_indices_from(gram)] += 1e-12 * trace
    weights = np.linalg.solve(gram, np.ones(len(gram)))
    total = weights.sum()
    return None if total == 0.0 else weights / total


def combine(weights, states):
    """Return the affine combination of states ``(C, R)``; R is affine in C."""
    C = sum(w * state[0] for w, state in zip(weights, states, strict=True))
    R = sum(w * state[1] for w, state in zip(weights, states, strict=True))
    return C, R
