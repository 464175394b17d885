"""Tables of groups of models, and of what contains them: frames, Markdown, HTML."""

import builtins
import html.parser

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from makers import make_data
from skstruct import (
    GroupLasso,
    GroupLassoClassifier,
    GroupSelector,
    OverlappingGroupLasso,
    groups_to_frame,
    make_grouped_pipeline,
)

X, Y = make_data(n_features=6)
COLUMNS = ["name", "features", "size", "weight", "norm", "selected"]


def fitted(**params):
    return GroupLasso(
        0.5, groups={"a": [0, 3], "b": [1, 2], "c": [4, 5]}, **params
    ).fit(X, Y)


class Cells(html.parser.HTMLParser):
    """Reads the rows of the tables in a page, tags checked to be in pairs."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open, self.texts = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def table_of(estimator):
    """The rows of the table of groups in the HTML of an estimator, and all texts."""
    _, mark, table = estimator._repr_html_().partition('<details open class="skst')
    cells = Cells(mark + table)
    assert estimator._repr_mimebundle_()["text/html"].endswith(table[-100:])
    return cells.rows, "".join(cells.texts)


# --- data frames ----------------------------------------------------------------------


def test_frames_are_of_the_configured_kind():
    model = fitted()
    assert list(model.to_frame().columns) == COLUMNS
    pd.testing.assert_frame_equal(model.to_frame(), model.groups_to_frame())
    with sklearn.config_context(transform_output="polars"):
        frame = model.to_frame()
        assert isinstance(groups_to_frame(model), pl.DataFrame)
    assert frame.columns == COLUMNS
    assert frame["features"].to_list() == [[0, 3], [1, 2], [4, 5]]
    assert frame["norm"].to_list() == model.group_norms_.tolist()
    assert list(model.to_frame(output="dict")) == COLUMNS
    mixed = GroupLasso(groups={"a": [0, 1, 2], 1: [3, 4, 5]}).fit(X, Y)
    assert mixed.to_frame("polars")["name"].to_list() == ["a", "1"]
    with pytest.raises(ValueError, match="output='arrow' must be one of"):
        model.to_frame("arrow")
    with pytest.raises(NotFittedError):
        GroupLasso().to_frame()


@pytest.mark.parametrize("missing", ["pandas", "polars"])
def test_without_a_library_the_error_says_the_way_out(missing, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == missing:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    model = fitted()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="output='dict'"):
        model.to_frame(missing)


def test_models_inside_other_estimators():
    model = fitted()
    direct = groups_to_frame(model)
    pd.testing.assert_frame_equal(direct, model.to_frame())
    search = GridSearchCV(fitted(), {"alpha": [0.5]}, cv=2).fit(X, Y)
    for outer in (FrozenEstimator(model), search, make_pipeline("passthrough", search)):
        pd.testing.assert_frame_equal(groups_to_frame(outer), direct)
    scaled = make_pipeline(StandardScaler(), GroupLasso(0.1, groups=2)).fit(X, Y)
    search = GridSearchCV(scaled, {}, cv=2)
    nested = make_pipeline(PolynomialFeatures(1, include_bias=False), search).fit(X, Y)
    frame = groups_to_frame(nested)
    assert frame["columns"].tolist() == [["x0", "x1"], ["x2", "x3"], ["x4", "x5"]]
    outer = make_pipeline(OneHotEncoder(), GridSearchCV(scaled, {}, cv=2))
    scaled.set_params(standardscaler__with_mean=False, grouplasso__groups=None)
    frame = groups_to_frame(outer.fit(np.round(X[:, :2]), Y))
    n_levels = [len(own) for own in outer[0].categories_]
    columns = [["x0"]] * n_levels[0] + [["x1"]] * n_levels[1]
    assert frame["columns"].tolist() == columns


def test_what_contains_no_model_with_groups():
    with pytest.raises(TypeError, match="no fitted model with groups inside"):
        groups_to_frame(make_pipeline(LinearRegression()).fit(X, Y))
    with pytest.raises(NotFittedError):
        groups_to_frame(make_pipeline(GroupLasso()))
    several = CalibratedClassifierCV(GroupLassoClassifier(), cv=2).fit(X, Y > 0)
    with pytest.raises(TypeError, match=r"2 models.*calibrated_classifiers_\[0\]"):
        groups_to_frame(several)


def test_interactions_need_the_columns_of_both_parents():
    model = make_grouped_pipeline(
        PolynomialFeatures(interaction_only=True),
        OverlappingGroupLasso(0.1, overlap="intersection"),
    ).fit(pd.DataFrame(X[:, :2], columns=["s", "t"]), Y)
    frame = model.to_frame()
    assert frame["name"].tolist() == ["polynomialfeatures", "s", "t"]
    assert frame["columns"].tolist() == [[], ["s", "t"], ["s", "t"]]
    assert frame["features"].tolist() == [["1"], ["s", "s t"], ["t", "s t"]]
    assert table_of(model)[0][0][-1] == "columns"
    assert model.to_markdown().splitlines()[3].endswith("| s, t |")


# --- Markdown -------------------------------------------------------------------------


def test_markdown_has_a_row_a_group():
    model = fitted()
    lines = model.to_markdown().splitlines()
    assert lines[0] == "| group | size | weight | norm | selected |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| a", "| b", "| c"]
    strongest = np.argmax(model.group_norms_)
    short = model.to_markdown(max_groups=1).splitlines()
    assert short[2].startswith(f"| {'abc'[strongest]} | 2 | 1.414 | ")
    hidden = model.selected_groups_.size - 1 or "none"
    assert short[-1] == f"... and 2 more groups, {hidden} of them selected."
    with pytest.raises(ValueError, match="max_groups=0 must be at least 1"):
        model.to_markdown(max_groups=0)


def test_markdown_of_hostile_names_stays_a_table():
    names = ["a|b", "line\nbreak", "<script>*x*"]
    groups = dict(zip(names, [[0, 3], [1, 2], [4, 5]], strict=True))
    lines = GroupLasso(groups=groups).fit(X, Y).to_markdown().splitlines()
    assert len(lines) == 5
    assert lines[2].startswith(r"| a\|b | 2 |")
    assert lines[3].startswith("| line break | 2 |")
    assert lines[4].startswith(r"| &lt;script&gt;\*x\* | 2 |")


# --- HTML -----------------------------------------------------------------------------


def test_html_has_a_table_once_fitted():
    assert "skstruct-groups" not in GroupLasso()._repr_html_()
    assert "skstruct-groups" not in make_grouped_pipeline(GroupLasso())._repr_html_()
    model = fitted()
    rows, text = table_of(model)
    assert rows[0] == ["group", "size", "weight", "norm", "selected"]
    order = np.argsort(-model.group_norms_)
    assert [row[0] for row in rows[1:]] == ["abc"[g] for g in order]
    assert f"{model.selected_groups_.size} of 3 selected" in text
    with sklearn.config_context(display="text"):
        assert not hasattr(model, "_repr_html_")
        assert list(model._repr_mimebundle_()) == ["text/plain"]


def test_html_escapes_names_and_counts_what_it_does_not_show():
    frame = pd.DataFrame({"<b>&": list("xyz") * 10, "n": np.arange(30.0)})
    model = make_grouped_pipeline(OneHotEncoder(), GroupLasso(0.01))
    rows, _ = table_of(model.fit(frame, np.arange(30) % 3))
    assert rows[1][0] == "<b>&"  # as read back
    assert "columns" not in rows[0]  # they are the names again
    wide = np.random.default_rng(0).normal(size=(40, 50))
    rows, text = table_of(GroupLasso(1e-3).fit(wide, wide[:, 0]))
    assert len(rows) == 21
    assert "... and 30 more groups" in text


def test_selectors_report_what_they_keep():
    selector = GroupSelector(fitted(), max_groups=1, prefit=True).fit(X)
    frame = groups_to_frame(selector)
    assert (
        frame["name"][frame["selected"]].tolist() == selector.selected_groups_.tolist()
    )
    assert frame["selected"].sum() == 1
    assert table_of(selector)[1].startswith("Groups: 1 of 3 selected")
