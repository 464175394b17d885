"""What fitted models say: tables, importances, and pictures.

Only pictures need matplotlib, which loads when something is drawn.
"""

from skstruct.inspection.deviance_share import group_deviance_share
from skstruct.inspection.group_cv import GroupCVDisplay
from skstruct.inspection.group_importance import GroupImportanceDisplay
from skstruct.inspection.group_map import GroupMapDisplay
from skstruct.inspection.group_path import GroupPathDisplay
from skstruct.inspection.group_stability import GroupStabilityDisplay
from skstruct.inspection.permutation_importance import group_permutation_importance
from skstruct.inspection.pruning import PruningDisplay
from skstruct.inspection.sensitivity import SensitivityDisplay
from skstruct.inspection.tables import groups_to_frame

__all__ = [
    "GroupCVDisplay",
    "GroupImportanceDisplay",
    "GroupMapDisplay",
    "GroupPathDisplay",
    "GroupStabilityDisplay",
    "PruningDisplay",
    "SensitivityDisplay",
    "group_deviance_share",
    "group_permutation_importance",
    "groups_to_frame",
]
