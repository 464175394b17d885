"""Choosing how strong a penalty should be, and which groups to keep."""

from skstruct.model_selection.group_knockoffs import GroupKnockoffSelector
from skstruct.model_selection.group_lasso_cv import (
    GroupLassoClassifierCV,
    GroupLassoCV,
)
from skstruct.model_selection.group_lasso_ic import (
    GroupLassoClassifierIC,
    GroupLassoIC,
)
from skstruct.model_selection.group_selector import GroupSelector
from skstruct.model_selection.group_subset_cv import GroupSubsetSelectionCV
from skstruct.model_selection.group_subset_ic import GroupSubsetSelectionIC
from skstruct.model_selection.mlp_pruner_cv import MLPPrunerCV
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
from skstruct.model_selection.stability_bounds import stability_bounds
from skstruct.model_selection.stability_selection import GroupStabilitySelection

__all__ = [
    "GroupKnockoffSelector",
    "GroupLassoCV",
    "GroupLassoClassifierCV",
    "GroupLassoClassifierIC",
    "GroupLassoIC",
    "GroupSelector",
    "GroupStabilitySelection",
    "GroupSubsetSelectionCV",
    "GroupSubsetSelectionIC",
    "MLPPrunerCV",
    "OverlappingGroupLassoCV",
    "OverlappingGroupLassoClassifierCV",
    "OverlappingGroupLassoClassifierIC",
    "OverlappingGroupLassoIC",
    "SparseGroupLassoCV",
    "SparseGroupLassoClassifierCV",
    "SparseGroupLassoClassifierIC",
    "SparseGroupLassoIC",
    "stability_bounds",
]
