"""Losses by name: against scikit-learn's metrics, textbook formulas, and refusals."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics

from skstruct.losses import (
    LOSSES,
    GammaLoss,
    HuberLoss,
    LogisticLoss,
    MultinomialLoss,
    PoissonLoss,
    QuantileLoss,
    SquaredError,
    TweedieLoss,
)

N = 40
rng = np.random.default_rng(0)
F = rng.normal(size=(N, 1))
WEIGHTS = rng.uniform(size=N)
POSITIVE = rng.lognormal(size=(N, 1))
COUNTS = rng.poisson(1.0, size=(N, 1)).astype(float)
ZEROS = np.where(rng.uniform(size=(N, 1)) < 0.4, 0.0, POSITIVE)
SIGNS = rng.choice([-1.0, 1.0], size=(N, 1))
LABELS = rng.integers(0, 3, size=N)
SCORES = rng.normal(size=(N, 3))


def test_registry_has_the_promised_names():
    assert {name: cls.__name__ for name, (cls, _) in LOSSES.items()} == {
        "squared_error": "SquaredError",
        "huber": "HuberLoss",
        "quantile": "QuantileLoss",
        "logistic": "LogisticLoss",
        "multinomial": "MultinomialLoss",
        "poisson": "PoissonLoss",
        "gamma": "GammaLoss",
        "tweedie": "TweedieLoss",
    }


# -- metrics of scikit-learn ---------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "y", "deviance"),
    [
        (SquaredError(), SIGNS, metrics.mean_squared_error),
        (PoissonLoss(), COUNTS, metrics.mean_poisson_deviance),
        (GammaLoss(), POSITIVE, metrics.mean_gamma_deviance),
        *(
            (
                TweedieLoss(power=p),
                ZEROS,
                lambda *a, p=p, **k: metrics.mean_tweedie_deviance(*a, power=p, **k),
            )
            for p in (1.01, 1.1, 1.5, 1.9, 1.99)
        ),
    ],
)
def test_above_the_lowest_is_half_the_deviance(loss, y, deviance):
    weights = WEIGHTS / WEIGHTS.sum()
    half = loss.value(y, F, weights) - loss.lowest(y, weights)
    mean = loss.inverse_link(F)[:, 0]
    expected = deviance(y[:, 0], mean, sample_weight=weights)
    assert_allclose(2 * half, expected, rtol=1e-12)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantile_loss_is_the_mean_pinball_loss(quantile):
    weights = WEIGHTS / WEIGHTS.sum()
    expected = metrics.mean_pinball_loss(
        POSITIVE, F, sample_weight=weights, alpha=quantile
    )
    assert_allclose(QuantileLoss(quantile).value(POSITIVE, F, weights), expected)


def test_logistic_loss_is_the_log_loss():
    p = (1 + LogisticLoss().inverse_link(F)[:, 0]) / 2
    expected = metrics.log_loss(
        SIGNS[:, 0], p, sample_weight=WEIGHTS, normalize=False, labels=[-1, 1]
    )
    assert_allclose(LogisticLoss().value(SIGNS, F, WEIGHTS), expected)


def test_multinomial_loss_is_the_log_loss():
    y, loss = np.eye(3)[LABELS], MultinomialLoss()
    p = loss.inverse_link(SCORES)
    expected = metrics.log_loss(LABELS, p, sample_weight=WEIGHTS, normalize=False)
    assert_allclose(loss.value(y, SCORES, WEIGHTS), expected)


def test_multinomial_of_two_classes_is_logistic():
    y = np.hstack([SIGNS < 0, SIGNS > 0]).astype(float)
    f = np.hstack([np.zeros_like(F), F])
    multinomial, logistic = MultinomialLoss(), LogisticLoss()
    assert_allclose(multinomial.value(y, f, WEIGHTS), logistic.value(SIGNS, F, WEIGHTS))
    v, w = multinomial.gradient(y, f), logistic.gradient(SIGNS, F)
    assert_allclose(v[:, 1:], w, atol=1e-15)
    assert_allclose(
        multinomial.conjugate(y, 0.3 * v, WEIGHTS),
        logistic.conjugate(SIGNS, 0.3 * w, WEIGHTS),
    )


def test_tweedie_approaches_poisson_and_gamma():
    """Up to terms in y alone, which gradients do not have."""
    near = TweedieLoss(1 + 1e-9).gradient(COUNTS, F)
    assert_allclose(near, PoissonLoss().gradient(COUNTS, F), rtol=1e-6, atol=1e-7)
    near = TweedieLoss(2 - 1e-9).gradient(POSITIVE, F)
    assert_allclose(near, GammaLoss().gradient(POSITIVE, F), rtol=1e-6, atol=1e-7)


def test_huber_between_squared_and_absolute_error():
    assert_allclose(
        HuberLoss(delta=100.0).value(POSITIVE, F, WEIGHTS),
        SquaredError().value(POSITIVE, F, WEIGHTS),
    )
    small = HuberLoss(delta=1e-9).value(POSITIVE, F, WEIGHTS) / 1e-9
    absolute = 2 * QuantileLoss(0.5).value(POSITIVE, F, WEIGHTS)
    assert_allclose(small, absolute, rtol=1e-7)
    # The median's envelope is Huber's loss, in other units.
    smooth = QuantileLoss(0.5).smoothed(0.4)
    huber = HuberLoss(delta=0.2)
    for of in ("value", "curvature", "gradient"):
        arguments = (POSITIVE, F, WEIGHTS) if of == "value" else (POSITIVE, F)
        expected = getattr(huber, of)(*arguments) / 0.4
        assert_allclose(getattr(smooth, of)(*arguments), expected)


# -- textbook formulas, in extended precision ------------------------------------


def tweedie(p):
    return (
        lambda y, f: np.exp((2 - p) * f) / (2 - p) - y * np.exp((1 - p) * f) / (1 - p),
        lambda y, f: np.exp((2 - p) * f) - y * np.exp((1 - p) * f),
        lambda y, f: (2 - p) * np.exp((2 - p) * f) + (p - 1) * y * np.exp((1 - p) * f),
    )


FORMULAS = [
    (
        PoissonLoss(),
        (
            lambda y, f: np.exp(f) - y * f,
            lambda y, f: np.exp(f) - y,
            lambda y, f: np.exp(f),
        ),
        [0.0, 1e-300, 1.0, 3.0, 1e15, 1e300],
    ),
    (
        GammaLoss(),
        (
            lambda y, f: f + y * np.exp(-f),
            lambda y, f: 1 - y * np.exp(-f),
            lambda y, f: y * np.exp(-f),
        ),
        [1e-300, 1e-5, 1.0, 3.0, 1e15, 1e300],
    ),
    (
        LogisticLoss(),
        (
            lambda y, f: np.log1p(np.exp(-y * f)),
            lambda y, f: -y / (1 + np.exp(y * f)),
            lambda y, f: 1 / (1 + np.exp(f)) / (1 + np.exp(-f)),
        ),
        [-1.0, 1.0],
    ),
    *(
        (TweedieLoss(p), tweedie(np.longdouble(p)), [0.0, 1e-300, 2.0, 1e15, 1e300])
        for p in (1.1, 1.5, 1.9)
    ),
]


@pytest.mark.parametrize(("loss", "formulas", "y"), FORMULAS)
def test_exponential_losses_are_exact_at_any_size(loss, formulas, y):
    """Wherever the true value is below exp(700), its tangents begin later."""
    sizes = np.array([0.0, 1e-8, 0.1, 1.0, 5.0, 20.0, 37.0, 100.0, 500.0, 690.0, 1e3])
    f, y = np.meshgrid(np.concatenate([-sizes[::-1], sizes]), y)
    f, y = f.reshape(-1, 1), y.reshape(-1, 1)
    with np.errstate(under="ignore"):
        value, slope, second = (
            formula(y.astype(np.longdouble), f.astype(np.longdouble))
            for formula in formulas
        )
    at_home = (np.abs(slope) < np.exp(699.0)) & (second < np.exp(699.0))
    assert np.mean(at_home) > 0.7
    values = np.array([[loss.value(y[[i]], f[[i]], [1.0])] for i in range(len(f))])
    gradient, curvature = loss.gradient(y, f), loss.curvature(y, f)
    large = np.abs(slope) + second  # what the terms are like that cancel
    for found, expected, size in (
        (values, value, np.abs(value)),
        (gradient, slope, large),
        (curvature, np.maximum(second, np.abs(slope) / 100), large),
    ):
        error = np.abs(found - expected)[at_home]
        assert np.all(error <= 2e-12 * size[at_home] + 1e-30)


def test_tweedie_conjugate_is_exact():
    """At gradients so large or small that Newton's start is all there is to go by."""
    for p in (1.001, 1.1, 1.5, 1.9, 1.999):
        loss = TweedieLoss(p)
        for y in (1e-100, 1e-5, 1.0, 1e5, 1e100):
            v = np.concatenate(
                [-np.logspace(-200, 200, 41), np.logspace(-200, 200, 41)]
            )
            found = [loss.conjugate([[y]], [[s]], [1.0]) for s in v]
            assert np.all(np.isfinite(found))
            f = loss._stationary(np.full_like(v, y), v)
            slope = np.exp((2 - p) * f) + y * np.exp((1 - p) * f)
            error = np.abs(loss.gradient(np.full_like(v, y), f) - v)
            assert np.all(error <= 1e-12 * slope)


def test_conjugates_at_the_edges_of_their_domains():
    one = [1.0]
    assert PoissonLoss().conjugate([[3.0]], [[-3.0]], one) == 0.0
    assert PoissonLoss().conjugate([[0.1 + 0.2]], [[-0.3]], one) < 1e-14
    assert PoissonLoss().conjugate([[0.3]], [[-0.1 - 0.2]], one) == 0.0  # rounding
    assert PoissonLoss().conjugate([[0.3]], [[-0.3001]], one) == np.inf
    assert GammaLoss().conjugate([[3.0]], [[1.0]], one) == 0.0
    assert GammaLoss().conjugate([[3.0]], [[1.001]], one) == np.inf
    assert TweedieLoss().conjugate([[0.0]], [[0.0]], one) == 0.0
    assert TweedieLoss().conjugate([[0.0]], [[-1e-5]], one) == np.inf
    assert LogisticLoss().conjugate([[1.0]], [[-1.0]], one) == 0.0
    assert LogisticLoss().conjugate([[1.0]], [[0.0]], one) == 0.0
    assert LogisticLoss().conjugate([[1.0]], [[1e-5]], one) == np.inf
    assert LogisticLoss().conjugate([[-1.0]], [[1.001]], one) == np.inf
    y = [[1.0, 0.0, 0.0]]
    assert MultinomialLoss().conjugate(y, [[-1.0, 0.5, 0.5]], one) == -np.log(2)
    assert MultinomialLoss().conjugate(y, [[-1.0, 1.0 + 1e-10, -1e-10]], one) < 1e-8
    assert MultinomialLoss().conjugate(y, [[-1.0, 1.001, -0.001]], one) == np.inf
    assert MultinomialLoss().conjugate(y, [[-0.5, 0.25, 0.24]], one) == np.inf
    assert HuberLoss(2.0).conjugate([[1.0]], [[-2.0]], one) == 0.0
    assert HuberLoss(2.0).conjugate([[1.0]], [[2.001]], one) == np.inf
    for loss in (QuantileLoss(0.9), QuantileLoss(0.9).smoothed(1e-3)):
        assert_allclose(loss.conjugate([[2.0]], [[-0.9]], one), -1.8, atol=1e-3)
        assert loss.conjugate([[2.0]], [[-0.901]], one) == np.inf
        assert loss.conjugate([[2.0]], [[0.101]], one) == np.inf


def test_quantile_loss_takes_zero_for_its_subgradient_at_a_kink():
    assert QuantileLoss(0.3).gradient([[1.0]], [[1.0]]) == 0.0


# -- refusals --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        (PoissonLoss(), [[1], [0], [-1]], r"nonnegative.*sample 2 has -1\. Use the"),
        (GammaLoss(), [[1], [0], [2]], r"positive.*sample 1 has 0\. Use the Poisson"),
        (GammaLoss(), [[1], [-2], [2]], r"positive.*sample 1 has -2\. Use the squared"),
        (TweedieLoss(), [[1], [0], [-0.5]], r"nonnegative.*sample 2 has -0\.5\."),
        (LogisticLoss(), [[0], [1], [1]], r"-1 or 1 .*sample 0 has 0\. Encode"),
        (LogisticLoss(), [[-1, 1], [1, 2]], r"sample 1, output 1, has 2\. Encode"),
        (MultinomialLoss(), [[1, 0], [1, 1]], r"one-hot .* sample 1 has \[1.*1.*\]"),
        (MultinomialLoss(), [[0.5, 0.5], [1, 0]], r"sample 0 has \[0\.5, 0\.5\]\. Enc"),
        (PoissonLoss(), [[0], [0], [0]], "y is zero in all samples of positive weight"),
        (TweedieLoss(), [[0, 1], [0, 0]], r"y \(output 0\) is zero in all samples"),
        (LogisticLoss(), [[1], [1]], "one class only: it is 1 in all samples of pos"),
        (LogisticLoss(), [[-1], [-1]], "one class only: it is -1 in all samples"),
        (MultinomialLoss(), [[0, 1], [0, 1]], r"y \(output 1\) has one class only"),
        (TweedieLoss(1), [[1.0]], "power must be .* PoissonLoss for 1, .*; got 1"),
        (TweedieLoss(2.0), [[1.0]], r"power must be .* GammaLoss for 2\); got 2\.0"),
        (HuberLoss(-1), [[1.0]], "delta must be a positive number; got -1"),
        (QuantileLoss(1.0), [[1.0]], "quantile must be .* both excluded; got 1.0"),
        (QuantileLoss().smoothed(0), [[1.0]], "width must be a positive number; got 0"),
    ],
)
def test_refusals(loss, y, message):
    y = np.array(y, dtype=float)
    with pytest.raises(ValueError, match=message):
        loss.check_target(y, np.ones(len(y)))


def test_rows_of_weight_zero_make_no_class():
    y = np.array([[1.0], [1.0], [-1.0]])
    LogisticLoss().check_target(y, [1.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="one class only"):
        LogisticLoss().check_target(y, [1.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="is zero in all samples of positive weight"):
        PoissonLoss().check_target(np.array([[0.0], [1.0]]), [1.0, 0.0])


def test_a_class_may_be_missing_of_several():
    y = np.eye(3)[[0, 1, 0]]
    MultinomialLoss().check_target(y, np.ones(3))
