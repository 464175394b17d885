"""GroupLassoCV against cross-validation by hand; paths; what callbacks are told."""

import threading
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    LeaveOneOut,
    RepeatedKFold,
    ShuffleSplit,
)

from makers import HAS_CALLBACKS, STORAGES, make_data
from skstruct import GroupLasso, GroupLassoCV, group_lasso_path

GRID = [1.0, 0.3, 0.1, 0.03, 0.01]
TIGHT = {"groups": 3, "tol": 1e-9}
standardizations = pytest.mark.parametrize(
    "standardize", ["none", "features", "groups"]
)


def naive_scores(X, y, splits, alphas, sample_weight=None, offset=None, **how):
    """Minus mean squared errors, (n_alphas, n_folds), one single fit at a time."""
    weights = np.ones(len(y)) if sample_weight is None else sample_weight
    offset = np.zeros_like(y) if offset is None else offset
    scores = np.empty((len(alphas), len(splits)))
    for j, (train, test) in enumerate(splits):
        for i, alpha in enumerate(alphas):
            model = GroupLasso(alpha, **how)
            model.fit(X[train], y[train], weights[train], offset[train])
            errors = (y[test] - model.predict(X[test], offset[test])) ** 2
            errors = errors.reshape(len(test), -1).mean(axis=1)
            scores[i, j] = -np.average(errors, weights=weights[test])
    return scores


# --- the scores -----------------------------------------------------------------------


@standardizations
@pytest.mark.parametrize("storage", ["dense", "csc_array"])
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_scores_are_those_of_single_fits(standardize, storage, n_outputs):
    X, y = make_data(n_outputs=n_outputs, density=0.5)
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    how = {**TIGHT, "standardize": standardize}
    model = GroupLassoCV(alphas=GRID, cv=splits, **how).fit(STORAGES[storage](X), y)
    expected = naive_scores(X, y, splits, GRID, **how)
    assert model.scores_path_.shape == (5, 3)
    assert_allclose(model.scores_path_, expected, rtol=1e-5)
    assert_allclose(model.scores_mean_, expected.mean(axis=1), rtol=1e-5)
    spread = expected.std(axis=1, ddof=1) / np.sqrt(3)
    assert_allclose(model.scores_se_, spread, rtol=1e-4)


def test_weights_and_offsets_are_in_the_fits_and_the_scores():
    X, y = make_data()
    rng = np.random.default_rng(0)
    weights, offset = rng.integers(0, 4, len(y)) / 2, 3 * rng.normal(size=len(y))
    splits = list(KFold(4).split(X))
    model = GroupLassoCV(alphas=GRID, cv=splits, **TIGHT).fit(X, y, weights, offset)
    expected = naive_scores(X, y, splits, GRID, weights, offset, **TIGHT)
    assert_allclose(model.scores_path_, expected, rtol=1e-5)


@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error", "r2"])
def test_choice_and_coefficients_are_those_of_a_grid_search(scoring):
    X, y = make_data(n_samples=30)
    model = GroupLassoCV(alphas=20, cv=4, scoring=scoring, **TIGHT).fit(X, y)
    search = GridSearchCV(
        GroupLasso(**TIGHT),
        {"alpha": model.alphas_},
        cv=KFold(4),
        scoring=scoring or "neg_mean_squared_error",
    ).fit(X, y)
    assert model.alpha_ == search.best_params_["alpha"]
    results = search.cv_results_
    assert_allclose(model.scores_mean_, results["mean_test_score"], rtol=1e-5)
    assert_allclose(model.coef_, search.best_estimator_.coef_, atol=1e-6)
    assert_allclose(model.intercept_, search.best_estimator_.intercept_, atol=1e-6)
    assert model.alphas_[-1] < model.alpha_ < model.alphas_[0]


def test_scorers_may_be_callables_that_see_the_model():
    X, y = make_data()
    seen = []

    def size(estimator, X, y):
        seen.append((estimator.alpha, X.shape, len(estimator.selected_groups_)))
        return -estimator.alpha

    model = GroupLassoCV(groups=3, alphas=GRID, cv=4, scoring=size).fit(X, y)
    assert_allclose(model.scores_mean_, -np.array(GRID))
    assert model.alpha_ == 0.01
    assert {shape for _, shape, _ in seen} == {(10, 9)}
    assert len(seen) == 20


def test_scorers_of_errors():
    X, y = make_data()
    how = {"groups": 3, "alphas": GRID, "cv": 4}
    named = GroupLassoCV(scoring="neg_mean_absolute_error", **how).fit(X, y)
    scorer = make_scorer(mean_absolute_error, greater_is_better=False)
    made = GroupLassoCV(scoring=scorer, **how).fit(X, y)
    assert_array_equal(named.scores_path_, made.scores_path_)
    plain = GroupLassoCV(**how).fit(X, y)
    assert not np.allclose(named.scores_path_, plain.scores_path_)


# --- splitters ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cv", "n_folds"),
    [
        (None, 5),
        (3, 3),
        (RepeatedKFold(n_splits=2, n_repeats=2, random_state=0), 4),
        (ShuffleSplit(3, test_size=0.3, random_state=0), 3),
        (LeaveOneOut(), 12),
    ],
)
def test_any_splitter(cv, n_folds):
    X, y = make_data(n_samples=12)
    model = GroupLassoCV(groups=3, alphas=GRID, cv=cv).fit(X, y)
    assert model.scores_path_.shape == (5, n_folds)
    splits = cv.split(X) if hasattr(cv, "split") else KFold(n_folds).split(X)
    by_hand = GroupLassoCV(groups=3, alphas=GRID, cv=splits).fit(X, y)
    assert_array_equal(model.scores_path_, by_hand.scores_path_)


def test_splits_may_leave_out_overlap_and_repeat_rows():
    X, y = make_data(n_samples=20)
    drawn = np.array([0, 0, 0, 3, 4, 5, 6, 7, 7])
    splits = [(drawn, np.arange(10, 14)), (np.arange(5, 20), np.arange(5))]
    model = GroupLassoCV(alphas=GRID, cv=splits, **TIGHT).fit(X, y)
    expected = naive_scores(X, y, splits, GRID, **TIGHT)
    assert_allclose(model.scores_path_, expected, rtol=1e-5)


# --- which alpha ----------------------------------------------------------------------


def test_one_standard_error_rule_by_hand():
    X, y = make_data(n_samples=30)
    simple = GroupLassoCV(groups=3, selection="1se", alphas=30).fit(X, y)
    best = GroupLassoCV(groups=3, selection="min", alphas=30).fit(X, y)
    mean = simple.scores_path_.mean(axis=1)
    i = int(np.argmax(mean))
    error = simple.scores_path_[i].std(ddof=1) / np.sqrt(5)
    expected = max(
        a for a, m in zip(simple.alphas_, mean, strict=True) if m >= mean[i] - error
    )
    assert simple.alpha_ == simple.alpha_1se_ == best.alpha_1se_ == expected
    assert best.alpha_ == best.alpha_min_ == simple.alpha_min_ == best.alphas_[i]
    assert simple.alpha_ > best.alpha_


def test_path_attributes_belong_to_the_path_on_all_data():
    X, y = make_data(n_outputs=2)
    model = GroupLassoCV(groups=3, alphas=12, eps=0.01).fit(X, y)
    path = group_lasso_path(X, y, groups=3, alphas=12, eps=0.01)
    assert_allclose(model.alphas_, path.alphas)
    assert_allclose(model.alphas_[-1] / model.alphas_[0], 0.01)
    assert_allclose(model.coef_path_, path.coefs, atol=1e-12)
    assert_allclose(model.intercept_path_, path.intercepts)
    assert_allclose(model.dual_gap_path_, path.dual_gaps, atol=1e-12)
    i = list(model.alphas_).index(model.alpha_)
    assert_array_equal(model.coef_, model.coef_path_[:, :, i])
    assert_array_equal(model.intercept_, model.intercept_path_[:, i])
    assert model.dual_gap_ == model.dual_gap_path_[i]


def test_alphas_in_any_order_with_repetitions_and_zero():
    X, y = make_data()
    model = GroupLassoCV(groups=3, alphas=[0, 0.1, 5.0, 0.1, 0.1, 0.02]).fit(X, y)
    assert_array_equal(model.alphas_, [5.0, 0.1, 0.1, 0.1, 0.02, 0])
    assert_allclose(model.coef_path_[:, 1], model.coef_path_[:, 3], atol=1e-3)
    path = group_lasso_path(X, y, groups=3, alphas=(0.02, 5), tol=1e-8)
    assert_array_equal(path.alphas, [5, 0.02])
    single = GroupLasso(0.02, groups=3, tol=1e-8).fit(X, y)
    assert_allclose(path.coefs[:, 1], single.coef_, atol=1e-6)


def test_threads_change_nothing():
    X, y = make_data(n_samples=60, n_features=30, n_outputs=2)
    one = GroupLassoCV(groups=3, alphas=20).fit(X, y)
    two = GroupLassoCV(groups=3, alphas=20, n_jobs=2).fit(X, y)
    for name in ("scores_path_", "coef_path_", "coef_", "alpha_", "dual_gap_path_"):
        assert_array_equal(getattr(one, name), getattr(two, name))


# --- callbacks ------------------------------------------------------------------------

with_callbacks = pytest.mark.skipif(
    not HAS_CALLBACKS, reason="scikit-learn has callbacks since 1.9"
)


class Counter:
    """Counts the tasks that begin and end, by name."""

    def __init__(self):
        self.begun, self.ended, self.lock = {}, {}, threading.Lock()
        self.running = None

    def setup(self, estimator, context):
        assert self.running is None
        self.running = True

    def teardown(self, estimator, context):
        self.running = False

    def _count(self, tasks, context):
        with self.lock:
            tasks[context.task_name] = tasks.get(context.task_name, 0) + 1

    def on_fit_task_begin(self, estimator, context):
        self._count(self.begun, context)

    def on_fit_task_end(self, estimator, context):
        self._count(self.ended, context)


def experimental(run):
    """Callbacks may announce that they are experimental."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*experimental.*")
        return run()


@with_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("alphas", [7, [0.0, 0.5, 0.1, 0.02]])
def test_callbacks_hear_of_every_alpha_of_every_fold(n_jobs, alphas):
    X, y = make_data()
    counter = Counter()
    model = GroupLassoCV(groups=3, alphas=alphas, cv=3, n_jobs=n_jobs)
    experimental(lambda: model.set_callbacks(counter).fit(X, y))
    n_alphas = len(model.alphas_)
    assert counter.ended == counter.begun
    assert counter.ended["alpha"] == n_alphas * 4
    assert counter.ended["fold"] == 3
    assert counter.ended["final path"] == 1
    assert counter.running is False
    silent = GroupLassoCV(groups=3, alphas=alphas, cv=3).fit(X, y)
    assert_array_equal(silent.coef_, model.coef_)


@with_callbacks
def test_callbacks_are_torn_down_when_a_fit_fails():
    X, y = make_data()
    counter = Counter()

    def broken(estimator, X, y):
        raise RuntimeError("no score today")

    model = GroupLassoCV(groups=3, cv=3, alphas=3, scoring=broken)
    with pytest.raises(RuntimeError, match="no score today"):
        experimental(lambda: model.set_callbacks(counter).fit(X, y))
    assert counter.running is False
    assert not hasattr(model, "_callback_fit_ctx")


@with_callbacks
def test_callbacks_of_a_single_fit():
    counter = Counter()
    model = GroupLasso(0.1, groups=3)
    experimental(lambda: model.set_callbacks(counter).fit(*make_data()))
    assert counter.ended == counter.begun == {"fit": 1}
    assert counter.running is False


@with_callbacks
def test_progress_bar_shows_every_fold(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    model = GroupLassoCV(groups=3, alphas=5, cv=3)
    experimental(lambda: model.set_callbacks(ProgressBar()).fit(*make_data()))
    shown = capsys.readouterr().out
    assert shown.count("fold") >= 3
    assert "final path" in shown
    assert "100%" in shown


def test_verbose_says_what_was_chosen(capsys):
    X, y = make_data()
    model = GroupLassoCV(groups=3, verbose=True).fit(X, y)
    shown = capsys.readouterr().out
    assert f"{model.alpha_:.4g}" in shown
    assert "of 3 groups selected" in shown
    GroupLasso(0.1, groups=3, verbose=1).fit(X, y)
    assert "duality gap" in capsys.readouterr().out
    GroupLasso(0.1, groups=3).fit(X, y)
    assert capsys.readouterr().out == ""
