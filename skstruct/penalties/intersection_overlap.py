"""The overlapping group lasso whose groups share coefficients."""

from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from skstruct.kernels.overlap_prox import (
    atom_norms,
    descend,
    interior_point,
    shorten_atoms,
)
from skstruct.penalties.coupled import CoupledNorm, CoupledPenalty
from skstruct.penalties.norms import group_norms
from skstruct.penalties.restricted import restricted

# The prox stops at a duality gap of this share of |v|^2, the dual norm at another: its
# own error is the gap's square root.
_PROX_TOL, _POLAR_TOL = 1e-20, 1e-26
# Interior point steps in one solve, about; and what one costs in sweeps at least.
_STEPS, _SHORTEST, _LONGEST = 25, 40, 20_000


class IntersectionOverlap(CoupledPenalty):
    r"""Sum of the norms of overlapping groups: a support is what no group leaves out.

    .. math:: \sum_g w_g \lVert B_g \rVert_F

    The groups may overlap in any way, and each penalises all of its own coefficients
    (Jenatton, Audibert and Bach, 2011, eq. 2). A coefficient is zero when any of its
    groups is, so what is zero is a union of groups, and what is not the intersection
    of the complements. (For supports that are unions of groups themselves, take latent
    overlap.)

    Parameters
    ----------
    positive : bool, default=False
        Add the constraint that every coefficient be nonnegative.

    See Also
    --------
    skstruct.penalties.TreeGroupL2 : The same for groups that are nested or disjoint.

    Notes
    -----
    The proximal operator has no closed form. Its dual is solved group by group
    (Jenatton, Mairal, Obozinski and Bach, 2011, algorithm 1), from where the last call
    ended, and by an interior point method where that does not come to its end soon.
    Both stop at a duality gap of 1e-20 ``|v|^2``, which the norm keeps as `prox_gap`.

    References
    ----------
    Jenatton, R., Audibert, J.-Y. and Bach, F. (2011). Structured variable selection
    with sparsity-inducing norms. JMLR 12, 2777-2824.

    Jenatton, R., Mairal, J., Obozinski, G. and Bach, F. (2011). Proximal methods for
    hierarchical sparse coding. JMLR 12, 2297-2334.

    Examples
    --------
    >>> import numpy as np
    >>> from skstruct.groups import make_layout
    >>> from skstruct.penalties import IntersectionOverlap
    >>> layout = make_layout([[0, 1], [1, 2]], 3, weights=[1, 1], overlap=True)
    >>> norm = IntersectionOverlap().bind(layout, np.arange(3))
    >>> norm.value(np.array([[3.0], [4.0], [0.0]]))
    9.0
    >>> norm.prox(np.array([[6.0], [0.5], [0.5]]), 1.0).round(6)
    array([[5.],
           [0.],
           [0.]])
    """

    def __init__(self, positive=False):
        self.positive = positive

    def bind(self, layout, features):
        """Return the norm of coefficients (k, q) of some ascending features."""
        return IntersectionNorm(*restricted(layout, features), self.positive)


class IntersectionNorm(CoupledNorm):
    """Sum of norms over overlapping groups, for coefficients (k, q).

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

    Attributes
    ----------
    scale : (k,) array of ones
    tol : float
        Share of ``|v|^2`` at whose duality gap the prox stops. Callers that can do
        with less may change it.
    prox_gap : float
        Duality gap of the last prox, as a share of ``|v|^2``.
    """

    def __init__(self, ptr, indices, weights, n_features, positive):
        self.ptr, self.indices, self.weights = ptr, indices, weights
        self.positive = positive
        self.scale = np.ones(n_features)
        self.tol, self.prox_gap = _PROX_TOL, 0.0
        self._atoms = Atoms(ptr, indices, n_features)
        self._xi, self._strength = np.zeros(len(self._atoms.atoms)), 0.0

    def value(self, coef):
        """Return ``sum_g w_g |B_g|``."""
        coef = np.asarray(coef, dtype=np.float64)
        return float(self.weights @ group_norms(coef[self.indices], self.ptr))

    def prox(self, v, strength):
        """Return ``argmin_c |c - v|^2 / 2 + strength * norm(c)``, (k, q).

        It starts from the dual variables of the last call, which does not change the
        result by more than `tol` says.
        """
        v = np.ascontiguousarray(v, dtype=np.float64)
        if strength <= 0:
            return np.maximum(v, 0.0) if self.positive else v.copy()
        e, top = self._norms(v)
        if top == 0:
            return np.zeros_like(v)
        # Dual variables of the last call are kept as multiples of the strength.
        with np.errstate(over="ignore"):  # strengths beyond all measure are cut off
            relative = float(np.divide(strength, top))
        xi = self._xi * min(relative, 1e150)
        b, self.prox_gap = self._atoms.solve(e, relative * self.weights, xi, self.tol)
        self._xi = xi / relative if 1e-150 < relative < 1e150 else np.zeros_like(xi)
        out = np.empty_like(v)
        shorten_atoms(v, self._atoms.atom_of, self.positive, e, b, out)
        return out

    def polar(self, correlation):
        """Return the dual norm of correlations (k, q), or a bound just above it.

        Dinkelbach's iteration climbs to it from below; what is returned is the bound
        from above that the dual variables of its last prox certify, within 1e-10 or so.
        """
        e, top = self._norms(np.ascontiguousarray(correlation, dtype=np.float64))
        if top == 0:
            return 0.0
        if self._atoms.free[e > 0].any():
            return np.inf
        best, xi = np.inf, np.zeros_like(self._xi)
        t = e @ e / self._value(e)
        for _ in range(50):
            b, _ = self._atoms.solve(e, t * self.weights, xi, _POLAR_TOL)
            best = min(best, self._bound(e, xi))
            b = np.maximum(b, 0.0)
            worth = self._value(b)
            # Rounding leaves of b only noise when t has arrived.
            t_new = e @ b / worth if worth > 1e-300 else 0.0
            if best <= t_new * (1 + 1e-11) or t_new <= t * (1 + 1e-13):
                break
            xi *= t_new / t
            t = t_new
        return float(best * top)

    def polar_bound(self, correlation, t):
        """Return an upper bound of the dual norm that is close if that is near `t`.

        One prox at strength `t` splits the correlation among the groups; whatever the
        split, the largest of its parts relative to the weights bounds the dual norm.
        """
        e, top = self._norms(np.ascontiguousarray(correlation, dtype=np.float64))
        if top == 0:
            return 0.0
        if self._atoms.free[e > 0].any():
            return np.inf
        relative = min(t / top, 1e150)
        xi = self._xi * relative
        self._atoms.solve(e, relative * self.weights, xi, self.tol)
        return float(self._bound(e, xi) * top)

    def _norms(self, v):
        e = np.empty(self._atoms.n_atoms)
        top = atom_norms(v, self._atoms.atom_of, self.positive, e)
        return e, top

    def _value(self, e):
        atoms = self._atoms
        sums = np.add.reduceat(e[atoms.atoms] ** 2, atoms.ptr[:-1])
        return self.weights @ np.sqrt(sums)

    def _bound(self, e, xi):
        """Largest ``|xi_g| / w_g`` when what xi leaves of e is shared out equally."""
        atoms = self._atoms
        n_atoms = atoms.n_atoms
        left = e - np.bincount(atoms.atoms, xi, minlength=n_atoms)
        times = np.bincount(atoms.atoms, minlength=n_atoms)
        full = xi + (left / np.maximum(times, 1))[atoms.atoms]
        sums = np.add.reduceat(full * full, atoms.ptr[:-1])
        return (np.sqrt(sums) / self.weights).max()


class Atoms:
    """Features that are in the same groups, put together; see kernels.overlap_prox."""

    def __init__(self, ptr, indices, n_features):
        n_groups = len(ptr) - 1
        group_of = np.repeat(np.arange(n_groups), np.diff(ptr))
        by_feature = np.argsort(indices, kind="stable")
        counts = np.bincount(indices, minlength=n_features)
        starts = np.cumsum(counts) - counts
        label = np.zeros(n_features, dtype=np.intp)
        # One more group at a time tells features apart, those that have so many.
        for nth in range(counts.max(initial=0)):
            group = np.zeros(n_features, dtype=np.intp)
            having = np.flatnonzero(counts > nth)
            group[having] = 1 + group_of[by_feature[starts[having] + nth]]
            label = np.unique(label * (n_groups + 1) + group, return_inverse=True)[1]
        self.atom_of = np.ascontiguousarray(label.reshape(-1), dtype=np.intp)
        self.n_atoms = int(self.atom_of.max(initial=-1)) + 1
        member = np.unique(group_of * max(self.n_atoms, 1) + self.atom_of[indices])
        self.group_of, self.atoms = np.divmod(member, max(self.n_atoms, 1))
        sizes = np.bincount(self.group_of, minlength=n_groups)
        self.ptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        self.free = np.bincount(self.atoms, minlength=self.n_atoms) == 0

    @cached_property
    def transposed(self):
        """Where each atom is in `atoms`: pointers and positions."""
        sizes = np.bincount(self.atoms, minlength=self.n_atoms)
        pointers = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        return pointers, np.argsort(self.atoms, kind="stable")

    @cached_property
    def envelope(self):
        """Order of the groups, and columns and starts of the rows of the factor."""
        n_groups = len(self.ptr) - 1
        shape = (n_groups, self.n_atoms)
        ones = np.ones(len(self.atoms))
        member = sparse.csr_matrix((ones, self.atoms, self.ptr), shape=shape)
        touching = (member @ member.T).tocsr()
        order = np.empty(n_groups, dtype=np.intp)
        order[reverse_cuthill_mckee(touching, symmetric_mode=True)] = np.arange(
            n_groups
        )
        pairs = touching.tocoo()
        first = np.arange(n_groups)
        np.minimum.at(first, order[pairs.row], order[pairs.col])
        widths = np.arange(n_groups) - first + 1
        start = np.concatenate([[0], np.cumsum(widths)]).astype(np.intp)
        # In units of one sweep: as many sweeps are tried before.
        work = _STEPS * ((widths * (widths + 10)).sum() + 30 * len(self.atoms))
        sweeps = int(np.clip(work / (6 * len(self.atoms)), _SHORTEST, _LONGEST))
        return order, first, start, sweeps

    def solve(self, e, radius, xi, tol):
        """Minimise ``|b - e|^2 / 2 + sum_g r_g |b_g|``; return b and its relative gap.

        `xi` is where the dual starts, and ends.
        """
        b = np.empty_like(e)
        size = e @ e
        # No radius beyond |e| makes a difference, but infinite ones would make NaN.
        radius = np.minimum(radius, 2.0 * np.sqrt(size))
        problem = e, radius, self.ptr, self.atoms
        gap = descend(*problem, xi, b, tol * size, _SHORTEST)
        if gap > tol * size:
            order, first, start, sweeps = self.envelope
            if sweeps > _SHORTEST:
                gap = descend(*problem, xi, b, tol * size, sweeps - _SHORTEST)
        if gap > tol * size:
            found, c = np.empty_like(xi), np.empty_like(b)
            places = (*self.transposed, self.group_of, order, first, start)
            scratch = np.empty_like(e), np.empty(start[-1])
            work = tuple(np.empty((9, len(radius))))
            interior_point(*problem, *places, tol * size, found, *scratch, work)
            if np.isfinite(found).all():
                closer = descend(*problem, found, c, tol * size, _SHORTEST)
                if closer < gap:
                    xi[:], b, gap = found, c, closer
        return b, gap / size
