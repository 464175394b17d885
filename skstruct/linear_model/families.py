"""Which penalty each family of estimators has, and which parameters shape it."""

from numbers import Real

from skstruct._compat import Interval, StrOptions
from skstruct.penalties import (
    GroupL2,
    IntersectionOverlap,
    LatentOverlap,
    SparseGroupL2,
    TreeGroupL2,
)

OVERLAPS = {
    "latent": LatentOverlap,
    "intersection": IntersectionOverlap,
    "tree": TreeGroupL2,
}


class GroupLassoFamily:
    """Models with the norms of disjoint groups."""

    _parameter_constraints: dict = {
        "positive": ["boolean"],
        "adaptive": [StrOptions({"ridge", "group_lasso"}), "array-like", None],
        "gamma": [Interval(Real, 0, None, closed="left")],
    }

    def _penalty(self):
        return GroupL2(positive=self.positive)


class SparseGroupLassoFamily:
    """Models with the norms of disjoint groups and the l1 norm."""

    _parameter_constraints: dict = {
        **GroupLassoFamily._parameter_constraints,
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
    }

    def _penalty(self):
        return SparseGroupL2(l1_ratio=self._l1_ratio, positive=self.positive)

    @property
    def _l1_ratio(self):
        return float(self.l1_ratio)


class OverlappingGroupLassoFamily:
    """Models with the norms of groups that may share features."""

    _parameter_constraints: dict = {
        **GroupLassoFamily._parameter_constraints,
        "overlap": [StrOptions(set(OVERLAPS))],
    }

    def _penalty(self):
        return OVERLAPS[self.overlap](positive=self.positive)
