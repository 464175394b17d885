"""Before tests: a fresh numba cache, settings for hypothesis, one global state."""

import hashlib
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings


def stamp_of_kernels():
    """Hash of all sources that numba compiles: it only watches the file of a kernel."""
    package = Path(find_spec("skstruct").origin).parent
    stamp = hashlib.sha256()
    for folder in ("kernels", "penalties"):
        for file in sorted((package / folder).rglob("*.py")):
            stamp.update(str(file.relative_to(package)).encode() + file.read_bytes())
    return stamp.hexdigest()[:16]


# numba reads the variable when it is imported; subprocesses of the tests inherit it.
assert "numba" not in sys.modules, "a plugin imported numba before tests/conftest.py"
os.environ["NUMBA_CACHE_DIR"] = str(
    Path(tempfile.gettempdir()) / f"skstruct-tests-{os.getuid()}" / stamp_of_kernels()
)

settings.register_profile(
    "skstruct",
    derandomize=True,
    deadline=None,  # a first example may have to compile
    max_examples=15,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("skstruct")


@pytest.fixture(autouse=True)
def same_global_state():
    """Estimators with random_state=None draw the same numbers in each run."""
    np.random.seed(0)  # noqa: NPY002


@pytest.fixture
def metadata_routing():
    """scikit-learn's metadata routing, on during one test."""
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        yield
