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
    weights : (n_folds,) array
        Sums of weights.
    confusion : (n_folds, A, 2, k, k) array or None
        For k classes, how many rows, and of what weight, are of one class and
        classified as another.
    """

    losses: np.ndarray
    weights: np.ndarray
    confusion: np.ndarray | None = None

    def followed_by(self, other, n_times):
        """Return these and, after them, others' single one some times."""
        losses, confusion = (
            mine if mine is None else np.hstack([mine, np.repeat(last, n_times, 1)])
            for mine, last in (
                (self.losses, other.losses),
                (self.confusion, other.confusion),
            )
        )
        return HeldOut(losses, self.weights, confusion)


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
            held_out = held_out.followed_by(other.held_out, n_times)
        return PassSolutions(
            extended(self.solution, other.solution),
            [extended(*pair) for pair in zip(self.folds, other.folds, strict=True)],
            held_out,
            self.n_passes + other.n_passes,
        )
