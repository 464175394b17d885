"""What `solve_in_passes` returns: solutions on all rows, and of every fold."""

from dataclasses import dataclass, replace

import numpy as np

from skstruct.solvers.solution import Solution


@dataclass(frozen=True)
class HeldOut:
    """How models do on the rows that their folds hold out.

    Attributes
    ----------
    losses : (n_folds, A) array
        Weighted sums of the loss, measured from a perfect fit.
    correct : (n_folds, A) array
        For classes, sums of the weights of the rows that are classified correctly.
    weights : (n_folds,) array
        Sums of weights.
    """

    losses: np.ndarray
    correct: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class PassSolutions:
    """What `solve_in_passes` returns.

    Attributes
    ----------
    solution : Solution
        On all rows. Its `n_iters` are the passes of each alpha.
    folds : list of Solution
        On the rows that each fold trains on, at the same alphas.
    held_out : HeldOut or None
        Scores of the folds' models; None without folds.
    n_passes : int
        Passes over the rows, the first look included.
    """

    solution: Solution
    folds: list
    held_out: HeldOut | None
    n_passes: int

    def followed_by(self, other, n_times):
        """Return these solutions and, after them, others' single one some times."""

        def extended(mine, last):
            parts = {
                name: np.concatenate(
                    [getattr(mine, name), np.repeat(getattr(last, name), n_times, 0)]
                )
                for name in ("alphas", "coefs", "intercepts", "gaps", "n_iters")
            }
            return replace(mine, **parts)

        held_out = self.held_out
        if held_out is not None:
            losses, correct = (
                np.hstack([mine, np.repeat(last, n_times, axis=1)])
                for mine, last in (
                    (held_out.losses, other.held_out.losses),
                    (held_out.correct, other.held_out.correct),
                )
            )
            held_out = HeldOut(losses, correct, held_out.weights)
        return PassSolutions(
            extended(self.solution, other.solution),
            [extended(*pair) for pair in zip(self.folds, other.folds, strict=True)],
            held_out,
            self.n_passes + other.n_passes,
        )
