"""What a solver is asked, and what it answers."""

from dataclasses import dataclass, field

import numpy as np

from skstruct.losses import SquaredError


@dataclass(frozen=True)
class Problem:
    """Data, loss and penalty of one path of problems.

    Attributes
    ----------
    matrix : DenseMatrix or CscMatrix
        X, (n, p).
    y : (n, q) float64 array
        Responses, the offset already subtracted.
    weights : (n,) array
        Sample weights, normalised to sum to one.
    layout : GroupLayout
        The groups and their weights.
    penalty : Penalty
        The penalty, without its strength.
    fit_intercept : bool
        Whether an unpenalised intercept is fitted.
    scaling : {"none", "features", "groups"}
        In which coordinates the penalty measures coefficients.
    dtype : dtype
        Precision in which coefficients are returned.
    loss : SquaredError
        The loss.
    """

    matrix: object
    y: np.ndarray
    weights: np.ndarray
    layout: object
    penalty: object
    fit_intercept: bool = True
    scaling: str = "none"
    dtype: type = np.float64
    loss: object = field(default_factory=SquaredError)


@dataclass(frozen=True)
class Solution:
    """Solutions along a path of `alphas`, A of them.

    Attributes
    ----------
    alphas : (A,) array
        Strengths, decreasing.
    coefs : (A, p, q) array
        Coefficients of the columns of X.
    intercepts : (A, q) array
        Intercepts.
    gaps : (A,) array
        Duality gaps, certified from the coefficients.
    n_iters : (A,) integer array
        Sweeps spent at each alpha.
    null_loss : float
        Loss of the null model, to which tolerances are relative.
    accepted_gap : float
        Gap up to which a solution counts as converged.
    """

    alphas: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    gaps: np.ndarray
    n_iters: np.ndarray
    null_loss: float
    accepted_gap: float

    @property
    def converged(self):
        """Whether each solution's gap is small enough, (A,)."""
        return self.gaps <= self.accepted_gap
