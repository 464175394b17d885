"""Passes over chunks that are not in memory, for solvers that ask for sums of rows."""

from dataclasses import dataclass

import numpy as np

from skstruct.solvers.chunk_pass import answer_chunk
from skstruct.solvers.first_look import FirstLook, FirstSight
from skstruct.solvers.lockstep import solve_in_passes


@dataclass(frozen=True)
class PassKernel:
    """Answers a request for one chunk.

    Attributes
    ----------
    loss : Loss
        The loss.
    request : FirstLook or Points
        What is asked.
    """

    loss: object
    request: object

    @property
    def must_be_finite(self):
        """Whether it is: the data alone are looked at, no trial model."""
        return isinstance(self.request, FirstLook)

    def of(self, chunk):
        """Return the chunk's answer."""
        return answer_chunk(*chunk, self.loss, self.request)

    def is_finite(self, found):
        """Whether no NaN or infinity of the chunk has reached the answer."""
        if isinstance(found, FirstSight):
            return bool(
                np.isfinite(found.mean).all() and np.isfinite(found.square).all()
            )
        return all(np.isfinite(one.gradient).all() for one in found.points)


def solve_streamed(problem, alphas, *, tol, max_iter, eps=1e-3, n_folds=0):
    """Solve a problem whose rows answer to `problem.run_pass`.

    Parameters
    ----------
    problem : Problem
        Without rows.
    alphas : int or array
        As in `solve_path`.
    tol, max_iter, eps
        As in `solve_path`; `max_iter` is the largest number of passes.
    n_folds : int
        Number of folds of the rows.

    Returns
    -------
    PassSolutions
    """
    return solve_in_passes(
        problem.run_pass,
        layout=problem.layout,
        penalty=problem.penalty,
        loss=problem.loss,
        alphas=alphas,
        eps=eps,
        n_folds=n_folds,
        fit_intercept=problem.fit_intercept,
        scaling=problem.scaling,
        dtype=problem.dtype,
        tol=tol,
        max_passes=max_iter,
    )
