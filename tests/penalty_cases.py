"""The separable penalties of the registry, for any groups; none is named here."""

import numpy as np
import pytest

from skstruct.groups import make_layout
from skstruct.penalties import PENALTIES

#: Every penalty as users make it.
EXAMPLES = [
    pytest.param(cls(**params), id=f"{name}-{params}")
    for name, (cls, examples) in PENALTIES.items()
    for params in examples
    if cls.is_block_separable
]


def layout_of(sizes):
    """Groups 0, 1, ... of these sizes."""
    ends = np.cumsum(sizes)
    groups = [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    return make_layout(groups, int(ends[-1]))


def _singles():
    layout = layout_of([2, 1, 3])
    for case in EXAMPLES:
        whole = case.values[0].resolve(layout)
        seen = []
        for g in range(layout.n_groups):
            single = whole.take([g])
            kind = repr(single.bind([1.0], 1.0))
            if kind not in seen:
                seen.append(kind)
                yield pytest.param(single, id=f"{case.id}-{g}")


#: Every penalty as solvers see it, restricted to one group, of any size.
SINGLES = list(_singles())
