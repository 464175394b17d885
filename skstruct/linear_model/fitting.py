"""How a fit ends: all or nothing, and with a warning where it did not converge."""

import functools
import sys
import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skstruct.solvers.outcomes import advice, measure, outcomes


@contextmanager
def unchanged_on_error(estimator):
    """Give the estimator back as it was if anything goes wrong."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def atomic_fit(fit):
    """Make a fit method all or nothing: an error leaves the estimator as it was."""

    @functools.wraps(fit)
    def fit_or_leave(self, *args, **kwargs):
        with unchanged_on_error(self):
            return fit(self, *args, **kwargs)

    return fit_or_leave


def warn_if_not_converged(solution, tol, max_iter, where=""):
    """Warn of the solutions whose gap is too large, with what to do about it."""
    failed = np.flatnonzero(~solution.converged)
    if len(failed) == 0:
        return
    worst = failed[np.argmax(solution.gaps[failed])]
    at = f"alpha={solution.alphas[worst]:.3g}"
    if len(failed) > 1:
        at = f"{len(failed)} of {len(solution.alphas)} alphas, worst at {at}"
    gap = f"{solution.gaps[worst]:.3g}"
    if solution.is_certified:
        relative = solution.gaps[worst] / max(solution.null_loss, np.finfo(float).tiny)
        gap += f", {relative:.2g} of the null model's loss"
    else:
        gap += " of alpha"
    outcome = outcomes(solution, max_iter)[worst]
    warnings.warn(
        f"Did not converge{where} ({at}): the {measure(solution)} is {gap}, "
        f"where tol={tol:.2g} was asked for. The best solution found is kept. "
        f"{advice(solution, outcome, max_iter)}",
        ConvergenceWarning,
        stacklevel=_frames_to_the_user(),
    )


def _frames_to_the_user():
    """Count the frames up to the first outside this package and scikit-learn's."""
    frame, level = sys._getframe(1), 1
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("skstruct", "sklearn", "joblib", "contextlib"):
            return level
        frame, level = frame.f_back, level + 1
    return 2
