"""Learning with structured sparsity, the scikit-learn way.

Public names are imported on first use, so that ``import skstruct`` itself stays
light: it loads neither numba nor matplotlib nor pandas.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see
    from skstruct.decomposition import GroupSparseCoder as GroupSparseCoder
    from skstruct.decomposition import (
        MiniBatchStructuredDictionaryLearning as MiniBatchStructuredDictionaryLearning,
    )
    from skstruct.decomposition import (
        StructuredDictionaryLearning as StructuredDictionaryLearning,
    )
    from skstruct.inspection import GroupCVDisplay as GroupCVDisplay
    from skstruct.inspection import GroupImportanceDisplay as GroupImportanceDisplay
    from skstruct.inspection import GroupMapDisplay as GroupMapDisplay
    from skstruct.inspection import GroupPathDisplay as GroupPathDisplay
    from skstruct.inspection import GroupStabilityDisplay as GroupStabilityDisplay
    from skstruct.inspection import PruningDisplay as PruningDisplay
    from skstruct.inspection import SensitivityDisplay as SensitivityDisplay
    from skstruct.inspection import group_deviance_share as group_deviance_share
    from skstruct.inspection import (
        group_permutation_importance as group_permutation_importance,
    )
    from skstruct.inspection import groups_to_frame as groups_to_frame
    from skstruct.linear_model import (
        BlockCoordinateDescentClassifier as BlockCoordinateDescentClassifier,
    )
    from skstruct.linear_model import (
        BlockCoordinateDescentRegressor as BlockCoordinateDescentRegressor,
    )
    from skstruct.linear_model import GroupLasso as GroupLasso
    from skstruct.linear_model import GroupLassoClassifier as GroupLassoClassifier
    from skstruct.linear_model import GroupSubsetSelection as GroupSubsetSelection
    from skstruct.linear_model import OverlappingGroupLasso as OverlappingGroupLasso
    from skstruct.linear_model import (
        OverlappingGroupLassoClassifier as OverlappingGroupLassoClassifier,
    )
    from skstruct.linear_model import SparseGroupLasso as SparseGroupLasso
    from skstruct.linear_model import (
        SparseGroupLassoClassifier as SparseGroupLassoClassifier,
    )
    from skstruct.linear_model import duality_gap as duality_gap
    from skstruct.linear_model import group_lasso_path as group_lasso_path
    from skstruct.linear_model import (
        overlapping_group_lasso_path as overlapping_group_lasso_path,
    )
    from skstruct.linear_model import sparse_group_lasso_path as sparse_group_lasso_path
    from skstruct.losses import GammaLoss as GammaLoss
    from skstruct.losses import HuberLoss as HuberLoss
    from skstruct.losses import LogisticLoss as LogisticLoss
    from skstruct.losses import MultinomialLoss as MultinomialLoss
    from skstruct.losses import PoissonLoss as PoissonLoss
    from skstruct.losses import QuantileLoss as QuantileLoss
    from skstruct.losses import SquaredError as SquaredError
    from skstruct.losses import TweedieLoss as TweedieLoss
    from skstruct.model_selection import GroupKnockoffSelector as GroupKnockoffSelector
    from skstruct.model_selection import (
        GroupLassoClassifierCV as GroupLassoClassifierCV,
    )
    from skstruct.model_selection import (
        GroupLassoClassifierIC as GroupLassoClassifierIC,
    )
    from skstruct.model_selection import GroupLassoCV as GroupLassoCV
    from skstruct.model_selection import GroupLassoIC as GroupLassoIC
    from skstruct.model_selection import GroupSelector as GroupSelector
    from skstruct.model_selection import (
        GroupStabilitySelection as GroupStabilitySelection,
    )
    from skstruct.model_selection import (
        GroupSubsetSelectionCV as GroupSubsetSelectionCV,
    )
    from skstruct.model_selection import (
        GroupSubsetSelectionIC as GroupSubsetSelectionIC,
    )
    from skstruct.model_selection import MLPPrunerCV as MLPPrunerCV
    from skstruct.model_selection import (
        OverlappingGroupLassoClassifierCV as OverlappingGroupLassoClassifierCV,
    )
    from skstruct.model_selection import (
        OverlappingGroupLassoClassifierIC as OverlappingGroupLassoClassifierIC,
    )
    from skstruct.model_selection import (
        OverlappingGroupLassoCV as OverlappingGroupLassoCV,
    )
    from skstruct.model_selection import (
        OverlappingGroupLassoIC as OverlappingGroupLassoIC,
    )
    from skstruct.model_selection import (
        SparseGroupLassoClassifierCV as SparseGroupLassoClassifierCV,
    )
    from skstruct.model_selection import (
        SparseGroupLassoClassifierIC as SparseGroupLassoClassifierIC,
    )
    from skstruct.model_selection import SparseGroupLassoCV as SparseGroupLassoCV
    from skstruct.model_selection import SparseGroupLassoIC as SparseGroupLassoIC
    from skstruct.penalties import L1 as L1
    from skstruct.penalties import ElasticNet as ElasticNet
    from skstruct.penalties import ExclusiveL1 as ExclusiveL1
    from skstruct.penalties import GroupElasticNet as GroupElasticNet
    from skstruct.penalties import GroupL2 as GroupL2
    from skstruct.penalties import GroupLinf as GroupLinf
    from skstruct.penalties import GroupMCP as GroupMCP
    from skstruct.penalties import GroupSCAD as GroupSCAD
    from skstruct.penalties import GroupSLOPE as GroupSLOPE
    from skstruct.penalties import IntersectionOverlap as IntersectionOverlap
    from skstruct.penalties import LatentOverlap as LatentOverlap
    from skstruct.penalties import SeparableSum as SeparableSum
    from skstruct.penalties import SparseGroupL2 as SparseGroupL2
    from skstruct.penalties import SquaredL2 as SquaredL2
    from skstruct.penalties import TreeGroupL2 as TreeGroupL2
    from skstruct.pipeline import GroupedPipeline as GroupedPipeline
    from skstruct.pipeline import groups_from_transformer as groups_from_transformer
    from skstruct.pipeline import make_grouped_pipeline as make_grouped_pipeline
    from skstruct.pipeline import prune_transformer as prune_transformer
    from skstruct.pipeline import required_columns as required_columns
    from skstruct.pruning import DropAndGrow as DropAndGrow
    from skstruct.pruning import GroupSparseMLPClassifier as GroupSparseMLPClassifier
    from skstruct.pruning import GroupSparseMLPRegressor as GroupSparseMLPRegressor
    from skstruct.pruning import MLPPruner as MLPPruner
    from skstruct.pruning import TorchPruner as TorchPruner
    from skstruct.pruning import UnitGroups as UnitGroups
    from skstruct.pruning import proximal_step as proximal_step
    from skstruct.pruning import removable_groups as removable_groups
    from skstruct.pruning import sensitivity_curves as sensitivity_curves
    from skstruct.pruning import sparse_mlp_path as sparse_mlp_path

__version__ = "0.1.0.dev0"

# Public name -> the module that defines it.
_PUBLIC = {
    "BlockCoordinateDescentClassifier": "skstruct.linear_model",
    "BlockCoordinateDescentRegressor": "skstruct.linear_model",
    "DropAndGrow": "skstruct.pruning",
    "ElasticNet": "skstruct.penalties",
    "ExclusiveL1": "skstruct.penalties",
    "GammaLoss": "skstruct.losses",
    "GroupCVDisplay": "skstruct.inspection",
    "GroupElasticNet": "skstruct.penalties",
    "GroupImportanceDisplay": "skstruct.inspection",
    "GroupKnockoffSelector": "skstruct.model_selection",
    "GroupL2": "skstruct.penalties",
    "GroupLasso": "skstruct.linear_model",
    "GroupLassoCV": "skstruct.model_selection",
    "GroupLassoClassifier": "skstruct.linear_model",
    "GroupLassoClassifierCV": "skstruct.model_selection",
    "GroupLassoClassifierIC": "skstruct.model_selection",
    "GroupLassoIC": "skstruct.model_selection",
    "GroupLinf": "skstruct.penalties",
    "GroupMCP": "skstruct.penalties",
    "GroupMapDisplay": "skstruct.inspection",
    "GroupPathDisplay": "skstruct.inspection",
    "GroupSCAD": "skstruct.penalties",
    "GroupSLOPE": "skstruct.penalties",
    "GroupStabilityDisplay": "skstruct.inspection",
    "GroupStabilitySelection": "skstruct.model_selection",
    "GroupSparseMLPClassifier": "skstruct.pruning",
    "GroupSparseMLPRegressor": "skstruct.pruning",
    "GroupSubsetSelection": "skstruct.linear_model",
    "GroupSubsetSelectionCV": "skstruct.model_selection",
    "GroupSubsetSelectionIC": "skstruct.model_selection",
    "GroupedPipeline": "skstruct.pipeline",
    "HuberLoss": "skstruct.losses",
    "GroupSelector": "skstruct.model_selection",
    "GroupSparseCoder": "skstruct.decomposition",
    "IntersectionOverlap": "skstruct.penalties",
    "L1": "skstruct.penalties",
    "LatentOverlap": "skstruct.penalties",
    "LogisticLoss": "skstruct.losses",
    "MLPPruner": "skstruct.pruning",
    "MLPPrunerCV": "skstruct.model_selection",
    "MiniBatchStructuredDictionaryLearning": "skstruct.decomposition",
    "MultinomialLoss": "skstruct.losses",
    "OverlappingGroupLasso": "skstruct.linear_model",
    "OverlappingGroupLassoCV": "skstruct.model_selection",
    "OverlappingGroupLassoClassifier": "skstruct.linear_model",
    "OverlappingGroupLassoClassifierCV": "skstruct.model_selection",
    "OverlappingGroupLassoClassifierIC": "skstruct.model_selection",
    "OverlappingGroupLassoIC": "skstruct.model_selection",
    "PoissonLoss": "skstruct.losses",
    "PruningDisplay": "skstruct.inspection",
    "QuantileLoss": "skstruct.losses",
    "SensitivityDisplay": "skstruct.inspection",
    "SeparableSum": "skstruct.penalties",
    "SparseGroupL2": "skstruct.penalties",
    "SparseGroupLasso": "skstruct.linear_model",
    "SparseGroupLassoCV": "skstruct.model_selection",
    "SparseGroupLassoClassifier": "skstruct.linear_model",
    "SparseGroupLassoClassifierCV": "skstruct.model_selection",
    "SparseGroupLassoClassifierIC": "skstruct.model_selection",
    "SparseGroupLassoIC": "skstruct.model_selection",
    "SquaredError": "skstruct.losses",
    "SquaredL2": "skstruct.penalties",
    "StructuredDictionaryLearning": "skstruct.decomposition",
    "TorchPruner": "skstruct.pruning",
    "TreeGroupL2": "skstruct.penalties",
    "TweedieLoss": "skstruct.losses",
    "UnitGroups": "skstruct.pruning",
    "duality_gap": "skstruct.linear_model",
    "group_deviance_share": "skstruct.inspection",
    "group_lasso_path": "skstruct.linear_model",
    "group_permutation_importance": "skstruct.inspection",
    "groups_from_transformer": "skstruct.pipeline",
    "groups_to_frame": "skstruct.inspection",
    "make_grouped_pipeline": "skstruct.pipeline",
    "overlapping_group_lasso_path": "skstruct.linear_model",
    "proximal_step": "skstruct.pruning",
    "prune_transformer": "skstruct.pipeline",
    "removable_groups": "skstruct.pruning",
    "required_columns": "skstruct.pipeline",
    "sensitivity_curves": "skstruct.pruning",
    "sparse_group_lasso_path": "skstruct.linear_model",
    "sparse_mlp_path": "skstruct.pruning",
}
_SUBMODULES = (
    "datasets",
    "decomposition",
    "groups",
    "inspection",
    "linear_model",
    "losses",
    "model_selection",
    "penalties",
    "pipeline",
    "pruning",
)

__all__ = ["__version__", *_PUBLIC, *_SUBMODULES]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
