"""The group lasso over groups that form a tree."""

import numpy as np

from skstruct.groups.messages import name_groups
from skstruct.kernels.tree_prox import tree_prox
from skstruct.penalties.coupled import CoupledNorm, CoupledPenalty
from skstruct.penalties.norms import group_norms
from skstruct.penalties.restricted import restricted


class TreeGroupL2(CoupledPenalty):
    r"""Sum of the norms of groups that are nested or disjoint.

    .. math:: \sum_g w_g \lVert B_g \rVert_F

    A group is a node of a tree with all that is below it: it is zero when any group
    around it is, so what is selected is a subtree from the root (Zhao, Rocha and Yu,
    2009; Jenatton, Mairal, Obozinski and Bach, 2011, eq. 6). One set of features may
    be a group several times; its weights then add up.

    Parameters
    ----------
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    Raises
    ------
    ValueError
        By `resolve`, when two groups share some features but neither holds the other.

    See Also
    --------
    skstruct.penalties.IntersectionOverlap : The same for groups that overlap in any
        way.

    Notes
    -----
    The proximal operator is the product of those of the groups, leaves first (Jenatton,
    Mairal, Obozinski and Bach, 2011, prop. 1): one pass, exactly.

    References
    ----------
    Jenatton, R., Mairal, J., Obozinski, G. and Bach, F. (2011). Proximal methods for
    hierarchical sparse coding. JMLR 12, 2297-2334.

    Zhao, P., Rocha, G. and Yu, B. (2009). The composite absolute penalties family for
    grouped and hierarchical variable selection. Annals of Statistics 37, 3468-3497.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.groups import make_layout
    >>> from skstruct.penalties import TreeGroupL2
    >>> tree = [[0, 1, 2], [1, 2], [2]]
    >>> layout = make_layout(tree, 3, weights=[1, 1, 1], overlap=True)
    >>> norm = TreeGroupL2().resolve(layout).bind(layout, np.arange(3))
    >>> norm.prox(np.array([[3.0], [6.0], [0.5]]), 1.0).round(3)
    array([[2.486],
           [4.143],
           [0.   ]])
    """

    def __init__(self, positive=False):
        self.positive = positive

    def resolve(self, layout):
        """Return the penalty itself if groups are nested or disjoint."""
        check_is_laminar(layout)
        return self

    def bind(self, layout, features):
        """Return the norm of coefficients (k, q) of some ascending features."""
        return TreeNorm(*restricted(layout, features), self.positive)


def check_is_laminar(layout):
    """Raise ValueError if two groups overlap and neither holds the other."""
    # From the largest on, the innermost group so far around each feature must be the
    # same for all features of the next group.
    inner = np.full(layout.n_features, -1, dtype=np.intp)
    for g in np.argsort(-layout.sizes, kind="stable"):
        own = layout.indices[layout.ptr[g] : layout.ptr[g + 1]]
        around = inner[own]
        if (around != around[0]).any():
            # The smallest group around some of g: it would be around all of g if it
            # held g, and g is not larger.
            around = around[around >= 0]
            other = around[np.argmin(layout.sizes[around])]
            names = name_groups([layout.names[other], layout.names[g]])
            raise ValueError(
                f"A tree needs groups that are nested or disjoint, but {names} share "
                "some features and neither holds the other. Use overlap="
                "'intersection' (the penalty IntersectionOverlap) for such groups."
            )
        inner[own] = g


class TreeNorm(CoupledNorm):
    """Sum of norms over a tree of groups, for coefficients (k, q).

    Parameters
    ----------
    ptr, indices : integer arrays
        Group g has the rows ``indices[ptr[g]:ptr[g + 1]]``.
    weights : (n_groups,) array
        Positive.
    n_features : int
        k.
    positive : bool
        Whether coefficients are confined to the nonnegative orthant.
    """

    def __init__(self, ptr, indices, weights, n_features, positive):
        # Smaller groups first: never before a group that they hold.
        sizes = np.diff(ptr)
        order = np.argsort(sizes, kind="stable")
        shift = np.repeat(ptr[order], sizes[order])
        self.ptr = np.concatenate([[0], np.cumsum(sizes[order])]).astype(np.intp)
        within = np.arange(len(indices)) - np.repeat(self.ptr[:-1], sizes[order])
        self.indices = np.ascontiguousarray(indices[shift + within], dtype=np.intp)
        self.weights, self.positive = weights[order], positive
        self.scale = np.ones(n_features)

    def value(self, coef):
        """Return ``sum_g w_g |B_g|``."""
        coef = np.asarray(coef, dtype=np.float64)
        return float(self.weights @ group_norms(coef[self.indices], self.ptr))

    def prox(self, v, strength):
        """Return ``argmin_c |c - v|^2 / 2 + strength * norm(c)``, (k, q)."""
        v = np.ascontiguousarray(v, dtype=np.float64)
        out = np.empty_like(v)
        radius = float(strength) * self.weights
        tree_prox(v, radius, self.ptr, self.indices, self.positive, out)
        return out

    def polar(self, correlation):
        """Return the dual norm of correlations (k, q), or a bound just above it.

        The smallest strength at which the prox is zero. Dinkelbach's iteration climbs
        to it from below, faster than linearly; the result is it, within some 1e-12.
        """
        u = np.ascontiguousarray(correlation, dtype=np.float64)
        u = np.maximum(u, 0.0) if self.positive else u
        top = np.abs(u).max(initial=0.0)
        if top == 0:
            return 0.0
        covered = np.zeros(len(u), dtype=bool)
        covered[self.indices] = True
        if u[~covered].any():
            return np.inf
        u = u / top
        t = np.sum(u * u) / self.value(u)
        for _ in range(100):
            b = self.prox(u, t)
            worth = self.value(b)
            t_new = np.sum(u * b) / worth if worth > 0 else t
            if t_new <= t * (1 + 1e-14):
                break
            t = t_new
        margin = 1e-15
        while self.prox(u, t).any():
            t *= 1 + margin
            margin *= 4
        return float(t * top)

    def polar_bound(self, correlation, t):
        """Return the dual norm: it is found as fast as a bound near `t` would be."""
        return self.polar(correlation)
