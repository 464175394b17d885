"""What information criteria charge for coefficients, and for having chosen groups."""

import numpy as np
from scipy.special import gammaln


def coefficient_price(criterion, size):
    """Return what one degree of freedom costs with `size` responses."""
    return 2.0 if criterion == "aic" else np.log(size)


def choice_price(criterion, gamma, n_chosen, n_groups):
    """Return ``2 gamma log(binomial(n_groups, n_chosen))`` with "ebic", else zero.

    Parameters
    ----------
    criterion : {"aic", "bic", "ebic"}
        The criterion.
    gamma : float
        Weight of this price.
    n_chosen : (A,) integer array
        Penalised groups that were chosen.
    n_groups : int
        Penalised groups that there are.
    """
    if criterion != "ebic":
        return np.zeros(len(n_chosen))
    left = n_groups - n_chosen
    ways = gammaln(n_groups + 1) - gammaln(n_chosen + 1) - gammaln(left + 1)
    return 2 * gamma * ways
