"""The pages of the reference, generated from ``__all__`` of every public module."""

import importlib
import inspect
from pathlib import Path

import skstruct


def public_names(module):
    """Return (classes, functions, data) of a module's ``__all__``, sorted."""
    found = importlib.import_module(module)
    classes, functions, data = [], [], []
    for name in sorted(found.__all__):
        thing = getattr(found, name)
        kind = data if not callable(thing) else functions
        (classes if inspect.isclass(thing) else kind).append(name)
    return classes, functions, data


def module_page(module):
    """Return the page of a public module: what it is, and all its names."""
    summary = (importlib.import_module(module).__doc__ or "").strip()
    lines = [module, "=" * len(module), "", summary, "", f".. currentmodule:: {module}"]
    classes, functions, data = public_names(module)
    for title, names in (("Classes", classes), ("Functions", functions)):
        if names:
            lines += ["", title, "-" * len(title), "", ".. autosummary::"]
            lines += ["   :toctree: generated", ""]
            lines += [f"   {name}" for name in names]
    if data:
        lines += ["", "Data", "----", ""]
    for name in data:
        lines += [f".. autodata:: {name}", "   :no-value:", ""]
    return "\n".join(lines) + "\n"


def index_page():
    """Return the first page: the modules, and where names can be imported from."""
    modules = [f"skstruct.{name}" for name in skstruct._SUBMODULES]
    lines = ["Reference", "=========", ""]
    lines += ["Every public name, by module. Estimators, losses, penalties, pipelines"]
    lines += ["and displays can be imported from ``skstruct`` itself.", ""]
    lines += [".. toctree::", "   :maxdepth: 1", ""]
    lines += [f"   {module}" for module in modules]
    lines += ["", "Formulas and conversions", "------------------------", ""]
    lines += [".. toctree::", "   :maxdepth: 1", ""]
    pages = ("losses", "penalties", "coupled_penalties", "conversions", "parity")
    lines += [f"   ../{page}" for page in pages]
    return "\n".join(lines) + "\n"


def write_reference(folder):
    """Write the pages; those that stay the same keep their time of change."""
    pages = {"index": index_page()}
    for name in skstruct._SUBMODULES:
        pages[f"skstruct.{name}"] = module_page(f"skstruct.{name}")
    Path(folder).mkdir(exist_ok=True)
    for name, text in pages.items():
        file = Path(folder) / f"{name}.rst"
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
