"""Rows in chunks give the coefficients of the fit in memory: every smooth loss."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from engine_cases import ALL_LOSSES, draw_target
from skstruct import GroupLasso, GroupLassoClassifier
from stream_sources import assert_same, chunks, counts, data

GROUPS = [[0, 7], [3, 5], [8, 1], [2], [4, 6]]
SMOOTH = {name: loss for name, loss in ALL_LOSSES.items() if loss.is_smooth}


def case(loss):
    """A model that has the loss, and responses that suit it."""
    X, _, weights, _ = data()
    eta = counts(X)[1][:, None]
    n_columns = 3 if loss.is_joint else 1
    eta = eta * np.linspace(1.0, -1.0, n_columns)
    y = draw_target(loss, eta, np.random.default_rng(4))
    if not loss.is_for_classes:
        alpha = 0.1 * min(1.0, getattr(loss, "delta", 1.0))
        return GroupLasso(loss=loss, alpha=alpha), X, y[:, 0], weights
    classes = y.argmax(axis=1) if loss.is_joint else y[:, 0] > 0
    return GroupLassoClassifier(alpha=0.05), X, classes.astype(int), weights


@pytest.mark.parametrize("name", SMOOTH)
def test_coefficients_are_those_of_the_fit_in_memory(name):
    model, X, y, weights = case(SMOOTH[name])
    model.set_params(groups=GROUPS, tol=1e-14, max_iter=10_000)
    expected = clone(model).fit(X, y, weights)
    assert 0 < len(expected.selected_groups_) < len(expected.groups_)
    found = clone(model).fit(chunks(X, y, weights))
    assert_same(found, expected, 1e-10)

    # The same columns about means of 1e7 deviations.
    far = np.ascontiguousarray(X + 1e7 * X.std(axis=0))
    mean = far.mean(axis=0)
    near = clone(model).fit(far - mean, y, weights)  # exact but for rounding of `far`
    found = clone(model).fit(chunks(far, y, weights))
    assert_same(found, near, 1e-8, ["coef_"])
    about_mean = found.intercept_ + found.coef_ @ mean
    assert_allclose(about_mean, near.intercept_, atol=1e-7)
