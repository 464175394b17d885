"""Squared-error problems whose rows pass by once: their moments stand in for them.

One pass over chunks sums up the moments of all rows, and of those that each fold holds
out. From then on a few rows with the same moments take the place of the rows: whatever
depends on the rows through the squared error alone is the same for both.
"""

from dataclasses import dataclass, replace

import numpy as np

from skstruct.solvers.matrix import as_matrix
from skstruct.solvers.moments import Moments


@dataclass(frozen=True)
class MomentsKernel:
    """Sums up a chunk.

    Attributes
    ----------
    n_folds : int
        Number of folds; 0 without cross-validation.
    """

    n_folds: int = 0
    must_be_finite = True

    def of(self, chunk):
        """Return the `FoldMoments` of a chunk."""
        y = chunk.y if chunk.offset is None else chunk.y - chunk.offset
        parts = [Moments.nothing()] * (self.n_folds + 1)
        ids = np.full(len(y), -1) if chunk.fold_ids is None else chunk.fold_ids
        for fold in np.unique(ids):
            rows = np.flatnonzero(ids == fold)
            rows = slice(None) if len(rows) == len(y) else rows
            weights = None if chunk.weights is None else chunk.weights[rows]
            parts[fold + 1] = Moments.of_rows(chunk.X[rows], y[rows], weights)
        return FoldMoments(tuple(parts))

    def is_finite(self, found):
        """Whether no value of the chunk was NaN, infinite or too large."""
        return all(np.isfinite(part.scatter).all() for part in found.parts)


@dataclass(frozen=True)
class FoldMoments:
    """Moments of rows, apart by the fold that holds them out.

    Attributes
    ----------
    parts : tuple of Moments
        First of the rows that no fold holds out, then of those of each fold.
    """

    parts: tuple

    def __add__(self, other):
        """Merge with the moments of other rows."""
        pairs = zip(self.parts, other.parts, strict=True)
        return FoldMoments(tuple(a + b for a, b in pairs))

    def without(self, fold):
        """Return the moments of the rows that a fold trains on; of all for None.

        They are summed up: nothing is subtracted, which would cost digits.
        """
        total = Moments.nothing()
        for k, part in enumerate(self.parts):
            if fold is None or k != fold + 1:
                total = total + part
        return total


def stand_in(problem, moments):
    """Return the problem with a few rows that have these moments in place of its own.

    With an intercept they come in pairs about their mean, which is zero: solutions by
    `solve_path` have the intercept that belongs to the moments' mean.

    Parameters
    ----------
    problem : Problem
        Of the squared error.
    moments : Moments
        Of the rows of X and of y less its offset.
    """
    rows = moments.rows(centred=problem.fit_intercept)
    if not len(rows):
        rows = np.zeros((1, len(moments.mean)))
    rows *= np.sqrt(len(rows))
    if problem.fit_intercept:
        rows = np.vstack([rows, -rows])
    n, q = len(rows), problem.y.shape[1]
    p = rows.shape[1] - q
    return replace(
        problem,
        matrix=as_matrix(np.asfortranarray(rows[:, :p])),
        y=np.ascontiguousarray(rows[:, p:]),
        weights=np.full(n, 1.0 / n),
        offset=None,
        moments=moments,
        has_rows=False,
    )


def about_mean(problem, coefs, intercepts):
    """Return intercepts (A, q) as they are for the rows that stand in.

    Those rows are about the mean of the rows that they stand in for, so that only what
    an intercept differs from the best one is left.
    """
    if not problem.fit_intercept:
        return intercepts
    p = problem.matrix.shape[1]
    mean = problem.moments.mean
    return intercepts - (mean[p:] - np.einsum("apq,p->aq", coefs, mean[:p]))


def mean_squared_errors(moments, solution):
    """Return the mean squared error of each solution on rows, (n_alphas,).

    Averaged over outputs.

    Parameters
    ----------
    moments : Moments
        Of the rows.
    solution : Solution
        With q outputs.
    """
    q = solution.coefs.shape[2]
    p = len(moments.mean) - q
    errors = np.empty(len(solution.coefs))
    for k, coef in enumerate(solution.coefs):
        used = np.flatnonzero(coef.any(axis=1))
        kept = np.concatenate([used, np.arange(p, p + q)])
        combined = np.vstack([-coef[used], np.eye(q)])
        spread = moments.scatter[np.ix_(kept, kept)] @ combined
        spread = np.einsum("it,it->", combined, spread) / moments.weight
        bias = moments.mean[kept] @ combined - solution.intercepts[k]
        errors[k] = (spread + bias @ bias) / q
    return errors
