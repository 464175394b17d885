"""Learning with structured sparsity, the scikit-learn way.

Public names are imported on first use, so that ``import skstruct`` itself stays
light: it loads neither numba nor matplotlib nor pandas.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see
    from skstruct.inspection import GroupCVDisplay as GroupCVDisplay
    from skstruct.inspection import GroupPathDisplay as GroupPathDisplay
    from skstruct.linear_model import GroupLasso as GroupLasso
    from skstruct.linear_model import group_lasso_path as group_lasso_path
    from skstruct.model_selection import GroupLassoCV as GroupLassoCV

__version__ = "0.1.0.dev0"

# Public name -> the module that defines it.
_PUBLIC = {
    "GroupCVDisplay": "skstruct.inspection",
    "GroupLasso": "skstruct.linear_model",
    "GroupLassoCV": "skstruct.model_selection",
    "GroupPathDisplay": "skstruct.inspection",
    "group_lasso_path": "skstruct.linear_model",
}
_SUBMODULES = (
    "datasets",
    "groups",
    "inspection",
    "linear_model",
    "losses",
    "model_selection",
    "penalties",
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
