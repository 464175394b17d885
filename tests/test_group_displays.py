"""Displays of importances, stability and maps; paths by coefficient."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgba
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.utils import Bunch

from skstruct import (
    GroupLasso,
    GroupLassoClassifierCV,
    GroupLassoCV,
    GroupLassoIC,
    GroupStabilitySelection,
    OverlappingGroupLasso,
    SparseGroupLassoCV,
)
from skstruct.datasets import make_group_regression
from skstruct.inspection import (
    GroupCVDisplay,
    GroupImportanceDisplay,
    GroupMapDisplay,
    GroupPathDisplay,
    GroupStabilityDisplay,
)
from skstruct.inspection.map_data import levels_of, order_by_levels, runs
from skstruct.inspection.plotting import COLORS, DARK, GREY

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
    return GroupLassoCV(names, alphas=8, eps=1e-2, cv=2).fit(X, y)


def drawn(display):
    """Draw for real, and return the texts in the axes."""
    display.figure_.canvas.draw()
    return [text.get_text() for text in display.ax_.texts]


def heights_apart(labels):
    boxes = sorted((Text.get_window_extent(one) for one in labels), key=lambda b: b.y0)
    return np.diff([box.y0 for box in boxes]).min()


# -- paths by coefficient --------------------------------------------------------------


def test_path_by_coefficient_shows_each_in_the_colour_of_its_group(model):
    display = GroupPathDisplay.from_estimator(model, by="coefficient", max_labels=3)
    drawn(display)
    assert len(display.lines_) == 24
    for line, coef in zip(display.lines_, model.coef_path_, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), coef)
    largest = np.argsort(-model.group_norms_)[:3]
    for g, own in enumerate(model.groups_):
        colors = {display.lines_[j].get_color() for j in own}
        assert len(colors) == 1
        assert (colors != {GREY}) == (g in largest)
    named = [label.get_text() for label in display.labels_]
    assert named == list(model.group_names_[largest])
    assert display.ax_.get_ylabel() == "Coefficient"


def test_path_by_coefficient_of_several_outputs(data):
    X, y, groups = data
    Y = np.column_stack([y, -y])
    model = GroupLassoCV(groups, alphas=4, eps=0.1, cv=2).fit(X, Y)
    display = GroupPathDisplay.from_estimator(model, by="coefficient")
    assert len(display.lines_) == 48
    first, second = display.lines_[0].get_color(), display.lines_[24].get_color()
    assert first == second


def test_path_by_what_else_is_refused(data, model):
    with pytest.raises(ValueError, match="by='feature' must be 'group' or"):
        GroupPathDisplay.from_estimator(model, by="feature")
    with pytest.raises(ValueError, match="for which X is of no use"):
        GroupPathDisplay.from_estimator(model, by="coefficient", X=data[0])
    with pytest.raises(ValueError, match=r"lines must be of shape \(n_lines, 2\)"):
        GroupPathDisplay(alphas=[2, 1], norms=[[0, 1]], lines=[[1, 2]]).plot()


def test_paths_of_several_ratios_show_the_chosen_one(data):
    X, y, groups = data
    model = SparseGroupLassoCV(groups, l1_ratio=[0.1, 0.9], alphas=4, cv=2).fit(X, y)
    display = GroupPathDisplay.from_estimator(model)
    chosen = model.alphas_[[0.1, 0.9].index(model.l1_ratio_)]
    np.testing.assert_array_equal(display.alphas, chosen)
    scores = GroupCVDisplay.from_estimator(model)
    drawn(scores)
    np.testing.assert_array_equal(scores.alphas, chosen)


@pytest.mark.parametrize(
    ("model", "label"),
    [
        (GroupLassoClassifierCV(alphas=2, cv=2), "Log loss"),
        (GroupLassoCV(loss="poisson", alphas=2, cv=2), "Mean deviance"),
        (GroupLassoCV(loss="huber", alphas=2, cv=2), "Mean loss"),
    ],
)
def test_scores_are_called_what_they_are(model, label):
    X, y = np.arange(12.0)[:, None] % 5, np.arange(12) % 2
    display = GroupCVDisplay.from_estimator(model.fit(X, y), negate_score=True)
    assert display.ax_.get_ylabel() == label


def test_information_criteria_have_a_path_but_no_scores(data):
    X, y, groups = data
    model = GroupLassoIC(groups, alphas=4).fit(X, y)
    texts = GroupPathDisplay.from_estimator(model).ax_.get_legend().get_texts()
    assert [t.get_text() for t in texts] == [f"alpha = {model.alpha_:.3g}: chosen"]
    with pytest.raises(TypeError, match="cross-validated scores, which GroupLassoIC"):
        GroupCVDisplay.from_estimator(model)


# -- importances -----------------------------------------------------------------------


def test_importances_of_a_model_are_its_norms_or_effects(data, model):
    X, _, _ = data
    display = GroupImportanceDisplay.from_estimator(model)
    drawn(display)
    np.testing.assert_allclose(display.importances, model.group_norms_, rtol=1e-12)
    order = np.argsort(-model.group_norms_, kind="stable")
    np.testing.assert_array_equal(display.order_, order)
    np.testing.assert_allclose(display.dots_.get_xdata(), model.group_norms_[order])
    ticks = [t.get_text() for t in display.ax_.get_yticklabels()]
    assert ticks == list(model.group_names_[order])
    assert display.others_ is None
    own = model.groups_[2]
    effect = GroupImportanceDisplay.from_estimator(model, X=X).importances[2]
    np.testing.assert_allclose(effect, (X[:, own] @ model.coef_[own]).std())


def test_importances_with_repeats_show_mean_and_spread():
    values = np.array([[1.0, 3.0], [5.0, 5.0], [-1.0, 0.0]])
    bunch = Bunch(importances=values, group_names=["a", "b", "c"])
    display = GroupImportanceDisplay.from_importances(bunch)
    np.testing.assert_array_equal(display.order_, [1, 0, 2])
    np.testing.assert_allclose(display.dots_.get_xdata(), [5, 2, -0.5])
    segments = display.ax_.collections[0].get_segments()
    np.testing.assert_allclose([s[:, 0] for s in segments], [[5, 5], [1, 3], [-1, 0]])
    again = GroupImportanceDisplay.from_importances(values, "xyz")
    assert again.ax_.get_yticklabels()[0].get_text() == "y"
    assert display.ax_.get_ylim()[0] > display.ax_.get_ylim()[1]


def test_importances_of_500_groups_name_the_largest_only():
    values = np.random.default_rng(0).exponential(size=(500, 1))
    display = GroupImportanceDisplay.from_importances(values[:, 0], max_groups=7)
    (text,) = drawn(display)
    rest = np.sort(values[:, 0])[-8]
    assert text == f"493 more, each {rest:.2g} or less"
    assert len(display.order_) == len(display.ax_.get_yticklabels()) == 7


@pytest.mark.parametrize("values", [np.nan * np.ones(3), np.ones((2, 2, 2))])
def test_importances_refuse_what_they_cannot_show(values):
    with pytest.raises(ValueError, match="importances must be finite and of shape"):
        GroupImportanceDisplay(importances=values).plot()


# -- stability -------------------------------------------------------------------------


def test_stability_shows_scores_and_names_the_selected():
    scores = np.array([[0.0, 0.4, 0.5], [0.2, 0.8, 1.0], [0.5, 0.75, 0.75]])
    display = GroupStabilityDisplay(
        alphas=[3.0, 2.0, 1.0],
        stability_scores=scores,
        group_names=["no", "yes", "just"],
        threshold=0.75,
    ).plot()
    assert sorted(drawn(display)) == ["just", "yes"]
    assert [line.get_color() for line in display.lines_] == [GREY, *COLORS[:2]]
    for line, own in zip(display.lines_, scores, strict=True):
        np.testing.assert_array_equal(line.get_ydata(), own)
    (legend,) = display.ax_.get_legend().get_texts()
    assert legend.get_text() == "threshold 0.75: 2 of 3 groups selected"


def test_stability_of_500_groups_names_few_without_overlap():
    rng = np.random.default_rng(0)
    scores = np.sort(rng.beta(0.4, 0.6, size=(500, 12)), axis=1)
    display = GroupStabilityDisplay(
        alphas=np.geomspace(1, 0.1, 12), stability_scores=scores, threshold=0.9
    ).plot()
    drawn(display)
    assert len(display.labels_) == 10
    assert heights_apart(display.labels_) > 8
    colors = [line.get_color() for line in display.lines_]
    n_selected = (scores.max(axis=1) >= 0.9).sum()
    assert colors.count(DARK) == n_selected - 10
    assert colors.count(GREY) == 500 - n_selected


def test_stability_of_a_selector(data):
    X, y, groups = data
    selector = GroupStabilitySelection(
        groups=groups, alphas=5, n_pairs=2, random_state=0
    ).fit(X, y)
    display = GroupStabilityDisplay.from_estimator(selector)
    np.testing.assert_array_equal(display.stability_scores, selector.stability_scores_)
    named = {int(label.get_text()) for label in display.labels_}
    assert named == set(selector.selected_groups_)


def test_stability_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"\(n_groups, n_alphas\), with 2 alphas"):
        GroupStabilityDisplay(alphas=[1, 2], stability_scores=[[1, 1, 1]]).plot()
    with pytest.raises(ValueError, match="alphas must hold a positive number"):
        GroupStabilityDisplay(alphas=[0], stability_scores=[[1]]).plot()
    with pytest.raises(ValueError, match="one name for each of the 1 groups; got 2"):
        GroupStabilityDisplay(
            alphas=[1], stability_scores=[[1]], group_names="ab"
        ).plot()


# -- maps ------------------------------------------------------------------------------


def boxes_of(display):
    """Extent of each rectangle, (x0, x1, row)."""
    corners = [path.vertices for path in display.cells_.get_paths()]
    return sorted(
        (round(c[:, 1].mean() - 0.5), c[:, 0].min(), c[:, 0].max()) for c in corners
    )


def test_map_of_overlapping_groups_has_a_row_each(data):
    X, y, _ = data
    groups = {"first": range(14), "second": range(10, 20), "third": range(18, 24)}
    model = OverlappingGroupLasso(0.1, groups=groups).fit(X, y)
    display = GroupMapDisplay.from_estimator(model)
    drawn(display)
    assert not display.is_nested_
    assert display.labels_ == []
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == list(groups)
    np.testing.assert_array_equal(display.feature_order_, np.arange(24))
    assert boxes_of(display) == [(0, 0, 14), (1, 10, 20), (2, 18, 24)]
    assert display.colorbar_.mappable.get_clim() == (0, model.group_norms_.max())


def test_map_colours_by_norm_and_leaves_what_is_zero_grey():
    groups = [[0, 1], [1, 2], [2, 3]]
    display = GroupMapDisplay(groups=groups, norms=[0.0, 1.0, 0.5]).plot()
    # Groups of norm zero are drawn first, below the others.
    colors = display.cells_.get_facecolors()
    np.testing.assert_allclose(colors[0], to_rgba("#DDDDDD"))
    np.testing.assert_allclose(colors[1], display.colorbar_.mappable.to_rgba(1.0))
    plain = GroupMapDisplay(groups=groups).plot()
    assert plain.colorbar_ is None
    np.testing.assert_allclose(plain.cells_.get_facecolors(), [to_rgba(COLORS[4])] * 3)


def test_map_of_a_tree_hangs_groups_below_those_around_them():
    tree = {"all": range(6), "b": [1, 3, 5], "a": [0, 2], "b2": [5, 1]}
    display = GroupMapDisplay(
        groups=list(tree.values()), group_names=list(tree), norms=[1, 0, 1, 1]
    ).plot()
    assert display.is_nested_
    assert sorted(drawn(display)) == ["a", "all", "b", "b2"]
    np.testing.assert_array_equal(display.feature_order_, [1, 5, 3, 0, 2, 4])
    assert boxes_of(display) == [(0, 0, 6), (1, 0, 3), (1, 3, 5), (2, 0, 2)]


@pytest.mark.parametrize("nested", [True, False])
def test_map_of_500_groups_names_few_without_overlap(nested):
    rng = np.random.default_rng(0)
    norms = np.where(rng.random(500) < 0.1, rng.exponential(size=500), 0.0)
    step = 3 if nested else 2
    groups = [range(step * g, step * g + 3) for g in range(500)]
    names = [f"pathway number {g}" for g in range(500)]
    display = GroupMapDisplay(groups=groups, norms=norms, group_names=names).plot()
    texts = drawn(display)
    assert len(display.cells_.get_paths()) == 500
    if nested:
        assert texts == []  # nothing has room for its name
    else:
        assert sorted(texts) == sorted(names[g] for g in np.argsort(-norms)[:12])
        assert heights_apart(display.labels_) > 8


def test_map_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="none is empty"):
        GroupMapDisplay(groups=[[0], []]).plot()
    with pytest.raises(
        ValueError, match=r"norms must be of shape .* \(1,\); got \(2,\)"
    ):
        GroupMapDisplay(groups=[[0]], norms=[1, 2]).plot()
    with pytest.raises(ValueError, match="has 1 names, but groups hold feature 3"):
        GroupMapDisplay(groups=[[3]], feature_names=["a"]).plot()


@given(st.lists(st.sets(st.integers(0, 6), min_size=1), min_size=1, max_size=6))
def test_nesting_is_found_where_it_is(sets):
    levels = levels_of([np.array(sorted(s)) for s in sets], 7)
    nested = all(a <= b or b <= a or not a & b for a in sets for b in sets)
    assert (levels is not None) == nested
    if nested:
        seen = np.unique(levels[levels >= 0])
        np.testing.assert_array_equal(seen, np.arange(len(sets)))
        place = np.argsort(order_by_levels(levels))
        for own in sets:  # every group in one piece
            ((start, end),) = runs(place[sorted(own)])
            assert end - start == len(own)


# -- what all share --------------------------------------------------------------------

FROM_ESTIMATOR = [GroupImportanceDisplay, GroupMapDisplay, GroupStabilityDisplay]


@pytest.mark.parametrize("display", FROM_ESTIMATOR)
def test_displays_need_a_fitted_estimator_of_their_kind(display, data):
    with pytest.raises(NotFittedError):
        display.from_estimator(GroupLasso())
    with pytest.raises(TypeError, match=f"{display.__name__} .* LinearRegression does"):
        display.from_estimator(LinearRegression().fit(*data[:2]))


@pytest.mark.parametrize("display", FROM_ESTIMATOR[:2])
def test_displays_take_axes(display, model):
    _, ax = plt.subplots()
    made = display.from_estimator(model, ax=ax)
    assert made.ax_ is ax
    assert made.figure_ is ax.figure
    assert made.plot() is made
    assert made.ax_ is not ax
