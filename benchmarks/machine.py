"""Where the figures come from: processor, cores and versions."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "scikit-learn",
    "skstruct",
    "skglm",
    "celer",
    "adelie",
    "cvxpy",
    "clarabel",
)


def machine():
    """Return a dict of the machine and of the versions of all that takes part."""
    versions = {"python": platform.python_version()}
    versions |= {package: _version(package) for package in PACKAGES}
    return {"processor": _processor(), "cores": os.cpu_count(), "versions": versions}


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor():
    """Return the processor's name, which `platform` does not know on Linux."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
