"""scikit-learn's checks of every library's group estimator.

``python -m benchmarks.estimator_checks`` prints one row for each library installed;
``doc/compare.md`` has them. The environment of the benchmarks has adelie, celer and
skglm; ``pip install asgl==2.2.0 group-lasso==1.5.0 groupyr==0.3.4`` adds the others.
"""

import argparse
import warnings
from collections import Counter
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from scipy import sparse
from sklearn.utils.estimator_checks import check_estimator

import skstruct

# Groups of one feature: the checks choose their own number of features.
ESTIMATORS = {
    "skstruct": ("skstruct", "GroupLasso", {}),
    "skglm": ("skglm", "GroupLasso", {"groups": 1}),
    "celer": ("celer", "GroupLasso", {"groups": 1}),
    "adelie": ("adelie.sklearn", "GroupElasticNet", {}),
    "groupyr": ("groupyr", "SGL", {}),
    "group-lasso": ("group_lasso", "GroupLasso", {"supress_warning": True}),
    "asgl": ("asgl", "Regressor", {}),
}


def checked(library):
    """Return the figures of a library's estimator, and the checks that failed."""
    module, name, parameters = ESTIMATORS[library]
    estimator = getattr(import_module(module), name)(**parameters)
    results = []

    def record(*, check_name, status, **_):
        results.append((check_name, status))

    try:
        check_estimator(estimator, on_fail=None, callback=record)
        end = ""
    except Exception as error:  # the checks themselves could not go on
        end = f"then {type(error).__name__}: {str(error).splitlines()[0][:60]}"
    counts = Counter(status for _, status in results)
    failed = [check for check, status in results if status == "failed"]
    return name, len(results), counts, failed, end


def weighted_against_repeated(library):
    """Return by how much coefficients differ if rows of sparse X are weighted."""
    module, name, parameters = ESTIMATORS[library]
    rng = np.random.default_rng(0)
    X = sparse.random(60, 8, density=0.5, format="csc", random_state=0)
    y = X @ rng.normal(size=8) + rng.normal(size=60) + 1
    times = rng.integers(1, 5, size=60)
    model = getattr(import_module(module), name)(alpha=0.05, tol=1e-10, **parameters)
    weighted = model.fit(X, y, sample_weight=times).coef_.copy()
    rows = np.repeat(np.arange(60), times)
    repeated = model.fit(X.tocsr()[rows].tocsc(), y[rows]).coef_
    return np.abs(weighted - repeated).max()


def main(arguments=None):
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimator_checks")
    parser.add_argument("--libraries", default=",".join(ESTIMATORS))
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    print(f"scikit-learn {version('scikit-learn')}\n")
    print("| library | estimator | checks | failed | skipped | |")
    print("|---|---|---|---|---|---|")
    notes = []
    for library in options.libraries.split(","):
        try:
            ours = library == "skstruct"
            found = f"{library} {skstruct.__version__ if ours else version(library)}"
        except PackageNotFoundError:
            notes.append(f"- {library} is not installed")
            continue
        name, n_checks, counts, failed, end = checked(library)
        row = (found, name, n_checks, counts["failed"], counts["skipped"], end)
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
        if failed:
            notes.append(f"- {library} fails {', '.join(sorted(set(failed)))}")
    print("", *notes, sep="\n")
    print("\nLargest difference of a coefficient, rows weighted or repeated, sparse X:")
    for library in ("skstruct", "celer"):
        if library in options.libraries.split(","):
            print(f"- {library}: {weighted_against_repeated(library):.1e}")


if __name__ == "__main__":
    main()
