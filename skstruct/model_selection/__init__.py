"""Choosing how strong a penalty should be."""

from skstruct.model_selection.group_lasso_cv import GroupLassoCV

__all__ = ["GroupLassoCV"]
