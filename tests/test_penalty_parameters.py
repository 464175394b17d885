"""Parameters of penalties: bad values, and those of penalties inside of others."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from penalty_cases import layout_of
from skstruct.groups import make_layout
from skstruct.penalties import (
    L1,
    ElasticNet,
    GroupElasticNet,
    GroupL2,
    GroupMCP,
    GroupSCAD,
    LatentOverlap,
    SeparableSum,
    SparseGroupL2,
)
from skstruct.penalties.coupled import CoupledPenalty

LAYOUT = make_layout(["age", "age", "sex", "site"], 4)


@pytest.mark.parametrize(
    ("penalty", "message"),
    [
        (SparseGroupL2(l1_ratio=-0.1), "SparseGroupL2 must be from 0 to 1, got -0.1"),
        (SparseGroupL2(l1_ratio="a"), "l1_ratio of SparseGroupL2 .* got 'a'"),
        (SparseGroupL2(l1_ratio=np.nan), "got nan"),
        (GroupElasticNet(l1_ratio=0), "above 0 and at most 1, got 0"),
        (ElasticNet(l1_ratio=1.5), "l1_ratio of ElasticNet .* got 1.5"),
        (GroupMCP(gamma=1), "gamma of GroupMCP must be finite and above 1, got 1"),
        (GroupMCP(gamma=np.inf), "use GroupL2"),
        (GroupSCAD(gamma=2.0), "gamma of GroupSCAD must be finite and above 2"),
        (SeparableSum([GroupMCP(gamma=0.5)], [0, 0, 0]), "above 1, got 0.5"),
    ],
)
def test_bad_parameters_are_refused_when_used(penalty, message):
    clone(penalty)
    with pytest.raises(ValueError, match=message):
        penalty.resolve(LAYOUT)
    if not isinstance(penalty, SeparableSum):
        with pytest.raises(ValueError, match=message):
            penalty.bind([1.0], 1.0)


TWO = {"a": GroupL2(), "b": L1()}


@pytest.mark.parametrize(
    ("penalties", "assignment", "message"),
    [
        ({}, ["a"] * 3, "must be a dict from names to penalties, or a list"),
        (GroupL2(), ["a"] * 3, "must be a dict from names to penalties, or a list"),
        ({"a": "GroupL2"}, ["a"] * 3, r"penalties\['a'\] .* must be a penalty such as"),
        ({"a": CoupledPenalty()}, ["a"] * 3, r"penalties\['a'\] .* couples groups"),
        ({"a": SeparableSum(TWO, [])}, ["a"] * 3, "is a sum itself"),
        ({"a": L1(), "b": L1(positive=True)}, ["a"] * 3, "differ in `positive`"),
        ({"a": L1(), "b": LatentOverlap()}, ["a"] * 3, "differ in `overlap`"),
        ({"penalties": L1()}, ["penalties"] * 3, "must not be named 'penalties'"),
        (TWO, ["a", "b"], "2 entries, but there are 3 groups: .'age', 'sex', 'site'"),
        (TWO, ["a", "b", "c"], r"has the names \['c'\], .* are named \['a', 'b'\]"),
        (TWO, "aba", "must be a dict from group names"),
        (TWO, {"age": "a", "sax": "b"}, r"has groups \['sax'\], which do not exist"),
        (TWO, {"age": "a", "sex": "b"}, r"leaves out groups \['site'\]. Add them"),
    ],
)
def test_sums_that_do_not_fit_are_refused(penalties, assignment, message):
    with pytest.raises(ValueError, match=message):
        SeparableSum(penalties, assignment).resolve(LAYOUT)


@pytest.mark.parametrize(
    ("penalties", "assignment"),
    [
        ({"l2": GroupL2(), "l1": L1()}, ["l2", "l1", "l1"]),
        ([GroupL2(), L1()], np.array([0, 1, 1])),
        ((L1(), GroupL2()), {"age": 1, "sex": 0, "site": 0}),
        ({"default": L1(), "l2": GroupL2()}, {"age": "l2"}),
    ],
)
def test_ways_to_assign_penalties(penalties, assignment):
    penalty = SeparableSum(penalties, assignment).resolve(LAYOUT)
    coef = np.array([[3.0, 0], [0, 4.0], [1.0, 1.0], [1.0, 2.0]])
    assert_allclose(penalty.values(coef, LAYOUT.ptr, np.ones(3)), [5, 2, 3])


def test_parameters_of_members_are_reached():
    penalty = SeparableSum({"a": GroupMCP(), "b": L1()}, {0: "a", 1: "b"})
    assert penalty.get_params()["a__gamma"] == 3.0
    assert set(penalty.get_params(deep=False)) == {"penalties", "assignment"}
    other = clone(penalty).set_params(a__gamma=7.0, b=GroupSCAD(), b__gamma=5.0)
    assert other.penalties["a"].gamma == 7.0
    assert other.penalties["b"].gamma == 5.0
    assert penalty.penalties["a"].gamma == 3.0
    assert type(penalty.penalties["b"]) is L1
    listed = SeparableSum([GroupMCP(), L1()], [0, 1])
    listed.set_params(**{"0__gamma": 4.0, "1": GroupSCAD()})
    assert listed.penalties[0].gamma == 4.0
    assert type(listed.penalties[1]) is GroupSCAD
    with pytest.raises(ValueError, match="Invalid parameter 'c'"):
        penalty.set_params(c__gamma=1.0)


def test_sums_start_from_the_convex_penalties_of_all():
    sum_ = SeparableSum([GroupMCP(positive=True), L1(positive=True)], [0, 1])
    for start in (sum_.convex_start(), sum_.resolve(layout_of([2, 1])).convex_start()):
        kinds = [type(member) for member in start._members()]
        assert kinds == [GroupL2, L1]
        assert start.positive
