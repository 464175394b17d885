"""How a solution may end, and what to do about it."""

import numpy as np

#: Outcome -> what to do. Placeholders are filled in by :func:`advice`.
OUTCOMES = {
    "converged": "",
    "max_iter": (
        "Increase max_iter (now {max_iter}) or tol, standardize the features, or use "
        "larger alphas."
    ),
    "rounding": (
        "The {measure} is at the limit of floating point for these data: increase tol, "
        "pass X as float64, or bring the columns to similar scales "
        "(standardize='features')."
    ),
    "stalled": (
        "Further steps gained nothing: bring the columns to similar scales "
        "(standardize='features'), use larger alphas or, with the Huber loss, a larger "
        "delta."
    ),
    "no_minimum": (
        "Without a penalty the loss may have no minimum, as where columns separate "
        "the responses: use a positive alpha."
    ),
}

# Gaps above this share of the null loss are no rounding.
_NO_ROUNDING = 1e-6


def outcomes(solution, max_iter):
    """Return the outcome of each alpha of a solution, a key of `OUTCOMES`.

    Parameters
    ----------
    solution : Solution
    max_iter : int
        Most sweeps that were allowed.

    Returns
    -------
    (A,) array of str
    """
    is_large = solution.gaps > _NO_ROUNDING * solution.null_loss
    failed = np.where(is_large & solution.is_certified, "stalled", "rounding")
    failed = np.where(solution.n_iters > max_iter, "max_iter", failed)
    failed = np.where(solution.alphas == 0, "no_minimum", failed)
    return np.where(solution.converged, "converged", failed)


def advice(solution, outcome, max_iter):
    """Return the sentence that says what to do about an outcome."""
    return OUTCOMES[outcome].format(max_iter=max_iter, measure=measure(solution))


def measure(solution):
    """Return what the gaps of a solution are."""
    return "duality gap" if solution.is_certified else "violation of optimality"
