"""Every penalty that is no sum over blocks, whichever there are."""

import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import naive
from skstruct.groups import make_layout
from skstruct.penalties import PENALTIES


def random_groups(seed, n_features=12, n_groups=7):
    rng = np.random.default_rng(seed)
    groups = [
        np.flatnonzero(rng.uniform(size=n_features) < 0.4) for _ in range(n_groups)
    ]
    left = np.setdiff1d(np.arange(n_features), np.concatenate(groups))
    return [g for g in [*groups, left] if len(g)]


GROUPS = {
    "chain": [range(s, min(s + 5, 14)) for s in range(0, 13, 3)],
    "random": random_groups(1),
    "tree": [range(12), range(6), [1, 4], [4], range(7, 12), [8, 9], range(6)],
    "forest": [[0, 5, 2], [5, 2], [1], [3, 4], [4]],
    "disjoint": [[0, 3, 7], [1, 2], [4], [5, 6, 8, 9]],
    "single": [range(4)],
}


def layout_of(groups, weights=None):
    n_features = max(map(max, groups)) + 1
    if weights is None:
        weights = np.random.default_rng(len(groups)).uniform(0.5, 2.0, len(groups))
    groups = [list(g) for g in groups]
    return make_layout(groups, n_features, weights=weights, overlap=True)


def accepts(penalty, layout):
    try:
        penalty.resolve(layout)
    except ValueError:
        return False
    return True


COUPLED = [
    (f"{name}-{params}", cls(**params))
    for name, (cls, examples) in PENALTIES.items()
    for params in examples
    if not cls.is_block_separable
]
CASES = [
    pytest.param(penalty, groups, id=f"{name}-{kind}")
    for name, penalty in COUPLED
    for kind, groups in GROUPS.items()
    if accepts(penalty, layout_of(groups))
]
every_case = pytest.mark.parametrize(("penalty", "groups"), CASES)
every_penalty = pytest.mark.parametrize(
    "penalty", [pytest.param(penalty, id=name) for name, penalty in COUPLED]
)


def bound(penalty, groups, weights=None):
    layout = layout_of(groups, weights)
    return penalty.resolve(layout).bind(layout, np.arange(layout.n_features))


def in_domain(penalty, shape, rng):
    return penalty.project(rng.normal(size=shape))


def draws(penalty, groups, q=2):
    """Norm, a generator, and v that has rows and groups of all sizes."""
    rng = np.random.default_rng(0)
    norm = bound(penalty, groups)
    k = len(norm.scale)
    v = rng.normal(size=(k, q)) * rng.uniform(0.2, 2.0, size=(k, 1))
    return norm, rng, v


def moreau(norm, v, c, strength):
    away = norm.scale[:, None] * (c - v)
    return np.sum(away**2) / 2 + strength * norm.value(c)


def expression(norm, c):
    """The norm as cvxpy says it, from what it is bound to."""
    cvxpy = pytest.importorskip("cvxpy")
    parts = [
        w * cvxpy.norm(cvxpy.vec(c[norm.indices[a:b]], order="F"))
        for w, a, b in zip(norm.weights, norm.ptr[:-1], norm.ptr[1:], strict=True)
    ]
    lambdas = getattr(norm, "lambdas", None)
    if lambdas is None:
        return cvxpy.sum(parts)
    # A descending sum of sorted entries is a sum of sums of the largest.
    steps = -np.diff(np.append(lambdas, 0.0))
    parts = cvxpy.hstack(parts)
    largest = [cvxpy.sum_largest(parts, i + 1) for i in range(len(lambdas))]
    return cvxpy.sum([s * x for s, x in zip(steps, largest, strict=True)])


def solved(problem):
    tight = {f"tol_{kind}": 1e-12 for kind in ("gap_abs", "gap_rel", "feas")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may not come quite that far
        problem.solve(solver="CLARABEL", **tight)
    return problem.value


# --- the value ------------------------------------------------------------------------


@every_case
def test_value_is_what_is_said(penalty, groups):
    norm, rng, _ = draws(penalty, groups)
    for _ in range(5):
        c = in_domain(penalty, (len(norm.scale), 2), rng)
        own = [np.arange(len(c))[list(g)] for g in groups]
        weights = layout_of(groups).weights
        lambdas = getattr(norm, "lambdas", None)
        assert_allclose(norm.value(c), naive.coupled_norm(c, own, weights, lambdas))


@every_case
def test_value_is_a_norm(penalty, groups):
    norm, rng, _ = draws(penalty, groups)
    for _ in range(20):
        a, b = (in_domain(penalty, (len(norm.scale), 2), rng) for _ in range(2))
        assert norm.value(a) > 0
        assert_allclose(norm.value(3.7 * a), 3.7 * norm.value(a))
        assert_allclose(norm.value(-a), norm.value(a))
        assert norm.value(a + b) <= norm.value(a) + norm.value(b) + 1e-12
    assert norm.value(0 * a) == 0


# --- the prox -------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("q", [1, 3])
@pytest.mark.parametrize("strength", [0.05, 0.3, 1.0])
def test_prox_is_the_minimiser(penalty, groups, q, strength):
    norm, rng, v = draws(penalty, groups, q)
    cvxpy = pytest.importorskip("cvxpy")
    ours = norm.prox(v, strength)
    assert_array_equal(penalty.project(ours), ours)
    c = cvxpy.Variable(v.shape)
    loss = cvxpy.sum_squares(cvxpy.multiply(norm.scale[:, None] * np.ones(q), c - v))
    limits = [c >= 0] if penalty.positive else []
    goal = cvxpy.Minimize(loss / 2 + strength * expression(norm, c))
    solved(cvxpy.Problem(goal, limits))
    best = moreau(norm, v, ours, strength)
    theirs = penalty.project(c.value)
    # By strong convexity nothing far from the minimiser comes close in value.
    away = norm.scale[:, None] * (theirs - ours)
    assert np.sum(away**2) / 2 <= moreau(norm, v, theirs, strength) - best + 1e-12
    for size in (1e-6, 1e-3, 1.0):
        other = penalty.project(ours + size * rng.normal(size=v.shape))
        assert moreau(norm, v, other, strength) >= best - 1e-13


@every_case
@pytest.mark.parametrize("strength", [0.05, 0.3, 1.0])
def test_prox_leaves_a_subgradient(penalty, groups, strength):
    """Moreau: scale^2 (v - p) has dual norm `strength`, and meets p in it."""
    norm, _, v = draws(penalty, groups)
    p = norm.prox(v, strength)
    left = norm.scale[:, None] ** 2 * (v - p)
    assert_allclose(np.sum(left * p), strength * norm.value(p), atol=1e-11)
    assert norm.polar(left) <= strength * (1 + 1e-8)


@every_case
def test_prox_is_as_exact_as_a_slow_twin(penalty, groups):
    norm, _, v = draws(penalty, groups)
    if getattr(norm, "lambdas", None) is not None:
        pytest.skip("the twin knows sums of norms")
    v = penalty.project(v)
    parts = np.split(norm.indices, norm.ptr[1:-1])
    for strength in (0.1, 0.4):
        expected = naive.prox_overlap(v, parts, strength * norm.weights)
        assert_allclose(norm.prox(v, strength), expected, atol=1e-8)


@every_case
def test_prox_of_nothing_is_nothing(penalty, groups):
    norm, _, v = draws(penalty, groups)
    assert_array_equal(norm.prox(0 * v, 1.0), 0 * v)
    assert_allclose(norm.prox(v, 0.0), penalty.project(v))
    assert_allclose(norm.prox(v, 1e-300), penalty.project(v), atol=1e-12)
    assert_array_equal(norm.prox(v, 1e300), 0 * v)


@every_case
def test_prox_depends_on_no_call_before(penalty, groups):
    norm, rng, v = draws(penalty, groups)
    before = v.copy()
    for _ in range(20):
        w = v + 10.0 ** rng.uniform(-6, 1) * rng.normal(size=v.shape)
        strength = rng.uniform(0.05, 1.0)
        fresh = bound(penalty, groups)
        assert_allclose(norm.prox(w, strength), fresh.prox(w, strength), atol=1e-9)
    assert_array_equal(v, before)


@every_case
def test_prox_certifies_itself(penalty, groups):
    norm, _, v = draws(penalty, groups)
    if not hasattr(norm, "prox_gap"):
        pytest.skip("in closed form")
    edge = norm.polar(v)
    for strength in [*np.geomspace(0.01, 0.999, 25) * edge, edge]:
        p = norm.prox(v, strength)
        # At the edge itself nothing but rounding decides what is zero.
        assert 0 <= norm.prox_gap <= (1e-13 if strength == edge else norm.tol)
        missing = strength * norm.value(p) - np.sum((v - p) * p)
        assert abs(missing) <= 1e-14 * np.sum(v * v)


# --- the polar ------------------------------------------------------------------------


@every_case
def test_polar_is_the_dual_norm(penalty, groups):
    cvxpy = pytest.importorskip("cvxpy")
    norm, rng, u = draws(penalty, groups)
    c = cvxpy.Variable(u.shape)
    limits = [expression(norm, c) <= 1] + ([c >= 0] if penalty.positive else [])
    dual = cvxpy.Problem(cvxpy.Maximize(cvxpy.sum(cvxpy.multiply(u, c))), limits)
    assert_allclose(norm.polar(u), solved(dual), rtol=1e-8)
    for _ in range(100):
        c = in_domain(penalty, u.shape, rng)
        assert np.sum(u * c) <= norm.polar(u) * norm.value(c) * (1 + 1e-14)
    assert norm.polar(0 * u) == 0


@every_case
def test_polar_is_the_smallest_strength_with_prox_zero(penalty, groups):
    norm, _, u = draws(penalty, groups)
    v = u / norm.scale[:, None] ** 2
    edge = norm.polar(u)
    assert not norm.prox(v, edge * (1 + 1e-9)).any()
    assert norm.prox(v, edge * (1 - 1e-6)).any()


@every_case
def test_polar_bound_is_one(penalty, groups):
    norm, _, u = draws(penalty, groups)
    if not hasattr(norm, "polar_bound"):
        pytest.skip("not offered")
    exact = norm.polar(u)
    for t in exact * np.array([0.1, 0.9, 1.0, 1.1, 100.0]):
        assert norm.polar_bound(u, t) >= exact * (1 - 1e-10)
    assert_allclose(norm.polar_bound(u, exact), exact, rtol=1e-7)
    assert norm.polar_bound(0 * u, 1.0) == 0


# --- layouts --------------------------------------------------------------------------


@every_case
def test_restriction_means_zeros_elsewhere(penalty, groups):
    full, rng, v = draws(penalty, groups)
    layout = layout_of(groups)
    for _ in range(10):
        size = rng.integers(1, len(v) + 1)
        some = np.sort(rng.choice(len(v), size, replace=False))
        part = penalty.resolve(layout).bind(layout, some)
        padded = np.zeros_like(v)
        padded[some] = v[some]
        assert_allclose(part.scale, full.scale[some])
        assert_allclose(part.value(v[some]), full.value(padded))
        assert_allclose(part.polar(v[some]), full.polar(padded), rtol=1e-9)
        ours = np.zeros_like(v)
        ours[some] = part.prox(v[some], 0.3)
        assert_allclose(ours, full.prox(padded, 0.3), atol=1e-9)
    nothing = penalty.resolve(layout).bind(layout, some[:0])
    assert nothing.value(v[:0]) == nothing.polar(v[:0]) == 0
    assert nothing.prox(v[:0], 1.0).shape == (0, 2)


@every_case
def test_groups_of_weight_zero_do_nothing(penalty, groups):
    kept = layout_of(groups)
    loose = [kept.n_features, kept.n_features + 1]
    extended = [*groups, loose]
    if penalty.overlap != "refused":
        extended.append(range(kept.n_features))
    weights = np.append(kept.weights, [0.0] * (len(extended) - len(groups)))
    layout = layout_of(extended, weights)
    norm, _, v = draws(penalty, groups)
    same = penalty.resolve(layout).bind(layout, np.arange(kept.n_features))
    assert_allclose(same.value(v), norm.value(v))
    assert_allclose(same.prox(v, 0.3), norm.prox(v, 0.3), atol=1e-9)
    assert_allclose(same.polar(v), norm.polar(v), rtol=1e-9)


@every_case
def test_order_of_features_and_groups_does_not_matter(penalty, groups):
    norm, rng, v = draws(penalty, groups)
    weights = layout_of(groups).weights
    to = rng.permutation(len(v))  # feature j is called to[j]
    order = rng.permutation(len(groups))
    renamed = [np.sort(to[list(groups[g])]) for g in order]
    other = bound(penalty, renamed, weights[order])
    moved = np.empty_like(v)
    moved[to] = v
    assert_allclose(other.value(moved), norm.value(v))
    assert_allclose(other.polar(moved), norm.polar(v), rtol=1e-9)
    assert_allclose(other.prox(moved, 0.3)[to], norm.prox(v, 0.3), atol=1e-9)


@every_case
@pytest.mark.parametrize("unit", [1e-100, 1e-30, 1e30, 1e100])
def test_units_do_not_matter(penalty, groups, unit):
    norm, _, v = draws(penalty, groups)
    assert_allclose(norm.value(unit * v) / unit, norm.value(v))
    assert_allclose(norm.polar(unit * v) / unit, norm.polar(v), rtol=1e-9)
    moved = norm.prox(unit * v, unit * 0.3) / unit
    assert_allclose(moved, norm.prox(v, 0.3), atol=1e-9)


@every_case
def test_arrays_of_all_kinds_are_taken(penalty, groups):
    norm, _, v = draws(penalty, groups)
    frozen = np.asfortranarray(v)
    frozen.flags.writeable = False
    assert_array_equal(norm.prox(frozen, 1), bound(penalty, groups).prox(v, 1.0))
    assert norm.polar(frozen) == norm.polar(v)
    wide = np.repeat(v, 2, axis=0)[::2]
    assert norm.value(wide) == norm.value(v)


@every_penalty
@given(data=st.data())
def test_whatever_the_groups(penalty, data):
    n_features = data.draw(st.integers(1, 8))
    groups = data.draw(
        st.lists(
            st.sets(st.integers(0, n_features - 1), min_size=1).map(sorted),
            min_size=1,
            max_size=8,
        )
    )
    weight = st.sampled_from([0.3, 1.0, 1.0, 20.0])
    weights = [data.draw(weight) for _ in groups]
    n_features = max(map(max, groups)) + 1
    left = np.setdiff1d(np.arange(n_features), np.concatenate(groups))
    groups, weights = groups + [[j] for j in left], weights + [1.0] * len(left)
    if not accepts(penalty, layout_of(groups, weights)):
        return
    norm = bound(penalty, groups, weights)
    entries = st.sampled_from([-3.0, -1.0, 0.0, 1e-9, 0.5, 1.0, 1.0, 4.0])
    v = np.array([[data.draw(entries)] for _ in range(n_features)])
    strength = data.draw(st.sampled_from([0.01, 0.5, 1.0, 3.0]))
    p = norm.prox(v, strength)
    left = norm.scale[:, None] ** 2 * (v - p)
    assert_allclose(np.sum(left * p), strength * norm.value(p), atol=1e-10)
    assert norm.polar(left) <= strength * (1 + 1e-7)
    edge = norm.polar(norm.scale[:, None] ** 2 * v)
    # So near the edge the prox may end, within its gap, a little beside zero.
    assert np.abs(norm.prox(v, edge * (1 + 1e-9))).max() <= 1e-9 * np.abs(v).max()
    assert edge == 0 or norm.prox(v, edge * (1 - 1e-6)).any()


# --- long chains ----------------------------------------------------------------------


@every_penalty
def test_long_chains_come_to_their_end(penalty):
    """Near the strength that empties them, slack must travel from end to end."""
    groups = [range(s, s + 8) for s in range(0, 400, 6)]
    weights = np.full(len(groups), np.sqrt(8.0))
    if not accepts(penalty, layout_of(groups, weights)):
        pytest.skip("groups may not overlap")
    norm = bound(penalty, groups, weights)
    v = np.random.default_rng(0).normal(size=(len(norm.scale), 1))
    edge = norm.polar(v)
    for share in (0.3, 0.6, 0.7, 0.8, 0.9, 0.99, 1 - 1e-6, 1 + 1e-9):
        p = norm.prox(v, share * edge)
        assert norm.prox_gap <= norm.tol
        assert p.any() == (share < 1)


# --- what a penalty declares ----------------------------------------------------------


@every_penalty
def test_declared_predicates(penalty):
    assert not penalty.is_block_separable
    assert penalty.is_convex
    assert penalty.is_unconstrained == (not penalty.positive)
    assert penalty.overlap in {"refused", "shared"}
    assert accepts(penalty, layout_of(GROUPS["chain"])) <= (penalty.overlap == "shared")


@every_case
def test_parameters_and_norms_survive_copying(penalty, groups):
    twin = pickle.loads(pickle.dumps(clone(penalty)))
    assert twin.get_params() == penalty.get_params()
    norm, _, v = draws(penalty, groups)
    norm.prox(v, 0.2)
    again = pickle.loads(pickle.dumps(norm))
    assert_array_equal(again.prox(v, 0.3), norm.prox(v, 0.3))


@every_penalty
@pytest.mark.parametrize("kind", ["chain", "random"])
def test_refusals_name_groups_that_do_not_fit(penalty, kind):
    groups = [set(g) for g in GROUPS[kind]]
    names = [f"<{i}>" for i in range(len(groups))]
    members = {name: sorted(g) for name, g in zip(names, groups, strict=True)}
    layout = make_layout(members, max(map(max, groups)) + 1, overlap=True)
    if accepts(penalty, layout):
        return
    with pytest.raises(ValueError, match="IntersectionOverlap") as error:
        penalty.resolve(layout)
    named = [g for name, g in zip(names, groups, strict=True) if name in str(error)]
    assert len(named) >= 2
    assert set.intersection(*named)


def test_the_groups_named_really_cross():
    """Not the group around both, which holds the other."""
    (cls,) = (c for c, _ in PENALTIES.values() if c.__name__ == "TreeGroupL2")
    layout = layout_of([[2, 3], range(6), [0, 1, 2], [5]])
    with pytest.raises(ValueError, match=r"groups (2, 0|0, 2) share"):
        cls().resolve(layout)


def slope(**params):
    return PENALTIES["group_slope"][0](**params)


@pytest.mark.parametrize(
    "lambdas",
    [[1.0, 0.5], [0.0] * 4, [1, 2, 1, 1], [1, 1, 1, -1], [np.nan] * 4, 1.0],
)
def test_bad_lambdas_are_refused(lambdas):
    with pytest.raises(ValueError, match="lambdas must"):
        slope(lambdas=lambdas).resolve(layout_of(GROUPS["disjoint"]))


@pytest.mark.parametrize("q", [0.0, 1.0, -1])
def test_bad_shares_are_refused(q):
    with pytest.raises(ValueError, match="q must be between 0 and 1"):
        slope(q=q).resolve(layout_of(GROUPS["disjoint"]))


def test_lambdas_may_be_given():
    v = np.array([[3.0], [-1.0], [2.0]])
    layout = make_layout(None, 3)
    equal, largest = slope(lambdas=[2, 2, 2]), slope(lambdas=[1, 0, 0])
    norm = equal.bind(layout, np.arange(3))
    assert_array_equal(norm.prox(v, 0.5), [[2.0], [0.0], [1.0]])
    norm = largest.bind(layout, np.arange(3))  # the largest entry, in magnitude
    assert norm.value(v) == 3
    assert norm.polar(v) == 6
    assert_allclose(norm.prox(v, 2.0), [[1.5], [-1.0], [1.5]])
