"""Learning with structured sparsity, the scikit-learn way.

Public names are imported on first use, so that ``import skstruct`` itself stays
light: it loads neither numba nor matplotlib nor pandas.
"""

import importlib

__version__ = "0.1.0.dev0"

# Public name -> the module that defines it.
_PUBLIC = {
    "GroupLasso": "skstruct.linear_model",
    "GroupLassoCV": "skstruct.model_selection",
    "group_lasso_path": "skstruct.linear_model",
}
_SUBMODULES = ("datasets",)

__all__ = ["__version__", *_PUBLIC, *_SUBMODULES]


def __getattr__(name):
    if name in _PUBLIC:
        value = getattr(importlib.import_module(_PUBLIC[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
