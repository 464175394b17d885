"""Penalties, one file each; the registry says which there are.

Adding one is a new file with its class and struct, and a line here: the tests take
their cases from the registry.
"""

from skstruct.penalties.base import Penalty
from skstruct.penalties.group_l2 import GroupL2

#: Name -> class and example parameters on which the tests run.
PENALTIES = {
    "group_l2": (GroupL2, [{}, {"positive": True}]),
}

__all__ = ["PENALTIES", "GroupL2", "Penalty"]
