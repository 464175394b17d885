"""Cross-validation along a path: folds in threads, all on one copy of X.

A fold's training rows keep their weights and its test rows get weight zero, so every
fold solves its own problem on the same X.
"""

from dataclasses import dataclass, replace

import numpy as np
from joblib import effective_n_jobs
from sklearn.utils.parallel import Parallel, delayed
from threadpoolctl import threadpool_limits

from skstruct.solvers.solve import solve_path

# Predictions of several alphas are made at once while they have fewer entries.
_ENTRIES_AT_ONCE = 4_000_000


def cross_validate_path(problem, splits, alphas, score_fold, n_jobs, on_solved, **how):
    """Solve every fold's path, and score it.

    Parameters
    ----------
    problem : Problem
        The problem on all rows.
    splits : list of (train, test) index arrays
        The folds.
    alphas : (n_alphas,) array
        Decreasing.
    score_fold : callable
        ``score_fold(solution, test)`` returns scores, (n_alphas,).
    n_jobs : int or None
        Number of threads.
    on_solved : callable
        ``on_solved(fold)`` is called after each alpha of each fold.
    **how
        Further arguments of `solve_path`.

    Returns
    -------
    scores : (n_alphas, n_folds) array
    solutions : list of Solution
        One a fold.
    """

    def run(i, train, test):
        fold = replace(problem, weights=fold_weights(problem.weights, train))
        solution = solve_path(fold, alphas, on_solved=lambda: on_solved(i), **how)
        scores = np.asarray(score_fold(solution, test))
        # Coefficients of all folds and alphas may be large, and are not needed again.
        return scores, replace(solution, coefs=None)

    if effective_n_jobs(n_jobs) == 1:
        results = [run(i, *split) for i, split in enumerate(splits)]
    else:
        # One BLAS thread in each worker: more would compete for the same cores.
        with threadpool_limits(limits=1, user_api="blas"):
            results = Parallel(n_jobs=n_jobs, prefer="threads")(
                delayed(run)(i, *split) for i, split in enumerate(splits)
            )
    scores, solutions = zip(*results, strict=True)
    return np.stack(scores, axis=1), list(solutions)


def list_of_folds(splits, n_samples):
    """Return folds as a list of (train, test) index arrays; masks become indices.

    Raises
    ------
    ValueError
        If there are none, or if they are neither indices nor masks.
    """
    folds = [
        tuple(_fold_indices(part, n_samples) for part in split) for split in splits
    ]
    if not folds:
        raise ValueError(
            "cv gave no folds. An iterable of folds must not be empty, and a generator "
            "serves one fit only: pass a list, or the splitter itself."
        )
    return folds


def _fold_indices(part, n_samples):
    part = np.asarray(part)
    if part.dtype == bool and part.shape == (n_samples,):
        return np.flatnonzero(part)
    if part.dtype.kind not in "iu" or part.ndim != 1:
        raise ValueError(
            "cv: folds must be pairs of row indices, or of boolean masks of shape "
            f"({n_samples},); got {part.dtype} of shape {part.shape}."
        )
    return part


def fold_weights(weights, train):
    """Return weights of a fold: the training rows', as often as they are drawn."""
    drawn = np.bincount(np.asarray(train), minlength=len(weights))
    weights = weights * drawn
    total = weights.sum()
    if total == 0:
        raise ValueError(
            "A cross-validation fold has no training sample of positive weight; use "
            "fewer folds, or another splitter as cv."
        )
    return weights / total


def negative_mean_squared_errors(problem, solution, test):
    """Return minus the weighted mean squared error at each alpha, (n_alphas,)."""
    weights = problem.weights[test]
    if not weights.any():
        raise ValueError(
            "A cross-validation fold has no test sample of positive weight; use fewer "
            "folds, or another splitter as cv."
        )
    n_alphas, p, q = solution.coefs.shape
    step = max(1, _ENTRIES_AT_ONCE // (len(problem.y) * q))
    known = 0.0 if problem.offset is None else problem.offset
    response = (problem.y - known)[test]
    means = []
    for start in range(0, n_alphas, step):
        coefs = solution.coefs[start : start + step]
        stacked = coefs.transpose(1, 0, 2).reshape(p, -1)
        prediction = problem.matrix.dot(stacked)[test].reshape(len(test), -1, q)
        errors = response[:, None, :] - prediction
        errors -= solution.intercepts[start : start + step]
        means.append(np.average((errors**2).mean(axis=2), axis=0, weights=weights))
    return -np.concatenate(means)


@dataclass(frozen=True)
class Choice:
    """Which alpha is best, from scores (n_alphas, n_folds), larger being better.

    Attributes
    ----------
    mean, se : (n_alphas,) arrays
        Mean and standard error over folds.
    best : int
        Position of the best mean.
    one_se : int
        Position of the largest alpha whose mean is within one standard error of the
        best (Breiman, Friedman, Olshen and Stone, 1984, sec. 3.4.3).
    """

    mean: np.ndarray
    se: np.ndarray
    best: int
    one_se: int

    @classmethod
    def from_scores(cls, scores):
        """Summarise scores (n_alphas, n_folds) of decreasing alphas."""
        n_folds = scores.shape[1]
        mean = scores.mean(axis=1)
        spread = scores.std(axis=1, ddof=1) if n_folds > 1 else np.zeros_like(mean)
        se = spread / np.sqrt(n_folds)
        if not np.isfinite(mean).all():
            raise ValueError(
                "The cross-validation scores are not finite; check `scoring`, and that "
                "every fold has enough test samples for it."
            )
        best = int(np.argmax(mean))
        return cls(mean, se, best, int(np.argmax(mean >= mean[best] - se[best])))
