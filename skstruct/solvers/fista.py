"""Accelerated proximal gradient steps, for norms that no sum over blocks describes."""

import numpy as np

from skstruct.solvers.working_set import ROUNDING, best_dual

# Steps between two looks at the gap: at first, and at most.
_FIRST_LOOK, _LAST_LOOK = 5, 40
# Looks at which neither gap nor objective improve, before rounding is the reason.
_PATIENCE = 20
# Steps are halved until the loss is below its model, at most to this share.
_GROW, _RELAX = 2.0, 0.95
_MOST_GROWTH = 2.0**40


class Fista:
    """FISTA on the working set (Beck and Teboulle, 2009), with adaptive restarts.

    Momentum is dropped when it points uphill (O'Donoghue and Candes, Adaptive restart
    for accelerated gradient schemes, 2015, sec. 3.2). The step is the inverse of the
    largest eigenvalue of the working set's Gram matrix; for a loss whose curvature
    has no bound, or is far below it, it is searched for.

    Parameters
    ----------
    working_set : WorkingSet
        Of features, each a group of its own.
    norm : CoupledNorm
        Of the working set's features in ascending order.
    """

    def __init__(self, working_set, norm):
        self.ws = working_set
        self.norm = norm
        self.order = np.argsort(working_set.blocks.features)
        self.scale2 = np.empty((len(self.order), 1))
        self.scale2[self.order, 0] = norm.scale**2
        self.largest = _largest_eigenvalue(working_set, np.sqrt(self.scale2))
        fit = working_set.fit
        self.is_searched = fit.is_curved
        self.lipschitz = self.largest
        if fit.is_curved:
            curvature = fit.loss.curvature(fit.y, fit.predictor())
            self.lipschitz = self.largest * float(curvature.max())

    def value(self, C):
        """Return the norm of coefficients (m, q)."""
        return self.norm.value(C[self.order])

    def _prox(self, C, strength):
        out = np.empty_like(C)
        out[self.order] = self.norm.prox(C[self.order], strength)
        return out

    def gap(self, alpha, descent):
        """Return duality gap and objective at the current iterate."""
        ws = self.ws
        polar = self.norm.polar_bound(descent[self.order], alpha)
        objective = ws.fit.value(ws.C) + alpha * self.value(ws.C)
        dual = best_dual(
            lambda scale: ws.fit.dual_value(ws.C, scale),
            ws.fit.dual_scale(ws.C),
            polar,
            alpha,
        )
        return objective - dual, objective

    def descend(self, alpha, gap_target, max_steps):
        """Minimise until the gap is at most `gap_target`; return the steps taken."""
        ws, everything = self.ws, np.arange(len(self.ws.blocks.groups))
        previous, ahead, momentum = ws.C, ws.C, 1.0
        n_steps, next_look, patience = 0, 0, _PATIENCE
        best_gap = best_objective = np.inf
        while True:
            if n_steps >= next_look:
                ws.fit.refresh(ws.C)
                gap, objective = self.gap(alpha, ws.fit.descent(everything))
                improved = gap < best_gap or objective < best_objective
                patience = _PATIENCE if improved else patience - 1
                if gap <= gap_target or n_steps >= max_steps or patience == 0:
                    return n_steps
                best_gap = min(best_gap, gap)
                best_objective = min(best_objective, objective)
                next_look = n_steps + min(max(_FIRST_LOOK, n_steps // 4), _LAST_LOOK)
            ws.fit.refresh(ahead)
            new = self._step(ahead, ws.fit.descent(everything), alpha)
            n_steps += 1
            if float(np.sum((ahead - new) * self.scale2 * (new - previous))) > 0:
                momentum = 1.0
            grown = 0.5 + np.sqrt(0.25 + momentum**2)
            ahead = new + (momentum - 1.0) / grown * (new - previous)
            previous, momentum = new, grown
            ws.C = new

    def _step(self, start, descent, alpha):
        """Return the proximal gradient step from `start`, the fit's state there."""
        fit = self.ws.fit
        if self.is_searched:
            before, first = fit.value(start), self.lipschitz
            # Values are measured from that of a perfect fit, which may be large.
            noise = ROUNDING * (abs(before) + abs(fit.lowest))
        while True:
            step = 1.0 / self.lipschitz if self.lipschitz > 0 else 0.0
            new = self._prox(start + step * descent / self.scale2, step * alpha)
            if not self.is_searched:
                return new
            delta = new - start
            model = before - float(np.sum(delta * descent))
            model += 0.5 * self.lipschitz * float(np.sum(delta**2 * self.scale2))
            fit.refresh(new)
            if fit.value(new) <= model + noise:
                self.lipschitz *= _RELAX
                return new
            self.lipschitz *= _GROW
            if self.lipschitz > _MOST_GROWTH * first:
                self.lipschitz = first  # rounding of the values is all there is
                return start


def _largest_eigenvalue(ws, scale):
    """Return the largest eigenvalue of the scaled Gram matrix, from slightly above."""
    m = len(scale)
    if m == 0:
        return 0.0
    fit, columns = ws.fit, ws.columns
    if fit.is_gram:
        gram = fit.gram / scale / scale.T
        return float(np.linalg.eigvalsh(gram)[-1])
    everything = np.arange(len(ws.blocks.groups))
    v = np.random.default_rng(0).normal(size=(m, 1))
    largest = 0.0
    for _ in range(100):
        v /= np.linalg.norm(v)
        rows = columns.fit(v / scale)
        if len(columns.Q):
            rows = rows - (rows @ columns.Q.T) @ columns.Q
        v = columns.products(np.ascontiguousarray(rows), everything) / scale
        before, largest = largest, float(np.linalg.norm(v))
        if largest == 0.0 or largest - before <= 1e-3 * largest:
            break
    return 1.02 * largest
