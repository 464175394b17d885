"""duality_gap: the certificate as users call it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

import naive
from makers import GROUPS, STORAGES, as_lists, coefficients, columns, make_data
from skstruct import (
    GroupLasso,
    GroupLassoClassifier,
    GroupLassoCV,
    duality_gap,
    group_lasso_path,
)


@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize("storage", ["dense", "csc_array"])
def test_gap_of_the_fit_is_that_of_the_fit(n_outputs, storage):
    X, y = make_data(n_outputs=n_outputs)
    X = STORAGES[storage](X)
    rng = np.random.default_rng(0)
    extra = {"sample_weight": rng.uniform(size=len(y)), "offset": rng.normal(size=40)}
    model = GroupLasso(0.2, groups=GROUPS, standardize="features", tol=1e-3)
    model.fit(X, y, **extra)
    before = dict(vars(model))
    assert_allclose(duality_gap(model, X, y, **extra), model.dual_gap_, rtol=1e-8)
    assert vars(model) == before


def test_gap_of_other_data_and_other_coefficients():
    X, y = make_data()
    model = GroupLasso(0.2, groups=GROUPS, tol=1e-8).fit(X, y)
    X_new, y_new = make_data(seed=1)
    model.coef_ = model.coef_ * 1.1

    def slow(X, y):
        groups, weights = as_lists(model)
        return naive.dual_gap(X, columns(y), *coefficients(model), 0.2, groups, weights)

    for data in ((X, y), (X_new, y_new)):
        gap = duality_gap(model, *data)
        assert gap > 1e-4
        assert_allclose(gap, slow(*data), rtol=1e-8)


def test_gap_of_a_tuned_model_is_at_its_alpha():
    X, y = make_data()
    model = GroupLassoCV(groups=GROUPS, cv=3, alphas=5).fit(X, y)
    assert_allclose(duality_gap(model, X, y), model.dual_gap_, rtol=1e-6, atol=1e-12)


def test_what_does_not_fit_is_refused():
    X, y = make_data()
    model = GroupLasso(0.2, groups=3)
    with pytest.raises(NotFittedError):
        duality_gap(model, X, y)
    model.fit(X, y)
    with pytest.raises(ValueError, match=r"6 features.*fitted with 9"):
        duality_gap(model, X[:, :6], y)
    with pytest.raises(ValueError, match=r"2 outputs.*fitted with 1"):
        duality_gap(model, X, np.stack([y, y], axis=1))
    model = GroupLassoClassifier(0.1, groups=3).fit(X, np.where(y > 0, "b", "a"))
    with pytest.raises(ValueError, match=r"classes \['a', 'c'\].*fitted with"):
        duality_gap(model, X, np.where(y > 0, "c", "a"))


def test_grids_know_offsets():
    X, y = make_data()
    offset = 3 * X[:, 0]
    path = group_lasso_path(X, y, groups=GROUPS, offset=offset, alphas=5)
    model = GroupLassoCV(groups=GROUPS, cv=3, alphas=5).fit(X, y, offset=offset)
    assert_allclose(model.alphas_, path.alphas)
