"""The family of estimators: losses, classes, tuning, adaptive weights, refits."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.metrics import d2_tweedie_score, log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import skstruct
from makers import make_data, make_target
from skstruct import (
    BlockCoordinateDescentClassifier,
    BlockCoordinateDescentRegressor,
    GroupLasso,
    GroupLassoClassifier,
    GroupLassoClassifierCV,
    GroupLassoCV,
    GroupLassoIC,
    GroupMCP,
    GroupSCAD,
    HuberLoss,
    OverlappingGroupLasso,
    QuantileLoss,
    SeparableSum,
    SparseGroupL2,
    SparseGroupLasso,
    SparseGroupLassoCV,
    SparseGroupLassoIC,
    TweedieLoss,
    duality_gap,
    overlapping_group_lasso_path,
    sparse_group_lasso_path,
)

TIGHT = {"groups": 3, "tol": 1e-9}
CHAIN = [[0, 1, 2, 3], [2, 3, 4, 5], [5, 6, 7, 8]]
FAMILIES = ["GroupLasso", "SparseGroupLasso", "OverlappingGroupLasso"]
each_family = pytest.mark.parametrize("family", FAMILIES)


def counts(X, y):
    """Counts whose logarithmic mean depends on X."""
    rng = np.random.default_rng(0)
    return rng.poisson(np.exp((y - y.mean()) / y.std() / 2 + 0.5)).astype(float)


# --- losses ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "power"), [("poisson", 1), ("gamma", 2), (TweedieLoss(power=1.3), 1.3)]
)
def test_positive_responses_are_predicted_on_their_scale(loss, power):
    X, y = make_data()
    y = counts(X, y) + (power == 2)
    weights = np.linspace(0.5, 2, len(y))
    model = GroupLasso(0.02, loss=loss, groups=3).fit(X, y, weights)
    mean = model.predict(X)
    assert (mean > 0).all()
    assert_allclose(np.average(mean / mean.mean(), weights=weights), 1, atol=0.5)
    expected = d2_tweedie_score(y, mean, sample_weight=weights, power=power)
    assert_allclose(model.score(X, y, weights), expected)
    assert expected > 0.1
    assert_allclose(model.predict(X, offset=np.log(2)), 2 * mean)


def test_poisson_without_penalty_is_that_of_scikit_learn():
    X, y = make_data()
    y = counts(X, y)
    ours = GroupLasso(0.0, loss="poisson", tol=1e-10).fit(X, y)
    theirs = PoissonRegressor(alpha=0, tol=1e-10, max_iter=1000).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    assert_allclose(ours.score(X, y), theirs.score(X, y), atol=1e-6)


@pytest.mark.parametrize("loss", ["huber", "quantile", HuberLoss(delta=0.5)])
def test_robust_losses_resist_an_outlier(loss):
    X, y = make_data()
    spoiled = y.copy()
    spoiled[0] += 1e4
    robust = GroupLasso(0.01, loss=loss, groups=3).fit(X, spoiled)
    squares = GroupLasso(0.01, groups=3).fit(X, spoiled)
    errors = [np.abs(y - m.predict(X))[1:].mean() for m in (robust, squares)]
    assert errors[0] < 1 < errors[1]


def test_unknown_losses_and_penalties_are_refused_with_the_known_ones():
    X, y = make_data()
    with pytest.raises(ValueError, match=r"loss='hubble' is not known.*'huber'"):
        GroupLasso(loss="hubble").fit(X, y)
    with pytest.raises(ValueError, match=r"not for responses that are numbers"):
        GroupLasso(loss="logistic").fit(X, y)
    with pytest.raises(ValueError, match="not a class"):
        BlockCoordinateDescentRegressor(penalty="GroupMCP").fit(X, y)
    with pytest.raises(ValueError, match=r"separable_sum.*needs.*SeparableSum"):
        BlockCoordinateDescentRegressor(penalty="separable_sum").fit(X, y)
    with pytest.raises(ValueError, match="for two classes"):
        BlockCoordinateDescentClassifier("logistic").fit(X, np.arange(len(y)) % 3)


# --- classes --------------------------------------------------------------------------


@pytest.mark.parametrize("n_classes", [2, 3])
def test_l1_is_that_of_logistic_regression(n_classes):
    X, y = make_data()
    y = make_target(GroupLassoClassifier, y, n_classes)
    alpha = 0.03
    ours = GroupLassoClassifier(alpha, tol=1e-9).fit(X, y)
    theirs = LogisticRegression(
        C=1 / (len(y) * alpha), solver="saga", tol=1e-8, max_iter=100_000
    )
    new = "penalty" not in inspect.signature(LogisticRegression).parameters or (
        theirs.penalty == "deprecated"
    )
    theirs.set_params(**({"l1_ratio": 1} if new else {"penalty": "l1"}))
    # One feature's coefficients of all classes are a group here, so only two compare.
    if n_classes == 2:
        assert_allclose(ours.coef_, theirs.fit(X, y).coef_, atol=1e-4)
    assert ours.coef_.shape == ((1, 9) if n_classes == 2 else (3, 9))
    assert_array_equal(ours.classes_, np.unique(y))
    assert_allclose(ours.predict_proba(X).sum(axis=1), 1)
    assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X))
    best = ours.classes_[ours.predict_proba(X).argmax(axis=1)]
    assert_array_equal(ours.predict(X), best)
    assert ours.score(X, y) > 0.8


def test_two_classes_by_the_multinomial_loss_are_symmetric():
    X, y = make_data()
    y = y > np.median(y)
    model = BlockCoordinateDescentClassifier("multinomial", alpha=0.02, tol=1e-9)
    model.fit(X, y)
    assert model.coef_.shape == (2, 9)
    assert_allclose(model.coef_[0], -model.coef_[1], atol=1e-5)
    assert model.decision_function(X).shape == (len(y),)


def test_class_weights_are_sample_weights():
    X, y = make_data()
    y = make_target(GroupLassoClassifier, y)
    own = {"low": 1.0, "mid": 0.5, "top": 3.0}
    given = GroupLassoClassifier(0.02, class_weight=own, **TIGHT).fit(X, y)
    weights = np.array([own[label] for label in y])
    same = GroupLassoClassifier(0.02, **TIGHT).fit(X, y, weights)
    assert_allclose(given.coef_, same.coef_, atol=1e-8)
    balanced = GroupLassoClassifier(10.0, class_weight="balanced").fit(X[5:], y[5:])
    assert_allclose(balanced.predict_proba(X), 1 / 3, atol=1e-6)


def test_a_class_that_a_fold_lacks_does_no_harm():
    X, y = make_data()
    y = np.where(np.arange(len(y)) < 5, 2, (y > np.median(y)).astype(int))
    model = GroupLassoClassifierCV(groups=3, alphas=4, eps=0.1, cv=KFold(4)).fit(X, y)
    assert np.isfinite(model.scores_path_).all()


# --- tuning ---------------------------------------------------------------------------


@each_family
@pytest.mark.parametrize("kind", ["", "Classifier"])
def test_cv_chooses_what_a_grid_search_chooses(family, kind):
    X, y = make_data(n_samples=60, seed=3)
    plain = getattr(skstruct, family + kind)
    y = make_target(plain, y, n_classes=2)
    how = {**TIGHT, "groups": CHAIN if family == "OverlappingGroupLasso" else 3}
    tuned = getattr(skstruct, f"{family}{kind}CV")(alphas=8, eps=0.01, cv=3, **how)
    tuned.fit(X, y)
    search = GridSearchCV(
        plain(**how),
        {"alpha": tuned.alphas_},
        cv=StratifiedKFold(3) if kind else KFold(3),
        scoring="neg_log_loss" if kind else "neg_mean_squared_error",
    ).fit(X, y)
    assert tuned.alpha_ == search.best_params_["alpha"]
    results = search.cv_results_["mean_test_score"]
    assert_allclose(tuned.scores_mean_, results, rtol=1e-4)
    assert_allclose(tuned.coef_, search.best_estimator_.coef_, atol=1e-4)


def test_l1_ratio_is_chosen_with_alpha():
    X, y = make_data(n_samples=60)
    ratios = [0.1, 0.9]
    how = {"alphas": 6, "cv": 3, **TIGHT}
    both = SparseGroupLassoCV(l1_ratio=ratios, **how).fit(X, y)
    single = [SparseGroupLassoCV(l1_ratio=r, **how).fit(X, y) for r in ratios]
    assert both.scores_path_.shape == (2, 6, 3)
    for k in range(2):
        assert_allclose(both.scores_path_[k], single[k].scores_path_, rtol=1e-6)
        assert_allclose(both.alphas_[k], single[k].alphas_)
    best = int(np.argmax([one.scores_mean_.max() for one in single]))
    assert both.l1_ratio_ == ratios[best]
    assert_allclose(both.coef_, single[best].coef_, atol=1e-6)
    assert duality_gap(both, X, y) <= 1e-7
    with pytest.raises(ValueError, match="l1_ratio=\\[2\\]"):
        SparseGroupLassoCV(l1_ratio=[2]).fit(X, y)


def test_paths_are_those_of_single_fits():
    X, y = make_data()
    path = sparse_group_lasso_path(X, y, groups=3, l1_ratio=0.3, alphas=4, tol=1e-10)
    model = SparseGroupLasso(path.alphas[2], groups=3, l1_ratio=0.3, tol=1e-10)
    assert_allclose(path.coefs[:, 2], model.fit(X, y).coef_, atol=1e-6)
    path = overlapping_group_lasso_path(X, y, groups=CHAIN, alphas=4, tol=1e-10)
    model = OverlappingGroupLasso(path.alphas[2], groups=CHAIN, tol=1e-10)
    assert_allclose(path.coefs[:, 2], model.fit(X, y).coef_, atol=1e-5)


@pytest.mark.parametrize("standardize", ["none", "features", "groups"])
@pytest.mark.parametrize("overlap", [None, "latent", "intersection"])
def test_degrees_of_freedom_are_the_derivative_of_the_fit(standardize, overlap):
    X, y = make_data(seed=5)
    if overlap is not None and standardize == "groups":
        return  # refused for both
    how = {"standardize": standardize, "tol": 1e-13, "alphas": [0.05]}
    if overlap is None:
        model = GroupLassoIC(groups=3, **how)
        plain = GroupLasso(0.05, groups=3, standardize=standardize, tol=1e-13)
    else:
        model = skstruct.OverlappingGroupLassoIC(groups=CHAIN, overlap=overlap, **how)
        plain = OverlappingGroupLasso(
            0.05, groups=CHAIN, overlap=overlap, standardize=standardize, tol=1e-13
        )
    df = model.fit(X, y).degrees_of_freedom_path_[0]
    h, trace = 1e-3, 0.0
    for i in range(len(y)):
        up, down = y.copy(), y.copy()
        up[i], down[i] = y[i] + h, y[i] - h
        change = plain.fit(X, up).predict(X)[i] - plain.fit(X, down).predict(X)[i]
        trace += change / (2 * h)
    assert_allclose(df, trace, rtol=2e-3)
    assert 1 < df < 10


def test_degrees_of_freedom_of_the_lasso_count_coefficients():
    X, y = make_data()
    model = SparseGroupLassoIC(l1_ratio=1.0, alphas=10, tol=1e-10).fit(X, y)
    n_nonzero = (model.coef_path_ != 0).sum(axis=0)
    assert_allclose(model.degrees_of_freedom_path_, 1 + n_nonzero, atol=1e-6)


def test_yuan_lin_is_exact_for_orthonormal_columns():
    X, y = make_data(seed=1)
    X = np.linalg.qr(X - X.mean(axis=0))[0] * np.sqrt(len(y))
    how = {"groups": 3, "alphas": 10, "tol": 1e-12}
    exact = GroupLassoIC(**how).fit(X, y)
    theirs = GroupLassoIC(degrees_of_freedom="yuan_lin", **how).fit(X, y)
    known = exact.degrees_of_freedom_path_, theirs.degrees_of_freedom_path_
    assert_allclose(*known, atol=1e-5)
    assert theirs.alpha_ == exact.alpha_


def test_information_criteria_are_their_formulas():
    X, y = make_data()
    aic = GroupLassoIC(groups=3, criterion="aic", noise_variance=0.3).fit(X, y)
    rss = ((y[:, None] - X @ aic.coef_path_ - aic.intercept_path_) ** 2).sum(axis=0)
    df, n = aic.degrees_of_freedom_path_, len(y)
    assert_allclose(aic.criterion_path_, rss / 0.3 + 2 * df)
    profile = GroupLassoIC(groups=3, noise_variance="profile").fit(X, y)
    expected = n * np.log(rss / n) + np.log(n) * df
    assert_allclose(profile.criterion_path_, expected)
    ols = LinearRegression().fit(X, y)
    estimated = GroupLassoIC(groups=3, tol=1e-10).fit(X, y)
    variance = ((y - ols.predict(X)) ** 2).sum() / (n - 10)
    assert_allclose(estimated.noise_variance_, variance)
    ebic = GroupLassoIC(groups=3, criterion="ebic", noise_variance=0.3).fit(X, y)
    assert (ebic.criterion_path_ >= aic.criterion_path_ - 1e-9).all()
    with pytest.raises(ValueError, match="no log-likelihood"):
        GroupLassoIC(loss="huber").fit(X, y)
    with pytest.raises(ValueError, match=r"yuan_lin.*use 'exact'"):
        GroupLassoIC(degrees_of_freedom="yuan_lin").fit(X[:8], y[:8])


# --- adaptive weights and refits ------------------------------------------------------


def test_adaptive_weights_are_divided_by_norms():
    X, y = make_data()
    first = np.arange(1.0, 10.0)
    model = GroupLasso(0.1, adaptive=first, gamma=2.0, **TIGHT).fit(X, y)
    norms = np.linalg.norm(first.reshape(3, 3), axis=1)
    assert_allclose(model.group_weights_, np.sqrt(3) / norms**2)
    by_hand = GroupLasso(0.1, group_weights=model.group_weights_, **TIGHT).fit(X, y)
    assert_allclose(model.coef_, by_hand.coef_, atol=1e-8)
    assert_allclose(duality_gap(model, X, y), model.dual_gap_, atol=1e-12)
    with pytest.raises(ValueError, match=r"adaptive must be .* got shape \(3,\)"):
        GroupLasso(adaptive=[1, 2, 3]).fit(X, y)


@pytest.mark.parametrize("adaptive", ["ridge", "group_lasso"])
@pytest.mark.parametrize("kind", ["", "Classifier"])
def test_adaptive_weights_favour_what_matters(adaptive, kind):
    X, y = make_data(n_samples=80)  # nothing depends on the last group
    cls = getattr(skstruct, f"GroupLasso{kind}")
    y = make_target(cls, y, n_classes=2)
    model = cls(0.03, groups=3, adaptive=adaptive).fit(X, y)
    assert model.group_weights_.argmax() == 2
    assert model.group_norms_[2] == 0


def test_a_full_refit_is_least_squares_on_what_is_selected():
    X, y = make_data()
    plain = SparseGroupLasso(0.3, l1_ratio=0.5, **TIGHT).fit(X, y)
    relaxed = SparseGroupLasso(0.3, l1_ratio=0.5, relax=True, **TIGHT).fit(X, y)
    kept = np.flatnonzero(plain.coef_)
    assert 0 < len(kept) < 9
    least = LinearRegression().fit(X[:, kept], y)
    assert_allclose(relaxed.coef_[kept], least.coef_, atol=1e-8)
    assert_allclose(relaxed.intercept_, least.intercept_, atol=1e-8)
    assert_array_equal(np.flatnonzero(relaxed.coef_), kept)
    half = SparseGroupLasso(0.3, l1_ratio=0.5, relax=0.5, **TIGHT).fit(X, y)
    assert_allclose(half.coef_, (plain.coef_ + relaxed.coef_) / 2, atol=1e-8)


def test_the_share_of_the_refit_is_chosen_by_cross_validation():
    X, y = make_data(n_samples=60)
    how = {"groups": 3, "alphas": 6, "cv": 3, "tol": 1e-8}
    both = GroupLassoCV(relax=[0.0, 1.0], **how).fit(X, y)
    ends = [GroupLassoCV(relax=float(r), **how).fit(X, y) for r in (0, 1)]
    best = int(np.argmax([one.scores_mean_.max() for one in ends]))
    assert both.relax_ == best
    assert_allclose(both.coef_, ends[best].coef_, atol=1e-6)
    search = GridSearchCV(
        GroupLasso(groups=3, tol=1e-8),
        {"alpha": both.alphas_, "relax": [0.0, 1.0]},
        cv=KFold(3),
        scoring="neg_mean_squared_error",
    ).fit(X, y)
    assert search.best_params_ == {"alpha": both.alpha_, "relax": both.relax_}
    with pytest.raises(ValueError, match="relax=2"):
        GroupLassoCV(relax=2).fit(X, y)


# --- the generic pair -----------------------------------------------------------------


@pytest.mark.parametrize(
    "penalty", ["group_l2", "group_slope", "group_linf", GroupSCAD(gamma=3.0)]
)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_any_loss_with_any_penalty(loss, penalty):
    X, y = make_data()
    y = counts(X, y) if loss == "poisson" else y
    model = BlockCoordinateDescentRegressor(loss, penalty, alpha=0.02, groups=3)
    assert model.fit(X, y).score(X, y) > 0.1
    assert_allclose(duality_gap(model, X, y), model.dual_gap_, rtol=1e-2, atol=1e-4)


def test_the_generic_estimator_is_the_special_one():
    X, y = make_data()
    special = SparseGroupLasso(0.1, l1_ratio=0.4, **TIGHT).fit(X, y)
    generic = BlockCoordinateDescentRegressor(
        "squared_error", SparseGroupL2(l1_ratio=0.4), alpha=0.1, **TIGHT
    )
    assert_array_equal(generic.fit(X, y).coef_, special.coef_)


def test_nested_parameters_are_searched():
    X, y = make_data()
    model = BlockCoordinateDescentRegressor(HuberLoss(), GroupMCP(), groups=3)
    grid = {"loss__delta": [0.5, 2.0], "penalty__gamma": [1.5, 3.0], "alpha": [0.05]}
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert set(search.best_params_) == set(grid)
    assert search.best_estimator_.penalty.gamma in (1.5, 3.0)
    sums = SeparableSum({"default": GroupMCP(), "own": SparseGroupL2()}, {"a": "own"})
    mixed = BlockCoordinateDescentRegressor(penalty=sums, groups=list("aaabbbccc"))
    mixed.set_params(alpha=0.05, penalty__own__l1_ratio=0.9).fit(X, y)
    assert mixed.penalty.penalties["own"].l1_ratio == 0.9


# --- inside scikit-learn --------------------------------------------------------------


def test_searches():
    X, y = make_data(n_samples=80)
    grid = {"alpha": [1.0, 0.1, 0.01]}
    for search in (
        RandomizedSearchCV(GroupLasso(groups=3), grid, n_iter=2, random_state=0),
        HalvingGridSearchCV(GroupLasso(groups=3), grid, random_state=0),
    ):
        assert search.fit(X, y).best_params_["alpha"] in grid["alpha"]


def test_meta_estimators():
    X, y = make_data(n_outputs=2)
    several = MultiOutputRegressor(GroupLasso(0.1, groups=3)).fit(X, y)
    assert several.predict(X).shape == y.shape
    stack = StackingRegressor(
        [("a", GroupLasso(0.1)), ("b", GroupLasso(0.1, loss=QuantileLoss()))],
        final_estimator=GroupLassoCV(alphas=5),
    )
    assert stack.fit(X, y[:, 0]).score(X, y[:, 0]) > 0.8
    labels = y[:, 0] > np.median(y[:, 0])
    calibrated = CalibratedClassifierCV(GroupLassoClassifier(0.02, groups=3), cv=3)
    probabilities = calibrated.fit(X, labels).predict_proba(X)
    assert log_loss(labels, probabilities) < 0.5


def test_behind_a_column_transformer():
    pd = pytest.importorskip("pandas")
    X, y = make_data()
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    frame["d"] = np.where(X[:, 4] > 0, "u", "v")
    prepare = ColumnTransformer(
        [("n", StandardScaler(), ["a", "b", "c"]), ("c", OneHotEncoder(), ["d"])]
    )
    model = make_pipeline(prepare, GroupLasso(0.1, groups=[0, 1, 2, 3, 3]))
    assert model.fit(frame, y).predict(frame).shape == y.shape
