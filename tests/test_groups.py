"""What users say about groups: every form, every error, one layout."""

import copy
import doctest
import importlib
import pickle
import re
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skstruct.groups import GroupLayout, make_layout

NAMES = ["age", "sex_f", "sex_m", "bmi", "bp"]
MODULES = [
    *("build", "checks", "features", "labels", "layout"),
    *("members", "messages", "parse", "parsed", "weights"),
]


def members(layout):
    return [group.tolist() for group in layout.feature_groups()]


def as_dict(layout):
    return dict(zip(layout.names, members(layout), strict=True))


def layout_of(groups, n_features=5, **options):
    return make_layout(groups, n_features, feature_names=NAMES[:n_features], **options)


def parts(layout):
    return {
        "members": as_dict(layout),
        "weights": layout.weights.tolist(),
        "n_features": layout.n_features,
    }


# --- the forms ------------------------------------------------------------------------


def test_none_makes_each_feature_a_group():
    layout = make_layout(None, 3)
    assert as_dict(layout) == {0: [0], 1: [1], 2: [2]}
    assert layout_of(None).names == tuple(NAMES)


@pytest.mark.parametrize("k", [2, np.int64(2), np.uint8(2)])
def test_int_makes_blocks(k):
    assert as_dict(make_layout(k, 6)) == {0: [0, 1], 1: [2, 3], 2: [4, 5]}


LABELS = ["b", "a", "b", "c", "a"]


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        np.array,
        lambda labels: np.array(labels, dtype=object),
        lambda labels: [np.str_(label) for label in labels],
        pd.Series,
        pd.Index,
        pd.Categorical,
        lambda labels: pd.Series(labels, dtype="string"),
        lambda labels: pd.Series(labels, dtype="category", index=NAMES),
        pl.Series,
        lambda labels: pl.Series(labels, dtype=pl.Categorical),
    ],
)
def test_string_labels(convert):
    layout = layout_of(convert(LABELS))
    assert as_dict(layout) == {"a": [1, 4], "b": [0, 2], "c": [3]}
    assert layout.names == ("a", "b", "c")
    assert {type(name) for name in layout.names} == {str}


@pytest.mark.parametrize(
    "convert",
    [
        list,
        np.array,
        lambda labels: np.array(labels, dtype=np.float32),
        lambda labels: np.array(labels, dtype=np.uint8),
        lambda labels: np.array(labels, dtype=object),
        lambda labels: [float(label) for label in labels],
        lambda labels: [np.int16(label) for label in labels],
        pd.Series,
        lambda labels: pd.array(labels, dtype="Int64"),
        pl.Series,
    ],
)
def test_integer_labels(convert):
    layout = make_layout(convert([7, 3, 7, 3, 10]), 5)
    assert as_dict(layout) == {3: [1, 3], 7: [0, 2], 10: [4]}
    assert {type(name) for name in layout.names} == {int}


def test_labels_of_other_kinds():
    assert make_layout(range(3), 3).names == (0, 1, 2)
    assert make_layout([0.5, 1.0, 0.5], 3).names == (0.5, 1.0)
    assert make_layout(np.array([0.5, 1.0]), 2).names == (0.5, 1.0)
    assert make_layout(np.array([True, False]), 2).names == (False, True)
    assert make_layout(np.array([np.inf, 1.0]), 2).names == (1.0, np.inf)
    dates = np.array(["2021-01-01", "2020-01-01"], dtype="datetime64[ns]")
    assert make_layout(dates, 2).names == (dates[1], dates[0])


def test_labels_that_do_not_sort_keep_their_order():
    assert as_dict(make_layout(["b", 1, "a", 1], 4)) == {"b": [0], 1: [1, 3], "a": [2]}
    assert make_layout(["b", 1, "a", 1], 4).names == ("b", 1, "a")


@pytest.mark.parametrize("as_array", [True, False])
def test_tuples_are_labels_in_a_multiindex_or_object_array(as_array):
    pairs = [("x", 1), ("y", 0), ("x", 1)]
    index = pd.MultiIndex.from_tuples(pairs)
    layout = make_layout(index.to_numpy() if as_array else index, 3)
    assert as_dict(layout) == {("x", 1): [0, 2], ("y", 0): [1]}
    assert layout.names_array().shape == (2,)
    assert layout.names_array()[1] == ("y", 0)


def test_list_of_tuples_is_a_list_of_groups():
    assert as_dict(make_layout([(0, 2), (1,)], 3)) == {0: [0, 2], 1: [1]}
    assert as_dict(make_layout(((0, 2), (1,)), 3)) == {0: [0, 2], 1: [1]}


@pytest.mark.parametrize(
    "labels",
    [
        ["a", None, "a"],
        ["a", float("nan"), "a"],
        ["a", pd.NA, "a"],
        ["a", pd.NaT, "a"],
        ["a", Decimal("nan"), "a"],
        np.array(["a", np.nan, "a"], dtype=object),
        pd.Series(["a", None, "a"]),
        pd.Series(["a", None, "a"], dtype="string"),
        pd.Categorical(["a", None, "a"]),
        pl.Series(["a", None, "a"]),
        np.ma.array(["a", "b", "a"], mask=[0, 1, 0]),
    ],
)
def test_missing_labels_are_in_no_group(labels):
    assert as_dict(make_layout(labels, 3, remainder="singletons")) == {
        "a": [0, 2],
        1: [1],
    }
    with pytest.raises(ValueError, match="features in no group: 1"):
        make_layout(labels, 3)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([4, np.nan, 4], dtype=np.float32),
        [4, None, 4.0],
        pd.array([4, None, 4], dtype="Int64"),
        pl.Series([4, None, 4]),
    ],
)
def test_missing_numbers_are_in_no_group(labels):
    layout = make_layout(labels, 3, remainder="unpenalized")
    assert as_dict(layout) == {4: [0, 2], "unpenalized": [1]}
    assert type(layout.names[0]) is int


def test_all_labels_missing():
    layout = make_layout([None, None], 2, remainder="singletons")
    assert as_dict(layout) == {0: [0], 1: [1]}
    layout = make_layout([np.nan, np.nan], 2, remainder="unpenalized")
    assert as_dict(layout) == {"unpenalized": [0, 1]}


@pytest.mark.parametrize(
    "labels",
    [
        pd.array([2**60, 2**60 + 1, None], dtype="Int64"),
        pl.Series([2**60, 2**60 + 1, None]),
    ],
)
def test_large_nullable_ids_do_not_merge(labels):
    layout = make_layout(labels, 3, remainder="unpenalized")
    assert layout.names == (2**60, 2**60 + 1, "unpenalized")


def test_series_is_aligned_to_the_feature_names():
    labels = pd.Series(LABELS, index=NAMES)
    expected = as_dict(layout_of(labels))
    assert as_dict(layout_of(labels.iloc[[3, 0, 4, 2, 1]])) == expected
    assert as_dict(make_layout(labels, 5)) == expected  # X without names: by position


def test_series_of_a_filtered_table_goes_by_position():
    labels = pd.Series(LABELS, index=[3, 10, 11, 20, 21])
    assert as_dict(layout_of(labels)) == as_dict(layout_of(LABELS))


@pytest.mark.parametrize(
    "group",
    [
        [0, 3],
        (3, 0),
        {0, 3},
        frozenset([3, 0]),
        [np.int64(0), 3],
        [0.0, 3],
        range(0, 4, 3),
        range(3, -1, -3),
        slice(0, 4, 3),
        slice(None, -1, 3),
        np.array([3, 0]),
        np.array([3, 0], dtype=np.uint8),
        np.array([3.0, 0.0]),
        pd.Index([0, 3]),
        pd.Series([3, 0], index=[9, 8]),
        pl.Series([3, 0]),
        ["age", "bmi"],
        ("bmi", "age"),
        {"age", "bmi"},
        np.array(["age", "bmi"]),
        np.array(["age", "bmi"], dtype=object),
        pd.Index(["age", "bmi"]),
        pl.Series(["bmi", "age"]),
        dict.fromkeys(["age", "bmi"]).keys(),
        [True, False, False, True, False],
        np.array([True, False, False, True, False]),
        pd.Series([False, True, False, False, True], index=NAMES[::-1]),
        pd.array([True, False, False, True, False], dtype="boolean"),
        pl.Series([True, False, False, True, False]),
    ],
)
def test_members(group):
    others = [["sex_f", "sex_m"], [4]]
    expected = {0: [0, 3], 1: [1, 2], 2: [4]}
    assert as_dict(layout_of([group, *others])) == expected
    assert as_dict(layout_of({0: group, 1: others[0], 2: others[1]})) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("age", [0]),
        (0, [0]),
        (np.int64(0), [0]),
        (np.str_("age"), [0]),
        ("sex_.*", [1, 2]),
        ("sex.", None),
        (re.compile("^sex"), [1, 2]),
        (re.compile("SEX", re.IGNORECASE), [1, 2]),
        (re.compile("m"), [2, 3]),
        ("b.*|age", [0, 3, 4]),
    ],
)
def test_dict_values_of_one_name_or_pattern(value, expected):
    if expected is None:
        with pytest.raises(ValueError, match=r"group 'g' has 'sex\.', which is no col"):
            layout_of({"g": value}, remainder="singletons")
        return
    layout = layout_of({"g": value}, remainder="unpenalized")
    assert as_dict(layout)["g"] == expected


def test_exact_column_name_beats_pattern():
    names = ["a.b", "axb"]
    layout = make_layout({1: "a.b", 2: "axb"}, 2, feature_names=names)
    assert as_dict(layout) == {1: [0], 2: [1]}


def test_dict_keeps_its_order_and_plain_names():
    layout = make_layout({np.str_("z"): [1], np.int64(3): [0], (1, 2): [2]}, 3)
    assert layout.names == ("z", 3, (1, 2))
    assert [type(name) for name in layout.names] == [str, int, tuple]


def test_groupby_tables_are_dicts():
    table = pd.DataFrame({"feature": NAMES, "group": LABELS})
    expected = as_dict(layout_of(LABELS))
    assert as_dict(layout_of(dict(table.groupby("group").indices))) == expected
    by_name = table.groupby("group")["feature"].apply(list)
    assert as_dict(layout_of(by_name.to_dict())) == expected
    with pytest.raises(TypeError, match=r"position 0, .*not hashable.*\.to_dict\(\)"):
        layout_of(by_name)


def test_callable():
    def prefix(names):
        assert isinstance(names, np.ndarray)
        assert all(type(name) is str for name in names)
        return [name.split("_")[0] for name in names]

    expected = {"age": [0], "bmi": [3], "bp": [4], "sex": [1, 2]}
    assert as_dict(layout_of(prefix)) == expected
    assert as_dict(layout_of(lambda names: {"a": names != "bp", "b": ["bp"]})) == {
        "a": [0, 1, 2, 3],
        "b": [4],
    }
    assert as_dict(layout_of(lambda _: 5)) == {0: [0, 1, 2, 3, 4]}
    assert layout_of(lambda _: None).names == tuple(NAMES)
    assert make_layout(lambda _: None, 2).names == (0, 1)


def test_callable_without_feature_names_gets_generated_ones():
    seen = []
    layout = make_layout(lambda names: seen.extend(names) or [["x1"], ["x0"]], 2)
    assert seen == ["x0", "x1"]
    assert as_dict(layout) == {0: [1], 1: [0]}


def test_layout_is_taken_as_it_is():
    layout = make_layout(LABELS, 5, weights=[1, 2, 3])
    assert make_layout(layout, 5) is layout
    again = make_layout(layout, 5, weights={"b": 9})
    assert again.weights.tolist() == [1, 9, 3]
    assert as_dict(again) == as_dict(layout)
    overlapping = make_layout([[0, 1], [1]], 2, overlap=True)
    with pytest.raises(ValueError, match="groups overlap: feature 1"):
        make_layout(overlapping, 2)
    partial = GroupLayout(3, [0, 1], [1], [5.0], ["a"])
    layout = make_layout(partial, 3, remainder="unpenalized")
    assert as_dict(layout) == {"a": [1], "unpenalized": [0, 2]}
    assert layout.weights.tolist() == [5, 0]


# --- overlap and remainder ------------------------------------------------------------


def test_overlap_allowed():
    layout = make_layout({"a": [2, 0], "b": [0, 1]}, 3, overlap=True)
    assert as_dict(layout) == {"a": [0, 2], "b": [0, 1]}
    assert layout.is_overlapping
    assert not layout.is_contiguous


def test_remainder_singletons():
    layout = layout_of({"sex": "sex_.*"}, remainder="singletons")
    assert layout.names == ("sex", "age", "bmi", "bp")
    assert_allclose(layout.weights, [np.sqrt(2), 1, 1, 1])
    # Indices that are also names of groups are told apart.
    layout = make_layout([[2, 3]], 5, remainder="singletons")
    assert layout.names == (0, "0 (feature)", 1, 4)
    layout = layout_of({"bmi": ["age", "bmi", "bp"]}, remainder="singletons")
    assert layout.names == ("bmi", "sex_f", "sex_m")
    layout = layout_of({"bmi": ["age", "bp", "sex_f", "sex_m"]}, remainder="singletons")
    assert layout.names == ("bmi", "bmi (feature)")


def test_remainder_unpenalized():
    layout = layout_of({"sex": "sex_.*"}, remainder="unpenalized")
    assert as_dict(layout) == {"sex": [1, 2], "unpenalized": [0, 3, 4]}
    assert_allclose(layout.weights, [np.sqrt(2), 0])


@pytest.mark.parametrize("remainder", ["error", "singletons", "unpenalized"])
def test_no_remainder(remainder):
    assert make_layout([0, 0, 1], 3, remainder=remainder).names == (0, 1)


# --- weights --------------------------------------------------------------------------


def test_default_weights():
    layout = make_layout([[0, 1, 2, 3], [4]], 5)
    assert layout.weights.tolist() == [2, 1]


@pytest.mark.parametrize(
    "weights",
    [
        [1, 0, 2.5],
        (1, 0, 2.5),
        np.array([1, 0, 2.5], dtype=np.float32),
        np.array([1, 0, 2.5], dtype=object),
        [np.float32(1), np.int8(0), 2.5],
        pd.Series([1, 0, 2.5]),
        pl.Series([1.0, 0.0, 2.5]),
        pd.Series([2.5, 1, 0], index=["c", "a", "b"]),
        {"c": 2.5, "b": 0, "a": 1},
        {np.str_("c"): np.float64(2.5), "b": 0, "a": 1},
    ],
)
def test_weights(weights):
    assert make_layout(LABELS, 5, weights=weights).weights.tolist() == [1, 0, 2.5]


def test_named_weights_leave_the_others_at_their_default():
    layout = make_layout(LABELS, 5, weights={"c": 7})
    assert_allclose(layout.weights, [np.sqrt(2), np.sqrt(2), 7])
    assert make_layout(LABELS, 5, weights={}).weights[2] == 1
    layout = make_layout(LABELS, 5, weights=pd.Series({"c": 7}))
    assert_allclose(layout.weights, [np.sqrt(2), np.sqrt(2), 7])


def test_series_of_weights_for_groups_called_by_numbers():
    labels = [2, 1, 2]
    by_name = pd.Series([5, 6], index=[2, 1])
    assert make_layout(labels, 3, weights=by_name).weights.tolist() == [6, 5]
    by_position = pd.Series([5, 6])
    assert make_layout(labels, 3, weights=by_position).weights.tolist() == [5, 6]


@pytest.mark.parametrize("remainder", ["singletons", "unpenalized"])
def test_weights_with_a_remainder(remainder):
    rest = {"singletons": [1, 1], "unpenalized": [0]}[remainder]

    def weights_from(weights):
        layout = make_layout([[0], [1]], 4, weights=weights, remainder=remainder)
        return layout.weights.tolist()

    assert weights_from([3, 4]) == [3, 4, *rest]
    assert weights_from({1: 4}) == [1, 4, *rest]
    everything = [3, 4, 5, 6][: 2 + len(rest)]
    assert weights_from(everything) == everything
    with pytest.raises(ValueError, match="group_weights has shape"):
        weights_from([1] * 5)


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1, -2, 3], ValueError, "not negative, got -2 for group 'b'; 0 leaves"),
        ([1, np.nan, -1], ValueError, "finite.*nan for group 'b', -1 for group 'c'"),
        ([1, 2, np.inf], ValueError, "got inf for group 'c'"),
        ([1, 2, 10**400], ValueError, "got inf for group 'c'"),
        (np.array([1, -2.0, 3]), ValueError, r"got -2\.0 for group 'b'"),
        ({"b": -1}, ValueError, "got -1 for group 'b'"),
        ([1, 2], ValueError, r"shape \(2,\), but there are 3 groups: 'a', 'b', 'c'"),
        ([], ValueError, r"shape \(0,\)"),
        (np.ones((3, 1)), ValueError, r"shape \(3, 1\)"),
        (np.array(1.0), ValueError, r"shape \(\)"),
        ([1, 2j, 3], TypeError, "real numbers, got 2j for group 'b'"),
        (np.array([1, 2j, 3]), TypeError, "got .* for group 'a'"),
        ([1, "2", 3], TypeError, "got '2' for group 'b'"),
        (np.array(["1", "2", "3"]), TypeError, "got '1' for group 'a'"),
        ([1, True, 3], TypeError, "got True for group 'b'"),
        (np.array([True, True, True]), TypeError, "got True for group 'a'"),
        ([1, None, 3], TypeError, "got None for group 'b'"),
        ([[1], [2], [3]], TypeError, r"got \[1\] for group 'a'"),
        ({"a": "x"}, TypeError, "got 'x' for group 'a'"),
        ("sqrt", TypeError, "must be None, an array-like.* got 'sqrt'"),
        (1.0, TypeError, r"got 1\.0"),
        ({1, 2, 3}, TypeError, "got {1, 2, 3}"),
        ({"z": 1, "a": 2}, ValueError, "no group 'z'; the groups are 'a', 'b', 'c'"),
        (pd.Series([1, 2, 3], index=list("abz")), ValueError, "no group 'z'"),
        (pd.Series([1, 2, 3], index=list("aab")), ValueError, "group 'a' more than on"),
    ],
)
def test_wrong_weights(weights, error, message):
    with pytest.raises(error, match=f"group_weights.*{message}"):
        make_layout(LABELS, 5, weights=weights)


def test_wrong_weight_names_are_met_with_suggestions():
    with pytest.raises(ValueError, match=r"no group 'pathwai1'.*mean 'pathway1'\?"):
        make_layout(["pathway1"], 1, weights={"pathwai1": 2})


# --- errors ---------------------------------------------------------------------------

FORMS = r"groups must be None, an int .*; got "


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        # what is no form of groups
        ("auto", TypeError, FORMS + "'auto' of type str"),
        (b"auto", TypeError, FORMS),
        (True, TypeError, FORMS + "True of type bool"),
        (np.True_, TypeError, FORMS),
        (5.0, TypeError, FORMS + "5.0 of type float"),
        ({1, 2}, TypeError, FORMS + "{1, 2} of type set"),
        ((i for i in range(5)), TypeError, FORMS + ".*generator"),
        (object(), TypeError, FORMS),
        (pd.DataFrame(np.eye(5)), TypeError, FORMS + "a table of type DataFrame"),
        (pl.DataFrame({"a": [1]}), TypeError, FORMS + "a table of type DataFrame"),
        (lambda _: len, TypeError, "groups: the callable returned another callable"),
        (lambda _: "auto", TypeError, FORMS + "'auto'"),
        # block length
        (2, ValueError, r"groups=2 .*2 does not divide n_features=5.*np\.arange\(5\)"),
        (6, ValueError, "6 does not divide n_features=5"),
        (0, ValueError, "groups=0: a block length must be at least 1"),
        (-1, ValueError, "groups=-1"),
        # labels
        (["a", "b"], ValueError, "groups: 2 labels for 5 features"),
        (["a"], ValueError, "groups: 1 label for 5 features"),
        ([2, 3], ValueError, r"2 labels for 5 features.*np\.repeat\(np\.arange\(2\), "),
        (np.array([2, 3]), ValueError, r"np\.repeat\(np\.arange\(2\), sizes\)"),
        (np.eye(5), ValueError, r"shape \(n_features,\), got a ndarray of shape \(5, "),
        (np.array(3), ValueError, r"got a ndarray of shape \(\)"),
        ([0, 1, [2], 3, 4], TypeError, r"element 0 is 0 but element 2 is \[2\]"),
        ([[0, 1], [2], 3, 4], TypeError, r"element 0 is \[0, 1\] but element 2 is 3"),
        ([[0, 1], "bp"], TypeError, "element 1 is 'bp'"),
        (
            np.array([[0, 1], [2, 3, 4]], dtype=object),
            TypeError,
            r"label at position 0, \[0, 1\], is not hashable.*\.tolist\(\)",
        ),
        (pd.Series(LABELS, index=list("abcde")), ValueError, r"'a', .*\.reindex\(X\.c"),
        (pd.Series(LABELS, index=[*NAMES[:4], "bpp"]), ValueError, r"mean 'bp'\?"),
        (pd.Series(LABELS, index=[*NAMES[:4], "age"]), ValueError, "does not match"),
        (pd.Series(LABELS[:4], index=NAMES[:4]), ValueError, r"length 4\).*not match"),
        (
            pd.Series(LABELS, index=[4, 3, 2, 1, 0]),
            ValueError,
            r"another order.*\.sort",
        ),
        # lists and dicts of members
        ([], ValueError, "groups is an empty list"),
        ({}, ValueError, "groups is an empty dict"),
        ([re.compile("a")] * 5, TypeError, "list of regular expressions; pass a dict"),
        ([[0, 1, 2], [], [3, 4], ()], ValueError, "no features in groups 1, 3; leave"),
        ({"a": [0, 1, 2], "b": np.zeros(5, bool)}, ValueError, "features in group 'b'"),
        ({"a": slice(3, 3)}, ValueError, "no features in group 'a'"),
        ({"a": range(0)}, ValueError, "no features in group 'a'"),
        ([[0, 5]], ValueError, "group 0 has index 5, but X has 5 features, counted fr"),
        ({"a": [0, 9, 8]}, ValueError, "group 'a' has indices 9, 8, but"),
        ({"a": [9], "b": [8]}, ValueError, "groups 'a', 'b' have indices 9, 8, but"),
        ({"a": list(range(20))}, ValueError, "indices 5, 6, 7, 8, 9 and 10 more, but"),
        ({"a": 7}, ValueError, "group 'a' has index 7"),
        ([[0, -1]], ValueError, "group 0 has index -1, .*negative indices are not tak"),
        ([[0, -1.0]], ValueError, r"group 0 has index -1\.0, .*negative"),
        ([[0, 2**70]], ValueError, f"group 0 has index {2**70}"),
        ([np.array([2**63], dtype=np.uint64)], ValueError, f"has index {2**63}"),
        ([range(10**12)], ValueError, "group 0 has index 999999999999"),
        ([range(3, -2, -1)], ValueError, "group 0 has index -1"),
        (
            [slice(0, 6)],
            ValueError,
            r"group 0 is slice\(0, 6, None\), .*not fit 5 feat",
        ),
        ([slice(-6, 2)], ValueError, "group 0 is slice"),
        ([slice(0, 5, 0)], ValueError, "group 0 is slice"),
        ([slice("age", "bmi")], TypeError, "slices go by integer positions; for a run"),
        ([slice(0.0, 2)], TypeError, "slices go by integer positions"),
        ([slice(False, 2)], TypeError, "slices go by integer positions"),
        ([[0, 1.5]], ValueError, r"group 0 has 1\.5; feature indices must be integers"),
        ([np.array([0, np.nan])], ValueError, "group 0 has nan"),
        ([[0, True]], TypeError, r"group 0 mixes booleans and indices \(0, True\)"),
        ([[0, "age"]], TypeError, "group 0 mixes column names and indices"),
        ([[None]], TypeError, "group 0 holds NoneType objects"),
        ([{True, False}], TypeError, "group 0 holds booleans"),
        ([[[0, 1], [2]]], TypeError, "group 0 holds list objects"),
        ([("a", [0, 1])], TypeError, "group 0 mixes column names and list objects"),
        ([{"a": 0}], TypeError, "group 0 is a dict"),
        ({"a": {"b": 0}}, TypeError, "group 'a' is a dict"),
        ({"a": None}, TypeError, "group 'a' is a NoneType, None; give its members as"),
        ({"a": True}, TypeError, "group 'a' is a bool"),
        ({"a": 1.0}, TypeError, "group 'a' is a float"),
        ({"a": b"age"}, TypeError, "group 'a' is a bytes"),
        ({"a": len}, TypeError, "group 'a' is a builtin_function_or_method"),
        ([np.eye(5, dtype=int)], ValueError, r"group 0 is a ndarray of shape \(5, 5\)"),
        ({"a": np.array(1)}, ValueError, r"group 'a' is a ndarray of shape \(\)"),
        ({"a": pd.DataFrame({"b": [0]})}, ValueError, "group 'a' is a DataFrame"),
        ([[True, False]], ValueError, "boolean mask of length 2, but X has 5 features"),
        (
            [pd.Series([True] * 5, index=list("abcde"))],
            ValueError,
            "group 0: the index",
        ),
        ([[0, 1, 0]], ValueError, "group 0 has the same feature more than once: 'age'"),
        ({"a": ["bp", "bp"]}, ValueError, "group 'a' has the same .* once: 'bp'; name"),
        ([["age", "bmy"]], ValueError, r"group 0 has 'bmy', not among.*mean 'bmi'\?"),
        ([["AGE"]], ValueError, r"Did you mean 'age'\?"),
        ([["income"]], ValueError, r"'income', not among .*'age', 'sex_f'.*\)\.$"),
        (
            {"a": "inc.*"},
            ValueError,
            r"group 'a' has 'inc\.\*'.*matches no column \('a",
        ),
        ({"a": "bmy"}, ValueError, r"Did you mean 'bmi'\?"),
        ({"a": re.compile("^z")}, ValueError, "has '.z', which as a regular expressi"),
        (
            {"a": "sex[_"},
            ValueError,
            r"group 'a' has the pattern 'sex\[_', which is no",
        ),
        ({"a": re.compile(b"z")}, ValueError, "group 'a' has the pattern b'z'"),
        # all groups together
        ({"a": [0, 1, 2], "b": [2, 3, 4]}, ValueError, "'sex_m' is in groups 'a', 'b'"),
        ([range(5), range(5)], ValueError, "'age' is in groups 0, 1; .*Keep each fea"),
        ({"a": [1, 2]}, ValueError, "features in no group: 'age', 'bmi', 'bp'"),
        ({"a": [1, 2]}, ValueError, 'remainder="singletons".*remainder="unpenalized"'),
        (make_layout(2, 4), ValueError, "GroupLayout of 4 features, but X has 5"),
    ],
)
def test_wrong_groups(groups, error, message):
    with pytest.raises(error, match=message) as caught:
        layout_of(groups)
    assert str(caught.value).startswith("groups")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("group", ["age", "sex_.*", re.compile("sex"), ["age"]])
def test_column_names_without_feature_names(group):
    message = "group 'a' needs column names, but X has no feature names; pass a DataFr"
    with pytest.raises(ValueError, match=message):
        make_layout({"a": group}, 5)


def test_long_listings_are_cut():
    message = "features in no group: 10, 11, 12, 13, 14 and 85 more"
    with pytest.raises(ValueError, match=message):
        make_layout([range(10)], 100)
    with pytest.raises(ValueError, match=r"feature 4 is in groups 0, 1 and 5 more\."):
        make_layout([range(10), range(10)], 10)


def test_remainder_names_that_are_taken():
    with pytest.raises(ValueError, match="name 'unpenalized', which is taken; rename"):
        make_layout({"unpenalized": [0]}, 2, remainder="unpenalized")
    groups = {1: [0], "1 (feature)": [2]}
    with pytest.raises(ValueError, match=r"name '1 \(feature\)', which is taken"):
        make_layout(groups, 3, remainder="singletons")


@pytest.mark.parametrize("remainder", [None, "raise", 1, ["error"]])
def test_wrong_remainder(remainder):
    with pytest.raises(ValueError, match="remainder must be one of 'error', 'single"):
        make_layout(1, 2, remainder=remainder)


def test_wrong_features():
    with pytest.raises(ValueError, match="n_features must be at least 1, got 0"):
        make_layout(None, 0)
    with pytest.raises(TypeError, match=r"n_features must be an int, got 2\.0"):
        make_layout(None, 2.0)
    with pytest.raises(ValueError, match="feature_names has 1 names, but X has 2 feat"):
        make_layout(None, 2, feature_names=["a"])
    with pytest.raises(TypeError, match="feature_names must be strings, got 1"):
        make_layout(None, 2, feature_names=["a", 1])


def test_repeated_column_names():
    names = ["a", "b", "a"]
    with pytest.raises(ValueError, match="asks for 'a', but X has several columns"):
        make_layout([["a", "b"]], 3, feature_names=names)
    with pytest.raises(ValueError, match="several columns named 'a'"):
        make_layout(None, 3, feature_names=names)
    layout = make_layout({"g": "[a]+", "b": "b"}, 3, feature_names=["aa", "b", "aaa"])
    assert as_dict(layout) == {"g": [0, 2], "b": [1]}
    series = pd.Series(["u", "v", "u"], index=names)
    layout = make_layout(series, 3, feature_names=names)
    assert as_dict(layout) == {"u": [0, 2], "v": [1]}


# --- the layout -----------------------------------------------------------------------


def test_layout_fields():
    layout = make_layout(LABELS, 5)
    assert layout.n_groups == 3
    assert layout.n_features == 5
    assert layout.ptr.tolist() == [0, 2, 4, 5]
    assert layout.indices.tolist() == [1, 4, 0, 2, 3]
    assert layout.sizes.tolist() == [2, 2, 1]
    assert (layout.ptr.dtype, layout.indices.dtype) == (np.intp, np.intp)
    assert layout.weights.dtype == np.float64
    assert not layout.is_overlapping
    assert not layout.is_contiguous
    assert make_layout([0, 0, 1], 3).is_contiguous
    assert not make_layout([0, 1, 0], 3).is_contiguous


def test_layout_is_immutable():
    layout = make_layout(LABELS, 5)
    for array in (layout.ptr, layout.indices, layout.weights, layout.sizes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(AttributeError):
        layout.n_features = 3
    layout.feature_groups()[0][:] = 0  # copies: the user's to change
    assert layout.indices.tolist() == [1, 4, 0, 2, 3]


def test_layout_copies_what_it_is_given():
    weights = np.array([1.0, 2.0, 3.0])
    layout = make_layout(LABELS, 5, weights=weights)
    weights[:] = 7
    assert layout.weights.tolist() == [1, 2, 3]
    assert weights.flags.writeable


def test_inputs_are_not_modified():
    groups = {"a": [3, 0], "b": np.array([2, 1])}
    before = copy.deepcopy(groups)
    make_layout(groups, 4)
    assert groups["a"] == before["a"]
    assert_array_equal(groups["b"], before["b"])


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["b", "a"], "U"),
        ([5, 2], "i"),
        ([2**70, 1], "O"),
        (["a", 1], "O"),
        ([True, False], "O"),
        ([0.5, 1.5], "O"),
    ],
)
def test_names_array(labels, kind):
    layout = make_layout(labels, 2)
    names = layout.names_array()
    assert names.shape == (2,)
    assert names.dtype.kind == kind
    assert tuple(names.tolist()) == layout.names


def test_repr_is_short():
    layout = make_layout([f"pathway {i}" for i in range(1000)], 1000)
    assert len(repr(layout)) < 200
    assert repr(layout).startswith("GroupLayout(1000 groups of 1, 1000 features")
    assert "overlapping groups of 1 to 2" in repr(
        make_layout([[0, 1], [1]], 2, overlap=True)
    )


@pytest.mark.parametrize("duplicate", [copy.deepcopy, copy.copy])
def test_copies_stay_read_only(duplicate):
    layout = duplicate(make_layout(LABELS, 5))
    assert not layout.indices.flags.writeable
    assert as_dict(layout) == as_dict(make_layout(LABELS, 5))


def test_layout_without_groups():
    layout = GroupLayout(3, [0], [], [], [])
    assert layout.n_groups == 0
    assert layout.feature_groups() == []
    assert layout.names_array().shape == (0,)
    assert layout.norms(np.ones(3)).shape == (0,)
    assert "0 groups" in repr(layout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((3, [0, 2], [0, 1], [1.0], ["a", "b"]), "2 names need ptr of shape"),
        ((3, [0, 2], [0, 1], [1.0, 1.0], ["a"]), r"weights of shape \(1,\)"),
        ((3, [1, 2], [0, 1], [1.0], ["a"]), "ptr must start at 0"),
        ((3, [0, 2, 2], [0, 1], [1.0, 1.0], ["a", "b"]), "increase strictly"),
        ((3, [0, 3], [0, 1], [1.0], ["a"]), "end at the length of indices"),
        ((3, [0, 2], [0, 3], [1.0], ["a"]), "indices must be from 0 to 2"),
        ((3, [0, 2], [-1, 0], [1.0], ["a"]), "indices must be from 0 to 2"),
        ((3, [0, 2], [1, 0], [1.0], ["a"]), "ascend strictly"),
        ((3, [0, 2], [1, 1], [1.0], ["a"]), "ascend strictly"),
        ((3, [0, 2], [0, 1], [-1.0], ["a"]), "not negative"),
        ((3, [0, 2], [0, 1], [np.nan], ["a"]), "finite"),
        ((3, [0, 1, 2], [0, 1], [1.0, 1.0], ["a", "a"]), "names must all be different"),
    ],
)
def test_layout_refuses_parts_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        GroupLayout(*arguments)


# --- norms ----------------------------------------------------------------------------


def test_norms_of_known_answers():
    layout = make_layout([[0, 2], [1]], 3)
    assert layout.norms([3, -2, 4]).tolist() == [5, 2]
    assert layout.norms([[3, 0, 0], [0, 2, 4]]).tolist() == [5, 2]
    assert layout.norms(np.zeros(3)).tolist() == [0, 0]
    assert layout.norms(np.zeros((0, 3))).tolist() == [0, 0]


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1.0, 1e200, 1e307])
def test_norms_neither_overflow_nor_underflow(scale):
    layout = make_layout([[0, 2], [1]], 3)
    with np.errstate(all="raise", under="ignore"):
        norms = layout.norms(np.array([3, 2, 4]) * scale)
    assert_allclose(norms, np.array([5, 2]) * scale, rtol=1e-3 if scale < 1e-300 else 0)


def test_norms_scale_each_group_by_itself():
    layout = make_layout([[0, 1], [2, 3]], 4)
    with np.errstate(all="raise"):
        norms = layout.norms([3e200, 4e200, 3e-200, 4e-200])
        mixed = layout.norms([1e200, 1e-200, 0, 5e-324])
    assert_allclose(norms, [5e200, 5e-200])
    assert mixed.tolist() == [1e200, 5e-324]


def test_norms_of_non_finite_coefficients():
    layout = make_layout([[0, 1], [2, 3]], 4)
    norms = layout.norms([np.inf, 1e200, 1.0, np.nan])
    assert norms[0] == np.inf
    assert np.isnan(norms[1])


@pytest.mark.parametrize("shape", [(4,), (2, 4), (3, 1), (1, 1, 3), ()])
def test_norms_of_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"coef must be of shape \(3,\) or"):
        make_layout(3, 3).norms(np.ones(shape))


# --- properties -----------------------------------------------------------------------

labels_strategy = st.one_of(
    st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    st.lists(st.text(max_size=2), min_size=1, max_size=30),
    st.lists(st.sampled_from(["a", "b", 1, 2, (1,)]), min_size=1, max_size=30).map(
        lambda labels: np.fromiter(labels, dtype=object, count=len(labels))
    ),
)


@given(labels_strategy)
def test_all_forms_say_the_same(labels):
    n = len(labels)
    names = [f"feature {i}" for i in range(n)]
    expected = make_layout(labels, n)
    by_label = {}
    for i, label in enumerate(labels):
        by_label.setdefault(label, []).append(i)
    assert as_dict(expected) == by_label

    ordered = {name: by_label[name] for name in expected.names}
    forms = {
        "dict": ordered,
        "dict of names": {k: [names[i] for i in v] for k, v in ordered.items()},
        "dict of arrays": {k: np.array(v[::-1]) for k, v in ordered.items()},
        "dict of masks": {k: np.isin(np.arange(n), v) for k, v in ordered.items()},
        "callable": lambda _: labels,
        "layout": expected,
    }
    for form, groups in forms.items():
        layout = make_layout(groups, n, feature_names=names)
        assert parts(layout) == parts(expected), form
        assert layout.names == expected.names

    as_list = make_layout(list(ordered.values()), n)
    assert members(as_list) == members(expected)
    assert as_list.names == tuple(range(expected.n_groups))
    assert_array_equal(as_list.weights, expected.weights)


@given(labels_strategy)
def test_layout_invariants(labels):
    layout = make_layout(labels, len(labels))
    assert_array_equal(np.sort(layout.indices), np.arange(len(labels)))
    assert_array_equal(layout.sizes, [len(group) for group in layout.feature_groups()])
    assert_allclose(layout.weights**2, layout.sizes)
    assert all((np.diff(group) > 0).all() for group in layout.feature_groups())


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.randoms())
def test_permuted_features(labels, random):
    n = len(labels)
    order = random.sample(range(n), n)
    coef = np.array([random.gauss(0, 1) for _ in range(n)])
    layout = make_layout(labels, n)
    permuted = make_layout([labels[i] for i in order], n)
    assert permuted.names == layout.names
    assert_array_equal(permuted.weights, layout.weights)
    for group, moved in zip(
        layout.feature_groups(), permuted.feature_groups(), strict=True
    ):
        assert sorted(order[i] for i in moved) == group.tolist()
    assert_allclose(permuted.norms(coef[order]), layout.norms(coef))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.randoms())
def test_permuted_series_is_aligned(labels, random):
    names = [f"f{i}" for i in range(len(labels))]
    series = pd.Series(labels, index=names)
    shuffled = series.loc[random.sample(names, len(names))]
    layout = make_layout(shuffled, len(labels), feature_names=names)
    assert parts(layout) == parts(make_layout(labels, len(labels)))


@given(labels_strategy)
def test_pickle_round_trip(labels):
    layout = make_layout(labels, len(labels), remainder="unpenalized")
    again = pickle.loads(pickle.dumps(layout))
    assert again.names == layout.names
    assert parts(again) == parts(layout)
    for name in ("ptr", "indices", "weights"):
        assert not getattr(again, name).flags.writeable
        assert getattr(again, name).dtype == getattr(layout, name).dtype


@given(
    st.lists(
        st.sets(st.integers(0, 9), min_size=1, max_size=5), min_size=1, max_size=8
    ),
    st.sampled_from(["singletons", "unpenalized"]),
)
def test_overlapping_groups_and_a_remainder_cover_all(groups, remainder):
    layout = make_layout(groups, 10, overlap=True, remainder=remainder)
    assert [set(group) for group in members(layout)[: len(groups)]] == groups
    covered = set().union(*groups)
    rest = [i for group in members(layout)[len(groups) :] for i in group]
    assert rest == [i for i in range(10) if i not in covered]
    assert layout.is_overlapping == (sum(map(len, groups)) > len(covered))


@given(
    st.lists(st.floats(-1e150, 1e150, allow_subnormal=False), min_size=1, max_size=20),
    st.integers(1, 5),
)
def test_norms_equal_naive_norms(values, n_groups):
    layout = make_layout(np.arange(len(values)) % n_groups, len(values))
    coef = np.array(values)
    coef[np.abs(coef) < 1e-150] = 0  # whose squares the naive norm would lose
    for shape in (coef, np.stack([coef, 2 * coef])):
        naive = [np.sqrt((shape[..., g] ** 2).sum()) for g in layout.feature_groups()]
        assert_allclose(layout.norms(shape), naive, rtol=1e-12)


# --- the room -------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(f"skstruct.groups.{name}")
    assert doctest.testmod(module).failed == 0


def test_only_numpy_is_imported():
    code = (
        "import sys, skstruct.groups; "
        "print([m for m in ('pandas', 'polars', 'scipy', 'sklearn', 'numba') "
        "if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
