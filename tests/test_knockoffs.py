"""Group knockoffs: their exact algebra, the statistic by hand, the threshold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg, sparse
from sklearn.covariance import EmpiricalCovariance
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.estimator_checks import parametrize_with_checks

from makers import HAS_CALLBACKS
from skstruct import (
    GroupKnockoffSelector,
    GroupLasso,
    GroupLassoClassifier,
    group_lasso_path,
)
from skstruct.datasets import make_group_classification, make_group_regression
from skstruct.model_selection.knockoffs import (
    conditional,
    equicorrelated,
    fixed_knockoffs,
    gaussian_knockoffs,
    knockoff_threshold,
)

GROUPS = [np.array(g) for g in ([0, 4, 7], [1, 2], [3], [5, 6])]


def correlated(n=60, p=8, seed=0, strength=0.7):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.geomspace(1, 30, p) + 5.0
    X[:, 1:] += strength * X[:, :-1]
    return X


def in_blocks(S):
    mask = np.zeros(S.shape, dtype=bool)
    for own in GROUPS:
        mask[np.ix_(own, own)] = True
    return mask


# -- algebra ---------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.0, 0.2, 3.0])
def test_equicorrelated_blocks_are_the_largest_allowed(strength):
    X = correlated(strength=strength)
    G = np.cov(X.T)
    S = equicorrelated(G, GROUPS)
    assert_array_equal(S[~in_blocks(S)], 0)
    ratios = S[in_blocks(S)] / G[in_blocks(S)]
    gamma = ratios[0]
    assert_allclose(ratios, gamma)
    assert 0 < gamma <= 1
    # The least generalised eigenvalue of 2 G - S against S / gamma, whatever the scale.
    least = linalg.eigh(2 * G - S, S / gamma, eigvals_only=True)[0]
    assert least >= -1e-9
    assert gamma == 1 or abs(least) < 1e-9


@pytest.mark.parametrize("is_centred", [True, False])
def test_fixed_knockoffs_have_the_gram_matrices_they_should(is_centred):
    X = correlated()
    if is_centred:
        X = X - X.mean(axis=0)
    copies = fixed_knockoffs(X, GROUPS, np.random.RandomState(0), is_centred)
    G = X.T @ X
    scale = np.sqrt(np.outer(np.diag(G), np.diag(G)))
    assert_allclose((copies.T @ copies - G) / scale, 0, atol=1e-12)
    S = G - X.T @ copies
    unit = S / scale
    assert_allclose(unit[~in_blocks(S)], 0, atol=1e-12)
    ratios = S[in_blocks(S)] / G[in_blocks(S)]
    assert_allclose(ratios, ratios[0], rtol=1e-6)
    assert ratios[0] > 1e-3
    if is_centred:
        assert_allclose(copies.mean(axis=0) / X.std(axis=0), 0, atol=1e-13)
    # Least n: no room to spare.
    few = correlated(n=17)
    few -= few.mean(axis=0)
    copies = fixed_knockoffs(few, GROUPS, np.random.RandomState(0), True)
    assert_allclose(copies.T @ copies, few.T @ few, rtol=1e-8)


def test_gaussian_knockoffs_can_be_swapped():
    """Covariance of (X, knockoffs) is the same with any groups exchanged: exactly."""
    V = np.cov(correlated().T)
    S = equicorrelated(V, GROUPS)
    slope, root = conditional(V, S)
    cross = V @ (np.eye(8) - slope)
    own = (np.eye(8) - slope).T @ V @ (np.eye(8) - slope) + root.T @ root
    assert_allclose(own, V, rtol=1e-9, atol=1e-9 * np.abs(V).max())
    joint = np.block([[V, cross], [cross.T, own]])
    for swapped in ([0], [1, 3], [0, 1, 2, 3]):
        order = np.arange(16)
        for g in swapped:
            order[GROUPS[g]] += 8
            order[GROUPS[g] + 8] -= 8
        assert_allclose(joint[np.ix_(order, order)], joint, atol=1e-9 * np.abs(V).max())


def test_gaussian_knockoffs_have_these_moments():
    V = np.cov(correlated().T)
    rng = np.random.default_rng(0)
    mean = np.arange(8.0)
    X = rng.multivariate_normal(mean, V, size=40_000)
    copies = gaussian_knockoffs(X, GROUPS, np.random.RandomState(0), mean, V)
    scale = np.sqrt(np.outer(np.diag(V), np.diag(V)))
    cross = V - equicorrelated(V / scale, GROUPS) * scale
    moments = np.cov(X.T, copies.T)
    assert_allclose(moments[8:, 8:] / scale, V / scale, atol=0.03)
    assert_allclose(moments[:8, 8:] / scale, cross / scale, atol=0.03)
    assert_allclose((copies.mean(axis=0) - mean) / np.sqrt(np.diag(V)), 0, atol=0.03)


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.sampled_from([0.1, 0.2, 0.25, 0.5, 1.0]),
    st.sampled_from([0, 1]),
)
def test_threshold_is_the_least_that_fits(W, fdr, offset):
    W = np.array(W, dtype=float)
    fitting = [
        t
        for t in sorted(set(np.abs(W)) - {0.0})
        if offset + (-t >= W).sum() <= fdr * max((t <= W).sum(), 1)
    ]
    assert knockoff_threshold(W, fdr, offset) == (fitting[0] if fitting else np.inf)


# -- the selector ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    return make_group_regression(
        n_samples=90, n_groups=12, group_size=2, n_informative_groups=5, random_state=1
    )


def quick(estimator=None, **params):
    """A selector that tries few alphas."""
    params = {"alphas": 15, "fdr": 0.25, "random_state": 0, **params}
    return GroupKnockoffSelector(estimator, **params)


@pytest.mark.filterwarnings("ignore:No features were selected")
@parametrize_with_checks(
    [
        GroupKnockoffSelector(fdr=1.0, alphas=3),
        GroupKnockoffSelector(knockoffs="gaussian", fdr=1.0, alphas=3),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_statistics_are_signed_entries_to_the_path(data):
    X, y, groups = data
    selector = quick(groups=groups).fit(X, y)
    members = [np.flatnonzero(groups == g) for g in range(12)]
    centred = X - X.mean(axis=0)
    copies = fixed_knockoffs(centred, members, np.random.RandomState(0), True)
    path = group_lasso_path(
        np.hstack([X, copies]),
        y,
        groups=np.r_[groups, groups + 12],
        alphas=15,
        eps=0.02,
    )
    expected = []
    for own in members:
        for j, alpha in enumerate(path.alphas):
            a, b = (np.linalg.norm(path.coefs[own + k, j]) for k in (0, 24))
            if a or b:
                expected.append(alpha if a > b else -alpha)
                break
        else:
            expected.append(0.0)
    assert_allclose(selector.W_, expected)
    assert (selector.W_ < 0).any()


@pytest.mark.parametrize(
    "how",
    [{}, {"knockoffs": "gaussian"}, {"knockoffs": "gaussian", "statistic": "norm"}],
)
def test_informative_groups_are_selected(data, how):
    X, y, groups = data
    coef = np.linalg.lstsq(X, y, rcond=None)[0]
    sizes = np.array([np.linalg.norm(coef[groups == g]) for g in range(12)])
    informative = np.sort(np.argsort(-sizes)[:5])
    selector = quick(groups=groups, **how).fit(X, y)
    # Which others are selected with them is up to the draw of the knockoffs.
    assert_array_equal(np.sort(np.argsort(-selector.W_)[:5]), informative)
    assert set(informative) <= set(selector.selected_groups_)
    mask = np.isin(groups, selector.selected_groups_)
    assert_array_equal(selector.transform(X), X[:, mask])
    assert selector.threshold_ == knockoff_threshold(selector.W_, 0.25, 1)
    selector.set_params(fdr=1.0, offset=0)
    assert selector.threshold_ == knockoff_threshold(selector.W_, 1.0, 0)


def test_known_and_estimated_covariances(data):
    X, y, groups = data
    known = quick(groups=groups, knockoffs="gaussian", covariance=np.cov(X.T, ddof=0))
    estimated = quick(
        groups=groups, knockoffs="gaussian", covariance=EmpiricalCovariance()
    )
    assert_allclose(known.fit(X, y).W_, estimated.fit(X, y).W_, rtol=1e-6)
    shrunken = quick(groups=groups, knockoffs="gaussian").fit(X, y)
    assert (shrunken.W_ != estimated.W_).any()


def test_more_features_than_samples_and_classes():
    X, y, groups = make_group_classification(
        n_samples=50, n_groups=30, group_size=2, n_informative_groups=4, random_state=0
    )
    selector = quick(
        GroupLassoClassifier(), groups=groups, knockoffs="gaussian", offset=0
    )
    selector.fit(X, y)
    assert selector.W_.shape == (30,)
    with pytest.raises(
        ValueError, match=r"2 \* n_features \+ 1 = 121.* n_samples = 50"
    ):
        quick(groups=groups).fit(X, y)


def test_several_outputs_and_frames(data, capsys):
    X, y, groups = data
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(24)])
    members = {f"g{g}": list(frame.columns[groups == g]) for g in range(12)}
    selector = quick(GroupLasso(groups=members), verbose=True)
    selector.fit(frame, np.column_stack([y, y]))
    assert "of 12 groups selected at fdr=0.25" in capsys.readouterr().out
    names = [c for g in selector.selected_groups_ for c in members[g]]
    assert set(selector.get_feature_names_out()) == set(names)
    assert len(names) >= 10


def test_what_would_break_the_guarantee_is_refused(data):
    X, y, groups = data
    with pytest.raises(ValueError, match="no statistic that looks at single rows"):
        quick(groups=groups, statistic="norm").fit(X, y)
    with pytest.raises(ValueError, match="no statistic that looks at single rows"):
        quick(GroupLasso(adaptive="ridge"), groups=groups).fit(X, y)
    with pytest.raises(ValueError, match="the squared error, not for HuberLoss"):
        quick(GroupLasso(loss="huber"), groups=groups).fit(X, y)
    with pytest.raises(ValueError, match="group 3 has weight 0"):
        quick(GroupLasso(groups=groups, group_weights={3: 0})).fit(X, y)
    with pytest.warns(UserWarning, match="at least 20 groups, and there are 12"):
        quick(groups=groups, fdr=0.05).fit(X, y)


def test_singular_features_are_refused_with_the_way_out(data):
    X, y, groups = data
    levels = np.random.default_rng(0).choice(list("abc"), size=(90, 2))
    onehot = OneHotEncoder(sparse_output=False).fit_transform(levels)
    with pytest.raises(ValueError, match=r"linear combinations.*drop='first'"):
        quick().fit(onehot, y)
    flat = X.copy()
    flat[:, 3] = 2.5
    with pytest.raises(ValueError, match="feature 3 is constant"):
        quick(groups=groups).fit(flat, y)
    gaussian = {"groups": groups, "knockoffs": "gaussian"}
    with pytest.raises(ValueError, match=r"linear combinations.*shrinks"):
        quick(covariance=np.ones((24, 24)), **gaussian).fit(X, y)
    with pytest.raises(ValueError, match=r"of shape \(24, 24\); got shape \(2, 2\)"):
        quick(covariance=np.eye(2), **gaussian).fit(X, y)
    with pytest.raises(TypeError, match="does not take sparse data"):
        quick(groups=groups).fit(sparse.csr_array(X), y)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn has callbacks since 1.9")
def test_callbacks_hear_of_every_alpha(data):
    from test_cv import Counter, experimental

    X, y, groups = data
    counter = Counter()
    selector = quick(groups=groups).set_callbacks(counter)
    experimental(lambda: selector.fit(X, y))
    assert counter.ended == counter.begun == {"fit": 1, "path": 1, "alpha": 15}
