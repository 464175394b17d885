"""What users say about groups, turned into one validated, immutable layout."""

from skstruct.groups.build import make_layout
from skstruct.groups.layout import GroupLayout

__all__ = ["GroupLayout", "make_layout"]
