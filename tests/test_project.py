"""The habits of the house: floors, docstrings, examples, light imports, README."""

import ast
import doctest
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
import warnings
from importlib.metadata import version
from pathlib import Path
from pkgutil import resolve_name

import matplotlib
import numpy as np
import pytest

import skstruct
from skstruct.losses import LOSSES
from skstruct.penalties import PENALTIES

matplotlib.use("Agg")

PACKAGE = Path(skstruct.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))
MODULES = sorted(m.name for m in pkgutil.walk_packages([str(PACKAGE)], "skstruct."))
PUBLIC_MODULES = ["skstruct", *(f"skstruct.{name}" for name in skstruct._SUBMODULES)]


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def relative(path):
    return str(path.relative_to(PACKAGE))


def run(*command):
    """Run a tool; its output is what a failure shows."""
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# -- names ---------------------------------------------------------------------


@pytest.mark.parametrize("module", PUBLIC_MODULES)
def test_every_public_name_can_be_imported(module):
    found = importlib.import_module(module)
    assert len(set(found.__all__)) == len(found.__all__)
    for name in found.__all__:
        assert getattr(found, name) is not None
        assert name in dir(found)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'skstruct' has no attribute 'Lasso'"):
        _ = skstruct.Lasso


def test_lazy_names_are_what_type_checkers_see():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.asname: imported.module
        for block in blocks
        for imported in block.body
        for alias in imported.names
    }
    assert seen == skstruct._PUBLIC


def test_penalties_and_losses_are_public_and_have_their_formulas():
    pages = [ROOT / "doc" / f"{name}.md" for name in ("penalties", "coupled_penalties")]
    formulas = "".join(page.read_text(encoding="utf-8") for page in pages)
    formulas += (ROOT / "doc" / "losses.md").read_text(encoding="utf-8")
    for cls, _ in (*PENALTIES.values(), *LOSSES.values()):
        assert cls.__name__ in skstruct._PUBLIC, "add it to skstruct/__init__.py"
        assert f"`{cls.__name__}" in formulas, f"{cls.__name__}: add it to doc/"


def test_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|rc\d+)?", skstruct.__version__)
    assert skstruct.__version__ == version("skstruct")


def test_package_is_marked_as_typed():
    assert (PACKAGE / "py.typed").is_file()


def test_importing_is_light():
    heavy = {"numba", "matplotlib", "pandas", "sklearn", "scipy", "numpy"}
    code = "import sys, skstruct; print(*sys.modules)"
    assert not heavy & set(run(sys.executable, "-c", code).split())


def test_importing_inspection_does_not_import_matplotlib():
    code = "import sys, skstruct.inspection; print(*sys.modules)"
    assert not {"matplotlib", "numba"} & set(run(sys.executable, "-c", code).split())


# -- source --------------------------------------------------------------------


def test_files_are_short():
    lengths = {
        relative(file): len(file.read_text(encoding="utf-8").splitlines())
        for file in FILES
    }
    assert {file: n for file, n in lengths.items() if n > 400} == {}


def test_every_folder_of_the_package_is_a_package():
    """A folder without __init__.py is invisible to the contracts of the floors."""
    folders = {file.parent for file in FILES}
    assert [relative(f) for f in folders if not (f / "__init__.py").exists()] == []


def sklearn_names(file):
    """Yield the dotted names that a file imports from scikit-learn."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = []
        yield from (name for name in names if name.split(".")[0] == "sklearn")


def test_private_scikit_learn_is_imported_in_one_file_only():
    private = {
        f"{relative(file)}: {name}"
        for file in FILES
        if file.name != "_compat.py"
        for name in sklearn_names(file)
        if any(part.startswith("_") for part in name.split("."))
        or name.startswith("sklearn.callback")  # experimental
    }
    assert private == set()


def test_floors():
    run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


def test_ruff():
    tool = [sys.executable, "-m", "ruff", "check"]
    run(*tool, "skstruct", "tests", "examples", "benchmarks", "doc")


@pytest.mark.skipif(
    np.__version__ < "2", reason="numpy's types differ: mypy runs with the newest"
)
def test_mypy():
    run(sys.executable, "-m", "mypy")


# -- docstrings ----------------------------------------------------------------


def public_objects():
    """Yield dotted names of public classes and functions, and of their methods."""
    seen = set()
    for module in PUBLIC_MODULES:
        found = importlib.import_module(module)
        for name in found.__all__:
            thing = getattr(found, name)
            if not callable(thing) or thing in seen:
                continue
            seen.add(thing)
            yield f"{module}.{name}"
            if is_for_users(thing):
                yield from (f"{module}.{name}.{m}" for m in own_methods(thing))


def is_for_users(thing):
    """Return whether methods are for users, not for solvers to call."""
    return not thing.__module__.startswith(("skstruct.losses.", "skstruct.penalties."))


def own_methods(thing):
    """Return the public methods of a class, wherever this package defines them."""
    if not inspect.isclass(thing):
        return []
    return [
        name
        for name, method in inspect.getmembers(thing, inspect.isroutine)
        if not name.startswith("_")
        and getattr(method, "__module__", "").startswith("skstruct")
    ]


# A named tuple: numpydoc finds the methods of tuple. Its function documents the fields.
NOT_VALIDATED = {"skstruct.linear_model.GroupPath"}
ABSTRACT = {"skstruct.losses.Loss", "skstruct.penalties.Penalty"}


@pytest.mark.parametrize("name", sorted(set(public_objects()) - NOT_VALIDATED))
def test_docstring_is_numpydoc(name):
    from numpydoc.validate import validate

    checks = set(project()["tool"]["numpydoc_validation"]["checks"])
    report = validate(name)
    is_method = inspect.isclass(resolve_name(name.rpartition(".")[0]))
    if is_method or name in ABSTRACT:
        checks -= {"EX01"}
    errors = [f"{code}: {text}" for code, text in report["errors"] if code in checks]
    assert errors == [], f"{report['file']}:{report['file_line']}"


@pytest.mark.parametrize("module", MODULES)
def test_doctests(module):
    if module.startswith("skstruct.pruning.torch"):
        pytest.importorskip("torch", reason="PyTorch is not installed")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
        failed, _ = doctest.testmod(importlib.import_module(module), optionflags=flags)
    assert failed == 0
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


# -- README, and what goes with it; tests/test_docs.py runs its code --------------


def blocks_of(language, paper="README.md"):
    text = (ROOT / paper).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_readme_has_its_two_commands():
    main_job, tests, *_ = blocks_of("bash")
    assert "pip install" in main_job
    assert main_job.endswith("python examples/plot_birthweight.py\n")
    assert "pip install" in tests
    assert tests.endswith("python -m pytest\n")


def test_penalty_of_contributing_works():
    (block,) = blocks_of("python", "CONTRIBUTING.md")
    names = {}
    exec(compile(block, "CONTRIBUTING.md", "exec"), names)
    penalty = names["GroupL1"]()
    ptr, weights = np.array([0, 2, 3]), np.array([2.0, 0.0])
    coef = np.array([[1.0], [-3.0], [5.0]])
    np.testing.assert_array_equal(penalty.values(coef, ptr, weights), [8.0, 0.0])
    np.testing.assert_array_equal(penalty.polar(coef, ptr, weights), [1.5, 0.0])
    penalty.bind(weights, 0.5).prox(coef[:2], 1.5, 0)
    np.testing.assert_array_equal(coef, [[0.0], [-1.5], [5.0]])


def test_oldest_versions_are_the_declared_ones():
    lines = (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    oldest = {line.replace("==", ">=") for line in lines if not line.startswith("#")}
    extras = project()["project"]["optional-dependencies"]
    at_runtime = r"(polars|pytest|statsmodels)\b[^-]"
    tested_with = {d for d in extras["test"] if re.match(at_runtime, d)}
    declared = {*project()["project"]["dependencies"], *extras["plot"]}
    declared |= {*extras["frame"], *tested_with}
    assert declared <= oldest
    assert {*extras["plot"], *extras["frame"]} <= {*extras["test"]}


def test_citation_has_the_version_and_the_licence():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {skstruct.__version__}\n" in text
    assert "license: BSD-3-Clause\n" in text


def test_ci_is_executable():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_example_runs_and_reports(tmp_path):
    picture = tmp_path / "path.png"
    example = ROOT / "examples" / "plot_birthweight.py"
    printed = run(sys.executable, str(example), str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    for wanted in ("Selected groups", "norm", "Chosen alpha", "Duality gap", "Test R²"):
        assert wanted in printed
