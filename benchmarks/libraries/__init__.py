"""One small adapter per library; adding one = one file and one line here."""

from importlib import import_module

OURS = "skstruct"

LIBRARIES = {
    "skstruct": "benchmarks.libraries.skstruct:Skstruct",
    "skglm": "benchmarks.libraries.skglm:Skglm",
    "celer": "benchmarks.libraries.celer:Celer",
    "adelie": "benchmarks.libraries.adelie:Adelie",
    "adelie-cov": "benchmarks.libraries.adelie:AdelieCovariance",
    "cvxpy": "benchmarks.libraries.cvxpy:Cvxpy",
    "sklearn": "benchmarks.libraries.sklearn:ScikitLearn",
}


def library(name):
    """Import one library and return its adapter."""
    module, attribute = LIBRARIES[name].split(":")
    return getattr(import_module(module), attribute)()
