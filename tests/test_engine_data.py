"""Every loss and penalty on data held, ordered or scaled in other ways; odd data."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse

from engine_cases import (
    ALL_PENALTIES,
    FIRST_LOSSES,
    FIRST_PENALTIES,
    P,
    alphas_of,
    compatible,
    dense,
    draw_target,
    layout_of,
    make_problem,
    slow_coef,
    slow_of,
)
from makers import STORAGES
from skstruct import GroupLassoClassifier
from skstruct.groups import make_layout
from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.solution import Problem
from skstruct.solvers.solve import solve_path

GROUP_LASSO = next(iter(FIRST_PENALTIES.values()))
QUADRATIC = next(iter(FIRST_LOSSES.values()))
every_loss = pytest.mark.parametrize(
    "loss", [pytest.param(x, id=name) for name, x in FIRST_LOSSES.items()]
)
#: Each penalty once with the quadratic loss, each other loss once with the first one.
once = pytest.mark.parametrize(
    ("loss", "penalty"),
    [pytest.param(QUADRATIC, p, id=name) for name, p in FIRST_PENALTIES.items()]
    + [
        pytest.param(loss, GROUP_LASSO, id=name)
        for name, loss in FIRST_LOSSES.items()
        if loss is not QUADRATIC
    ],
)


def solved(problem, alphas, tol=1e-9, max_iter=5000):
    solution = solve_path(problem, alphas, tol=tol, max_iter=max_iter)
    assert solution.converged.all(), solution.gaps / solution.null_loss
    return solution


def objectives(problem, solution, alphas):
    slow = slow_of(problem)
    parts = zip(solution.coefs, solution.intercepts, alphas, strict=True)
    return [slow.objective(slow_coef(problem, B), b, alpha) for B, b, alpha in parts]


@cache
def setting(loss, penalty):
    """The problem that is held, ordered or weighted in other ways, and its solution."""
    problem = make_problem(loss, penalty, seed=10)
    alphas = alphas_of(problem, [0.3, 0.1])
    return problem, alphas, solved(problem, alphas)


def assert_same(found, expected, atol=2e-5):
    """Solutions are determined by the data here, but for the tolerance."""
    size = 1 + np.abs(expected.coefs).max()
    assert_allclose(found.coefs, expected.coefs, atol=atol * size)
    assert_allclose(found.intercepts, expected.intercepts, atol=atol * size)
    assert_allclose(found.null_loss, expected.null_loss, rtol=1e-6)


# -- one and the same problem ------------------------------------------------------


@once
@pytest.mark.parametrize("storage", ["fortran", "csc_array", "read-only"])
def test_storage_does_not_matter(loss, penalty, storage):
    problem, alphas, expected = setting(loss, penalty)
    X = dense(problem.matrix)
    if storage == "read-only":
        X = np.asfortranarray(X)
        X.flags.writeable = False
    else:
        X = STORAGES[storage](X)
    assert_same(solved(replace(problem, matrix=as_matrix(X)), alphas), expected)


@once
@pytest.mark.parametrize("wrap", [np.asarray, sparse.csc_array])
def test_single_precision(loss, penalty, wrap):
    problem, alphas, _ = setting(loss, penalty)
    X = dense(problem.matrix).astype(np.float32)
    exact = replace(problem, matrix=as_matrix(X.astype(np.float64)))
    expected = solved(exact, alphas)
    single = replace(problem, matrix=as_matrix(wrap(X)), dtype=np.float32)
    # A rounded coefficient costs its rounding where the loss has a kink.
    tol = 1e-6 if penalty.is_convex and loss.is_smooth else 1e-4
    found = solved(single, alphas, tol=tol)
    assert_allclose(found.coefs, found.coefs.astype(np.float32), rtol=1e-15)
    assert_same(found, expected, atol=5e-3)
    if penalty.is_convex:
        best, ours = (
            objectives(exact, expected, alphas),
            objectives(exact, found, alphas),
        )
        assert np.all(np.subtract(ours, best) <= 2 * tol * expected.null_loss + 1e-12)


@once
def test_order_of_rows_and_features_does_not_matter(loss, penalty):
    problem, alphas, expected = setting(loss, penalty)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(problem.y)), rng.permutation(P)
    place = np.argsort(columns)
    groups = [list(place[g]) for g in problem.layout.feature_groups()]
    moved = replace(
        problem,
        matrix=as_matrix(dense(problem.matrix)[np.ix_(rows, columns)]),
        y=problem.y[rows],
        offset=problem.offset[rows],
        weights=problem.weights[rows],
        layout=layout_of(groups, problem.layout.weights),
    )
    found = solved(moved, alphas)
    assert_same(replace(found, coefs=found.coefs[:, place]), expected)


@once
def test_weights_are_repeated_rows(loss, penalty):
    problem, alphas, expected = setting(loss, penalty)
    weights = problem.weights
    counts = np.rint(weights / weights[weights > 0].min()).astype(int)
    assert (counts == 0).any()
    assert (counts > 1).any()
    repeated = replace(
        problem,
        matrix=as_matrix(np.repeat(dense(problem.matrix), counts, axis=0)),
        y=np.repeat(problem.y, counts, axis=0),
        offset=np.repeat(problem.offset, counts, axis=0),
        weights=np.full(counts.sum(), 1 / counts.sum()),
    )
    assert_same(solved(repeated, alphas), expected)


@once
def test_a_constant_offset_is_an_intercept(loss, penalty):
    problem, alphas, expected = setting(loss, penalty)
    found = solved(replace(problem, offset=problem.offset + 0.7), alphas)
    assert_allclose(found.intercepts + 0.7, expected.intercepts, atol=1e-4)
    assert_same(replace(found, intercepts=expected.intercepts), expected)
    zero = solved(replace(problem, offset=np.zeros_like(problem.y)), alphas)
    none = solved(replace(problem, offset=None), alphas)
    assert_same(zero, none, atol=1e-12)


@once
def test_an_offset_is_a_column_of_known_coefficient(loss, penalty):
    """Taking a free column's contribution as offset leaves nothing to fit of it."""
    if loss.is_joint:
        pytest.skip("the same for all classes, it changes no probability")
    problem, alphas, expected = setting(loss, penalty)
    known = dense(problem.matrix)[:, [10]] * 0.3
    found = solved(replace(problem, offset=problem.offset + known), alphas)
    if problem.layout.weights[-1] == 0:
        coefs = found.coefs.copy()
        coefs[:, 10] += 0.3
        assert_same(replace(found, coefs=coefs), expected)


@once
def test_standardised_features_are_scaled_by_hand(loss, penalty):
    problem = make_problem(loss, penalty, seed=11, scaling="features")
    X, d = dense(problem.matrix), problem.weights
    scale = np.sqrt(d @ (X - d @ X) ** 2)
    by_hand = replace(problem, matrix=as_matrix(X / scale), scaling="none")
    alphas = alphas_of(by_hand, [0.3, 0.1])
    expected, found = solved(by_hand, alphas), solved(problem, alphas)
    assert_same(replace(found, coefs=found.coefs * scale[:, None]), expected)


@every_loss
def test_orthonormalised_groups_are_whitened_by_hand(loss):
    problem = make_problem(loss, GROUP_LASSO, seed=12, scaling="groups")
    X, d = dense(problem.matrix), problem.weights
    white, transforms = X.copy(), {}
    for g, own in enumerate(problem.layout.feature_groups()):
        centred = np.sqrt(d)[:, None] * (X[:, own] - d @ X[:, own])
        R = np.linalg.qr(centred).R
        white[:, own] = X[:, own] @ np.linalg.inv(R)
        transforms[g] = own, R
    by_hand = replace(problem, matrix=as_matrix(white), scaling="none")
    alphas = alphas_of(by_hand, [0.3, 0.1])
    expected, found = solved(by_hand, alphas), solved(problem, alphas)
    coefs = found.coefs.copy()
    for own, R in transforms.values():
        coefs[:, own] = R @ found.coefs[:, own]
    assert_same(replace(found, coefs=coefs), expected)


# -- odd data ----------------------------------------------------------------------


def plain(loss, X, y, *, groups=None, penalty=GROUP_LASSO, weights=None, offset=None):
    n, p = X.shape
    weights = np.ones(n) if weights is None else weights
    groups = np.arange(p) // 3 if groups is None else groups
    return Problem(
        as_matrix(X),
        y,
        weights / weights.sum(),
        make_layout(groups, p),
        penalty,
        loss=loss,
        offset=offset,
    )


def drawn(loss, seed=0, n=30, p=9, size=1.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    q = 3 if loss.is_joint else 1
    eta = 0.5 * X[:, :4] @ rng.normal(size=(min(p, 4), q))
    return X, draw_target(loss, np.clip(size * eta, -3, 3), rng), rng


def assert_sound(problem, alphas=8, tol=1e-5, must_converge=True, eps=1e-2):
    """Finite, no warning (an error here), converged, or honest about it."""
    found = solve_path(problem, alphas, tol=tol, max_iter=2000, eps=eps)
    for part in (found.coefs, found.intercepts, found.alphas, found.null_loss):
        assert np.isfinite(part).all()
    assert not np.isnan(found.gaps).any()
    assert (found.gaps >= 0).all()
    assert found.null_loss >= 0
    if must_converge:
        assert found.converged.all(), (found.gaps / found.null_loss, found.n_iters)
    return found


@every_loss
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_constant_responses(loss, fit_intercept):
    X, y, _ = drawn(loss)
    constant = np.full_like(y, 2.5)
    try:
        loss.check_target(constant, np.ones(len(y)))
    except ValueError:
        return
    problem = replace(plain(loss, X, constant), fit_intercept=fit_intercept)
    found = assert_sound(problem)
    if fit_intercept:
        assert np.abs(found.coefs).max() <= 1e-6


@every_loss
def test_constant_and_duplicated_columns(loss):
    X, y, _ = drawn(loss)
    X[:, 0], X[:, 3], X[:, 4], X[:, 7] = 1.0, 1e6, X[:, 5], X[:, 1]
    found = assert_sound(plain(loss, X, y))
    assert not found.coefs[:, [0, 3]].any()


@every_loss
def test_constant_columns_only(loss):
    X, y, _ = drawn(loss)
    found = assert_sound(plain(loss, np.ones_like(X), y))
    assert not found.coefs.any()


@every_loss
def test_groups_larger_than_the_sample(loss):
    X, y, _ = drawn(loss, n=14, p=60)
    assert_sound(plain(loss, X, y, groups=np.repeat([0, 1, 2], [30, 28, 2])), eps=0.05)


@every_loss
@pytest.mark.parametrize("size", [5.0, 50.0])
def test_huge_offsets(loss, size):
    X, y, rng = drawn(loss)
    offset = size * rng.uniform(-1, 1, size=y.shape)
    assert_sound(plain(loss, X, y, offset=offset))


@every_loss
def test_responses_that_the_features_explain_perfectly(loss):
    """Separable classes, or no noise: unpenalised fits are perfect or far away."""
    X, _, _ = drawn(loss)
    eta = X[:, :3] * 2
    q = 3 if loss.is_joint else 1
    if loss.is_joint:
        y = np.eye(3)[np.argmax(eta, axis=1)]
    else:
        candidates = (eta[:, :1], np.exp(eta[:, :1]), np.where(eta[:, :1] > 0, 1.0, -1))
        for y in candidates:
            try:
                loss.check_target(y, np.ones(len(y)))
                break
            except ValueError:
                continue
    assert y.shape[1] == q
    assert_sound(plain(loss, X, y), eps=1e-3, alphas=12)


@every_loss
@pytest.mark.parametrize("scale", [1e-4, 1e6])
def test_responses_of_any_size(loss, scale):
    X, y, _ = drawn(loss)
    try:
        loss.check_target(y * scale, np.ones(len(y)))
    except ValueError:
        return
    assert_sound(plain(loss, X, y * scale), alphas=4, must_converge=False)


@every_loss
@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_features_of_any_size(loss, scale):
    X, y, _ = drawn(loss)
    expected = assert_sound(plain(loss, X, y), tol=1e-9)
    found = assert_sound(plain(loss, X * scale, y), tol=1e-9)
    assert_allclose(found.alphas, expected.alphas * scale, rtol=1e-5)
    size = np.abs(expected.coefs).max()
    assert_allclose(found.coefs * scale, expected.coefs, atol=1e-3 * size)


@every_loss
def test_tiny_sample_weights(loss):
    X, y, rng = drawn(loss)
    weights = np.where(rng.random(len(y)) < 0.3, 1e-12, 1.0)
    assert_sound(plain(loss, X, y, weights=weights))


@every_loss
def test_single_row_classes_and_single_feature(loss):
    X, y, _ = drawn(loss, p=1)
    assert_sound(plain(loss, X, y, groups=None))


@every_loss
def test_alphas_far_away(loss):
    X, y, _ = drawn(loss)
    found = assert_sound(plain(loss, X, y), np.array([1e-6, 1e12]), tol=1e-4)
    assert not found.coefs[0].any()


@every_loss
def test_no_penalty_at_all(loss):
    X, y, _ = drawn(loss, n=60, p=3, size=0.3)
    found = solve_path(plain(loss, X, y), [0.0], tol=1e-6, max_iter=1000)
    assert np.isfinite(found.coefs).all()
    slow = slow_of(plain(loss, X, y))
    value = slow.objective(found.coefs[0], found.intercepts[0], 0.0)
    best = slow.objective(*slow.minimum(0.0), 0.0)
    assert value <= best + 1e-7 * (1 + abs(best))


# -- anything ----------------------------------------------------------------------

ANY_PAIRS = [
    (loss, penalty)
    for i, (loss, penalty) in enumerate(
        (loss, penalty)
        for penalty in ALL_PENALTIES.values()
        for loss in FIRST_LOSSES.values()
        if penalty.is_convex and penalty.is_unconstrained and compatible(loss, penalty)
        if penalty.overlap != "latent"  # known to CLARABEL's precision only
    )
    if i % 7 == 0
]


@pytest.mark.parametrize(
    ("loss", "penalty"),
    [pytest.param(x, y, id=f"{x}-{y}"[:60]) for x, y in ANY_PAIRS],
)
@settings(max_examples=5)
@given(
    seed=st.integers(0, 1000),
    share=st.floats(0.01, 0.95),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    n=st.integers(6, 30),
)
def test_anything_is_certified_honestly(loss, penalty, seed, share, scale, n):
    try:
        base = make_problem(loss, penalty, seed, n=n)
        base.prepared()
    except (AssertionError, ValueError):  # one class only, say
        return
    rng = np.random.default_rng(seed)
    units = scale ** rng.random(P)
    problem = replace(base, matrix=as_matrix(dense(base.matrix) * units))
    alphas = alphas_of(problem, [share])
    solution = solve_path(problem, alphas, tol=1e-5, max_iter=2000)
    if scale == 1.0:  # columns of uneven units may take more sweeps
        assert solution.converged.all()
    slow = slow_of(problem)
    B, b = slow_coef(problem, solution.coefs[0]), solution.intercepts[0]
    value = slow.objective(B, b, alphas[0])
    assert solution.gaps[0] >= 0
    bound = value - solution.gaps[0] - 1e-10 * (solution.null_loss + abs(value))
    for size in (1e-4, 1e-2, 1.0):
        moved = B + size * rng.normal(size=B.shape) * (np.abs(B) + 0.1 / scale)
        assert slow.objective(moved, b, alphas[0]) >= bound
        assert slow.objective(B * (1 - size), b, alphas[0]) >= bound
    theirs = slow.objective(*slow.minimum(alphas[0]), alphas[0])
    assert theirs >= bound
    allowed = solution.gaps[0] + 1e-5 * solution.null_loss + 1e-7 * abs(theirs)
    assert value <= theirs + allowed


@pytest.mark.parametrize("alpha", [0.1, 0.03, 0.01, 0.001])
def test_models_that_one_sweep_solves_are_followed_by_others(alpha):
    """With one column a sweep solves the model exactly, but not the loss."""
    x = np.repeat([3.0, 1.0, 3.0, 1.0], 4)
    y = np.repeat([-1.0, 1.0, -1.0, 1.0], 4)
    model = GroupLassoClassifier(alpha, tol=1e-10).fit(x[:, None], y)
    # By symmetry about x = 2, the intercept is -2 B, and 1 / (1 + exp(|B|)) = alpha.
    assert_allclose(model.coef_, [[np.log(alpha / (1 - alpha))]], rtol=1e-5)
    assert_allclose(model.intercept_, -2 * model.coef_[:, 0], rtol=1e-6)
