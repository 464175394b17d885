"""Cross-validation along a path: folds in threads, all on one copy of X.

Where joblib is configured to use Dask, they are spread over its cluster instead. A
fold's training rows keep their weights and its test rows get weight zero, so every
fold solves its own problem on the same X.
"""

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from skstruct.solvers.moments import Moments, moments_pay
from skstruct.solvers.solve import solve_path
from skstruct.solvers.threads import run_anywhere

# Most folds whose moments are kept at once.
_MOST_FOLDS = 50
# Test rows are copied, and predicted for all alphas, this many entries at a time.
_ENTRIES_AT_ONCE = 4_000_000


def cross_validate_paths(
    candidates,
    splits,
    score_fold,
    *,
    prepare,
    variants,
    n_jobs,
    on_solved,
    moments=None,
    training=None,
    solve=solve_path,
    **how,
):
    """Solve every fold's paths, and score them.

    Parameters
    ----------
    candidates : list of (Problem, alphas)
        Problems on all rows that differ in their penalties, each with its own alphas,
        (n_alphas,) arrays, decreasing, all of one length.
    splits : list of (train, test) index arrays
        The folds.
    score_fold : callable
        ``score_fold(problem, solution, test)`` returns scores, (n_alphas,).
    prepare : callable
        ``prepare(problem)`` returns a fold's problem as it is to be solved.
    variants : callable
        ``variants(problem, solution)`` returns the solutions to score, a list.
    n_jobs : int or None
        Number of threads.
    on_solved : callable
        ``on_solved(task)`` is called after each alpha of each fold of each candidate,
        which are tasks 0, 1, ..., folds fastest.
    moments : list of Moments or None
        Those of each fold's training rows, from :func:`moments_of_folds`.
    training : callable or None
        ``training(problem, train)`` returns the problem on a fold's training rows;
        `train` and `test` are then whatever this and `score_fold` take them for. None
        for the rows that they are the indices of.
    solve : callable
        ``solve(problem, alphas, on_solved=..., **how)`` returns a fold's solution.
    **how
        Further arguments of `solve`.

    Returns
    -------
    scores : (n_candidates, n_variants, n_alphas, n_folds) array
    solutions : list of Solution
        One a task.
    """
    moments = moments or [None] * len(splits)

    def run(step, problem, alphas, train, test, own_moments):
        if training is not None:
            problem = training(problem, train)
        else:
            problem = replace(
                problem,
                weights=fold_weights(problem.weights, train),
                moments=own_moments,
            )
        fold = prepare(problem)
        solution = solve(fold, alphas, on_solved=step, **how)
        scored = [score_fold(fold, one, test) for one in variants(fold, solution)]
        # Coefficients of all folds and alphas may be large, and are not needed again.
        return np.asarray(scored), replace(solution, coefs=None)

    tasks = [
        (*candidate, *split, own)
        for candidate in candidates
        for split, own in zip(splits, moments, strict=True)
    ]
    n_alphas = len(candidates[0][1])
    results = run_anywhere(run, tasks, n_jobs, on_solved, n_alphas)
    scores, solutions = zip(*results, strict=True)
    scores = np.stack(scores).reshape(len(candidates), len(splits), *scores[0].shape)
    return scores.transpose(0, 2, 3, 1), list(solutions)


def moments_of_folds(problem, splits, n_alphas):
    """Sum up the rows of a tall squared-error problem once, for all folds.

    Parameters
    ----------
    problem : Problem
        On all rows.
    splits : list of (train, test) index arrays
        The folds.
    n_alphas : int
        For how many alphas each fold is solved.

    Returns
    -------
    total : Moments or None
        Of all rows; None where it would not pay, or rows are left out twice.
    folds : list of Moments or None
        Of each fold's training rows.
    """
    weights = problem.weights
    if len(splits) > _MOST_FOLDS or not moments_pay(problem, n_alphas * len(splits)):
        return None, None
    drawn = [np.bincount(train, minlength=len(weights)) for train, _ in splits]
    left_out = np.array(drawn) == 0
    if np.max(drawn) > 1 or left_out.sum(axis=0).max() > 1:
        return None, None
    y = problem.y if problem.offset is None else problem.y - problem.offset
    parts = [weights * ~left_out.any(axis=0), *(weights * left_out)]
    rest, *parts = [
        Moments.of(problem.matrix, y, part) if part.any() else Moments.nothing()
        for part in parts
    ]
    before = list(accumulate(parts, initial=rest))
    after = list(accumulate(reversed(parts), initial=Moments.nothing()))[::-1]
    return before[-1], [before[k] + after[k + 1] for k in range(len(parts))]


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


def negative_deviances(problem, weights, solution, test):
    """Return minus the mean deviance of test rows at each alpha, (n_alphas,).

    For losses that are no deviance, minus the mean loss; averaged over outputs.

    Parameters
    ----------
    problem : Problem
        Data and loss.
    weights : (n,) array
        Sample weights of all rows, which `problem` may have without the test rows'.
    solution : Solution
        Of the training rows.
    test : integer array
        The rows to score.
    """
    weights = weights[test]
    if not weights.any():
        raise ValueError(
            "A cross-validation fold has no test sample of positive weight; use fewer "
            "folds, or another splitter as cv."
        )
    weights = weights / weights.sum()
    n_alphas, p, q = solution.coefs.shape
    loss = problem.loss
    stacked = solution.coefs.transpose(1, 0, 2).reshape(p, -1)
    offset = np.zeros_like(problem.y) if problem.offset is None else problem.offset
    scores = np.zeros(n_alphas)
    width = n_alphas * q if problem.matrix.is_sparse else max(n_alphas * q, p)
    step = max(1, _ENTRIES_AT_ONCE // width)
    for start in range(0, len(test), step):
        rows, own = test[start : start + step], weights[start : start + step]
        y, known = problem.y[rows], offset[rows]
        predictors = problem.matrix.of_rows(rows).dot(stacked)
        predictors = predictors.reshape(len(rows), n_alphas, q)
        lowest = loss.lowest(y, own)
        for k in range(n_alphas):
            f = predictors[:, k] + solution.intercepts[k] + known
            scores[k] -= loss.value(y, f, own) - lowest
    scores *= loss.deviance_factor / (1 if loss.is_joint else q)
    return scores


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
