"""Displays: what they show, how they are made, and that matplotlib stays optional."""

import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skstruct import GroupLasso, GroupLassoCV, group_lasso_path
from skstruct.datasets import make_group_regression
from skstruct.inspection import GroupCVDisplay, GroupPathDisplay
from skstruct.inspection.group_cv import label_of_score, name_of_score
from skstruct.inspection.path_data import effect_path, norm_path
from skstruct.inspection.plotting import COLORS, GREY, shortened, spread

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.text import Text


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    return make_group_regression(
        n_samples=60, n_groups=8, group_size=3, n_informative_groups=3, random_state=0
    )


@pytest.fixture(scope="module")
def model(data):
    X, y, groups = data
    names = [f"group {g}" for g in groups]
    return GroupLassoCV(names, alphas=20, eps=1e-2, cv=3).fit(X, y)


def drawn_texts(display):
    """Return all texts of the picture, drawn for real."""
    display.figure_.canvas.draw()
    return [text.get_text() for text in display.ax_.texts]


def legend_texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


# -- the path ------------------------------------------------------------------


def test_path_shows_norms_of_groups(model):
    display = GroupPathDisplay.from_estimator(model)
    for g, (own, line) in enumerate(zip(model.groups_, display.lines_, strict=True)):
        expected = np.linalg.norm(model.coef_path_[own], axis=0)
        np.testing.assert_allclose(display.norms[g], expected, rtol=1e-12)
        np.testing.assert_array_equal(line.get_xdata(), model.alphas_)
        np.testing.assert_array_equal(line.get_ydata(), display.norms[g])
    chosen = list(model.alphas_).index(model.alpha_)
    np.testing.assert_allclose(display.norms[:, chosen], model.group_norms_)


def test_path_axis_has_alpha_decreasing_to_the_right(model):
    left, right = GroupPathDisplay.from_estimator(model).ax_.get_xlim()
    assert left > model.alphas_.max() > model.alphas_.min() == right


def test_path_names_every_group_when_there_are_few(model):
    display = GroupPathDisplay.from_estimator(model)
    entered = model.group_names_[display.norms.max(axis=1) > 0]
    assert sorted(drawn_texts(display)) == sorted(entered)
    assert {line.get_color() for line in display.lines_} <= {*COLORS, GREY}


def test_path_names_the_largest_groups_at_the_chosen_alpha(model):
    display = GroupPathDisplay.from_estimator(model, max_labels=2)
    largest = np.argsort(-model.group_norms_)[:2]
    assert drawn_texts(display) == list(model.group_names_[largest])
    grey = [line for line in display.lines_ if line.get_color() == GREY]
    assert len(grey) == len(model.groups_) - 2


def test_path_with_no_labels(model):
    assert drawn_texts(GroupPathDisplay.from_estimator(model, max_labels=0)) == []


def test_path_marks_chosen_and_1se_alpha(model):
    texts = legend_texts(GroupPathDisplay.from_estimator(model))
    assert texts == [
        f"alpha = {model.alpha_:.3g}: chosen, best mean score",
        f"alpha = {model.alpha_1se_:.3g}: 1-SE rule",
    ]


def test_path_marks_one_alpha_once(data):
    X, y, groups = data
    model = GroupLassoCV(groups, alphas=5, cv=3, selection="1se").fit(X, y)
    display = GroupPathDisplay.from_estimator(model)
    alphas = [text.split(":")[0] for text in legend_texts(display)]
    assert "chosen" in legend_texts(display)[0]
    assert "1-SE rule" in legend_texts(display)[0]
    assert len(set(alphas)) == len(alphas) <= 2


def test_path_from_path_equals_from_estimator(data, model):
    X, y, _ = data
    path = group_lasso_path(X, y, groups=model.groups, alphas=model.alphas_)
    display = GroupPathDisplay.from_path(path, model.groups)
    np.testing.assert_allclose(
        display.norms, GroupPathDisplay.from_estimator(model).norms
    )
    assert list(display.group_names) == list(model.group_names_)
    assert display.ax_.get_legend() is None


def test_path_from_path_takes_names_and_remainder(data):
    X, y, _ = data
    path = group_lasso_path(X, y, groups=3, alphas=5)
    display = GroupPathDisplay.from_path(
        path,
        {"first": ["x0", "x1"]},
        feature_names=[f"x{j}" for j in range(X.shape[1])],
        remainder="unpenalized",
        alpha=path.alphas[2],
    )
    assert list(display.group_names) == ["first", "unpenalized"]
    assert legend_texts(display) == [f"alpha = {path.alphas[2]:.3g}: chosen"]


def test_path_by_effect_is_the_standard_deviation_of_contributions(data, model):
    X, _, _ = data
    display = GroupPathDisplay.from_estimator(model, X=X)
    own = model.groups_[1]
    expected = (X[:, own] @ model.coef_path_[own]).std(axis=0)
    np.testing.assert_allclose(display.norms[1], expected, rtol=1e-10, atol=1e-15)
    assert (
        display.ax_.get_ylabel()
        == display.ylabel
        != GroupPathDisplay(alphas=[1], norms=[[1]]).ylabel
    )


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_path_by_effect_of_sparse_samples(data, model, kind):
    X, _, _ = data
    dense = GroupPathDisplay.from_estimator(model, X=X)
    display = GroupPathDisplay.from_estimator(model, X=kind(X))
    np.testing.assert_allclose(display.norms, dense.norms, rtol=1e-8, atol=1e-12)


def test_path_by_effect_checks_samples(data, model):
    X, _, _ = data
    with pytest.raises(ValueError, match="features"):
        GroupPathDisplay.from_estimator(model, X=X[:, :-1])


def test_several_outputs():
    rng = np.random.default_rng(0)
    coefs, X = rng.standard_normal((2, 5, 4)), rng.standard_normal((7, 5))
    groups = [np.array([0, 3]), np.array([1, 2, 4])]
    norms, effects = norm_path(coefs, groups), effect_path(coefs, groups, X)
    for g, own in enumerate(groups):
        for a in range(4):
            block = coefs[:, own, a].T
            np.testing.assert_allclose(norms[g, a], np.linalg.norm(block))
            variance = (X[:, own] @ block).var(axis=0).sum()
            np.testing.assert_allclose(effects[g, a], np.sqrt(variance))


def test_norms_do_not_overflow_or_underflow():
    for scale in (1e200, 1e-200):
        norms = norm_path(scale * np.array([[3.0], [4.0]]), [np.array([0, 1])])
        np.testing.assert_allclose(norms, [[5.0 * scale]])


def test_path_leaves_alpha_zero_out():
    display = GroupPathDisplay(
        alphas=[0.0, 1.0, 2.0], norms=[[9, 1, 0], [9, 2, 0]], alpha=0.0
    ).plot()
    np.testing.assert_array_equal(display.lines_[1].get_xdata(), [2.0, 1.0])
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), [0.0, 2.0])
    assert display.ax_.get_legend() is None  # nothing to mark


@pytest.mark.parametrize("norms", [[[0.0]], [[1.0]]])
def test_path_of_one_alpha(norms):
    GroupPathDisplay(alphas=[0.5], norms=norms).plot().figure_.canvas.draw()


def test_path_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"\(n_groups, n_alphas\), here \(2, 3\)"):
        GroupPathDisplay(
            alphas=[1, 2, 3], norms=np.ones((3, 2)), group_names="ab"[:2]
        ).plot()
    with pytest.raises(ValueError, match="positive"):
        GroupPathDisplay(alphas=[0.0], norms=[[1.0]]).plot()


def test_path_of_2000_groups_labels_without_overlap():
    rng = np.random.default_rng(0)
    alphas = np.geomspace(1, 1e-2, 10)
    norms = rng.exponential(size=(2000, 1)) * np.linspace(0, 1, 10)
    names = [f"a pathway with quite a long name, number {g}" for g in range(2000)]
    display = GroupPathDisplay(alphas=alphas, norms=norms, group_names=names).plot()
    display.figure_.canvas.draw()
    assert len(display.lines_) == 2000
    boxes = sorted(
        (Text.get_window_extent(label) for label in display.labels_),
        key=lambda box: box.y0,
    )
    assert len(boxes) == 10
    height = 0.8 * display.labels_[0].get_fontsize() * display.figure_.dpi / 72
    assert np.diff([box.y0 for box in boxes]).min() > height
    assert max(box.x1 for box in boxes) <= display.figure_.bbox.width


def test_line_keywords_reach_all_lines(model):
    display = GroupPathDisplay.from_estimator(model, line_kw={"linewidth": 5.0})
    assert {line.get_linewidth() for line in display.lines_} == {5.0}


# -- scores --------------------------------------------------------------------


def test_cv_shows_mean_folds_and_band(model):
    display = GroupCVDisplay.from_estimator(model)
    (line,) = display.lines_
    np.testing.assert_allclose(line.get_ydata(), model.scores_mean_)
    folds = np.array([fold.get_ydata() for fold in display.fold_lines_])
    np.testing.assert_allclose(folds.T, model.scores_path_)
    heights = display.band_.get_paths()[0].vertices[:, 1]
    assert np.isclose(heights.max(), (model.scores_mean_ + model.scores_se_).max())
    assert display.ax_.get_ylabel() == "Negative mean squared error"


def test_cv_counts_groups_on_the_top_axis(model):
    display = GroupCVDisplay.from_estimator(model)
    display.figure_.canvas.draw()
    ticks = display.top_axis_.get_xticks()
    counts = [int(text.get_text()) for text in display.top_axis_.get_xticklabels()]
    selected = np.count_nonzero(norm_path(model.coef_path_, model.groups_), axis=0)
    of_alpha = dict(zip(model.alphas_, selected, strict=True))
    assert len(ticks) == 9
    assert counts == [of_alpha[tick] for tick in ticks]


def test_cv_can_negate_and_hide_folds(model):
    display = GroupCVDisplay.from_estimator(model, negate_score=True, show_folds=False)
    np.testing.assert_allclose(display.lines_[0].get_ydata(), -model.scores_mean_)
    assert display.fold_lines_ == []
    assert display.ax_.get_ylabel() == "Mean squared error"


def test_cv_marks_alphas(model):
    texts = legend_texts(GroupCVDisplay.from_estimator(model, score_name="Mine"))
    assert texts[:2] == ["mean and standard error", "folds"]
    assert texts[2].startswith(f"alpha = {model.alpha_:.3g}: chosen")


def test_cv_of_one_fold_without_counts():
    display = GroupCVDisplay(alphas=[1.0, 0.5, 0.0], scores_path=[[1], [2], [3]]).plot()
    assert display.top_axis_ is None
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), [1.0, 2.0])


def test_cv_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"\(n_alphas, n_folds\), with 2 alphas"):
        GroupCVDisplay(alphas=[1, 2], scores_path=np.ones((3, 2))).plot()
    with pytest.raises(ValueError, match="positive"):
        GroupCVDisplay(alphas=[0.0], scores_path=[[1.0]]).plot()


@pytest.mark.parametrize(
    ("scoring", "name", "negated"),
    [
        (None, "Negative mean squared error", "Mean squared error"),
        ("neg_mean_absolute_error", "Negative mean absolute error",
         "Mean absolute error"),
        ("r2", "R2", "Negative r2"),
        (len, "Score", "Negative score"),
    ],
)  # fmt: skip
def test_names_of_scores(scoring, name, negated):
    assert name_of_score(scoring) == name
    assert label_of_score(name, False) == name
    assert label_of_score(name, True) == negated


# -- what both share -----------------------------------------------------------


@pytest.mark.parametrize("display", [GroupPathDisplay, GroupCVDisplay])
def test_display_api(display, model):
    _, ax = plt.subplots()
    made = display.from_estimator(model, ax=ax)
    assert made.ax_ is ax
    assert made.figure_ is ax.figure
    again = made.plot()
    assert again is made
    assert again.ax_ is not ax


@pytest.mark.parametrize("display", [GroupPathDisplay, GroupCVDisplay])
def test_display_needs_a_fitted_path(display, data):
    X, y, groups = data
    with pytest.raises(NotFittedError):
        display.from_estimator(GroupLassoCV())
    with pytest.raises(TypeError, match=f"{display.__name__}.*GroupLasso does not"):
        display.from_estimator(GroupLasso(groups=groups).fit(X, y))


def test_spread_moves_labels_apart_and_no_further():
    np.testing.assert_allclose(spread(np.array([0.9, 0.1]), 0.2), [0.9, 0.1])
    np.testing.assert_allclose(spread(np.array([0.5, 0.5]), 0.2), [0.4, 0.6])
    np.testing.assert_allclose(spread(np.array([2.0, 0.99]), 0.1), [1.0, 0.9])
    crowded = spread(np.linspace(0.4, 0.6, 30), 0.2)
    np.testing.assert_allclose(crowded, np.linspace(0, 1, 30), atol=1e-12)
    assert len(spread(np.array([]), 0.1)) == 0


def test_long_labels_are_shortened():
    assert shortened("x" * 40) == "x" * 40
    short = shortened("begin" + "x" * 90 + "end")
    assert len(short) <= 40
    assert short.startswith("begin")
    assert short.endswith("end")


def test_without_matplotlib_the_error_says_what_to_install():
    code = """
import sys
sys.modules["matplotlib"] = None
from skstruct.inspection import GroupPathDisplay
try:
    GroupPathDisplay(alphas=[1.0], norms=[[1.0]]).plot()
except ImportError as error:
    assert "skstruct[plot]" in str(error), error
else:
    raise AssertionError("no ImportError")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
