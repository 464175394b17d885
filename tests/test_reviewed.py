"""Cases that a reader of the code came upon; each was wrong once."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.metrics import make_scorer
from sklearn.model_selection import KFold

from skstruct import GroupLasso, GroupLassoCV, group_lasso_path


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 6))
    return X, X[:, 0] * 2 + X[:, 1] + rng.normal(size=60)


@pytest.mark.parametrize("fill", [1e15, 1e30])
def test_a_response_of_weight_zero_may_be_anything(data, fill):
    X, y = data
    weights = np.ones(60)
    weights[0] = 0
    expected = GroupLasso(0.01, groups=2, tol=1e-9).fit(X[1:], y[1:])
    y = np.concatenate([[fill], y[1:]])
    model = GroupLasso(0.01, groups=2, tol=1e-9).fit(X, y, sample_weight=weights)
    assert_allclose(model.coef_, expected.coef_, atol=1e-6)


def test_folds_may_be_masks(data):
    X, y = data
    folds = list(KFold(3).split(X))
    rows = np.arange(60)
    masks = [(np.isin(rows, train), np.isin(rows, test)) for train, test in folds]
    by_index = GroupLassoCV(2, alphas=10, cv=folds).fit(X, y)
    by_mask = GroupLassoCV(2, alphas=10, cv=masks).fit(X, y)
    assert_allclose(by_mask.scores_path_, by_index.scores_path_)


@pytest.mark.parametrize(
    ("cv", "message"),
    [([], "no folds"), ([([0.5, 1.0], [2, 3])], "row indices")],
)
def test_folds_that_are_none(data, cv, message):
    with pytest.raises(ValueError, match=message):
        GroupLassoCV(2, alphas=3, cv=cv).fit(*data)


def test_scorers_see_predictions_with_the_offset(data):
    X, y = data
    offset = np.linspace(0, 50, 60)
    how = {"groups": 2, "alphas": 8, "cv": KFold(3, shuffle=True, random_state=0)}
    default = GroupLassoCV(**how).fit(X, y + offset, offset=offset)
    scored = GroupLassoCV(scoring="neg_mean_squared_error", **how)
    scored.fit(X, y + offset, offset=offset)
    assert_allclose(scored.scores_path_, default.scores_path_, rtol=1e-9)


def test_metadata_reach_the_scorer_in_threads(data):
    X, y = data

    def score(y_true, y_pred, marks=None):
        assert marks.shape == y_true.shape
        return -np.mean((y_true - y_pred) ** 2)

    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(score).set_score_request(marks=True)
        model = GroupLassoCV(2, alphas=5, cv=3, scoring=scorer, n_jobs=2)
        model.fit(X, y, marks=np.ones(60))
    assert model.scores_path_.shape == (5, 3)


@pytest.mark.parametrize("offset", [np.ones(60), np.ones((60, 2)), 1.0])
def test_offset_shapes_in_predict(data, offset):
    X, y = data
    model = GroupLasso(0.1).fit(X, np.c_[y, y], offset=offset)
    assert_allclose(model.predict(X, offset=offset), model.predict(X) + 1)


def test_sparse_column_of_large_mean_whose_zeros_do_not_count(data):
    X, _ = data
    X = X * (np.random.default_rng(0).random(X.shape) < 0.05)
    X[:, 0] = 1e6 + 0.3 * data[0][:, 0]
    X[0] = 0
    weights = np.ones(60)
    weights[0] = 0
    target = (X[:, 0] - 1e6) * 3
    dense = GroupLasso(0.01).fit(X, target, sample_weight=weights)
    held = GroupLasso(0.01).fit(sparse.csc_array(X), target, sample_weight=weights)
    assert dense.coef_[0] > 2
    assert_allclose(held.coef_, dense.coef_, atol=1e-3)


@pytest.mark.parametrize("standardize", ["none", "groups"])
@pytest.mark.parametrize("positive", [False, True])
def test_sparse_groups_wider_than_x_has_rows(standardize, positive):
    if positive and standardize == "groups":
        pytest.skip("signs mean nothing in orthonormalised groups")
    rng = np.random.default_rng(1)
    X = sparse.csc_array(rng.normal(size=(20, 90)) * (rng.random((20, 90)) < 0.1))
    y = rng.normal(size=20)
    how = {"groups": [0] * 40 + list(range(1, 11)) + [11] * 40, "tol": 1e-8}
    how |= {"standardize": standardize, "positive": positive}
    alpha = 0.01 if standardize == "none" else 0.05
    held = GroupLasso(alpha, **how).fit(X, y)
    dense = GroupLasso(alpha, **how).fit(X.toarray(), y)
    assert held.coef_.any()
    assert_allclose(held.predict(X), dense.predict(X), atol=1e-4)


def test_responses_in_tiny_units(data):
    X, y = data
    path = group_lasso_path(X, y * 1e-16, groups=2, alphas=5)
    expected = group_lasso_path(X, y, groups=2, alphas=5)
    assert_allclose(path.alphas, expected.alphas * 1e-16)
    assert_allclose(path.coefs, expected.coefs * 1e-16, atol=1e-18)


def test_a_pattern_must_match_whole_names():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(np.eye(3), columns=["sex_f", "sex_m", "age"])
    with pytest.raises(ValueError, match="must match the whole name"):
        GroupLasso(groups={"sex": "sex_", "age": "age"}).fit(X, [1.0, 2.0, 3.0])
