"""Fits that end early, fail, run side by side, or are asked for too much."""

import os
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from makers import columns, make_data
from skstruct import GroupLasso, GroupLassoCV, group_lasso_path


def hard_data():
    """Strongly correlated columns, more of them than rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 1)) + 0.3 * rng.normal(size=(40, 80))
    return X, X[:, :10].sum(axis=1) + rng.normal(size=40)


# --- not converged --------------------------------------------------------------------

SINGLE_AND_PATHS = {
    "fit": lambda X, y: GroupLasso(1e-3, groups=4, tol=1e-8, max_iter=1).fit(X, y),
    "path": lambda X, y: group_lasso_path(X, y, groups=4, tol=1e-8, max_iter=1),
    "cv": lambda X, y: GroupLassoCV(groups=4, tol=1e-8, max_iter=1, cv=3).fit(X, y),
}


@pytest.mark.parametrize("run", SINGLE_AND_PATHS.values(), ids=SINGLE_AND_PATHS)
def test_too_few_sweeps_give_a_warning_that_helps(run):
    with pytest.warns(ConvergenceWarning) as caught:
        run(*hard_data())
    for warning in caught:
        assert warning.filename == __file__  # the user's line
        message = str(warning.message)
        for part in ("duality gap is", "tol=1e-08", "Increase max_iter (now 1)"):
            assert part in message


def test_the_model_that_has_not_converged_is_usable_and_says_so():
    X, y = hard_data()
    with pytest.warns(ConvergenceWarning):
        model = GroupLasso(1e-3, groups=4, tol=1e-8, max_iter=1).fit(X, y)
    exact = GroupLasso(1e-3, groups=4, tol=1e-8, max_iter=10**6).fit(X, y)

    def objective(m):
        loss = np.mean((y - m.predict(X)) ** 2) / 2
        return loss + 1e-3 * np.sum(m.group_weights_ * m.group_norms_)

    excess = objective(model) - objective(exact)
    assert 0 < excess <= model.dual_gap_ + 1e-12
    assert model.dual_gap_ > 1e-8 * y.var() / 2
    assert objective(model) < y.var() / 2
    assert model.n_iter_ < 20 < exact.n_iter_


def test_the_fold_that_has_not_converged_is_named_and_the_rest_is_kept():
    X, y = hard_data()
    model = GroupLassoCV(groups=4, tol=1e-8, max_iter=1, cv=3)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    messages = [str(warning.message) for warning in caught]
    assert [m for m in messages if "in fold 0" in m]
    assert np.isfinite(model.scores_path_).all()
    assert np.isfinite(model.predict(X)).all()


def test_sweeps_are_counted():
    X, y = hard_data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fits = [
            GroupLasso(1e-3, groups=4, tol=1e-8, max_iter=n).fit(X, y)
            for n in (1, 10, 100)
        ]
    gaps, sweeps = ([getattr(m, a) for m in fits] for a in ("dual_gap_", "n_iter_"))
    assert gaps[0] > gaps[1] > gaps[2]
    assert sweeps[0] < sweeps[1] < sweeps[2] <= 110


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("tol", [1e-10, 1e-12])
def test_tight_tolerances_are_reached(positive, tol):
    X, y = make_data(n_samples=60, n_features=20, n_outputs=2)
    model = GroupLasso(0.1, groups=4, positive=positive, tol=tol).fit(X, y)
    assert model.dual_gap_ <= tol * columns(y).var(axis=0).sum() / 2


# --- failed, interrupted --------------------------------------------------------------


# A path of 12 alphas runs through all that one of 100 does.
MODELS = [GroupLasso(groups=3), GroupLassoCV(groups=3, alphas=12)]
every_model = pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: type(model).__name__
)


@every_model
@pytest.mark.parametrize("why", ["data", "groups", "parameter"])
def test_a_failed_refit_leaves_the_estimator_as_it_was(model, why):
    X, y = make_data()
    model = clone(model).fit(X, y)
    before = dict(vars(model))
    prediction = model.predict(X)
    bad_X = np.where(X > 1, np.nan, X) if why == "data" else X[:, :4]
    change = {"parameter": {"tol": -1}, "groups": {"groups": [[0]]}}.get(why, {})
    model.set_params(**change)
    with pytest.raises(ValueError, match=r"NaN|tol|groups"):
        model.fit(bad_X, y)
    after = dict(vars(model), **{name: before[name] for name in change})
    assert after.keys() == before.keys()
    for name, value in before.items():
        assert after[name] is value
    assert_array_equal(model.predict(X), prediction)


LONG_FIT = """
import warnings, numpy as np
warnings.simplefilter("ignore")
from skstruct import GroupLasso, GroupLassoCV
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 1)) + 0.01 * rng.normal(size=(300, 3000))
y = rng.normal(size=300)
how = dict(groups=3, tol=1e-15, max_iter=10**9)
model = {model}
print("ready", flush=True)
try:
    model.fit(X, y)
except KeyboardInterrupt:
    print("interrupted", hasattr(model, "coef_"), flush=True)
"""


@pytest.mark.parametrize(
    "model",
    [
        "GroupLasso(1e-7, **how)",
        "GroupLassoCV(eps=1e-6, **how)",
        "GroupLassoCV(eps=1e-6, n_jobs=2, **how)",
    ],
)
def test_an_interrupt_ends_a_long_fit_within_seconds(model):
    code = LONG_FIT.replace("{model}", model)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n"
        time.sleep(1)  # enough to be in the middle of it
        assert process.poll() is None, "the fit was not long enough"
        start = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert out == "interrupted False\n"
    assert time.monotonic() - start < 5


# --- side by side ---------------------------------------------------------------------


def run_together(work):
    """Four threads at once, several times."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(work, range(12)))


@every_model
def test_one_estimator_fitted_from_four_threads(model):
    X, y = make_data(n_samples=40, n_features=12)
    expected, model = clone(model).fit(X, y), clone(model)
    run_together(lambda _: model.fit(X, y))
    assert vars(model).keys() == vars(expected).keys()
    assert_array_equal(model.coef_, expected.coef_)
    assert model.dual_gap_ == expected.dual_gap_


def test_different_estimators_in_threads_do_not_meet():
    X, y = make_data(n_samples=80, n_features=30)
    alphas = np.geomspace(1, 0.01, 12)

    def coef(i):
        return GroupLasso(alphas[i], groups=3, tol=1e-8).fit(X, y).coef_

    for together, alone in zip(run_together(coef), map(coef, range(12)), strict=True):
        assert_allclose(together, alone, atol=1e-12)
