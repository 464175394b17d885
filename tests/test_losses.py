"""Every loss of the registry, whichever there are; no loss is named here."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import optimize
from sklearn.base import clone

from skstruct.losses import LOSSES

CASES = [
    pytest.param(cls(**params), id=f"{name}-{params}")
    for name, (cls, examples) in LOSSES.items()
    for params in examples
]
every_loss = pytest.mark.parametrize("loss", CASES)


def example(n=7, q=2, seed=0):
    """Responses in {0, 1} belong to every loss's domain; predictors; weights."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, size=(n, q)).astype(float)
    weights = rng.uniform(size=n)
    return y, rng.normal(size=(n, q)), weights / weights.sum()


@every_loss
def test_gradient_is_that_of_the_value(loss):
    y, f, weights = example()
    gradient = weights[:, None] * loss.gradient(y, f)
    for i, t in np.ndindex(f.shape):
        step = np.zeros_like(f)
        step[i, t] = 1e-6
        slope = loss.value(y, f + step, weights) - loss.value(y, f - step, weights)
        assert_allclose(slope / 2e-6, gradient[i, t], rtol=1e-6, atol=1e-9)


@every_loss
def test_value_is_a_weighted_sum_over_rows(loss):
    y, f, weights = example()
    rows = [loss.value(y[[i]], f[[i]], [1.0]) for i in range(len(y))]
    assert_allclose(loss.value(y, f, weights), weights @ rows)
    counts = np.arange(len(y))
    repeated = loss.value(
        np.repeat(y, counts, axis=0), np.repeat(f, counts, axis=0), np.ones(sum(counts))
    )
    assert_allclose(loss.value(y, f, counts), repeated)


@every_loss
def test_loss_is_convex_and_zero_weight_is_absence(loss):
    y, f, weights = example()
    _, g, _ = example(seed=1)
    middle = loss.value(y, (f + g) / 2, weights)
    ends = loss.value(y, f, weights) + loss.value(y, g, weights)
    assert middle <= ends / 2
    weights[0] = 0
    far = f.copy()
    far[0] += 10
    assert loss.value(y, f, weights) == loss.value(y, far, weights)


@every_loss
def test_conjugate_bounds_and_meets_the_value(loss):
    """Fenchel and Young: value(f) + conjugate(v) >= <v, f>, equal at the gradient."""
    y, f, weights = example()
    v = loss.gradient(y, f)
    product = np.sum(weights[:, None] * v * f)
    touching = loss.value(y, f, weights) + loss.conjugate(y, v, weights)
    assert_allclose(touching, product, atol=1e-12)
    for seed in range(1, 20):
        _, other, _ = example(seed=seed)
        product = np.sum(weights[:, None] * v * other)
        assert (
            loss.value(y, other, weights) + loss.conjugate(y, v, weights)
            >= product - 1e-12
        )


@every_loss
def test_conjugate_is_the_numeric_supremum(loss):
    y, f, _ = example(n=1, q=1)
    v = loss.gradient(y, f)
    negative = optimize.minimize_scalar(
        lambda z: loss.value(y, [[z]], [1.0]) - v[0, 0] * z, bounds=(-20, 20)
    )
    assert_allclose(loss.conjugate(y, v, [1.0]), -negative.fun, rtol=1e-6)


@every_loss
def test_loss_survives_copying(loss):
    y, f, weights = example()
    twin = pickle.loads(pickle.dumps(clone(loss)))
    assert twin.get_params() == loss.get_params()
    assert twin.value(y, f, weights) == loss.value(y, f, weights)
