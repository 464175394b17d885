"""Linear models with a penalty on groups of coefficients."""

from skstruct.linear_model.certify import duality_gap
from skstruct.linear_model.group_lasso import GroupLasso, GroupPath, group_lasso_path

__all__ = ["GroupLasso", "GroupPath", "duality_gap", "group_lasso_path"]
