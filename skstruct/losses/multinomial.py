"""The multinomial loss."""

import numpy as np
from scipy import special

from skstruct.losses.base import Loss
from skstruct.losses.checks import refuse, refuse_constant
from skstruct.losses.numerics import (
    ROUNDING,
    floats,
    lift,
    log_link,
    newton_curvature,
    weighted_sum,
)

_SUM = 1e-9  # how far from one, by rounding, the sum of probabilities may be


class MultinomialLoss(Loss):
    r"""Multinomial loss (softmax cross-entropy) of one-hot rows.

    .. math:: \ell(y, f) = \log \sum_k e^{f_k} - \sum_k y_k f_k

    Rows of y (n, K) have a one in the column of their class, zeros elsewhere; every
    class keeps its predictor (Hastie, Tibshirani and Wainwright, 2015, section 3.3).
    The gradient is :math:`p - y` with the probabilities :math:`p = softmax(f)`. The
    conjugate over f is :math:`\sum_k w_k \log w_k` with :math:`w = v + y` in the
    simplex, infinite elsewhere (Boyd and Vandenberghe, 2004, example 3.25). The link
    is the logarithm of the probabilities, centred in each row.

    The Hessian :math:`diag(p) - p p'` is not diagonal; the curvature :math:`2 p_k (1 -
    p_k) \le 1/2` dominates it by diagonal dominance (Gershgorin's discs). It is at
    least a hundredth of the size of the gradient, so that models are usable where
    the loss is almost linear.

    References
    ----------
    Boyd, S. and Vandenberghe, L. (2004). Convex optimization. Cambridge.

    Hastie, T., Tibshirani, R. and Wainwright, M. (2015). Statistical learning with
    sparsity. CRC Press.

    Examples
    --------
    >>> from skstruct.losses import MultinomialLoss
    >>> MultinomialLoss().gradient([[1.0, 0.0]], [[2.0, 2.0]])
    array([[-0.5,  0.5]])
    """

    is_joint = True
    is_for_classes = True
    has_unit_dispersion = True
    curvature_bound = 0.5

    def check_target(self, y, weights):
        """Raise a ValueError unless rows are one-hot and two classes occur."""
        super().check_target(y, weights)
        (y,) = floats(y)
        bad = np.any((y != 0) & (y != 1), axis=1) | (y.sum(axis=1) != 1)
        rule = "one-hot (a one in each row, else zeros) for the multinomial loss"
        refuse(bad, y, rule, "Encode labels with sklearn.preprocessing.LabelBinarizer.")
        what = "has one class only: it is 1"
        refuse_constant(y == 1, y, weights, what, "Give samples of several classes.")

    def value(self, y, f, weights):
        """Return ``sum_i weights_i * loss(y_i, f_i)``; y and f are (n, K)."""
        y, f = floats(y, f)
        below, powers = _powers(f)
        log_totals = np.log(powers.sum(axis=1, keepdims=True))
        return weighted_sum(weights, y * (log_totals - below))

    def gradient(self, y, f):
        """Return ``softmax(f) - y``."""
        return self.inverse_link(f) - y

    def curvature(self, y, f):
        """Return ``2 p (1 - p)``, at least a hundredth of the gradient's size."""
        p = self.inverse_link(f)
        return newton_curvature(2 * p * (1 - p), p - y)

    def hessian(self, y, f):
        """Return ``diag(p) - p p'`` of every row, (n, K, K)."""
        p = self.inverse_link(f)
        return p[:, :, None] * np.eye(p.shape[1]) - p[:, :, None] * p[:, None, :]

    def conjugate(self, y, v, weights):
        """Return ``sum_i weights_i * sup_f (v_i f - loss(y_i, f))``."""
        w = lift(np.add(*floats(v, y)), _SUM / ROUNDING)
        outside = np.abs(w.sum(axis=1, keepdims=True) - 1) > _SUM
        return weighted_sum(weights, np.where(outside, np.inf, -special.entr(w)))

    def lowest(self, y, weights):
        """Return 0: the fit may be arbitrarily good."""
        return 0.0

    def link(self, mean):
        """Return the logarithms of probabilities, centred by row, finite at 0."""
        f = log_link(mean)
        return f - f.mean(axis=1, keepdims=True)

    def inverse_link(self, f):
        """Return the probabilities ``exp(f_k) / sum_j exp(f_j)``."""
        _, powers = _powers(*floats(f))
        return powers / powers.sum(axis=1, keepdims=True)


def _powers(f):
    """Return f below its largest entry, by row, and exp of that.

    Those of scipy.special, which take any array of any library, are many times slower
    for the small ones of which solvers ask a lot.
    """
    below = f - f.max(axis=1, keepdims=True)
    return below, np.exp(below)
