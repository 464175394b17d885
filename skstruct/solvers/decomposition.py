"""The latent coefficients of overlapping groups that add up to given ones."""

import numpy as np

_MOST_STEPS = 5000
_TOLERANCE = 1e-10


def decomposition(problem, coef):
    """Return latent coefficients (entries, q) of least penalty that add up to `coef`.

    Douglas and Rachford's splitting of ``sum_g w_g |V_g|`` and the constraint that
    latent coefficients add up (Eckstein and Bertsekas, 1992), for penalties that
    are norms of groups; others get an even share of each coefficient. Steps end when
    the bound from below that the multipliers give is met.

    Parameters
    ----------
    problem : Problem
        With a latent penalty and overlapping groups.
    coef : (p, q) array
        Coefficients.

    Returns
    -------
    (entries, q) array
        In the order of ``layout.indices``; exact sums, near least penalty.
    """
    layout = problem.layout
    owners = np.bincount(layout.indices, minlength=layout.n_features)[:, None]
    even = (coef / np.maximum(owners, 1))[layout.indices]
    penalty, ptr, weights = problem.penalty, layout.ptr, layout.weights
    size = float(np.abs(coef).max(initial=0.0))
    if size == 0.0:
        return even

    def feasible(V):
        """Return V with what is missing of each sum shared out evenly."""
        total = np.zeros_like(coef)
        np.add.at(total, layout.indices, V)
        return V + ((coef - total) / np.maximum(owners, 1))[layout.indices]

    struct = penalty.bind(weights, 1.0)
    Z, best, least = even.copy(), even, np.inf
    for _ in range(_MOST_STEPS):
        V = feasible(Z)
        value = float(np.sum(penalty.values(V, ptr, weights)))
        if value < least:
            best, least = V, value
        U = 2 * V - Z
        W = U.copy()
        for g in range(layout.n_groups):
            own = W[ptr[g] : ptr[g + 1]]
            struct.prox(own, size, g)
        # (U - W) / size is a subgradient; made equal within each feature, a dual point.
        dual = np.zeros_like(coef)
        np.add.at(dual, layout.indices, (U - W) / size)
        dual /= np.maximum(owners, 1)
        worst = penalty.polar(dual[layout.indices], ptr, weights).max(initial=0.0)
        bound = float(np.sum(dual * coef)) / max(worst, 1.0)
        if least - bound <= _TOLERANCE * least:
            break
        Z = Z + W - V
    return best
