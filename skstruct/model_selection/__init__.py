"""Choosing how strong a penalty should be."""

from skstruct.model_selection.group_lasso_cv import (
    GroupLassoClassifierCV,
    GroupLassoCV,
)
from skstruct.model_selection.group_lasso_ic import (
    GroupLassoClassifierIC,
    GroupLassoIC,
)
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

__all__ = [
    "GroupLassoCV",
    "GroupLassoClassifierCV",
    "GroupLassoClassifierIC",
    "GroupLassoIC",
    "MLPPrunerCV",
    "OverlappingGroupLassoCV",
    "OverlappingGroupLassoClassifierCV",
    "OverlappingGroupLassoClassifierIC",
    "OverlappingGroupLassoIC",
    "SparseGroupLassoCV",
    "SparseGroupLassoClassifierCV",
    "SparseGroupLassoClassifierIC",
    "SparseGroupLassoIC",
]
