"""Group SLOPE: the sorted L1 norm of the groups' norms."""

import numpy as np
from scipy.special import ndtri

from skstruct.groups.messages import name_groups
from skstruct.kernels.sorted_prox import sorted_prox
from skstruct.penalties.coupled import CoupledNorm, CoupledPenalty
from skstruct.penalties.norms import group_norms
from skstruct.penalties.restricted import restricted


class GroupSLOPE(CoupledPenalty):
    r"""Sorted L1 norm of the weighted norms of disjoint groups.

    .. math:: \sum_i \lambda_i \, (w_g \lVert B_g \rVert_F)_{(i)}

    where the largest product meets the largest lambda (Brzyski, Gossmann, Su and
    Bogdan, 2019, eq. 2.5). Lambdas that descend as the thresholds of Benjamini and
    Hochberg keep the share of falsely selected groups near `q`, if columns of different
    groups are nearly orthogonal; equal lambdas are the group lasso.

    Parameters
    ----------
    lambdas : array-like of shape (n_groups,), default=None
        One for each group of positive weight, descending, not negative, the first
        positive. None: ``lambda_i = Phi^{-1}(1 - i q / (2 n_groups))``, divided by the
        first, so that alpha is the largest strength.
    q : float, default=0.1
        Share of false discoveries aimed at, between 0 and 1; used if `lambdas` is
        None.
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    Raises
    ------
    ValueError
        By `resolve`, when groups overlap, or `lambdas` or `q` are not as said.

    Notes
    -----
    The proximal operator has a closed form in coordinates scaled by the weights, so it
    is taken in that metric (the norm's `scale`): weighted norms go through the prox of
    the sorted L1 norm (Bogdan, van den Berg, Sabatti, Su and Candes, 2015, algorithm
    4), and the blocks keep their directions.

    References
    ----------
    Bogdan, M., van den Berg, E., Sabatti, C., Su, W. and Candes, E. J. (2015). SLOPE:
    adaptive variable selection via convex optimization. Annals of Applied Statistics
    9(3), 1103-1140.

    Brzyski, D., Gossmann, A., Su, W. and Bogdan, M. (2019). Group SLOPE: adaptive
    selection of groups of predictors. JASA 114(525), 419-433.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.groups import make_layout
    >>> from skstruct.penalties import GroupSLOPE
    >>> layout = make_layout([[0, 1], [2]], 3, weights=[1, 1])
    >>> penalty = GroupSLOPE(lambdas=[2.0, 1.0]).resolve(layout)
    >>> norm = penalty.bind(layout, np.arange(3))
    >>> norm.value(np.array([[3.0], [4.0], [1.0]]))
    11.0
    >>> norm.prox(np.array([[3.0], [4.0], [1.5]]), 1.0)
    array([[1.8],
           [2.4],
           [0.5]])
    """

    overlap = "refused"

    def __init__(self, lambdas=None, q=0.1, positive=False):
        self.lambdas = lambdas
        self.q = q
        self.positive = positive

    def resolve(self, layout):
        """Return the penalty itself if it fits the groups."""
        counts = np.bincount(layout.indices, minlength=1)
        if layout.is_overlapping:
            feature = int(np.argmax(counts > 1))
            holds = [feature in own for own in layout.feature_groups()]
            names = [layout.names[g] for g in np.flatnonzero(holds)]
            raise ValueError(
                f"Group SLOPE needs disjoint groups, but feature {feature} is in "
                f"{name_groups(names)}. Use IntersectionOverlap or LatentOverlap for "
                "groups that share features."
            )
        self._sequence(layout)
        return self

    def bind(self, layout, features):
        """Return the norm of coefficients (k, q) of some ascending features.

        Groups that have none of them are zero, so they meet the smallest lambdas, and
        the others the first ones.
        """
        ptr, indices, weights, n_features = restricted(layout, features)
        lambdas = self._sequence(layout)[: len(weights)]
        return SlopeNorm(ptr, indices, weights, n_features, self.positive, lambdas)

    def _sequence(self, layout):
        """Lambdas of the groups of positive weight, checked."""
        n_groups = int(np.count_nonzero(layout.weights > 0))
        if self.lambdas is None:
            if not 0 < self.q < 1:
                raise ValueError(f"q must be between 0 and 1, got {self.q!r}.")
            steps = np.arange(1, n_groups + 1) / max(n_groups, 1)
            lambdas = -ndtri(steps * (self.q / 2))
            return lambdas / lambdas[:1]
        lambdas = np.array(self.lambdas, dtype=np.float64)
        if lambdas.shape != (n_groups,):
            raise ValueError(
                f"lambdas must have one entry for each of the {n_groups} groups of "
                f"positive weight, got shape {lambdas.shape}."
            )
        if n_groups and not (
            np.isfinite(lambdas).all()
            and lambdas[0] > 0
            and lambdas[-1] >= 0
            and (np.diff(lambdas) <= 0).all()
        ):
            raise ValueError(
                "lambdas must be finite, descend, be nowhere negative and start with "
                f"a positive one, got {self.lambdas!r}."
            )
        return lambdas


class SlopeNorm(CoupledNorm):
    """Sorted L1 norm of weighted group norms, for coefficients (k, q).

    Parameters
    ----------
    ptr, indices : integer arrays
        Group g has the rows ``indices[ptr[g]:ptr[g + 1]]``; groups are disjoint.
    weights : (n_groups,) array
        Positive.
    n_features : int
        k.
    positive : bool
        Whether coefficients are confined to the nonnegative orthant.
    lambdas : (n_groups,) array
        Descending.

    Attributes
    ----------
    scale : (k,) array
        The weight of each row's group.
    """

    def __init__(self, ptr, indices, weights, n_features, positive, lambdas):
        self.ptr, self.indices, self.weights = ptr, indices, weights
        self.positive, self.lambdas = positive, lambdas
        self.sizes = np.diff(ptr)
        self.scale = np.ones(n_features)
        self.scale[indices] = np.repeat(weights, self.sizes)

    def value(self, coef):
        """Return ``sum_i lambda_i (w_g |B_g|)_(i)``."""
        norms = self.weights * self._norms(coef)
        return float(self.lambdas @ np.sort(norms)[::-1])

    def prox(self, v, strength):
        """Return the prox in the metric ``diag(scale^2)``, (k, q)."""
        v = np.asarray(v, dtype=np.float64)
        v = np.maximum(v, 0.0) if self.positive else v
        norms = self.weights * self._norms(v)
        order = np.argsort(-norms, kind="stable")
        z = norms[order] - float(strength) * self.lambdas
        n = len(z)
        ends, shrunk = np.empty((2, n), dtype=np.intp), np.empty(n)
        sorted_prox(z, ends[0], ends[1], np.empty(n), shrunk)
        factors = np.zeros(n)
        factors[order] = shrunk
        np.divide(factors, norms, out=factors, where=norms > 0)
        out = v.copy()
        out[self.indices] *= np.repeat(factors, self.sizes)[:, None]
        return out

    def polar(self, correlation):
        """Return ``max_k sum_{i <= k} (|u_g| / w_g)_(i) / sum_{i <= k} lambda_i``."""
        u = np.ascontiguousarray(correlation, dtype=np.float64)
        u = np.maximum(u, 0.0) if self.positive else u
        covered = np.zeros(len(u), dtype=bool)
        covered[self.indices] = True
        if u[~covered].any():
            return np.inf
        if len(self.weights) == 0:
            return 0.0
        norms = np.sort(self._norms(u) / self.weights)[::-1]
        return float((np.cumsum(norms) / np.cumsum(self.lambdas)).max())

    def polar_bound(self, correlation, t):
        """Return the dual norm, which has a closed form."""
        return self.polar(correlation)

    def _norms(self, coef):
        coef = np.asarray(coef, dtype=np.float64)
        return group_norms(coef[self.indices], self.ptr)
