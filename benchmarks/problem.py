"""What a benchmark problem is: data, loss, penalty and alphas."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.judge import alpha_max


@dataclass(frozen=True)
class Problem:
    """Minimise mean loss(y, X B + b0) + alpha * penalty(B) at each of the alphas."""

    name: str
    text: str
    X: Any  # (n, p), Fortran-ordered float64 or scipy CSC
    y: np.ndarray  # (n,) or (n, q)
    penalty: Any  # one of benchmarks.penalties
    alphas: np.ndarray  # decreasing
    loss: Any  # one of benchmarks.losses

    @property
    def ptr(self):
        """Return where groups begin and end, (G + 1,)."""
        return self.penalty.ptr

    @property
    def weights(self):
        """Return the weights of the groups, (G,)."""
        return self.penalty.weights

    @property
    def sizes(self):
        """Return the number of features of each group."""
        return np.diff(self.ptr)

    @property
    def is_sparse(self):
        """Tell whether X is a scipy sparse matrix."""
        return sparse.issparse(self.X)

    @property
    def kind(self):
        """Return the name that solvers give to this problem."""
        if self.penalty.name != "group":
            return self.penalty.name
        if self.loss.name != "squared_error":
            return self.loss.name
        if self.y.ndim == 2:
            return "multitask"
        return "lasso" if np.all(self.sizes == 1) else "group"

    @cached_property
    def null_loss(self):
        """Return the loss of the null model, to which all gaps are relative."""
        return self.loss.null_loss(self.y)

    @cached_property
    def alpha_max(self):
        """Return the smallest alpha at which every group is zero."""
        return alpha_max(self)

    def describe(self):
        """Say the sizes in one line."""
        n, p = self.X.shape
        last = self.alphas[-1] / self.alpha_max
        return (
            f"{self.text}; n {n:,}, p {p:,}, {len(self.weights):,} groups, "
            f"{len(self.alphas)} alpha(s) down to alpha_max/{1 / last:.3g}"
        )
