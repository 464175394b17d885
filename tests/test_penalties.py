"""Every penalty of the registry, whichever there are; no penalty is named here."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize
from sklearn.base import clone

import naive
from penalty_cases import EXAMPLES, SINGLES, layout_of
from skstruct.penalties import Penalty

every_penalty = pytest.mark.parametrize("penalty", SINGLES)
every_example = pytest.mark.parametrize("example", EXAMPLES)
shapes = pytest.mark.parametrize(("k", "q"), [(1, 1), (3, 1), (2, 2)])


def of_one(method, *args, weight=1.0, alpha=()):
    """Call a method, which is by group, on one group."""
    return method(*args, [0, len(args[0])], np.array([weight]), *alpha)[0]


def value(penalty, block, weight=1.0, alpha=1.0):
    """The penalty of one block at strength alpha, divided by it."""
    return of_one(penalty.values, block, weight=weight, alpha=[alpha])


def values(penalty, blocks, weight=1.0, alpha=1.0):
    """The same of many blocks (n, k, q) at once: groups of one kind, shape (n,)."""
    n, k, q = blocks.shape
    ptr, weights = np.arange(n + 1) * k, np.full(n, weight)
    many = penalty.take(np.zeros(n, dtype=int))
    return many.values(blocks.reshape(n * k, q), ptr, weights, alpha)


def polar(penalty, block, weight=1.0):
    return of_one(penalty.polar, block, weight=weight)


def violation(penalty, c, u, weight=1.0, alpha=1.0, method=None):
    method = method or penalty.violation
    return of_one(method, c, u, weight=weight, alpha=[alpha])


def prox(penalty, v, step, weight=1.0, alpha=1.0):
    out = v.copy()
    penalty.bind(np.array([weight]), alpha).prox(out, step, 0)
    return out


def in_domain(penalty, shape, rng):
    return penalty.project(rng.normal(size=shape))


def proximal_pair(penalty, shape, rng, step=0.2, alpha=1.0):
    """A block, and a subgradient there."""
    v = 2 * rng.normal(size=shape)
    p = prox(penalty, v, step, alpha=alpha)
    return p, (v - p) / step


def curvature(penalty, H):
    """H flat, as the struct's minimize wants it, and the rotation of its blocks."""
    if not penalty.is_rotation_invariant:
        return H.ravel(), np.eye(len(H))
    eigenvalues, V = np.linalg.eigh(H)
    return np.maximum(eigenvalues, 0), V


def minimum(penalty, H, u, alpha, start=None, weight=1.0, n_calls=500):
    """What struct.minimize makes of a block problem, in X's own coordinates."""
    struct = penalty.bind(np.array([weight]), alpha)
    h, V = curvature(penalty, H)
    c = np.zeros_like(u) if start is None else V.T @ start
    scratch, lipschitz = np.empty_like(u), float(np.linalg.norm(H, 2))
    for _ in range(n_calls):  # some run a bounded number of steps at each call
        before = c.copy()
        struct.minimize(h, lipschitz, V.T @ u, 0, c, scratch)
        if np.array_equal(before, c):
            break
    return V @ c


def block_objective(penalty, H, u, alpha, c):
    penalised = alpha * value(penalty, c, alpha=alpha)
    return np.sum(c * (H @ c)) / 2 - np.sum(u * c) + penalised


def random_gram(k, rng, rank=None):
    A = rng.normal(size=(k, rank or k + 2))
    return A @ A.T


# --- the prox -------------------------------------------------------------------------


@every_penalty
@pytest.mark.parametrize(("k", "q"), [(1, 1), (3, 1), (2, 2)])
@pytest.mark.parametrize("step", [0.3, 1.5, 6.0])
def test_prox_is_the_numeric_minimiser(penalty, k, q, step):
    """Of many local ones the best, where the penalty is not convex."""
    rng = np.random.default_rng(0)
    v = rng.normal(size=(k, q)) * rng.choice([1, 3])

    def moreau(c):
        c = penalty.project(c.reshape(v.shape))
        penalised = 0.7 * value(penalty, c, 1.3, 0.7)
        return np.sum((c - v) ** 2) / 2 + step * penalised

    options = {"xatol": 1e-8, "fatol": 1e-13, "maxfev": 5_000}
    found = [
        optimize.minimize(moreau, start, method="Nelder-Mead", options=options)
        for start in (v.ravel(), 0.5 * v.ravel(), 0 * v.ravel() + 1e-3)
    ]
    best = min(found, key=lambda result: result.fun)
    ours = prox(penalty, v, step, weight=1.3, alpha=0.7)
    assert_array_equal(ours, penalty.project(ours))
    assert moreau(ours) <= best.fun + 1e-12
    if penalty.is_convex:
        # The envelope is then 1-strongly convex: no point far from the minimiser
        # comes close in value, however roughly the simplex search ended.
        away = penalty.project(best.x.reshape(k, q)) - ours
        assert np.sum(away**2) / 2 <= best.fun - moreau(ours) + 1e-12


@every_penalty
def test_prox_is_the_best_on_its_ray(penalty):
    """A search along v, and along the prox, at all kinds of lengths and steps."""
    rng = np.random.default_rng(1)
    for _ in range(60):
        v = rng.normal(size=(2, 1)) * 10 ** rng.uniform(-1, 1)
        step = 10 ** rng.uniform(-1, 1.5)
        ours = prox(penalty, v, step, weight=0.8, alpha=1.2)
        lengths = np.linspace(0, 1.5, 61)[:, None, None]
        others = penalty.project(np.concatenate([lengths * v, lengths * ours]))
        rises = [
            np.sum((c - v) ** 2, axis=(1, 2)) / 2
            + 1.2 * step * values(penalty, c, 0.8, 1.2)
            for c in (ours[None], others)
        ]
        assert (rises[0] <= rises[1] * (1 + 1e-12)).all()


@every_penalty
@pytest.mark.parametrize("step", [0.5, 2.5, 5.0])
def test_prox_jumps_where_it_should(penalty, step):
    """From one local minimum to another, as the block grows."""
    for length in np.linspace(0.05, 8, 160):
        ours = prox(penalty, np.array([[length]]), step)
        c = np.append(ours, np.linspace(0, length, 4))
        rises = (c - length) ** 2 / 2 + step * values(penalty, c[:, None, None])
        assert rises[0] <= min(rises) + 1e-12


@every_penalty
@shapes
def test_prox_leaves_a_subgradient(penalty, k, q):
    """(v - p) / step is one: convex penalties lie above its plane."""
    rng = np.random.default_rng(1)
    for step in (0.1, 1.0, 10.0):
        v = rng.normal(size=(k, q))
        p = prox(penalty, v, step)
        G = (v - p) / step
        assert violation(penalty, p, G) <= 1e-12
        if not penalty.is_convex:
            continue
        for _ in range(200):
            z = in_domain(penalty, (k, q), rng) * 10 ** rng.uniform(-3, 2)
            plane = value(penalty, p) + np.sum(G * (z - p))
            assert value(penalty, z) >= plane - 1e-10


@every_penalty
@shapes
def test_prox_of_a_gauge_has_its_dual_norm(penalty, k, q):
    rng = np.random.default_rng(2)
    probe = in_domain(penalty, (k, q), rng)
    doubles = np.isclose(value(penalty, 2 * probe), 2 * value(penalty, probe))
    if not (penalty.is_convex and doubles):  # concave ones start out linear
        pytest.skip("not positively homogeneous")
    for step in (0.1, 0.5, 10.0):
        v = rng.normal(size=(k, q))
        p = prox(penalty, v, step)
        G = (v - p) / step
        assert polar(penalty, G) <= 1 + 1e-10
        assert_allclose(np.sum(G * p), value(penalty, p), atol=1e-10)


@every_penalty
def test_prox_of_nothing_is_nothing(penalty):
    zero = np.zeros((3, 2))
    assert_array_equal(prox(penalty, zero, 1.0), zero)
    v = penalty.project(np.arange(6.0).reshape(3, 2))
    assert_allclose(prox(penalty, v, 1.0, weight=0.0), v)
    assert_allclose(prox(penalty, v, 1e-300), v)
    assert_allclose(prox(penalty, v, 1e300), zero, atol=1e-14)
    if np.isfinite(polar(penalty, v)):
        assert_array_equal(prox(penalty, v, 1e300), zero)


@every_penalty
def test_groups_of_weight_zero_are_not_penalised_at_all(penalty):
    rng = np.random.default_rng(3)
    c, u = in_domain(penalty, (3, 2), rng), rng.normal(size=(3, 2))
    v = rng.normal(size=(3, 2))
    assert_array_equal(prox(penalty, v, 0.5, weight=0.0), penalty.project(v))
    assert value(penalty, c, weight=0.0) == 0
    assert polar(penalty, u, weight=0.0) == 0
    assert of_one(penalty.conjugate, u, weight=0.0, alpha=[0.5]) == 0
    inside = np.abs(c) + 1
    assert_allclose(violation(penalty, inside, u, weight=0.0), np.linalg.norm(u))


# --- the polar and the conjugate ------------------------------------------------------


@every_penalty
@pytest.mark.parametrize(("k", "q"), [(1, 1), (3, 1), (1, 2), (2, 2), (40, 1)])
def test_polar_is_the_smallest_alpha_with_prox_zero(penalty, k, q):
    rng = np.random.default_rng(3)
    for weight in (0.4, 1.0, 7.0):
        u = np.abs(rng.normal(size=(k, q))) * np.exp(4 * rng.normal(size=(k, q)))
        alpha = polar(penalty, u, weight)
        assert alpha > 0
        step = 0.5  # a power of two, so that dividing by it is exact
        if alpha == np.inf:
            assert prox(penalty, step * u, step, weight, 1e6).any()
            continue
        if not penalty.is_convex:  # zero is a local minimum from there on
            zero = np.zeros_like(u)
            assert violation(penalty, zero, u, weight, alpha * (1 + 1e-10)) == 0
            assert violation(penalty, zero, u, weight, alpha * (1 - 1e-6)) > 0
        assert not prox(penalty, step * u, step, weight, alpha * (1 + 1e-10)).any()
        assert prox(penalty, step * u, step, weight, alpha * (1 - 1e-6)).any()


@every_penalty
def test_polar_bounds_inner_products(penalty):
    """<u, c> <= polar(u) * value(c), the inequality that certificates stand on."""
    rng = np.random.default_rng(4)
    for _ in range(300):
        u, c = rng.normal(size=(3, 2)), in_domain(penalty, (3, 2), rng)
        if not penalty.is_convex or polar(penalty, u) == np.inf:
            pytest.skip("not the support function of a set")
        bound = polar(penalty, u, 1.7) * value(penalty, c, 1.7)
        assert np.sum(u * c) <= bound + 1e-12


@every_penalty
@shapes
def test_conjugate_is_the_largest_difference(penalty, k, q):
    """Never below <u, c> - alpha value(c), and equal where u is a subgradient at c."""
    if not penalty.is_convex:
        pytest.skip("has no conjugate of use")
    rng = np.random.default_rng(5)
    for alpha in (0.3, 2.0):
        best, u = proximal_pair(penalty, (k, q), rng, alpha=alpha)
        assert of_one(penalty.domain_polar, u) <= alpha * (1 + 1e-12)
        conjugate = of_one(penalty.conjugate, u, alpha=[alpha])
        reached = np.sum(u * best) - alpha * value(penalty, best)
        assert_allclose(conjugate, reached, rtol=1e-9, atol=1e-12)
        for _ in range(100):
            c = in_domain(penalty, (k, q), rng) * 10 ** rng.uniform(-2, 2)
            difference = np.sum(u * c) - alpha * value(penalty, c)
            assert difference <= conjugate + 1e-9 * (1 + abs(difference))


@every_penalty
def test_conjugate_is_infinite_below_the_domain_polar(penalty):
    if not penalty.is_convex:
        pytest.skip("has no conjugate of use")
    u = np.abs(np.random.default_rng(6).normal(size=(3, 2)))
    alpha = 0.99 * of_one(penalty.domain_polar, u)
    if alpha == 0:
        assert np.isfinite(of_one(penalty.conjugate, u, alpha=[1e-3]))
        return
    reached = []
    for length in (1e3, 1e6):
        c = prox(penalty, length * u, length, alpha=alpha)
        reached.append(np.sum(u * c) - alpha * value(penalty, c, alpha=alpha))
    assert reached[1] > 100 * reached[0] > 0


# --- the subdifferential --------------------------------------------------------------


@every_penalty
@shapes
def test_violation_is_a_distance_from_the_subdifferential(penalty, k, q):
    rng = np.random.default_rng(7)
    for _ in range(50):
        alpha = rng.choice([0.1, 1.0, 3.0])
        c, u = proximal_pair(penalty, (k, q), rng, alpha=alpha)
        assert violation(penalty, c, u, alpha=alpha) <= 1e-11
        away = rng.normal(size=(k, q)) * 10 ** rng.uniform(-2, 1)
        distance = violation(penalty, c, u + away, alpha=alpha)
        assert distance <= np.linalg.norm(away) + 1e-11
        if penalty.is_convex:
            least = violation(
                penalty,
                c,
                u + away,
                alpha=alpha,
                method=lambda *args: Penalty.violation(penalty, *args),
            )
            assert distance >= least - 1e-11
            if np.abs(prox(penalty, c + u + away, 1.0, alpha=alpha) - c).max() > 1e-8:
                assert least > 0


@every_penalty
@shapes
def test_violation_where_the_penalty_is_smooth(penalty, k, q):
    rng = np.random.default_rng(8)
    for _ in range(20):
        alpha = rng.choice([0.2, 1.0])
        c = in_domain(penalty, (k, q), rng) * 10 ** rng.uniform(-1, 1)
        c = np.where(c == 0, rng.uniform(0.1, 1, size=(k, q)), c)  # inside the domain
        u = rng.normal(size=(k, q))
        gradient = optimize.approx_fprime(
            c.ravel(),
            lambda x, c=c, alpha=alpha: (
                alpha * value(penalty, x.reshape(c.shape), 1.3, alpha)
            ),
            1e-7,
        ).reshape(c.shape)
        expected = np.linalg.norm(u - gradient)
        found = violation(penalty, c, u, 1.3, alpha)
        assert found <= expected + 1e-5
        if not penalty.is_convex:
            assert_allclose(found, expected, atol=1e-5)


@every_penalty
@shapes
def test_smooth_models_have_the_derivatives(penalty, k, q):
    rng = np.random.default_rng(9)
    blocks = np.stack([in_domain(penalty, (k, q), rng) for _ in range(2)]) + 0.1
    groups, weights = np.zeros(2, dtype=int), np.array([1.7])
    models = penalty.smooth_models(blocks, groups, weights, 0.6)
    if models is None:
        pytest.skip("has none")
    c = blocks[0]

    def penalised(x):
        return 0.6 * value(penalty, x.reshape(c.shape), 1.7, 0.6)

    def gradient_at(x):
        moved = np.stack([x.reshape(c.shape), blocks[1]])
        return penalty.smooth_models(moved, groups, weights, 0.6)[0][0].ravel()

    gradient, hessian = models[0][0], models[1][0]
    numeric = optimize.approx_fprime(c.ravel(), penalised, 1e-7)
    assert_allclose(gradient.ravel(), numeric, atol=1e-5)
    numeric = [
        (gradient_at(c.ravel() + e) - gradient_at(c.ravel() - e)) / 2e-5
        for e in 1e-5 * np.eye(k * q)
    ]
    assert_allclose(hessian, numeric, atol=1e-5)


@every_example
def test_smooth_models_of_several_groups(example):
    rng = np.random.default_rng(6)
    penalty, weights = example.resolve(layout_of([2, 2, 2])), np.array([0.3, 5.0, 1.7])
    blocks = np.stack([in_domain(penalty, (2, 1), rng) for _ in range(2)]) + 0.1
    groups = np.array([2, 0])
    models = penalty.smooth_models(blocks, groups, weights, 0.6)
    if models is None:
        pytest.skip("has none")
    for i in range(2):
        one = slice(i, i + 1)
        alone = penalty.smooth_models(blocks[one], groups[one], weights, 0.6)
        assert_allclose(models[0][i], alone[0][0])
        assert_allclose(models[1][i], alone[1][0])


# --- groups ---------------------------------------------------------------------------


@every_example
def test_groups_do_not_see_each_other(example):
    rng = np.random.default_rng(5)
    layout = layout_of([2, 1, 3])
    penalty, ptr, weights = example.resolve(layout), layout.ptr, np.array([0.5, 0, 2.0])
    C, U = in_domain(penalty, (6, 2), rng), rng.normal(size=(6, 2))
    struct = penalty.bind(weights, 1.3)
    by_group = {
        "values": ([C], [1.3]),
        "polar": ([U], []),
        "domain_polar": ([U], []),
        "conjugate": ([U], [1.3]),
        "violation": ([C, U], [1.3]),
    }
    for name, (arrays, args) in by_group.items():
        found = getattr(penalty, name)(*arrays, ptr, weights, *args)
        assert found.shape == (3,)
        for g in range(3):
            own = [array[ptr[g] : ptr[g + 1]] for array in arrays]
            method = getattr(penalty.take([g]), name)
            expected = of_one(method, *own, weight=weights[g], alpha=args)
            assert_allclose(found[g], expected)
    for g in range(3):
        own = C[ptr[g] : ptr[g + 1]]
        block = own.copy()
        struct.prox(block, 0.2, g)
        expected = prox(penalty.take([g]), own, 0.2, weights[g], 1.3)
        assert_allclose(block, expected)
    twice = penalty.take([2, 0])
    values = twice.values(np.r_[C[3:], C[:2]], [0, 3, 5], weights[[2, 0]])
    assert_allclose(values, penalty.values(C, ptr, weights)[[2, 0]])


@every_example
def test_methods_take_empty_groups(example):
    """Groups without variance have no coordinates left."""
    penalty = example.resolve(layout_of([2, 1, 3]))
    rows, ptr, weights = np.ones((5, 1)), np.array([0, 2, 2, 5]), np.ones(3)
    assert penalty.values(rows, ptr, weights)[1] == 0
    assert penalty.polar(rows, ptr, weights)[1] == 0
    assert penalty.violation(rows, rows, ptr, weights, 1.0)[1] == 0


# --- the block problem ----------------------------------------------------------------


@every_penalty
@shapes
@pytest.mark.parametrize("rank", [None, 1])
@pytest.mark.parametrize("alpha", [0.05, 1.0])
def test_minimize_solves_the_block_problem(penalty, k, q, rank, alpha):
    """Also where H has directions without curvature, from any start."""
    rng = np.random.default_rng(6)
    H = random_gram(k, rng, rank)
    u = H @ rng.normal(size=(k, q))  # bounded below for every penalty
    expected = naive.block_minimum(
        H, u, lambda v, step: prox(penalty, v, step, alpha=alpha), n_steps=5000
    )
    best = block_objective(penalty, H, u, alpha, expected)
    for start in (None, in_domain(penalty, (k, q), rng), expected):
        ours = minimum(penalty, H, u, alpha, start)
        assert_allclose(ours, penalty.project(ours), atol=1e-15)
        assert violation(penalty, ours, u - H @ ours, alpha=alpha) <= 1e-5
        if not penalty.is_convex:
            continue  # another local minimum is as good
        reached = block_objective(penalty, H, u, alpha, ours)
        assert reached <= best + 1e-9 * (1 + abs(best))
        if rank is None:
            assert_allclose(ours, expected, atol=1e-6)


@every_penalty
def test_minimize_never_raises_the_objective(penalty):
    rng = np.random.default_rng(7)
    for scale in 20 * [1.0] + 20 * [0.02]:
        H, start = scale * random_gram(3, rng), in_domain(penalty, (3, 2), rng)
        u = H @ rng.normal(size=(3, 2))
        before = block_objective(penalty, H, u, 0.3, start)
        once = minimum(penalty, H, u, 0.3, start, n_calls=1)
        assert block_objective(penalty, H, u, 0.3, once) <= before + 1e-12


@every_penalty
def test_minimize_gives_zero_exactly_when_zero_is_best(penalty):
    rng = np.random.default_rng(8)
    H, u = random_gram(3, rng), np.abs(rng.normal(size=(3, 2)))
    ones, alpha = np.ones((3, 2)), polar(penalty, u)
    if alpha == np.inf:
        assert_allclose(minimum(penalty, H, 0 * u, 0.1, ones), 0, atol=1e-12)
        return
    start = ones if penalty.is_convex else None  # else zero is a local minimum
    assert not minimum(penalty, H, u, alpha * (1 + 1e-10), start).any()
    assert minimum(penalty, H, u, alpha * (1 - 1e-6)).any()
    assert not minimum(penalty, H, 0 * u, 0.1, ones).any()
    assert not minimum(penalty, 0 * H, 0 * u, 0.1, ones).any()


@every_penalty
@pytest.mark.parametrize("exponent", [-100, -30, 30, 100])
def test_minimize_scales_to_extremes(penalty, exponent):
    rng = np.random.default_rng(9)
    H, u, s = random_gram(3, rng), rng.normal(size=(3, 1)), 10.0**exponent
    probe = in_domain(penalty, (3, 1), rng) + 0.1
    once, twice = value(penalty, probe), value(penalty, probe, alpha=2.0)
    scales_with_alpha = np.isclose(twice, once)
    scales_with_both = np.isclose(value(penalty, 2 * probe, alpha=2.0), 2 * once)
    assert scales_with_alpha or scales_with_both
    expected = minimum(penalty, H, u, 0.2)
    if scales_with_both:  # u and alpha times s give c times s
        assert_allclose(minimum(penalty, H, s * u, s * 0.2) / s, expected, atol=1e-8)
    if scales_with_alpha:  # H, u and alpha times s change nothing
        assert_allclose(minimum(penalty, s * H, s * u, s * 0.2), expected, atol=1e-8)


@every_penalty
def test_constrained_groups_of_weight_zero_are_minimised_too(penalty):
    if penalty.is_unconstrained:
        pytest.skip("groups of weight zero are projected out, not minimised")
    rng = np.random.default_rng(10)
    H, u = random_gram(3, rng), rng.normal(size=(3, 1))
    expected = naive.block_minimum(H, u, lambda v, step: penalty.project(v))
    assert_allclose(minimum(penalty, H, u, 1.0, weight=0.0), expected, atol=1e-7)


# --- what a penalty declares ----------------------------------------------------------


@every_example
def test_declared_predicates(example):
    """The same before groups are known, and true of all groups together."""
    rng = np.random.default_rng(11)
    layout = layout_of([3, 3, 3])
    penalty, weights = example.resolve(layout), np.ones(3)
    start = penalty.convex_start()
    for name in ("is_rotation_invariant", "is_convex", "is_unconstrained", "overlap"):
        assert getattr(penalty, name) == getattr(example, name)
        assert name == "is_convex" or getattr(start, name) == getattr(penalty, name)
    assert start.is_convex
    assert (start is penalty) <= penalty.is_convex

    def values(c):
        return penalty.values(c, layout.ptr, weights)

    turns = rounded = escapes = 0
    for _ in range(100):
        a, b = (
            in_domain(penalty, (9, 2), rng) * 10 ** rng.uniform(-1, 1) for _ in "ab"
        )
        V = np.kron(np.eye(3), np.linalg.qr(rng.normal(size=(3, 3))).Q)
        moved = penalty.project(V @ a)
        same = np.allclose(values(moved), values(a))
        turns += not (same and np.allclose(moved, V @ a))
        ends = (values(a) + values(b)) / 2
        rounded += np.any(values((a + b) / 2) > ends + 1e-12 * (1 + ends))
        v = rng.normal(size=(9, 2))
        escapes += not np.array_equal(penalty.project(v), v)
    assert penalty.is_rotation_invariant == (turns == 0)
    assert penalty.is_convex == (rounded == 0)
    assert penalty.is_unconstrained == (escapes == 0)


@every_example
def test_parameters_and_structs_survive_copying(example):
    twin = pickle.loads(pickle.dumps(clone(example)))
    assert repr(twin) == repr(example)
    twin.set_params(**twin.get_params())
    assert repr(twin) == repr(example)
    layout = layout_of([2, 1])
    struct = twin.resolve(layout).bind([1, 2], 3)
    again = pickle.loads(pickle.dumps(struct))
    assert type(again) is type(struct)
    v = np.ones((2, 1))
    w, expected = v.copy(), v.copy()
    struct.prox(v, 0.1, 1)
    again.prox(w, 0.1, 1)
    example.resolve(layout).bind([1, 2], 3).prox(expected, 0.1, 1)
    assert_array_equal(v, w)
    assert_array_equal(v, expected)
