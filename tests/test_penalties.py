"""Every penalty of the registry, whichever there are; no penalty is named here."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize
from sklearn.base import clone

import naive
from skstruct.penalties import PENALTIES

CASES = [
    pytest.param(cls(**params), id=f"{name}-{params}")
    for name, (cls, examples) in PENALTIES.items()
    for params in examples
]
every_penalty = pytest.mark.parametrize("penalty", CASES)
shapes = pytest.mark.parametrize(("k", "q"), [(1, 1), (3, 1), (1, 2), (2, 2)])


def value(penalty, block, weight=1.0):
    """The penalty of one block, without its strength."""
    return penalty.values(block, [0, len(block)], [weight])[0]


def polar(penalty, block, weight=1.0):
    return penalty.polar(block, [0, len(block)], [weight])[0]


def prox(penalty, v, step, weight=1.0, alpha=1.0):
    out = v.copy()
    penalty.bind(np.array([weight]), alpha).prox(out, step, 0)
    return out


def in_domain(penalty, shape, rng):
    return penalty.project(rng.normal(size=shape))


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
    return np.sum(c * (H @ c)) / 2 - np.sum(u * c) + alpha * value(penalty, c)


def random_gram(k, rng, rank=None):
    A = rng.normal(size=(k, rank or k + 2))
    return A @ A.T


# --- the prox -------------------------------------------------------------------------


@every_penalty
@shapes
@pytest.mark.parametrize("step", [0.3, 1.5])
def test_prox_is_the_numeric_minimiser(penalty, k, q, step):
    rng = np.random.default_rng(0)
    for _ in range(3):
        v = rng.normal(size=(k, q)) * 2

        def moreau(c, v=v):
            c = penalty.project(c.reshape(v.shape))
            return np.sum((c - v) ** 2) / 2 + step * 0.7 * value(penalty, c, 1.3)

        found = [
            optimize.minimize(
                moreau,
                start.ravel(),
                method="Nelder-Mead",
                options={"xatol": 1e-9, "fatol": 1e-14, "maxfev": 20_000},
            )
            for start in (v, 0.5 * v, 0 * v + 1e-3)
        ]
        best = min(found, key=lambda result: result.fun)
        ours = prox(penalty, v, step, weight=1.3, alpha=0.7)
        assert moreau(ours) <= best.fun + 1e-12
        if penalty.is_convex:
            # The envelope is then 1-strongly convex: no point far from the minimiser
            # comes close in value, however roughly the simplex search ended.
            away = penalty.project(best.x.reshape(k, q)) - ours
            assert np.sum(away**2) / 2 <= best.fun - moreau(ours) + 1e-12


@every_penalty
@shapes
def test_prox_leaves_a_subgradient(penalty, k, q):
    """(v - p) / step is one: convex penalties lie above its plane."""
    rng = np.random.default_rng(1)
    for step in (0.1, 1.0, 10.0):
        v = rng.normal(size=(k, q))
        p = prox(penalty, v, step)
        G = (v - p) / step
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
    if not np.isclose(value(penalty, 2 * probe), 2 * value(penalty, probe)):
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
    assert_array_equal(prox(penalty, v, 1e300), zero)


# --- the polar ------------------------------------------------------------------------


@every_penalty
@shapes
def test_polar_is_the_smallest_alpha_with_prox_zero(penalty, k, q):
    rng = np.random.default_rng(3)
    for weight in (0.4, 1.0, 7.0):
        u = np.abs(rng.normal(size=(k, q)))
        alpha = polar(penalty, u, weight)
        assert alpha > 0
        assert not prox(penalty, u, 1.0, weight, alpha * (1 + 1e-10)).any()
        assert prox(penalty, u, 1.0, weight, alpha * (1 - 1e-6)).any()


@every_penalty
def test_polar_bounds_inner_products(penalty):
    """<u, c> <= polar(u) * value(c), the inequality that certificates stand on."""
    rng = np.random.default_rng(4)
    for _ in range(300):
        u, c = rng.normal(size=(3, 2)), in_domain(penalty, (3, 2), rng)
        bound = polar(penalty, u, 1.7) * value(penalty, c, 1.7)
        assert np.sum(u * c) <= bound + 1e-12


@every_penalty
def test_groups_do_not_see_each_other(penalty):
    rng = np.random.default_rng(5)
    ptr, weights = np.array([0, 2, 3, 6]), np.array([0.5, 0.0, 2.0])
    C = in_domain(penalty, (6, 2), rng)
    struct = penalty.bind(weights, 1.3)
    values, polars = penalty.values(C, ptr, weights), penalty.polar(C, ptr, weights)
    assert values.shape == polars.shape == (3,)
    assert polars[1] == values[1] == 0
    for g in range(3):
        own = C[ptr[g] : ptr[g + 1]]
        assert_allclose(values[g], value(penalty, own, weights[g]))
        assert_allclose(polars[g], polar(penalty, own, weights[g]))
        block = own.copy()
        struct.prox(block, 0.2, g)
        assert_allclose(block, prox(penalty, own, 0.2, weights[g], 1.3))


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
        reached = block_objective(penalty, H, u, alpha, ours)
        assert reached <= best + 1e-9 * (1 + abs(best))
        assert_allclose(ours, penalty.project(ours), atol=1e-15)
        if rank is None:
            assert_allclose(ours, expected, atol=1e-6)


@every_penalty
def test_minimize_never_raises_the_objective(penalty):
    rng = np.random.default_rng(7)
    for _ in range(20):
        H, start = random_gram(3, rng), in_domain(penalty, (3, 2), rng)
        u = H @ rng.normal(size=(3, 2))
        before = block_objective(penalty, H, u, 0.3, start)
        once = minimum(penalty, H, u, 0.3, start, n_calls=1)
        assert block_objective(penalty, H, u, 0.3, once) <= before + 1e-12


@every_penalty
def test_minimize_gives_zero_exactly_when_zero_is_best(penalty):
    rng = np.random.default_rng(8)
    H, u = random_gram(3, rng), np.abs(rng.normal(size=(3, 2)))
    alpha = polar(penalty, u)
    assert not minimum(penalty, H, u, alpha * (1 + 1e-10), np.ones((3, 2))).any()
    assert minimum(penalty, H, u, alpha * (1 - 1e-6)).any()
    assert not minimum(penalty, H, 0 * u, 0.1, np.ones((3, 2))).any()
    assert not minimum(penalty, 0 * H, 0 * u, 0.1, np.ones((3, 2))).any()


@every_penalty
@pytest.mark.parametrize("exponent", [-100, -30, 30, 100])
def test_minimize_scales_to_extremes(penalty, exponent):
    """H c^2 / 2 - u c + alpha |c|: u and alpha times s give c times s."""
    rng = np.random.default_rng(9)
    H, u, s = random_gram(3, rng), rng.normal(size=(3, 1)), 10.0**exponent
    expected = minimum(penalty, H, u, 0.2)
    assert_allclose(minimum(penalty, H, s * u, s * 0.2) / s, expected, atol=1e-8)
    # ... and H, u and alpha all times s change nothing.
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


@every_penalty
def test_declared_predicates(penalty):
    rng = np.random.default_rng(11)
    turns = rounded = escapes = 0
    for _ in range(100):
        a, b = in_domain(penalty, (3, 2), rng), in_domain(penalty, (3, 2), rng)
        V = np.linalg.qr(rng.normal(size=(3, 3))).Q
        moved = penalty.project(V @ a)
        same = np.isclose(value(penalty, moved), value(penalty, a))
        turns += not (same and np.allclose(moved, V @ a))
        middle = value(penalty, (a + b) / 2)
        rounded += middle > (value(penalty, a) + value(penalty, b)) / 2 + 1e-12
        v = rng.normal(size=(3, 2))
        escapes += not np.array_equal(penalty.project(v), v)
    assert penalty.is_rotation_invariant == (turns == 0)
    assert not (penalty.is_convex and rounded)
    assert penalty.is_unconstrained == (escapes == 0)


@every_penalty
def test_parameters_and_structs_survive_copying(penalty):
    twin = pickle.loads(pickle.dumps(clone(penalty)))
    assert twin.get_params() == penalty.get_params()
    struct = penalty.bind([1, 2], 3)
    again = pickle.loads(pickle.dumps(struct))
    assert type(again) is type(struct)
    v = np.ones((2, 1))
    w = v.copy()
    struct.prox(v, 0.1, 1)
    again.prox(w, 0.1, 1)
    assert_array_equal(v, w)


WITHOUT_NUMBA = """
import numpy as np
from skstruct.penalties import PENALTIES
for cls, examples in PENALTIES.values():
    for params in examples:
        struct = cls(**params).bind([1.0], 0.3)
        v = np.arange(6.0).reshape(3, 2)
        struct.prox(v, 0.5, 0)
        c, h = np.ones((1, 1)), np.array([2.0])
        struct.minimize(h, 2.0, np.array([[1.5]]), 0, c, np.empty((1, 1)))
        print(*v.ravel(), *c.ravel())
"""


def test_structs_run_without_compilation(monkeypatch):
    def numbers():
        run = [sys.executable, "-W", "error", "-c", WITHOUT_NUMBA]
        out = subprocess.run(run, capture_output=True, text=True, check=True).stdout
        return np.array([line.split() for line in out.splitlines()], dtype=float)

    compiled = numbers()
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert_allclose(numbers(), compiled, rtol=1e-12)
    assert compiled.shape == (len(CASES), 7)
