"""Slow twins of all losses and penalties: what is to be minimised, in two languages.

In numpy, to evaluate any coefficients; and as conic programs, which another solver
minimises. Keys are names of classes. Formulas are those of doc/explain/objective.md
and of the classes' docstrings; nothing here imports skstruct.
"""

import warnings
from typing import NamedTuple

import cvxpy as cp
import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm as normal

# -- losses: (loss, y, f) -> entries (n, q), or (n, 1), to be summed ---------------


def _huber(loss, y, f):
    r = np.abs(y - f)
    return np.where(r <= loss.delta, r**2 / 2, loss.delta * r - loss.delta**2 / 2)


def _tweedie(loss, y, f):
    p = loss.power
    return np.exp((2 - p) * f) / (2 - p) + y * np.exp((1 - p) * f) / (p - 1)


def _pinball(loss, y, f):
    return np.where(y >= f, loss.quantile * (y - f), (1 - loss.quantile) * (f - y))


LOSSES = {
    "SquaredError": lambda loss, y, f: (y - f) ** 2 / 2,
    "HuberLoss": _huber,
    "QuantileLoss": _pinball,
    "LogisticLoss": lambda loss, y, f: np.logaddexp(0, -y * f),
    "MultinomialLoss": lambda loss, y, f: (
        logsumexp(f, axis=1, keepdims=True) - np.sum(y * f, axis=1, keepdims=True)
    ),
    "PoissonLoss": lambda loss, y, f: np.exp(f) - y * f,
    "GammaLoss": lambda loss, y, f: f + y * np.exp(-f),
    "TweedieLoss": _tweedie,
}


def _conic_tweedie(loss, y, f):
    p = loss.power
    down = cp.multiply(y, cp.exp((1 - p) * f)) / (p - 1)
    return cp.exp((2 - p) * f) / (2 - p) + down


def _conic_multinomial(loss, y, f):
    largest = cp.log_sum_exp(f, axis=1, keepdims=True)
    return largest - cp.sum(cp.multiply(y, f), axis=1, keepdims=True)


CONIC_LOSSES = {
    "SquaredError": lambda loss, y, f: cp.square(y - f) / 2,
    "HuberLoss": lambda loss, y, f: cp.huber(y - f, loss.delta) / 2,
    "QuantileLoss": lambda loss, y, f: cp.maximum(
        loss.quantile * (y - f), (loss.quantile - 1) * (y - f)
    ),
    "LogisticLoss": lambda loss, y, f: cp.logistic(-cp.multiply(y, f)),
    "MultinomialLoss": _conic_multinomial,
    "PoissonLoss": lambda loss, y, f: cp.exp(f) - cp.multiply(y, f),
    "GammaLoss": lambda loss, y, f: f + cp.multiply(y, cp.exp(-f)),
    "TweedieLoss": _conic_tweedie,
}

# -- penalties of one group: (penalty, block, weight > 0, alpha) -> number ------------


def _mcp(penalty, c, w, alpha):
    s, level, gamma = np.linalg.norm(c), alpha * w, penalty.gamma
    if s <= gamma * level:
        return (level * s - s**2 / (2 * gamma)) / alpha
    return gamma * level**2 / 2 / alpha


def _scad(penalty, c, w, alpha):
    s, level, gamma = np.linalg.norm(c), alpha * w, penalty.gamma
    if s <= level:
        return level * s / alpha
    if s <= gamma * level:
        top = 2 * gamma * level * s - s**2 - level**2
        return top / (2 * (gamma - 1)) / alpha
    return level**2 * (gamma + 1) / 2 / alpha


def _mixed(penalty, l1, l2):
    return penalty.l1_ratio * l1 + (1 - penalty.l1_ratio) * l2


BLOCKS = {
    "GroupL2": lambda p, c, w, alpha: w * np.linalg.norm(c),
    "LatentOverlap": lambda p, c, w, alpha: w * np.linalg.norm(c),
    "SparseGroupL2": lambda p, c, w, alpha: _mixed(
        p, np.abs(c).sum(), w * np.linalg.norm(c)
    ),
    "GroupElasticNet": lambda p, c, w, alpha: _mixed(
        p, w * np.linalg.norm(c), np.sum(c**2) / 2
    ),
    "L1": lambda p, c, w, alpha: w * np.abs(c).sum(),
    "ElasticNet": lambda p, c, w, alpha: _mixed(
        p, w * np.abs(c).sum(), np.sum(c**2) / 2
    ),
    "GroupLinf": lambda p, c, w, alpha: w * np.abs(c).max(),
    "ExclusiveL1": lambda p, c, w, alpha: w * np.abs(c).sum() ** 2 / 2,
    "SquaredL2": lambda p, c, w, alpha: w * np.sum(c**2) / 2,
    "GroupMCP": _mcp,
    "GroupSCAD": _scad,
}


def _euclid(c):
    return cp.norm(cp.vec(c, order="F"), 2)


def _l1(c):
    return cp.sum(cp.abs(c))


CONIC_BLOCKS = {
    "GroupL2": lambda p, c, w: w * _euclid(c),
    "LatentOverlap": lambda p, c, w: w * _euclid(c),
    "SparseGroupL2": lambda p, c, w: _mixed(p, _l1(c), w * _euclid(c)),
    "GroupElasticNet": lambda p, c, w: _mixed(p, w * _euclid(c), cp.sum_squares(c) / 2),
    "L1": lambda p, c, w: w * _l1(c),
    "ElasticNet": lambda p, c, w: _mixed(p, w * _l1(c), cp.sum_squares(c) / 2),
    "GroupLinf": lambda p, c, w: w * cp.max(cp.abs(c)),
    "ExclusiveL1": lambda p, c, w: w * cp.square(_l1(c)) / 2,
    "SquaredL2": lambda p, c, w: w * cp.sum_squares(c) / 2,
}

# What the slow subdifferential of a group is made of: l1 norm, slope of the Euclidean
# norm, ridge; all of them for penalties in sums that are not convex.
SLOPES = {
    "GroupL2": lambda p, c, w, alpha: (0, w, 0),
    "SparseGroupL2": lambda p, c, w, alpha: (p.l1_ratio, (1 - p.l1_ratio) * w, 0),
    "GroupElasticNet": lambda p, c, w, alpha: (0, p.l1_ratio * w, 1 - p.l1_ratio),
    "L1": lambda p, c, w, alpha: (w, 0, 0),
    "ExclusiveL1": lambda p, c, w, alpha: (w * np.abs(c).sum(), 0, 0),
    "GroupMCP": lambda p, c, w, alpha: (
        0,
        max(w - np.linalg.norm(c) / (p.gamma * alpha), 0),
        0,
    ),
    "GroupSCAD": lambda p, c, w, alpha: (
        0,
        min(w, max(p.gamma * w - np.linalg.norm(c) / alpha, 0) / (p.gamma - 1)),
        0,
    ),
}

# -- penalties of all groups at once: (penalty, norms, weights > 0) -> number ---------


def _lambdas(penalty, n_groups):
    if penalty.lambdas is not None:
        return np.asarray(penalty.lambdas)
    lambdas = normal.ppf(1 - np.arange(1, n_groups + 1) * penalty.q / (2 * n_groups))
    return lambdas / lambdas[0]


def _slope(penalty, norms, weights):
    products = np.sort(np.multiply(weights, norms))[::-1]
    return products @ _lambdas(penalty, len(weights))


def _conic_slope(penalty, norms, weights):
    # A descending sum of sorted entries is a sum of sums of the largest.
    steps = -np.diff(np.append(_lambdas(penalty, len(weights)), 0.0))
    products = cp.hstack([w * s for w, s in zip(weights, norms, strict=True)])
    # Of all entries, the largest are no selection, and old cvxpy makes it one.
    largest = [cp.sum_largest(products, i + 1) for i in range(len(steps) - 1)]
    return cp.sum(cp.multiply(steps, cp.hstack([*largest, cp.sum(products)])))


NORMS = {
    "IntersectionOverlap": lambda p, norms, weights: np.dot(weights, norms),
    "TreeGroupL2": lambda p, norms, weights: np.dot(weights, norms),
    "GroupSLOPE": _slope,
}

CONIC_NORMS = {
    "IntersectionOverlap": lambda p, norms, weights: sum(
        w * s for w, s in zip(weights, norms, strict=True)
    ),
    "TreeGroupL2": lambda p, norms, weights: sum(
        w * s for w, s in zip(weights, norms, strict=True)
    ),
    "GroupSLOPE": _conic_slope,
}


def name_of(item):
    return type(item).__name__


def member(penalty, g):
    """The penalty of group g, called g, where groups differ."""
    if name_of(penalty) != "SeparableSum":
        return penalty
    return penalty.penalties[penalty.assignment.get(g, "default")]


# -- the problem ---------------


class Slow(NamedTuple):
    """A problem in plain words; overlap that is latent has been spelled out in X."""

    X: np.ndarray
    y: np.ndarray
    d: np.ndarray
    offset: np.ndarray
    groups: list
    weights: np.ndarray
    loss: object
    penalty: object
    fit_intercept: bool

    def loss_at(self, f):
        kept = self.d > 0
        rows = LOSSES[name_of(self.loss)](self.loss, self.y[kept], f[kept])
        return float(self.d[kept] @ rows.sum(axis=1))

    def penalty_at(self, B, alpha):
        penalised = [g for g, w in enumerate(self.weights) if w > 0]
        if name_of(self.penalty) in NORMS:
            norms = [np.linalg.norm(B[self.groups[g]]) for g in penalised]
            norm = NORMS[name_of(self.penalty)]
            return float(norm(self.penalty, norms, self.weights[penalised]))
        total = 0.0
        for g in penalised:
            own = member(self.penalty, g)
            block = B[self.groups[g]]
            total += BLOCKS[name_of(own)](own, block, self.weights[g], alpha)
        return total

    def objective(self, B, intercept, alpha):
        """The objective, to be checked by eye."""
        if self.is_positive and B.min() < 0:
            return np.inf
        f = self.offset + self.X @ B + intercept
        return self.loss_at(f) + alpha * self.penalty_at(B, alpha)

    @property
    def is_positive(self):
        return not self.penalty.is_unconstrained

    def minimum(self, alpha):
        """Coefficients and intercept where CLARABEL stops."""
        kept = self.d > 0
        y, d = self.y[kept], self.d[kept]
        B = cp.Variable((self.X.shape[1], y.shape[1]))
        intercept = cp.Variable((1, y.shape[1]))
        f = self.offset[kept] + self.X[kept] @ B
        if self.fit_intercept:
            f = f + np.ones((len(y), 1)) @ intercept
        entries = CONIC_LOSSES[name_of(self.loss)](self.loss, y, f)
        value = cp.sum(cp.multiply(np.tile(d[:, None], entries.shape[1]), entries))
        constraints = [B >= 0] if self.is_positive else []
        _solve(value + alpha * self._conic_penalty(B), constraints)
        coef = np.maximum(B.value, 0) if self.is_positive else B.value
        return coef, intercept.value[0] if self.fit_intercept else np.zeros(y.shape[1])

    def _conic_penalty(self, B):
        penalised = [g for g, w in enumerate(self.weights) if w > 0]
        if name_of(self.penalty) in CONIC_NORMS:
            norms = [_euclid(B[self.groups[g]]) for g in penalised]
            norm = CONIC_NORMS[name_of(self.penalty)]
            return norm(self.penalty, norms, self.weights[penalised])
        total = 0
        for g in penalised:
            own = member(self.penalty, g)
            block = B[self.groups[g]]
            total += CONIC_BLOCKS[name_of(own)](own, block, self.weights[g])
        return total

    def violation(self, B, gradient, alpha):
        """Largest distance of -gradient from the subdifferential, over alpha * w_g."""
        worst = 0.0
        for g, (group, w) in enumerate(zip(self.groups, self.weights, strict=True)):
            if w == 0:
                continue
            own, c = member(self.penalty, g), B[group]
            l1, l2, ridge = SLOPES[name_of(own)](own, c, w, alpha)
            size = np.linalg.norm(c)
            squares = 0.0
            for c_j, u_j in zip(c.ravel(), -gradient[group].ravel(), strict=True):
                rest = u_j - alpha * (l2 * c_j / size + ridge * c_j if size > 0 else 0)
                if c_j != 0:
                    far = abs(rest - alpha * l1 * np.sign(c_j))
                elif self.is_positive:
                    far = max(rest - alpha * l1, 0)
                else:
                    far = max(abs(rest) - alpha * l1, 0)
                squares += far**2
            far = np.sqrt(squares)
            far = far if size > 0 else max(far - alpha * l2, 0)
            worst = max(worst, far / (alpha * w))
        return worst


def _solve(objective, constraints):
    """Minimise; where CLARABEL gives up, a multiple of the same objective is tried."""
    tries = [(tol, scale) for tol in (1e-11, 1e-10, 1e-9) for scale in (1.0, 8.0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it need not come quite that far
        for tol, scale in tries:
            problem = cp.Problem(cp.Minimize(scale * objective), constraints)
            tight = {f"tol_{kind}": tol for kind in ("gap_abs", "gap_rel", "feas")}
            try:
                problem.solve(solver=cp.CLARABEL, **tight)
                return
            except cp.error.SolverError:  # of some problems it gives up too close
                if (tol, scale) == tries[-1]:
                    raise


def shared_out(B, groups, weights, is_positive):
    """Coefficients of each group, stacked, that add up to B and whose norms are least.

    Groups of weight 0 take all of their features for nothing.
    """
    left, parts = B.copy(), [np.zeros((len(g), B.shape[1])) for g in groups]
    for g in np.flatnonzero(weights == 0):
        parts[g] = left[groups[g]].copy()
        left[groups[g]] = 0
    live = [g for g in range(len(groups)) if weights[g] > 0]
    if not left.any():
        return np.concatenate(parts)
    used = [np.flatnonzero(left[groups[g]].any(axis=1)) for g in live]
    variables = [cp.Variable((max(len(u), 1), B.shape[1])) for u in used]
    total, constraints = 0, []
    for g, V in zip(live, variables, strict=True):
        total = total + weights[g] * _euclid(V)
        constraints += [V >= 0] if is_positive else []
    for j in np.flatnonzero(left.any(axis=1)):
        holders = [
            V[list(np.asarray(groups[g])[u]).index(j)]
            for g, V, u in zip(live, variables, used, strict=True)
            if j in np.asarray(groups[g])[u]
        ]
        constraints.append(sum(holders) == left[j])
    _solve(total, constraints)
    for g, V, u in zip(live, variables, used, strict=True):
        if len(u):
            parts[g][u] = np.maximum(V.value, 0) if is_positive else V.value
    # What the other solver's tolerance leaves goes to the groups, in proportion.
    for j in np.flatnonzero(left.any(axis=1)):
        rows = [(g, list(groups[g]).index(j)) for g in live if j in groups[g]]
        total = sum(parts[g][i] for g, i in rows)
        if is_positive:
            safe = np.where(total > 0, total, 1.0)
            for g, i in rows:
                parts[g][i] *= np.where(total > 0, left[j] / safe, 0.0)
        else:
            largest = max(rows, key=lambda at: np.abs(parts[at[0]][at[1]]).sum())
            parts[largest[0]][largest[1]] += left[j] - total
    return np.concatenate(parts)
