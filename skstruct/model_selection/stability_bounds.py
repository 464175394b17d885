"""Bounds on the expected number of false selections of stability selection."""

from numbers import Integral, Real

import numpy as np
from scipy.optimize import brentq, minimize_scalar

_N_START = 400  # points at which the search for the worst distribution starts


def stability_bounds(n_groups, n_selected, threshold, n_pairs=50):
    r"""Bound the expected number of falsely selected groups.

    A base procedure that selects :math:`q` of :math:`p` groups on average is run on
    both halves of B random splits, and the groups selected in at least a share
    :math:`\tau` of these 2B runs are kept. All three bounds concern the kept groups
    whose probability of selection by the base procedure, on half of the samples, is at
    most :math:`\theta = q / p`, no better than picking q groups at random.

    Parameters
    ----------
    n_groups : int
        Number of groups p among which is chosen.
    n_selected : float
        Average number q of groups that the base procedure selects, or an upper bound.
    threshold : float
        Share :math:`\tau` of the runs in which a kept group was selected, in (0.5, 1].
    n_pairs : int, default=50
        Number B of splits.

    Returns
    -------
    dict of str to float
        ``"markov"``, ``"unimodal"`` and ``"r_concave"``, none larger than `n_groups`.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    See Also
    --------
    skstruct.GroupStabilitySelection : Stability selection itself.

    Notes
    -----
    With p groups of low probability at most:

    - ``"markov"`` is :math:`q^2 / ((2\tau - 1) p)`. It needs no assumption (Shah and
      Samworth, 2013, Theorem 1). The same figure bounds all false selections if
      the selection of noise groups is exchangeable and the procedure is not worse than
      guessing (Meinshausen and Buhlmann, 2010, Theorem 1).
    - ``"unimodal"`` is :math:`C(\tau, B) \, q^2 / p`, where :math:`C = 1 / (2 (2 \tau -
      1 - 1 / (2B)))` for :math:`\tau \le 3/4` and :math:`4 (1 - \tau + 1 / (2B)) / (1
      + 1 / B)` above (Theorem 2). It assumes that the share of splits in which
      both halves select a group has a unimodal distribution, :math:`\theta \le
      1/\sqrt{3}`, and :math:`\tau > \min(1/2 + \theta^2, 1/2 + 1/(2B) + 3 \theta^2 /
      4)`; where the last two fail, the bound of Markov is returned.
    - ``"r_concave"`` is :math:`p \, \min(D(\theta^2, 2 \tau - 1, B, -1/2), D(\theta,
      \tau, 2B, -1/4))` (equation 8), with D(m, t, B, r) the largest probability
      of a value of at least t of all r-concave distributions on 0, 1/B, ..., 1 with
      mean m: those whose probabilities to the power r are convex. It
      assumes that the shares of splits and of runs are distributed like that.

    The first is proven; the other two are as good as their assumptions, for which the
    paper gives evidence by simulation (section 3).

    References
    ----------
    Shah, R. D. and Samworth, R. J. (2013). Variable selection with error control:
    another look at stability selection. JRSS B 75(1), 55-80.

    Meinshausen, N. and Buhlmann, P. (2010). Stability selection. JRSS B 72(4), 417-473.

    Examples
    --------
    >>> from skstruct.model_selection import stability_bounds
    >>> bounds = stability_bounds(n_groups=100, n_selected=10, threshold=0.6)
    >>> {name: round(bound, 2) for name, bound in bounds.items()}
    {'markov': 5.0, 'unimodal': 2.63, 'r_concave': 1.14}
    """
    _check(n_groups, n_selected, threshold, n_pairs)
    p, q, tau, B = n_groups, float(n_selected), float(threshold), n_pairs
    theta = q / p
    markov = theta * q / (2 * tau - 1)
    unimodal = min(markov, _unimodal_factor(theta, tau, B) * theta * q)
    concave = p * min(
        largest_tail(theta**2, 2 * tau - 1, B, -0.5),
        largest_tail(theta, tau, 2 * B, -0.25),
    )
    bounds = {"markov": markov, "unimodal": unimodal, "r_concave": concave}
    return {name: float(min(bound, p)) for name, bound in bounds.items()}


def _check(n_groups, n_selected, threshold, n_pairs):
    for name, value in (("n_groups", n_groups), ("n_pairs", n_pairs)):
        if not (isinstance(value, Integral) and value >= 1):
            raise ValueError(f"{name}={value!r} must be a positive integer.")
    if not (isinstance(n_selected, Real) and 0 <= n_selected <= n_groups):
        raise ValueError(
            f"n_selected={n_selected!r} must be from 0 to n_groups={n_groups}."
        )
    if not (isinstance(threshold, Real) and 0.5 < threshold <= 1):
        raise ValueError(f"threshold={threshold!r} must be in (0.5, 1].")


def _unimodal_factor(theta, tau, B):
    """Return C(tau, B), infinite where the theorem does not hold."""
    lowest = 0.5 + min(theta**2, 1 / (2 * B) + 0.75 * theta**2)
    if theta > 1 / np.sqrt(3) or tau <= lowest:
        return np.inf
    if tau > 0.75:
        return 4 * (1 - tau + 1 / (2 * B)) / (1 + 1 / B)
    slack = 2 * tau - 1 - 1 / (2 * B)
    return 1 / (2 * slack) if slack > 0 else np.inf


def largest_tail(mean, t, n, r):
    """Return D: the largest P(Y >= t) of r-concave Y on 0, 1/n, ..., 1 of this mean.

    The worst distributions have probabilities proportional to ``(a + i) ** (1 / r)`` at
    i / n for i = 0, ..., k, and what is left over, no more than that formula, at
    (k + 1) / n (Shah and Samworth, 2013, appendix). The mean ties k to a, so only a is
    searched.

    Parameters
    ----------
    mean : float
        Mean of the distribution, in [0, 1].
    t : float
        Where the tail begins.
    n : int
        Number of steps.
    r : float
        Negative; the smaller, the heavier may tails be.
    """
    first = int(np.ceil(n * t - 1e-9))  # tails from 0.6 * 50 = 30.000000000000004 on
    if first <= np.ceil(2 * mean * n):  # a uniform distribution may reach that far
        return 1.0
    if mean == 0:
        return 0.0

    def tails(log_a):
        return _tails(np.exp(np.atleast_1d(log_a)), mean * n, first, n, 1 / r)

    def excess(log_a):  # of the mean, were there mass at all n + 1 places
        weights = _powers(np.exp([log_a]), n, 1 / r)[0]
        return weights @ np.arange(n + 1) / weights.sum() - mean * n

    log_a = np.linspace(brentq(excess, -40, 40, xtol=1e-13), 20, _N_START)
    found = tails(log_a)
    best = int(np.argmax(found))
    around = log_a[max(best - 1, 0)], log_a[min(best + 1, _N_START - 1)]
    finer = minimize_scalar(
        lambda x: -tails(x)[0], bounds=around, method="bounded", options={"xatol": 1e-9}
    )
    return float(max(found[best], -finer.fun))


def _powers(a, n, exponent):
    """Return ``(a + i) ** exponent`` over that of i = 0, (len(a), n + 1)."""
    return (1 + np.arange(n + 1) / a[:, None]) ** exponent


def _tails(a, total, first, n, exponent):
    """Return P(Y >= first / n) for each a; `total` is n times the mean."""
    rows = np.arange(len(a))
    weights = _powers(a, n, exponent)
    mass = np.cumsum(weights, axis=1)
    moment = np.cumsum(weights * np.arange(n + 1), axis=1)
    # The largest k for which what is left over is not negative; means grow with k.
    k = (moment <= total * mass * (1 + 1e-12)).sum(axis=1) - 1
    scale = (k + 1 - total) / ((k + 1) * mass[rows, k] - moment[rows, k])
    below = scale * mass[:, first - 1]
    return np.where((first <= k + 1) & (k < n + 1), 1 - below, 0.0)
