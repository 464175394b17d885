"""Groups as parsed: what the parsers hand to the checks."""

from typing import Any, NamedTuple

import numpy as np


class ParsedGroups(NamedTuple):
    """Groups as users gave them, not checked yet.

    Group ``g`` holds ``indices[ptr[g]:ptr[g + 1]]``, in any order.
    """

    names: list  # group names, plain Python objects, all different
    ptr: np.ndarray  # (n_groups + 1,) intp
    indices: np.ndarray  # (ptr[-1],) intp, may still be out of range or repeated
    weights: np.ndarray | None = None  # (n_groups,), None: the default

    @property
    def sizes(self) -> np.ndarray:
        """Number of members of each group, shape (n_groups,)."""
        return np.diff(self.ptr)

    @property
    def owners(self) -> np.ndarray:
        """Group number of each entry of `indices`."""
        return np.repeat(np.arange(len(self.names)), self.sizes)

    @classmethod
    def from_sizes(cls, names: list, sizes: Any, indices: np.ndarray) -> "ParsedGroups":
        """Build from group sizes and all members, one group after the other."""
        ptr = np.zeros(len(names) + 1, dtype=np.intp)
        np.cumsum(sizes, out=ptr[1:])
        return cls(names, ptr, indices)

    @classmethod
    def from_members(cls, names: list, members: list) -> "ParsedGroups":
        """Build from one index array a group."""
        sizes = [len(indices) for indices in members]
        return cls.from_sizes(names, sizes, np.concatenate(members))
