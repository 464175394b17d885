"""Choosing how strong a penalty should be."""

from skstruct.model_selection.group_lasso_cv import (
    GroupLassoClassifierCV,
    GroupLassoCV,
)
from skstruct.model_selection.group_lasso_ic import (
    GroupLassoClassifierIC,
    GroupLassoIC,
)
from skstruct.model_selection.group_subset_cv import GroupSubsetSelectionCV
from skstruct.model_selection.group_subset_ic import GroupSubsetSelectionIC
from skstruct.model_selection.overlapping_group_lasso_cv import (
    OverlappingGroupLassoClassifierCV,
    OverlappingGroupLassoCV,
)
from skstruct.model_selection.overlapping_group_lasso_ic import (
    OverlappingGroupLassoClassifierIC,
    OverlappingGroupLassoIC,
)
from skstruct.model_selection.sparse_group_lasso_cv import (
    SparseGroupLassoClassifierCV,
    SparseGroupLassoCV,
)
from skstruct.model_selection.sparse_group_lasso_ic import (
    SparseGroupLassoClassifierIC,
    SparseGroupLassoIC,
)

__all__ = [
    "GroupLassoCV",
    "GroupLassoClassifierCV",
    "GroupLassoClassifierIC",
    "GroupLassoIC",
    "GroupSubsetSelectionCV",
    "GroupSubsetSelectionIC",
    "OverlappingGroupLassoCV",
    "OverlappingGroupLassoClassifierCV",
    "OverlappingGroupLassoClassifierIC",
    "OverlappingGroupLassoIC",
    "SparseGroupLassoCV",
    "SparseGroupLassoClassifierCV",
    "SparseGroupLassoClassifierIC",
    "SparseGroupLassoIC",
]
