"""Every loss with every penalty: optimal, certified honestly, and refused with reason.

Pairs come from the registries. What is minimised is said once more in `reference`,
slowly, and minimised once more by CLARABEL.
"""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import reference
from engine_cases import (
    ALL_LOSSES,
    ALL_PENALTIES,
    DISJOINT,
    FIRST_LOSSES,
    FIRST_PENALTIES,
    OVERLAPPING,
    P,
    alphas_of,
    compatible,
    is_latent,
    largest_alpha,
    layout_of,
    make_problem,
    pairs,
    slow_coef,
    slow_of,
)
from skstruct.losses import LOSSES
from skstruct.penalties import PENALTIES
from skstruct.solvers.certificate import Certificate
from skstruct.solvers.solve import certify, solve_path

TOL = 1e-9
SHARES = (1.0, 0.4, 0.08)


def is_convex(penalty):
    return penalty.is_convex


def is_concave(penalty):
    return not penalty.is_convex


def solved(problem, shares=SHARES, tol=TOL, max_iter=None):
    max_iter = max_iter or (3000 if problem.loss.is_smooth else 20_000)
    alphas = alphas_of(problem, shares)
    solution = solve_path(problem, alphas, tol=tol, max_iter=max_iter)
    assert solution.alphas.tolist() == sorted(alphas, reverse=True)
    for found in (solution.coefs, solution.intercepts, solution.gaps):
        assert np.isfinite(found).all()
    assert (solution.gaps >= 0).all()
    return solution


def rounding(solution, *values):
    return 1e-11 * (solution.null_loss + sum(abs(v) for v in values))


def assert_nothing_is_below(slow, solution, k, coef, seed=0):
    """No point has an objective below objective - gap."""
    rng = np.random.default_rng(seed)
    alpha, intercept = solution.alphas[k], solution.intercepts[k]
    value = slow.objective(coef, intercept, alpha)
    bound = value - solution.gaps[k] - rounding(solution, value)
    for size in (1e-6, 1e-4, 1e-2, 0.1, 1.0):
        for spread in (np.ones_like(coef), rng.random(coef.shape) < 0.3):
            moved = coef + size * rng.normal(size=coef.shape) * spread
            moved = np.maximum(moved, 0) if slow.is_positive else moved
            shift = size * rng.normal(size=intercept.shape) * slow.fit_intercept
            assert slow.objective(moved, intercept + shift, alpha) >= bound
        shrunk = coef * (1 - size)
        assert slow.objective(shrunk, intercept, alpha) >= bound
    return value


def test_every_entry_of_the_registries_has_slow_twins():
    losses = {cls.__name__ for cls, _ in LOSSES.values()}
    assert losses == set(reference.LOSSES) == set(reference.CONIC_LOSSES)
    penalties = {cls.__name__ for cls, _ in PENALTIES.values()} - {"SeparableSum"}
    where = "add it to tests/reference.py: BLOCKS or NORMS"
    assert penalties == set(reference.BLOCKS) | set(reference.NORMS), where
    convex = set(reference.CONIC_BLOCKS) | set(reference.CONIC_NORMS)
    concave = {cls.__name__ for cls, _ in PENALTIES.values() if not cls.is_convex}
    where = "add it to tests/reference.py: CONIC_BLOCKS or CONIC_NORMS, or SLOPES"
    assert penalties == convex | (concave & penalties), where
    assert concave & penalties <= set(reference.SLOPES), where
    assert set(reference.CONIC_NORMS) == set(reference.NORMS)


# -- the optimum -------------------------------------------------------------------


@pairs(is_wanted=is_convex)
def test_the_optimum_is_that_of_a_conic_solver(loss, penalty):
    problem = make_problem(loss, penalty)
    solution = solved(problem)
    assert solution.is_certified
    assert solution.converged.all(), solution.gaps / solution.null_loss
    slow, k = slow_of(problem), len(SHARES) - 1
    alpha = solution.alphas[k]
    coef = slow_coef(problem, solution.coefs[k])
    ours = assert_nothing_is_below(slow, solution, k, coef)
    theirs = slow.objective(*slow.minimum(alpha), alpha)
    size = solution.null_loss + abs(theirs)
    # How a latent norm is shared out is itself only known to CLARABEL's precision.
    known = 2e-8 if is_latent(problem) else 1e-9
    assert ours <= theirs + known * size
    # `ours` is of the best decomposition known, the gap of the solver's own.
    slack = known * size if is_latent(problem) else rounding(solution, theirs)
    assert ours - solution.gaps[k] <= theirs + slack


OTHER_SHAPES = {
    "plain": {"weights": np.full(24, 1 / 24), "offset": None},
    "no-intercept": {"fit_intercept": False},
    "features": {"scaling": "features"},
}


@pytest.mark.parametrize("shape", OTHER_SHAPES)
@pairs(penalties=dict(list(ALL_PENALTIES.items())[:6]), few=True)
def test_the_optimum_of_other_shapes_of_the_problem(loss, penalty, shape):
    problem = make_problem(loss, penalty, seed=1, **OTHER_SHAPES[shape])
    solution = solved(problem)
    assert solution.converged.all()
    if problem.scaling == "features":
        return  # see test_engine_data.py
    slow = slow_of(problem)
    for k, alpha in enumerate(solution.alphas):
        ours = slow.objective(solution.coefs[k], solution.intercepts[k], alpha)
        theirs = slow.objective(*slow.minimum(alpha), alpha)
        assert ours <= theirs + 1e-9 * (solution.null_loss + abs(theirs))
        assert ours - solution.gaps[k] <= theirs + rounding(solution, theirs)


@pairs(FIRST_LOSSES, FIRST_PENALTIES, is_convex, few=True)
def test_several_outputs(loss, penalty):
    if loss.is_joint:
        return  # has several of them anyway
    problem = make_problem(loss, penalty, seed=2, q=2)
    solution = solved(problem, (0.2,), tol=1e-7)
    assert solution.converged.all()
    slow = slow_of(problem)
    coef = slow_coef(problem, solution.coefs[0])
    assert_nothing_is_below(slow, solution, 0, coef)


# -- the certificate ---------------------------------------------------------------


@pairs(FIRST_LOSSES, FIRST_PENALTIES, is_convex, few=True)
def test_gaps_are_honest_at_any_tolerance(loss, penalty):
    problem = make_problem(loss, penalty, seed=3)
    alphas = alphas_of(problem, [0.3, 0.06])
    best = solve_path(problem, alphas, tol=1e-7, max_iter=20_000)
    slow = slow_of(problem)
    lowest = [
        slow.objective(slow_coef(problem, B), b, alpha)
        for B, b, alpha in zip(best.coefs, best.intercepts, alphas, strict=True)
    ]
    certificate = Certificate(problem.prepared())
    for tol in (1e-1, 1e-2, 1e-3):
        solution = solve_path(problem, alphas, tol=tol, max_iter=20_000)
        assert solution.converged.all()
        assert (solution.gaps >= 0).all()
        for k, alpha in enumerate(alphas):
            B, b = slow_coef(problem, solution.coefs[k]), solution.intercepts[k]
            value = slow.objective(B, b, alpha)
            slack = rounding(solution, value)
            # The latent decomposition of the solver may be worse than the best one.
            assert value - solution.gaps[k] <= lowest[k] + slack
        if not is_latent(problem) and loss.is_smooth:
            again, _ = certificate.evaluate(alphas, solution.coefs, solution.intercepts)
            assert_allclose(again, solution.gaps, atol=1e-12 * solution.null_loss)


@pairs(FIRST_LOSSES, FIRST_PENALTIES, is_convex, few=True)
def test_gaps_of_any_coefficients_are_honest(loss, penalty):
    """Not only of solutions: a certificate knows nothing of how they came about."""
    if not loss.is_smooth:
        return  # its certificate needs the multipliers of the solver
    problem = make_problem(loss, penalty, seed=4)
    (alpha,) = alphas_of(problem, [0.2])
    best = solve_path(problem, [alpha], tol=1e-8, max_iter=20_000)
    slow, rng = slow_of(problem), np.random.default_rng(0)
    lowest = slow.objective(
        slow_coef(problem, best.coefs[0]), best.intercepts[0], alpha
    )
    certificate = Certificate(problem.prepared())
    for size in (1e-8, 1e-4, 1e-2, 1.0):
        coef = best.coefs[0] + size * rng.normal(size=best.coefs[0].shape)
        coef = np.maximum(coef, 0) if slow.is_positive else coef
        intercept = best.intercepts[0] + size
        latent = slow_coef(problem, coef)
        value = slow.objective(latent, intercept, alpha)
        (gap,), _ = certificate.evaluate(
            np.array([alpha]), coef[None], intercept[None], latent[None]
        )
        assert gap >= 0
        assert value - gap <= lowest + rounding(best, value)


# -- the largest alpha -------------------------------------------------------------


@pairs(few=True)
def test_the_largest_alpha_is_the_smallest_without_coefficients(loss, penalty):
    problem = make_problem(loss, penalty, seed=5)
    alpha_max = largest_alpha(problem)
    if not np.isfinite(alpha_max):
        with pytest.raises(ValueError, match="pass the alphas themselves"):
            solve_path(problem, 5, tol=1e-3, max_iter=10)
        return
    slow = slow_of(problem)
    free = np.isin(np.arange(P), problem.prepared().free_features())
    solution = solved(problem, (1.5, 1 + 1e-6, 0.97), tol=1e-6)
    assert solution.converged.all()
    assert not solution.coefs[:2, ~free].any()
    assert solution.coefs[2, ~free].any()
    if not is_latent(problem):
        value = slow.loss_at(
            slow.offset + slow.X @ solution.coefs[0] + solution.intercepts[0]
        )
        lowest = problem.loss.lowest(slow.y, slow.d) if loss.is_smooth else 0.0
        assert_allclose(value - lowest, solution.null_loss, rtol=1e-5)


@pairs(FIRST_LOSSES, FIRST_PENALTIES, is_convex, few=True)
def test_gaps_are_found_again_from_the_coefficients(loss, penalty):
    if not (loss.is_smooth or penalty.is_block_separable):
        pytest.skip("steps may end before the multipliers are found once more")
    problem = make_problem(loss, penalty)
    solution = solved(problem, (0.3,), tol=1e-6)
    (alpha,), (coef,) = solution.alphas, solution.coefs
    gap = certify(problem, alpha, coef, solution.intercepts[0])
    tiny = 1e-12 * solution.null_loss
    if loss.is_smooth and not is_latent(problem):
        assert_allclose(gap, solution.gaps[0], rtol=1e-6, atol=tiny)
    else:  # another dual point, or another way to share out coefficients
        assert 0 <= gap <= 1e-5 * solution.null_loss


# -- penalties that are not convex -------------------------------------------------


@pairs(is_wanted=is_concave, few=True)
def test_a_local_minimum_is_stationary_and_no_worse_than_the_start(loss, penalty):
    problem = make_problem(loss, penalty, seed=6, n=120)  # no classes are separable
    solution = solved(problem, (0.5, 0.2, 0.08), tol=1e-7, max_iter=1500)
    assert not solution.is_certified
    assert solution.converged.all(), solution.gaps
    slow = slow_of(problem)
    convex = replace(problem, penalty=penalty.convex_start())
    starts = solve_path(convex, solution.alphas, tol=1e-7, max_iter=5000)
    rng = np.random.default_rng(0)
    for k, alpha in enumerate(solution.alphas):
        B, b = solution.coefs[k], solution.intercepts[k]
        f = slow.offset + slow.X @ B + b
        gradient = slow.X.T @ (slow.d[:, None] * loss.gradient(slow.y, f))
        violation = slow.violation(B, gradient, alpha)
        assert violation <= 2e-7
        assert_allclose(solution.gaps[k], violation, atol=1e-8)
        value = slow.objective(B, b, alpha)
        start = slow.objective(starts.coefs[k], starts.intercepts[k], alpha)
        assert value <= start + rounding(solution, start)
        for _ in range(10):  # a local minimum, not a saddle
            moved = B + 1e-5 * rng.normal(size=B.shape) * (rng.random(B.shape) < 0.5)
            moved = np.maximum(moved, 0) if slow.is_positive else moved
            assert slow.objective(moved, b, alpha) >= value - 1e-10 * (1 + abs(value))


@pairs({"first": next(iter(ALL_LOSSES.values()))}, is_wanted=is_concave)
def test_more_sweeps_do_not_raise_the_objective(loss, penalty):
    problem = make_problem(loss, penalty, seed=7)
    alphas, slow = alphas_of(problem, [0.15]), slow_of(problem)
    values = []
    for max_iter in (1, 2, 5, 20, 100, 1000):
        found = solve_path(problem, alphas, tol=1e-9, max_iter=max_iter)
        values.append(slow.objective(found.coefs[0], found.intercepts[0], alphas[0]))
    assert (np.diff(values[1:]) <= 1e-6 * abs(values[0])).all()
    # Other starts may end elsewhere, but at points as good as any, or stationary.
    rng = np.random.default_rng(0)
    for _ in range(3):
        start = rng.normal(size=found.coefs[0].shape)
        start = np.maximum(start, 0) if slow.is_positive else start
        other = solve_path(problem, alphas, tol=1e-7, max_iter=5000, start=start)
        assert other.converged.all()


# -- refusals ----------------------------------------------------------------------


def refused(match, loss, penalty, **changes):
    problem = make_problem(loss, penalty)
    if "groups" in changes:
        changes["layout"] = layout_of(changes.pop("groups"))
    with pytest.raises(ValueError, match=match):
        solve_path(replace(problem, **changes), 3, tol=1e-3, max_iter=10)


def test_pairs_without_a_certificate_or_a_criterion_are_refused():
    found = 0
    for loss in FIRST_LOSSES.values():
        for penalty in ALL_PENALTIES.values():
            if compatible(loss, penalty):
                continue
            found += 1
            with pytest.raises(ValueError, match="cannot be combined with") as error:
                solve_path(
                    replace(
                        make_problem(loss, next(iter(ALL_PENALTIES.values()))),
                        penalty=penalty,
                        layout=layout_of(DISJOINT),
                    ),
                    3,
                    tol=1e-3,
                    max_iter=10,
                )
            for word in (type(loss).__name__, "HuberLoss", "GroupL2"):
                assert word in str(error.value)
            assert type(penalty).__name__ in str(error.value)
    assert found > 3


FIRST_LOSS = next(iter(ALL_LOSSES.values()))
curved = pytest.mark.parametrize(
    "loss",
    [
        pytest.param(x, id=name)
        for name, x in FIRST_LOSSES.items()
        if not x.is_quadratic
    ],
)
every_penalty = pytest.mark.parametrize(
    "penalty", [pytest.param(x, id=name) for name, x in ALL_PENALTIES.items()]
)


@every_penalty
def test_overlapping_groups_are_refused_by_penalties_for_disjoint_ones(penalty):
    if penalty.resolve(layout_of(DISJOINT)).overlap == "refused":
        match = "feature .* in (several groups|.*groups).*(Use|use) .*Overlap"
        refused(match, FIRST_LOSS, penalty, groups=OVERLAPPING[0])


@every_penalty
def test_scaling_groups_is_refused_where_it_has_no_meaning(penalty):
    if not penalty.is_block_separable:
        match = f"standardize='groups' .* {type(penalty).__name__}.*Use standardize="
        refused(match, FIRST_LOSS, penalty, scaling="groups")
    elif not penalty.is_unconstrained:
        match = "positive=True .*standardize='groups'.*Use"
        refused(match, FIRST_LOSS, penalty, scaling="groups")


@curved
@every_penalty
def test_constrained_free_groups_are_refused_for_curved_losses(loss, penalty):
    if penalty.is_unconstrained or not compatible(loss, penalty):
        return
    layout = make_problem(FIRST_LOSS, penalty).layout
    groups = [list(g) for g in layout.feature_groups()]
    match = "positive=True with unpenalised .*small positive weight"
    refused(match, loss, penalty, groups=groups)


def test_a_tree_needs_nested_groups():
    for name, penalty in ALL_PENALTIES.items():
        if not penalty.is_block_separable and "tree" in name:
            match = "tree needs groups that are nested.*IntersectionOverlap"
            refused(match, FIRST_LOSS, penalty, groups=OVERLAPPING[0])


@pytest.mark.parametrize(
    "loss", [pytest.param(x, id=name) for name, x in FIRST_LOSSES.items()]
)
def test_responses_outside_of_the_domain_are_refused(loss):
    y = np.linspace(-7.3, 5.2, 24)[:, None]
    try:
        loss.check_target(y, np.ones(24))
    except ValueError:
        refused("y must be .* sample 0", loss, ALL_PENALTIES["group_l2"], y=y)
