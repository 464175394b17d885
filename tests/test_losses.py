"""Every loss of the registry, whichever there are; no loss is named here.

Each loss is tried on all the kinds of targets that it accepts.
"""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize
from sklearn.base import clone

from skstruct.losses import LOSSES, Loss

TARGETS = {
    "any": lambda rng, n, q: rng.normal(scale=2, size=(n, q)),
    "positive": lambda rng, n, q: rng.lognormal(size=(n, q)),
    "nonnegative": lambda rng, n, q: rng.integers(0, 4, size=(n, q)) * 0.75,
    "signs": lambda rng, n, q: rng.choice([-1.0, 1.0], size=(n, q)),
    "classes": lambda rng, n, q: np.eye(q)[rng.integers(0, q, size=n)],
}
N, Q = 6, 3
WAYS = np.ones(N)

#: Every loss with its example parameters; what is not smooth also smoothed.
EXAMPLES = [
    (f"{name}-{params}", cls(**params))
    for name, (cls, examples) in LOSSES.items()
    for params in examples
]
EXAMPLES += [
    (f"{name}-smoothed-{width}", loss.smoothed(width))
    for name, loss in EXAMPLES
    if not loss.is_smooth
    for width in (0.1, 2.0)
]


def targets(kind, n=N, q=Q, seed=0):
    return TARGETS[kind](np.random.default_rng(seed), n, q)


def accepts(loss, y):
    try:
        loss.check_target(y, np.ones(len(y)))
    except ValueError:
        return False
    return True


def cases(is_wanted=lambda loss: True):
    return pytest.mark.parametrize(
        ("loss", "kind"),
        [
            pytest.param(loss, kind, id=f"{name}-{kind}")
            for name, loss in EXAMPLES
            for kind in TARGETS
            if is_wanted(loss) and accepts(loss, targets(kind))
        ],
    )


every_case = cases()
smooth_cases = cases(lambda loss: loss.is_smooth)
every_loss = pytest.mark.parametrize(
    "loss", [pytest.param(loss, id=name) for name, loss in EXAMPLES]
)


def example(kind, seed=0, spread=2.0):
    rng = np.random.default_rng(seed + 100)
    weights = rng.uniform(size=N)
    f = rng.normal(scale=spread, size=(N, Q))
    return targets(kind, seed=seed), f, weights / weights.sum()


def numeric_slope(function, f, step):
    """Central differences of function(f), entry by entry (n, q)."""
    slopes = np.zeros_like(f)
    for t in range(f.shape[1]):
        unit = step * (np.arange(f.shape[1]) == t)
        difference = function(f + unit) - function(f - unit)
        slopes[:, t] = difference[:, t % difference.shape[1]] / (2 * step)
    return slopes


def rows_of(loss, y, f):
    """Losses of each sample, as a column."""
    return np.array([[loss.value(y[[i]], f[[i]], [1.0])] for i in range(len(y))])


def conjugates(loss, y, v):
    """Conjugates of each sample, (n,)."""
    return np.array([loss.conjugate(y[[i]], v[[i]], [1.0]) for i in range(len(y))])


@every_loss
def test_some_targets_are_accepted(loss):
    accepted = [kind for kind in TARGETS if accepts(loss, targets(kind))]
    assert accepted
    assert isinstance(loss, Loss)


# -- value, gradient, curvature ------------------------------------------------


@every_case
def test_gradient_is_that_of_the_value(loss, kind):
    y, f, _ = example(kind)
    slopes = numeric_slope(lambda g: rows_of(loss, y, g), f, 1e-5)
    size = np.abs(rows_of(loss, y, f)) + loss.curvature(y, f) + 1
    assert np.all(np.abs(loss.gradient(y, f) - slopes) <= 1e-9 * size)


@smooth_cases
def test_curvature_is_the_second_derivative_or_above(loss, kind):
    """Above, near f at least, the value as well: such a model cannot mislead."""
    y, f, _ = example(kind)
    second = numeric_slope(lambda g: loss.gradient(y, g), f, 1e-5)
    curvature = loss.curvature(y, f)
    assert curvature.shape == f.shape
    assert np.all(curvature > 0)
    assert np.all(curvature >= second - 2e-4 * (1 + np.abs(second)))  # kinks
    assert np.all(curvature <= loss.curvature_bound * (1 + 1e-12))
    rng = np.random.default_rng(0)
    value, gradient = rows_of(loss, y, f)[:, 0], loss.gradient(y, f)
    for _ in range(20):
        d = 1e-2 * rng.normal(size=f.shape)
        model = value + np.sum(gradient * d + curvature * d**2 / 2, axis=1)
        third = np.sum(curvature * np.abs(d) ** 3, axis=1)  # what a Taylor model omits
        moved = rows_of(loss, y, f + d)[:, 0]
        same = np.isclose(loss.curvature(y, f + d), curvature, rtol=0.5).all(axis=1)
        moved = np.where(same, moved, -np.inf)  # past a bend it is another line
        assert np.all(moved <= model + third + 1e-12 * (1 + np.abs(value)))


@every_case
def test_curvature_allows_a_newton_step_from_anywhere(loss, kind):
    """Alone, no sample asks for a step that the exponentials cannot take.

    Straight lines may ask for more: there is nothing to overflow.
    """
    y = targets(kind)
    for far in (-1e3, -30.0, 30.0, 1e3):
        f = np.full(y.shape, far) * np.where(np.arange(Q) == 0, 1.0, -1.0)
        step = loss.gradient(y, f) / loss.curvature(y, f)
        most = np.maximum(100, 2.1 * np.abs(f - y))
        if loss.link(np.eye(Q)[:1])[0, 0] == 1:  # the identity
            most = 1e4 * np.maximum(most, np.abs(loss.gradient(y, f)))
        assert np.all(np.abs(step) <= most * (1 + 1e-9))


@cases(lambda loss: np.isfinite(loss.curvature_bound))
def test_bounded_curvature_dominates_everywhere(loss, kind):
    """Where there is a bound, the model with it lies above the loss for any step."""
    y, f, _ = example(kind, spread=5.0)
    value, gradient = rows_of(loss, y, f)[:, 0], loss.gradient(y, f)
    for seed, spread in enumerate((0.1, 1.0, 10.0)):
        d = np.random.default_rng(seed).normal(scale=spread, size=f.shape)
        model = value + np.sum(gradient * d + loss.curvature_bound * d**2 / 2, axis=1)
        assert np.all(rows_of(loss, y, f + d)[:, 0] <= model + 1e-9)


@every_case
def test_value_is_a_weighted_sum_over_rows(loss, kind):
    y, f, weights = example(kind)
    v = 0.5 * loss.gradient(y, f)
    counts = np.arange(N) % 4
    again = [np.repeat(a, counts, axis=0) for a in (y, f, v)]
    ones = np.ones(sum(counts))
    for of, argument, repeated in (
        (loss.value, f, again[1]),
        (loss.conjugate, v, again[2]),
    ):
        rows = [of(y[[i]], argument[[i]], [1.0]) for i in range(N)]
        assert_allclose(of(y, argument, weights), weights @ rows)
        assert_allclose(of(y, argument, counts), of(again[0], repeated, ones))
    rows = [loss.lowest(y[[i]], [1.0]) for i in range(N)]
    assert_allclose(loss.lowest(y, weights), weights @ rows, atol=1e-15)


@every_case
def test_rows_of_weight_zero_count_for_nothing(loss, kind):
    y, f, weights = example(kind)
    weights[0] = 0
    far, v = f.copy(), 0.5 * loss.gradient(y, f)
    far[0] += 10
    assert loss.value(y, f, weights) == loss.value(y, far, weights)
    outside = v.copy()
    outside[0] = 1e6
    assert loss.conjugate(y, v, weights) == loss.conjugate(y, outside, weights)


@every_case
def test_loss_is_convex(loss, kind):
    y, f, weights = example(kind)
    for seed in range(1, 20):
        _, g, _ = example(kind, seed=seed, spread=4.0)
        t = seed / 20
        middle = loss.value(y, t * f + (1 - t) * g, weights)
        ends = t * loss.value(y, f, weights) + (1 - t) * loss.value(y, g, weights)
        assert middle <= ends + 1e-12 * (1 + abs(ends))


@every_case
def test_smoothed_is_below_and_close(loss, kind):
    y, f, weights = example(kind)
    value = loss.value(y, f, weights)
    for width in (1e-6, 0.1, 3.0):
        smooth = loss.smoothed(width)
        assert smooth.is_smooth
        lower = smooth.value(y, f, weights)
        assert value - Q * width / 2 <= lower <= value + 1e-15
        v = 0.7 * loss.gradient(y, f)
        assert np.isfinite(smooth.conjugate(y, v, weights))


# -- conjugate -----------------------------------------------------------------


@every_case
def test_conjugate_meets_the_value_at_the_gradient(loss, kind):
    """Fenchel and Young: value(f) + conjugate(v) = <v, f> at v = gradient(f)."""
    for seed, spread in enumerate((0.1, 2.0, 8.0)):
        y, f, _ = example(kind, seed, spread)
        v = loss.gradient(y, f)
        values, duals = rows_of(loss, y, f)[:, 0], conjugates(loss, y, v)
        products = np.sum(v * f, axis=1)
        size = 1 + np.abs(values) + np.abs(duals) + np.sum(np.abs(v * f), axis=1)
        assert np.all(np.abs(values + duals - products) <= 1e-13 * size)


@every_case
def test_conjugate_bounds_the_value(loss, kind):
    """Scaled gradients are in the domain, and Fenchel's inequality holds there."""
    for seed in range(2):
        y, f, _ = example(kind, seed, spread=3.0)
        for t in (0.0, 0.3, 1 - 1e-12, 1.0):
            v = t * loss.gradient(y, f)
            duals = conjugates(loss, y, v)
            assert np.all(np.isfinite(duals))
            for other_seed in range(4):
                _, other, _ = example(kind, other_seed, spread=6.0)
                values = rows_of(loss, y, other)[:, 0]
                products = np.sum(v * other, axis=1)
                size = 1 + np.abs(values) + np.abs(duals)
                assert np.all(values + duals >= products - 1e-11 * size)


@every_case
def test_conjugate_is_the_numeric_supremum(loss, kind):
    y, f, _ = example(kind)
    v = 0.6 * loss.gradient(y, f)
    for i in range(3):

        def negative(z, i=i):
            return loss.value(y[[i]], [z], [1.0]) - v[i] @ z

        best = -negative(f[i])
        if loss.is_joint:
            options = {"xatol": 1e-9, "fatol": 1e-13, "maxfev": 9000}
            found = optimize.minimize(
                negative, f[i], method="Nelder-Mead", **{"options": options}
            )
            best = max(best, -found.fun)
        else:  # one output after another
            z = f[i].copy()
            for t in range(Q):
                others = [z * (np.arange(Q) != t), np.arange(Q) == t]
                found = optimize.minimize_scalar(
                    lambda s, o=others: negative(o[0] + s * o[1]),
                    bounds=(-30, 30),
                    options={"xatol": 1e-11},
                )
                z[t] = found.x
            best = max(best, -negative(z))
        assert_allclose(best, loss.conjugate(y[[i]], v[[i]], [1.0]), atol=1e-8)


def farthest(loss, y, v, size):
    """Largest <v, f> - loss(y, f) of one sample with f in {-size, 0, size}^q."""
    signs = np.array(np.meshgrid(*[[-1.0, 0.0, 1.0]] * Q)).reshape(Q, -1).T
    return max(np.sum(v * size * s) - loss.value(y, [size * s], [1.0]) for s in signs)


@every_case
def test_conjugate_is_infinite_where_the_supremum_is(loss, kind):
    """Far out <v, f> - loss grows on, or it is bounded by what conjugate says."""
    y, f, _ = example(kind)
    infinite = []
    for seed, spread in enumerate((0.3, 3.0, 50.0)):
        v = np.random.default_rng(seed).normal(scale=spread, size=f.shape)
        duals = conjugates(loss, y, v)
        for i in range(N):
            reached = [farthest(loss, y[[i]], v[[i]], s) for s in (1.0, 50.0, 1e3)]
            assert max(reached) <= duals[i] + 1e-9
            if np.isinf(duals[i]):
                assert reached[2] > reached[1]
        infinite += list(np.isinf(duals))
    slopes = [loss.gradient(y, np.full_like(f, far)) for far in (-1e3, 1e3)]
    if np.all(np.abs(slopes) < 2):  # where slopes are bounded, so is the domain
        assert any(infinite)


@every_case
def test_lowest_is_the_infimum(loss, kind):
    y, _, weights = example(kind)
    lowest = loss.lowest(y, weights)
    assert_allclose(lowest, -loss.conjugate(y, np.zeros_like(y), weights), atol=1e-14)
    perfect = loss.link(y)
    reached = loss.value(y, perfect, weights)
    if kind == "signs":
        reached = min(reached, loss.value(y, 700 * y, weights))
    assert_allclose(reached, lowest, rtol=1e-12, atol=1e-12)
    for seed in range(5):
        _, f, _ = example(kind, seed, spread=3.0)
        assert loss.value(y, f, weights) >= lowest - 1e-12 * (1 + abs(lowest))


@every_case
def test_dual_scale_does_not_lower_the_dual(loss, kind):
    y, f, weights = example(kind)
    v = -loss.gradient(y, f)
    t = loss.dual_scale(y, v, weights)
    assert t >= 0
    best = -loss.conjugate(y, -t * v, weights)
    if loss.dual_scale.__func__ is not Loss.dual_scale:
        for other in (0.0, 0.5 * t, 0.99 * t, 1.01 * t, 1.0):
            assert -loss.conjugate(y, -other * v, weights) <= best + 1e-12


# -- extremes ------------------------------------------------------------------


def edges(loss, kind):
    """Targets that the loss accepts, some of them at the edge of what it does."""
    y = targets(kind)
    yield y
    for extreme in (1e-300, 1e-12, 1e12, 1e100):
        if accepts(loss, y * extreme):
            yield y * extreme


@every_case
def test_all_is_finite_far_out(loss, kind):
    for y in edges(loss, kind):
        for sign in (-1.0, 1.0):
            previous = None
            for size in (0.0, 1.0, 30.0, 400.0, 699.0, 701.0, 1e3):
                f = sign * size * np.where(np.arange(Q) == 0, 1.0, 0.5)
                f = np.tile(f, (N, 1))
                with np.errstate(divide="raise", over="raise", invalid="raise"):
                    gradient, curvature = loss.gradient(y, f), loss.curvature(y, f)
                    value = loss.value(y, f, WAYS)
                    duals = loss.conjugate(y, gradient, WAYS)
                for thing in (value, gradient, curvature, duals, loss.inverse_link(f)):
                    assert np.all(np.isfinite(thing))
                assert np.all(curvature > 0)
                assert value >= loss.lowest(y, WAYS) * (1 - np.sign(value) * 1e-12)
                # Convexity, in spite of any continuation: the tangent lies below.
                if previous is not None:
                    g, before, slope = previous
                    step = 1e-9 * (f - g)  # sums of these cannot overflow
                    rise = 1e-9 * value - 1e-9 * before
                    scale = 1e-9 * np.abs(before) + np.sum(np.abs(slope * step))
                    assert rise >= np.sum(slope * step) - 1e-12 * scale
                previous = f, value, gradient


@every_case
def test_gradient_is_monotone_far_out(loss, kind):
    y = targets(kind)
    grid = np.concatenate([np.linspace(-1e3, 1e3, 401), [-700.5, 699.5, 700.5]])
    gradients = []
    for s in np.sort(grid):
        f = np.zeros(y.shape)
        f[:, 0] = s
        gradients.append(loss.gradient(y, f)[:, 0])
    steps = np.diff(gradients, axis=0)
    assert np.all(steps >= -1e-15 * (1 + np.abs(np.array(gradients[1:]))))


# -- links ---------------------------------------------------------------------


@every_case
def test_links_are_inverse_to_one_another(loss, kind):
    _, f, _ = example(kind)
    mean = loss.inverse_link(f)
    assert_allclose(loss.inverse_link(loss.link(mean)), mean, rtol=1e-12)
    back = loss.link(mean)
    if loss.is_joint:
        f = f - f.mean(axis=1, keepdims=True)
    assert_allclose(back, f, rtol=1e-10, atol=1e-12)
    at_targets = loss.link(targets(kind))
    assert np.all(np.isfinite(at_targets))
    assert_allclose(loss.inverse_link(at_targets), targets(kind), atol=1e-12)


@smooth_cases
def test_mean_of_y_is_the_best_constant_of_likelihoods(loss, kind):
    """Where the gradient is (mean - y) times something, at mean = y it is zero."""
    y = targets(kind)
    inner = loss.inverse_link(loss.link(y))
    gradient = loss.gradient(y, loss.link(inner))
    assert_allclose(gradient, np.zeros_like(y), atol=1e-10)


# -- input, copies, refusals -----------------------------------------------------


@every_case
def test_input_of_other_kinds(loss, kind):
    y, f, weights = example(kind)
    y, f = np.round(y), np.round(f)
    if not accepts(loss, y):
        y = np.maximum(y, 1.0)
    reference = loss.value(y, f, weights), loss.gradient(y, f)
    for cast in (
        lambda a: a.astype(np.float32),
        lambda a: a.astype(np.int64),
        np.asfortranarray,
        lambda a: a.tolist(),
    ):
        value, gradient = loss.value(cast(y), cast(f), weights), None
        gradient = loss.gradient(cast(y), cast(f))
        assert isinstance(value, float)
        assert_allclose(value, reference[0], rtol=1e-14)
        assert_allclose(gradient, reference[1], rtol=1e-14)
        loss.check_target(np.asarray(cast(y)), weights)
        assert isinstance(loss.conjugate(cast(y), cast(0 * f), weights), float)


@every_case
def test_arguments_are_left_alone(loss, kind):
    y, f, weights = example(kind)
    before = [a.copy() for a in (y, f, weights)]
    for a in (y, f, weights):
        a.flags.writeable = False
    loss.check_target(y, weights)
    loss.value(y, f, weights)
    loss.conjugate(y, loss.gradient(y, f), weights)
    loss.curvature(y, f)
    loss.lowest(y, weights)
    loss.inverse_link(loss.link(y))
    for a, b in zip((y, f, weights), before, strict=True):
        assert_array_equal(a, b)


@every_loss
def test_refused_targets_are_explained(loss):
    for kind in TARGETS:
        y = targets(kind)
        if not accepts(loss, y):
            with pytest.raises(ValueError, match=r"^y must be .*; sample \d+.* has "):
                loss.check_target(y, np.ones(N))


@every_case
def test_the_first_offending_sample_is_shown(loss, kind):
    y = targets(kind)
    for wrong in (-7.25, 0.0, 0.5, np.nan):
        bad = y.copy()
        bad[3, 1] = bad[5, 0] = wrong
        if loss.is_quadratic or accepts(loss, bad):
            continue
        first = 3 if np.any(bad[3] != y[3]) else 5
        with pytest.raises(ValueError, match=f"sample {first}") as caught:
            loss.check_target(bad, np.ones(N))
        assert f"{wrong:g}" in str(caught.value)
        weights = np.where(np.isin(np.arange(N), [3, 5]), 0.0, 1.0)
        with pytest.raises(ValueError, match=f"sample {first}"):
            loss.check_target(bad, weights)


@every_case
def test_what_is_constant_where_weights_are_positive(loss, kind):
    """A target without a best constant predictor is refused, however it is hidden."""
    y = targets(kind)
    weights = np.zeros(N)
    weights[0] = 1.0
    has_constant = accepts(loss, y[[0]])
    if has_constant:
        loss.check_target(y, weights)
    else:
        with pytest.raises(ValueError, match="positive weight"):
            loss.check_target(y, weights)


@every_loss
def test_parameters_out_of_range_are_named(loss):
    y = next(targets(kind) for kind in TARGETS if accepts(loss, targets(kind)))
    for name in loss.get_params():
        for wrong in (-1.0, 0.0, np.inf, np.nan, "a", None, True):
            twin = clone(loss).set_params(**{name: wrong})  # no check before fit
            with pytest.raises(ValueError, match=f"^{name} must be") as caught:
                twin.check_target(y, np.ones(N))
            assert repr(wrong) in str(caught.value)


@every_loss
def test_loss_survives_copying(loss):
    kind = next(kind for kind in TARGETS if accepts(loss, targets(kind)))
    y, f, weights = example(kind)
    twin = pickle.loads(pickle.dumps(clone(loss)))
    assert twin.get_params() == loss.get_params()
    assert twin.value(y, f, weights) == loss.value(y, f, weights)
    assert vars(twin) == loss.get_params()
