"""What a solver is asked, and what it answers."""

from dataclasses import dataclass, field, replace

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
        Responses.
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
    loss : Loss
        The loss.
    offset : (n, q) float64 array or None
        Known part of the linear predictor; None for zero.
    moments : Moments or None
        Of the weighted rows of X and of y less its offset, where they are known.
    has_rows : bool
        Whether `matrix` and `y` are those rows. If not, they are a few others with the
        same moments, about their mean if there is an intercept.
    run_pass : callable or None
        Where rows are read in passes, ``run_pass(request)`` returns what a request of
        `solve_in_passes` finds in them; matrix, y and weights are then None.
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
    offset: np.ndarray | None = None
    moments: object = None
    has_rows: bool = True
    run_pass: object = None

    def prepared(self):
        """Return the problem as solvers want it.

        Loss, penalty and layout are checked against each other; the offset is an
        array, zero where the loss lets it be subtracted from y.

        Raises
        ------
        ValueError
            If y is not in the loss's domain, or loss and penalty do not fit the data.
        """
        self.loss.check_target(self.y, self.weights)
        penalty = self.penalty.resolve(self.layout)
        self.check_fit(penalty)
        y, offset = self.y, self.offset
        if offset is None:
            offset = np.zeros_like(y)
        elif self.loss.is_quadratic:
            y, offset = y - offset, np.zeros_like(y)
        else:
            offset = np.ascontiguousarray(np.broadcast_to(offset, y.shape))
        return replace(self, penalty=penalty, y=y, offset=offset)

    def check_fit(self, penalty):
        """Raise a ValueError if loss, groups and resolved penalty do not fit."""
        name = type(self.penalty).__name__
        if not (self.loss.is_smooth or penalty.is_convex):
            raise ValueError(
                f"{type(self.loss).__name__} cannot be combined with {name}: one has "
                "kinks, the other is not convex, and what a solver would stop at "
                "could not be told from a solution. Use HuberLoss, or a convex penalty "
                "such as GroupL2."
            )
        if self.layout.is_overlapping and penalty.overlap == "refused":
            counts = np.bincount(self.layout.indices)
            raise ValueError(
                f"feature {int(np.argmax(counts > 1))} is in several groups, which "
                f"{name} does not allow: make the groups disjoint, or use "
                "LatentOverlap, IntersectionOverlap or TreeGroupL2."
            )
        if self.scaling == "groups" and not penalty.is_block_separable:
            raise ValueError(
                f"standardize='groups' cannot be combined with {name}: its groups are "
                "not penalised apart. Use standardize='features' or 'none'."
            )
        if self.scaling == "groups" and penalty.positive:
            raise ValueError(
                "positive=True cannot be combined with standardize='groups': the signs "
                "of coefficients mean nothing in orthonormalised groups. Use "
                "standardize='features' or 'none'."
            )

    def on_rows(self, rows):
        """Return the problem on some of the rows, their weights normalised anew."""
        weights = self.weights[rows]
        return replace(
            self,
            matrix=self.matrix.of_rows(rows),
            y=self.y[rows],
            weights=weights / weights.sum(),
            offset=None if self.offset is None else self.offset[rows],
            moments=None,
        )

    def free_features(self):
        """Return the features that no group of positive weight holds, ascending."""
        layout = self.layout
        penalised = layout.features_of(np.flatnonzero(layout.weights > 0))
        if not self.penalty.is_block_separable:
            return np.setdiff1d(np.arange(layout.n_features), penalised)
        # In groups of their own or, if latent, free beside what is penalised.
        return np.unique(layout.features_of(np.flatnonzero(layout.weights == 0)))

    def penalised_features(self):
        """Return the features that are in some group of positive weight, ascending."""
        layout = self.layout
        return np.unique(layout.features_of(np.flatnonzero(layout.weights > 0)))


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
        Duality gaps, certified from the coefficients; or, for a penalty that is not
        convex, the largest violations of optimality relative to alpha.
    n_iters : (A,) integer array
        Sweeps spent at each alpha.
    null_loss : float
        Loss of the null model, to which tolerances are relative.
    accepted_gap : float
        Gap up to which a solution counts as converged.
    is_certified : bool
        Whether `gaps` bound the distance to the minimum: they are duality gaps.
    """

    alphas: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    gaps: np.ndarray
    n_iters: np.ndarray
    null_loss: float
    accepted_gap: float
    is_certified: bool = True

    @property
    def converged(self):
        """Whether each solution's gap is small enough, (A,)."""
        return self.gaps <= self.accepted_gap

    def at(self, i):
        """Return the solution at the i-th alpha alone."""
        one = slice(i, i + 1)
        return replace(
            self,
            alphas=self.alphas[one],
            coefs=self.coefs[one],
            intercepts=self.intercepts[one],
            gaps=self.gaps[one],
            n_iters=self.n_iters[one],
        )
