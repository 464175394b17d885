"""Small problems for every loss and penalty of the registries; none is named here."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

import reference
from skstruct.groups import make_layout
from skstruct.losses import LOSSES
from skstruct.penalties import PENALTIES
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.solution import Problem
from skstruct.solvers.solve import solve_path

N, P = 24, 11
#: Disjoint groups that are neither contiguous nor of one size.
DISJOINT = [[0, 7, 3, 5], [8, 1, 2], [4, 6], [9], [10]]
#: Groups that overlap: any way, and as a tree.
OVERLAPPING = [
    [[0, 1, 2, 3], [2, 3, 4, 5], [5, 6, 7], [0, 7, 8, 9], [10]],
    [[0, 1, 2, 3], [1, 2], [4, 5, 6, 7, 8, 9], [4, 6], [10]],
]
#: No weight is one; the last group is not penalised.
WEIGHTS = np.array([1.3, 0.8, 1.1, 0.6, 0.0])

#: Responses that follow a linear predictor, the most general ones first.
DRAWS = {
    "any": lambda eta, rng: eta + rng.standard_t(3, size=eta.shape),
    "nonnegative": lambda eta, rng: rng.poisson(np.exp(eta)) * 0.75,
    "positive": lambda eta, rng: rng.gamma(2.0, np.exp(eta)),
    "signs": lambda eta, rng: np.where(rng.random(eta.shape) < expit(eta), 1.0, -1.0),
    "classes": lambda eta, rng: np.eye(eta.shape[1])[
        np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)
    ],
}

ALL_LOSSES = {
    f"{name}-{params}" if params else name: cls(**params)
    for name, (cls, examples) in LOSSES.items()
    for params in examples
}
ALL_PENALTIES = {
    f"{name}-{i}" if i else name: cls(**params)
    for name, (cls, examples) in PENALTIES.items()
    for i, params in enumerate(examples)
}
FIRST_LOSSES = {name: cls(**examples[0]) for name, (cls, examples) in LOSSES.items()}
FIRST_PENALTIES = {
    name: cls(**examples[0]) for name, (cls, examples) in PENALTIES.items()
}


def draw_target(loss, eta, rng):
    """Responses from the most general kind that the loss accepts."""
    for draw in DRAWS.values():
        y = draw(eta, rng)
        try:
            loss.check_target(y, np.ones(len(y)))
        except ValueError:
            continue
        return y
    raise AssertionError(f"no draw is in the domain of {loss}")


def groups_of(penalty):
    """Groups that the penalty takes, overlapping where it lets them."""
    if penalty.resolve(layout_of(DISJOINT)).overlap == "refused":
        return DISJOINT
    for groups in OVERLAPPING:
        try:
            penalty.resolve(layout_of(groups))
        except ValueError:
            continue
        return groups
    raise AssertionError(f"no groups suit {penalty}")


def layout_of(groups, weights=WEIGHTS):
    return make_layout(groups, P, weights=weights, overlap=True)


def make_problem(loss, penalty, seed=0, *, n=N, q=None, wrap=np.asarray, **changes):
    """A problem with sample weights, zero for some, an offset and a free group."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, P)) + rng.normal(size=P)
    X[:, 1:] += 0.5 * X[:, :-1]
    X[rng.random(X.shape) < 0.3] = 0.0
    q = q or (3 if loss.is_joint else 1)
    eta = 0.4 * X[:, :5] @ rng.normal(size=(5, q))
    offset = 0.3 * rng.normal(size=(n, q))
    y = draw_target(loss, np.clip(eta + offset, -3, 3), rng)
    weights = rng.integers(0, 4, size=n) / 1.0
    penalty_weights = WEIGHTS.copy()
    if not penalty.is_unconstrained and not (
        loss.is_quadratic and penalty.is_block_separable
    ):
        penalty_weights[-1] = 0.4  # nonnegative free groups are not for all
    return replace(
        Problem(
            as_matrix(wrap(X)),
            y,
            weights / weights.sum(),
            layout_of(groups_of(penalty), penalty_weights),
            penalty,
            loss=loss,
            offset=offset,
        ),
        **changes,
    )


def dense(matrix):
    return matrix.X.toarray() if matrix.is_sparse else np.asarray(matrix.X, float)


def slow_of(problem):
    """The problem in the words of `reference`."""
    layout, X = problem.layout, dense(problem.matrix)
    groups = [list(g) for g in layout.feature_groups()]
    if is_latent(problem):
        X = X[:, layout.indices]
        bounds = zip(layout.ptr[:-1], layout.ptr[1:], strict=True)
        groups = [list(range(a, b)) for a, b in bounds]
    offset = np.zeros_like(problem.y) if problem.offset is None else problem.offset
    parts = problem.y, problem.weights, offset, groups, layout.weights
    return reference.Slow(
        X, *parts, problem.loss, problem.penalty, problem.fit_intercept
    )


def is_latent(problem):
    return problem.layout.is_overlapping and problem.penalty.overlap == "latent"


def slow_coef(problem, coef):
    """Coefficients as the slow problem has them."""
    if not is_latent(problem):
        return coef
    groups = [list(g) for g in problem.layout.feature_groups()]
    positive = not problem.penalty.is_unconstrained
    return reference.shared_out(coef, groups, problem.layout.weights, positive)


def largest_alpha(problem):
    """The alpha from which on all is zero; infinity if there is none."""
    try:
        return solve_path(problem, 1, tol=1.0, max_iter=1).alphas[0]
    except ValueError:
        return np.inf


def alphas_of(problem, shares):
    """Shares of the largest alpha, or, where there is none, of some other."""
    alpha_max = largest_alpha(problem)
    return np.asarray(shares) * (alpha_max if np.isfinite(alpha_max) else 0.3)


def compatible(loss, penalty):
    return loss.is_smooth or penalty.resolve(layout_of(groups_of(penalty))).is_convex


def pairs(losses=None, penalties=None, is_wanted=lambda penalty: True, few=False):
    """Compatible pairs, as parameters of a test.

    Without arguments every loss meets every penalty, each with its first example
    parameters, and every other example meets one that takes turns. If only a few are
    wanted, every example of a penalty meets two losses, in turns.
    """
    losses, penalties = losses or ALL_LOSSES, penalties or ALL_PENALTIES
    wanted = {
        p: penalty
        for p, penalty in penalties.items()
        if is_wanted(penalty.resolve(layout_of(groups_of(penalty))))
    }
    turns = list(losses)
    chosen = []
    for i, p in enumerate(wanted):
        fits = [m for m in turns if compatible(losses[m], wanted[p])]
        in_turn = {fits[(i + shift) % len(fits)] for shift in (0, 5)[: 1 + few]}
        everything = set(FIRST_LOSSES) if p in FIRST_PENALTIES and not few else set()
        chosen += [(p, m) for m in fits if m in in_turn | everything]
    return pytest.mark.parametrize(
        ("loss", "penalty"),
        [pytest.param(losses[m], wanted[p], id=f"{p}-{m}") for p, m in chosen],
    )
