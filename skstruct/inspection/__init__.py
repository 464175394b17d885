"""Pictures of fitted models, with matplotlib, which loads when something is drawn."""

from skstruct.inspection.group_cv import GroupCVDisplay
from skstruct.inspection.group_importance import GroupImportanceDisplay
from skstruct.inspection.group_map import GroupMapDisplay
from skstruct.inspection.group_path import GroupPathDisplay
from skstruct.inspection.group_stability import GroupStabilityDisplay

__all__ = [
    "GroupCVDisplay",
    "GroupImportanceDisplay",
    "GroupMapDisplay",
    "GroupPathDisplay",
    "GroupStabilityDisplay",
]
