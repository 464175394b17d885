"""Linear models with a penalty on groups of coefficients."""

from skstruct.linear_model.block_coordinate_descent import (
    BlockCoordinateDescentClassifier,
    BlockCoordinateDescentRegressor,
)
from skstruct.linear_model.certify import duality_gap
from skstruct.linear_model.group_lasso import GroupLasso, GroupLassoClassifier
from skstruct.linear_model.overlapping_group_lasso import (
    OverlappingGroupLasso,
    OverlappingGroupLassoClassifier,
)
from skstruct.linear_model.paths import (
    GroupPath,
    group_lasso_path,
    overlapping_group_lasso_path,
    sparse_group_lasso_path,
)
from skstruct.linear_model.sparse_group_lasso import (
    SparseGroupLasso,
    SparseGroupLassoClassifier,
)
from skstruct.linear_model.subset_selection import GroupSubsetSelection

__all__ = [
    "BlockCoordinateDescentClassifier",
    "BlockCoordinateDescentRegressor",
    "GroupLasso",
    "GroupLassoClassifier",
    "GroupPath",
    "GroupSubsetSelection",
    "OverlappingGroupLasso",
    "OverlappingGroupLassoClassifier",
    "SparseGroupLasso",
    "SparseGroupLassoClassifier",
    "duality_gap",
    "group_lasso_path",
    "overlapping_group_lasso_path",
    "sparse_group_lasso_path",
]
