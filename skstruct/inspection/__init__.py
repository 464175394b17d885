"""Pictures of fitted models, with matplotlib, which loads when something is drawn."""

from skstruct.inspection.group_cv import GroupCVDisplay
from skstruct.inspection.group_path import GroupPathDisplay
from skstruct.inspection.sensitivity import SensitivityDisplay

__all__ = ["GroupCVDisplay", "GroupPathDisplay", "SensitivityDisplay"]
