"""Stability selection: its bounds against published ones, its counts against fits."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import minimize
from sklearn.compose import make_column_transformer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from makers import HAS_CALLBACKS
from skstruct import (
    GroupLasso,
    GroupLassoClassifier,
    GroupLassoCV,
    GroupStabilitySelection,
    make_grouped_pipeline,
)
from skstruct.datasets import make_group_classification, make_group_regression
from skstruct.model_selection import stability_bounds
from skstruct.model_selection.complementary_halves import complementary_halves
from skstruct.model_selection.stability_bounds import largest_tail

# -- bounds ----------------------------------------------------------------------------

# Printed by stabs 0.6-4 (R), tests/regtest-inference.Rout.save: p = 100, cutoff = 0.6,
# B = 50, q = 1, ..., 10.
UNIMODAL = [0.02631579, 0.1052632, 0.2368421, 0.4210526, 0.6578947,
            0.9473684, 1.289474, 1.684211, 2.131579, 2.631579]  # fmt: skip
R_CONCAVE = [0.006971364, 0.03342845, 0.08691176, 0.1637231, 0.2605329,
             0.3820466, 0.5295188, 0.7042719, 0.9077127, 1.141338]  # fmt: skip


@pytest.mark.parametrize("q", range(1, 11))
def test_bounds_are_those_that_stabs_prints(q):
    bounds = stability_bounds(100, q, 0.6, n_pairs=50)
    assert_allclose(bounds["markov"], q**2 / 20, rtol=1e-12)
    assert_allclose(bounds["unimodal"], UNIMODAL[q - 1], rtol=1e-6)
    # stabs searches with a tolerance, inside of intervals whose end can be the worst
    # case, so that its figures for q < 4 are up to 0.4 % too small; never too large.
    published = R_CONCAVE[q - 1]
    assert published * (1 - 1e-6) <= bounds["r_concave"] <= published * 1.004
    if q >= 4:
        assert_allclose(bounds["r_concave"], published, rtol=5e-6)


@pytest.mark.parametrize(
    ("p", "q", "threshold", "published"),
    [(200, 6, 0.6, 0.174), (200, 7, 0.6, 0.248), (200, 7, 0.62, 0.196),
     (100, 30, 0.6, 16.24975), (100, 10, 0.62, 0.8971682), (100, 10, 0.61, 1.005863)],
)  # fmt: skip
def test_more_r_concave_bounds_of_stabs(p, q, threshold, published):
    bound = stability_bounds(p, q, threshold, 50)["r_concave"]
    assert_allclose(bound, published, rtol=3e-3 if p == 200 else 1e-5)


@pytest.mark.parametrize("r", [-0.5, -0.25])
@pytest.mark.parametrize(("mean", "t", "n"), [(0.05, 0.5, 6), (0.15, 5 / 7, 7)])
def test_no_r_concave_distribution_has_a_larger_tail(r, mean, t, n):
    """Against a general optimiser over all of them, from several starts."""
    places, first = np.arange(n + 1), round(t * n)
    bound = largest_tail(mean, t, n, r)

    def pmf(shape):  # convex positive h = f^r, from its second differences
        shape = np.clip(shape, -30, 30)
        h = np.exp(shape[0]) + shape[1] * places
        for i, bend in enumerate(np.exp(shape[2:])):
            h = h + bend * np.maximum(places - i - 1, 0)
        f = np.maximum(h, 1e-9) ** (1 / r)
        return f / f.sum()

    found = []
    for seed in range(4):
        start = np.random.default_rng(seed).normal(size=n + 1)
        start[1] = abs(start[1])
        best = minimize(
            lambda s: -pmf(s)[first:].sum(),
            start,
            method="SLSQP",
            constraints={"type": "eq", "fun": lambda s: pmf(s) @ places / n - mean},
            options={"maxiter": 300},
        )
        if abs(pmf(best.x) @ places / n - mean) < 1e-6:
            found.append(-best.fun)
    assert found
    assert max(found) <= bound * (1 + 1e-4)
    assert max(found) >= 0.97 * bound


@pytest.mark.parametrize("q", [0.5, 7, 40])
def test_bounds_fall_with_the_threshold_and_are_ordered(q):
    rows = [stability_bounds(60, q, tau) for tau in (0.52, 0.6, 0.75, 0.9, 1.0)]
    for name in ("markov", "unimodal", "r_concave"):
        values = np.array([row[name] for row in rows])
        assert (np.diff(values) <= 1e-12).all()
        assert ((values > 0) & (values <= 60)).all()
    for row in rows:
        assert row["unimodal"] <= row["markov"]
    assert stability_bounds(60, 0, 0.6) == dict.fromkeys(rows[0], 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 1, 0.6), "n_groups=0"), ((5, 6, 0.6), "n_selected=6"),
     ((5, 1, 0.5), "threshold=0.5 must be in"), ((5, 1, 1, 0), "n_pairs=0")],
)  # fmt: skip
def test_bounds_refuse_what_they_are_not_for(arguments, message):
    with pytest.raises(ValueError, match=message):
        stability_bounds(*arguments)


# -- the selector ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def data():
    return make_group_regression(
        n_samples=61, n_groups=8, group_size=3, n_informative_groups=2, random_state=0
    )


def few(estimator=None, **params):
    """A selector with few runs."""
    params = {"alphas": 6, "n_pairs": 4, "random_state": 0, **params}
    return GroupStabilitySelection(estimator, **params)


@parametrize_with_checks([GroupStabilitySelection(alphas=3, eps=0.01, n_pairs=1)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_scores_count_the_selections_of_single_fits(data):
    X, y, groups = data
    offset = np.linspace(-1, 1, len(y))
    how = {"groups": groups, "standardize": "groups", "tol": 1e-8}
    selector = few(GroupLasso(**how))
    selector.fit(X, y, offset=offset)
    halves = complementary_halves(np.arange(len(y)), None, 4, np.random.RandomState(0))
    counts = np.zeros_like(selector.stability_scores_)
    for rows in halves:
        for j, alpha in enumerate(selector.alphas_):
            model = GroupLasso(alpha, **how)
            model.fit(X[rows], y[rows], offset=offset[rows])
            counts[:, j] += model.group_norms_ > 0
    assert_allclose(selector.stability_scores_, counts / len(halves), atol=1e-12)
    assert 0 < selector.stability_scores_.mean() < 1
    assert_array_equal(
        selector.selection_probabilities_, selector.stability_scores_.max(axis=1)
    )
    assert len(selector.alphas_) == 6


def test_halves_are_complementary():
    rows = np.delete(np.arange(21), [3, 8])
    halves = complementary_halves(rows, None, 30, np.random.RandomState(0))
    assert len(halves) == 60
    for first, second in zip(halves[::2], halves[1::2], strict=True):
        both = np.concatenate([first, second])
        assert len(first) == len(second) == 9
        assert len(set(both)) == 18
        assert not {3, 8} & set(both)
    drawn = np.bincount(np.concatenate(halves), minlength=21)
    assert drawn[[3, 8]].sum() == 0
    assert drawn.sum() == 60 * 9
    assert (
        np.delete(drawn, [3, 8]) >= 22
    ).all()  # of 30: each row is left out at times


def test_halves_of_classes_are_stratified():
    classes = np.repeat([2, 0, 1], [2, 7, 12])
    rng = np.random.RandomState(0)
    for rows in complementary_halves(np.arange(21), classes, 20, rng):
        assert np.isin(np.bincount(classes[rows]), [1, 3, 4, 6]).all()
        assert np.count_nonzero(classes[rows] == 2) == 1


def test_informative_groups_are_selected(data):
    X, y, groups = data
    selector = few(groups=groups, max_groups=3, n_pairs=10).fit(X, y)
    truth = GroupLassoCV(groups=groups, selection="1se").fit(X, y)
    top = truth.group_names_[np.argsort(-truth.group_norms_)[:2]]
    assert set(selector.selected_groups_) == set(top)
    assert_array_equal(selector.get_support(), np.isin(groups, top))
    assert_array_equal(selector.transform(X), X[:, np.isin(groups, top)])


def test_max_groups_bounds_what_every_run_selects(data):
    X, y, groups = data
    free = few(groups=groups).fit(X, y)
    tight = few(groups=groups, max_groups=2).fit(X, y)
    assert free.n_selected_ > 2 >= tight.n_selected_ > 0
    # A run may count each group at every alpha, two of them at most.
    assert (tight.stability_scores_.sum(axis=0) <= 2 + 1e-12).all()
    assert (tight.selection_probabilities_ <= free.selection_probabilities_).all()
    assert tight.error_bounds() == stability_bounds(8, 2, 0.75, 4)
    assert free.error_bounds() == stability_bounds(8, free.n_selected_, 0.75, 4)


def test_unpenalised_groups_do_not_count(data):
    X, y, groups = data
    selector = few(GroupLasso(groups=groups, group_weights={0: 0.0}), max_groups=1)
    selector.fit(X, y)
    assert selector.selection_probabilities_[0] == 1
    assert selector.n_selected_ <= 1
    assert selector.error_bounds() == stability_bounds(7, 1, 0.75, 4)


def test_the_threshold_may_change_after_the_fit(data):
    X, y, groups = data
    selector = few(groups=groups, max_groups=2).fit(X, y)
    threshold = selector.threshold_for(0.6)
    assert selector.error_bounds(threshold)["unimodal"] <= 0.6
    assert selector.error_bounds(threshold - 1 / 8)["unimodal"] > 0.6
    selector.set_params(threshold=1.0)
    expected = selector.group_names_[selector.selection_probabilities_ == 1]
    assert_array_equal(selector.selected_groups_, expected)
    with pytest.raises(ValueError, match="threshold 1 is"):
        selector.threshold_for(1e-9)
    with pytest.raises(ValueError, match="max_false=0"):
        selector.threshold_for(0)
    with pytest.raises(ValueError, match="bound='mb'"):
        selector.threshold_for(1, "mb")


def test_threads_and_seeds_and_storage_give_the_same(data):
    X, y, groups = data
    expected = few(groups=groups).fit(X, y).stability_scores_
    for how, other in (
        ({"n_jobs": 2}, X),
        ({"random_state": np.random.RandomState(0)}, np.asfortranarray(X)),
        ({}, sparse.csc_array(X)),
        ({}, sparse.csr_matrix(X)),
    ):
        again = few(groups=groups, **how).fit(other, y)
        assert_array_equal(again.stability_scores_, expected)
    moved = few(groups=groups, random_state=1).fit(X, y)
    assert (moved.stability_scores_ != expected).any()


def test_rows_of_weight_zero_are_as_if_absent(data):
    X, y, groups = data
    weights = np.ones(len(y))
    weights[::4] = 0
    selector = few(groups=groups).fit(X, y, sample_weight=weights)
    kept = weights > 0
    alone = few(groups=groups, alphas=selector.alphas_).fit(X[kept], y[kept])
    assert_allclose(selector.stability_scores_, alone.stability_scores_)


def test_classifier():
    X, y, groups = make_group_classification(
        n_samples=80, n_groups=5, group_size=2, n_informative_groups=1, random_state=0
    )
    names = np.array(["no", "yes"], dtype=object)[y]
    selector = few(GroupLassoClassifier(), groups=groups, max_groups=1).fit(X, names)
    assert len(selector.selected_groups_) == 1
    names[0] = "rare"
    with pytest.raises(ValueError, match="class rare has one sample"):
        few(GroupLassoClassifier()).fit(X, names)


def test_adaptive_weights_are_found_in_each_run(data):
    X, y, groups = data
    plain = few(groups=groups).fit(X, y)
    adaptive = few(GroupLasso(adaptive="ridge"), groups=groups, alphas=3, n_pairs=1)
    adaptive.fit(X, y)
    assert adaptive.n_selected_ < plain.n_selected_
    assert adaptive.alphas_[0] != plain.alphas_[0]


@pytest.mark.parametrize("frame", ["pandas", "polars"])
def test_in_a_grouped_pipeline_raw_columns_are_selected(frame):
    rng = np.random.default_rng(0)
    table = {
        "kind": rng.choice(list("abcd"), 80).tolist(),
        "size": rng.normal(size=80),
        "noise": rng.choice(list("uvw"), 80).tolist(),
    }
    y = 2.0 * (np.array(table["kind"]) == "b") + 0.3 * rng.normal(size=80)
    X = pytest.importorskip(frame).DataFrame(table)
    prepare = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["kind", "noise"]),
        (StandardScaler(), ["size"]),
        verbose_feature_names_out=False,
    ).set_output(transform=frame)
    pipeline = make_grouped_pipeline(prepare, few(max_groups=1)).fit(X, y)
    assert list(pipeline[-1].selected_groups_) == ["kind"]
    names = [f"kind_{level}" for level in "abcd"]
    assert list(pipeline.get_feature_names_out()) == names
    assert list(pipeline.set_output(transform=frame).transform(X).columns) == names


def test_metadata_are_routed(data, metadata_routing):
    X, y, groups = data
    weights = np.ones(len(y))
    weights[::4] = 0
    expected = few(groups=groups).fit(X[weights > 0], y[weights > 0])
    base = GroupLasso(groups=groups).set_fit_request(sample_weight=True)
    routed = few(base, alphas=expected.alphas_).fit(X, y, sample_weight=weights)
    assert_allclose(routed.stability_scores_, expected.stability_scores_)


def test_bad_input_is_refused(data):
    X, y, groups = data
    with pytest.raises(TypeError, match="fitted at one alpha, such as GroupLasso"):
        few(GroupLassoCV()).fit(X, y)
    with pytest.raises(TypeError, match="LinearRegression"):
        few(LinearRegression()).fit(X, y)
    with pytest.raises(ValueError, match="groups were given twice"):
        few(GroupLasso(groups=3), groups=3).fit(X, y)
    with pytest.raises(TypeError, match=r"fit got \['weights'\]"):
        few(groups=groups).fit(X, y, weights=y)
    with pytest.raises(ValueError, match="n_samples=1 of positive weight"):
        few(groups=groups).fit(X, y, sample_weight=np.eye(len(y))[0])
    with pytest.raises(ValueError, match="'tol' parameter of GroupLasso"):
        few(GroupLasso(tol=-1.0)).fit(X, y)
    with pytest.raises(NotFittedError):
        few().get_support()
    with pytest.raises(NotFittedError):
        _ = few().selected_groups_


def test_one_warning_for_all_runs_that_did_not_converge(data):
    X, y, groups = data
    selector = few(GroupLasso(tol=1e-13, max_iter=1), groups=groups, eps=1e-3)
    with pytest.warns(ConvergenceWarning, match=r"in \d of 8 subsamples") as caught:
        selector.fit(X, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_an_empty_selection_warns_as_scikit_learn_does(data):
    X, y, groups = data
    selector = few(groups=groups, alphas=[1e6]).fit(X, y)
    assert len(selector.selected_groups_) == 0
    with pytest.warns(UserWarning, match="No features were selected"):
        assert selector.transform(X).shape == (61, 0)


def test_names_of_a_frame_are_kept(data, capsys):
    X, y, groups = data
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(X.shape[1])])
    selector = few(groups=groups, max_groups=1, verbose=True).fit(frame, y)
    assert "of 8 groups selected in 75% of 8 subsamples" in capsys.readouterr().out
    assert_array_equal(
        selector.get_feature_names_out(), frame.columns[selector.get_support()]
    )
    selector.fit(X, y)
    assert not hasattr(selector, "feature_names_in_")


@pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn has callbacks since 1.9")
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_callbacks_hear_of_every_alpha_of_every_run(data, n_jobs):
    from test_cv import Counter

    X, y, groups = data
    counter = Counter()
    selector = few(groups=groups, n_jobs=n_jobs).set_callbacks(counter)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*experimental.*")
        selector.fit(X, y)
    assert counter.ended == counter.begun == {"fit": 1, "subsample": 8, "alpha": 48}
    assert counter.running is False
