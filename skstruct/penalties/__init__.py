"""Penalties, one file each; the registry says which there are.

Adding one is a new file with its class and struct, and a line here: the tests take
their cases from the registry.
"""

from skstruct.penalties.base import Penalty
from skstruct.penalties.concave import GroupMCP, GroupSCAD
from skstruct.penalties.exclusive_l1 import ExclusiveL1
from skstruct.penalties.group_elastic_net import GroupElasticNet
from skstruct.penalties.group_l2 import GroupL2, LatentOverlap
from skstruct.penalties.group_linf import GroupLinf
from skstruct.penalties.group_slope import GroupSLOPE
from skstruct.penalties.intersection_overlap import IntersectionOverlap
from skstruct.penalties.l1 import L1, ElasticNet
from skstruct.penalties.separable_sum import SeparableSum
from skstruct.penalties.sparse_group_l2 import SparseGroupL2
from skstruct.penalties.squared_l2 import SquaredL2
from skstruct.penalties.tree_group_l2 import TreeGroupL2

#: Name -> class and example parameters on which the tests run; groups are 0, 1, ...
PENALTIES = {
    "group_l2": (GroupL2, [{}, {"positive": True}]),
    "sparse_group_l2": (
        SparseGroupL2,
        [{}, {"l1_ratio": 0.6, "positive": True}, {"l1_ratio": 0}, {"l1_ratio": 1}],
    ),
    "group_elastic_net": (
        GroupElasticNet,
        [{}, {"l1_ratio": 0.9, "positive": True}, {"l1_ratio": 1}],
    ),
    "l1": (L1, [{}, {"positive": True}]),
    "elastic_net": (ElasticNet, [{}, {"l1_ratio": 0.2, "positive": True}]),
    "group_mcp": (GroupMCP, [{}, {"gamma": 1.2}, {"positive": True}]),
    "group_scad": (GroupSCAD, [{}, {"gamma": 2.1}, {"positive": True}]),
    "group_linf": (GroupLinf, [{}, {"positive": True}]),
    "exclusive_l1": (ExclusiveL1, [{}, {"positive": True}]),
    "squared_l2": (SquaredL2, [{}, {"positive": True}]),
    "latent_overlap": (LatentOverlap, [{}, {"positive": True}]),
    "intersection_overlap": (IntersectionOverlap, [{}, {"positive": True}]),
    "tree_group_l2": (TreeGroupL2, [{}, {"positive": True}]),
    "group_slope": (GroupSLOPE, [{}, {"q": 0.3, "positive": True}]),
    "separable_sum": (
        SeparableSum,
        [
            {
                "penalties": {"default": GroupL2(), "own": SparseGroupL2()},
                "assignment": {0: "own"},
            },
            {
                "penalties": {"default": GroupElasticNet(), "own": GroupMCP()},
                "assignment": {0: "own"},
            },
        ],
    ),
}

__all__ = [
    "L1",
    "PENALTIES",
    "ElasticNet",
    "ExclusiveL1",
    "GroupElasticNet",
    "GroupL2",
    "GroupLinf",
    "GroupMCP",
    "GroupSCAD",
    "GroupSLOPE",
    "IntersectionOverlap",
    "LatentOverlap",
    "Penalty",
    "SeparableSum",
    "SparseGroupL2",
    "SquaredL2",
    "TreeGroupL2",
]
