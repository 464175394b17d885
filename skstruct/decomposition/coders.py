"""Coders: a dictionary made ready once, then signals into codes, batch by batch.

``code(X, out)`` takes signals (n, n_features) and writes codes (n, n_atoms) into `out`,
zeros on entry; it returns their duality gaps over half the squared norm of the signal.
"""

import numpy as np
from scipy import sparse

from skstruct.kernels.coding_blocks import code_blocks
from skstruct.kernels.coding_tree import code_tree
from skstruct.kernels.homotopy import follow_lasso
from skstruct.kernels.pursuit import pursue_atoms, pursue_groups
from skstruct.penalties import GroupL2, SparseGroupL2, TreeGroupL2

# Steps of the lasso's path, for each atom that a code can have.
_PATH_STEPS = 4


class Coder:
    """Base: products with the dictionary, whose atoms are sorted by group.

    Parameters
    ----------
    dictionary : (m, n_features) array of float64
        Atoms.
    order : (m,) integer array
        Atoms as the kernels are to see them, one group after the other.
    """

    def __init__(self, dictionary, order):
        self.order = order
        self.is_sorted = bool((order == np.arange(len(order))).all())
        self.atoms = np.ascontiguousarray(dictionary[order])
        with np.errstate(over="ignore"):
            self.gram = self.atoms @ self.atoms.T
        if not np.isfinite(self.gram).all():
            raise ValueError(
                "Squared norms of atoms overflow: the largest entry of the dictionary "
                f"is {np.abs(dictionary).max():.3g}. Scale the atoms to unit norm."
            )

    def __setstate__(self, state):
        self.__dict__ = writable(state)

    def code(self, X, out):
        """Write the codes of signals; return their relative duality gaps."""
        products = np.ascontiguousarray(X @ self.atoms.T, dtype=np.float64)
        gaps = np.zeros(len(products))
        is_direct = self.is_sorted and out.dtype == np.float64
        codes = out if is_direct else np.zeros_like(products)
        self.run(squared_norms(X), products, codes, gaps)
        if not is_direct:
            out[:, self.order] = codes
        return gaps

    def run(self, energy, products, out, gaps):
        """Write codes of sorted atoms, and gaps."""
        raise NotImplementedError


class PursuitCoder(Coder):
    """Orthogonal matching pursuit over groups of atoms."""

    def __init__(self, dictionary, layout, is_recursive, max_groups, tol):
        super().__init__(dictionary, layout.indices)
        self.ptr = np.array(layout.ptr)
        self.is_recursive = is_recursive
        self.max_groups = min(max_groups, layout.n_groups)
        # Atoms beyond a basis of the signals' space add nothing.
        self.max_atoms = min(dictionary.shape)
        self.tol = tol

    def run(self, energy, products, out, gaps):
        """Write codes of sorted atoms; a pursuit always ends."""
        bounds = self.tol, energy, products, out
        if len(self.ptr) - 1 == len(self.gram):
            most = min(self.max_groups, self.max_atoms)
            pursue_atoms(self.gram, self.is_recursive, most, *bounds)
        else:
            pursue_groups(self.gram, self.ptr, self.max_groups, self.max_atoms, *bounds)


class BlockCoder(Coder):
    """Codes with a penalty that is a sum over disjoint groups of atoms."""

    def __init__(self, dictionary, layout, penalty, alpha, max_iter, tol):
        super().__init__(dictionary, layout.indices)
        self.alpha, self.positive = alpha, bool(penalty.positive)
        self.max_iter, self.tol = max_iter, tol
        self.ptr = np.array(layout.ptr)
        weights = np.array(layout.weights, dtype=np.float64)
        self.struct = penalty.resolve(layout).bind(weights, alpha)
        self.l1, self.l2, _ = (alpha * part for part in penalty.parts(weights))
        is_single = len(weights) == len(dictionary)
        # With groups of one, all penalties are the lasso.
        self.follows_path = is_single and np.ptp(self.l1 + self.l2) == 0
        self.lipschitz = self._largest_eigenvalues()
        with np.errstate(over="ignore"):  # of atoms so long that guesses are refused
            self.rough_gram = self.gram.astype(np.float32)

    def _largest_eigenvalues(self):
        """Return those of the groups' Gram matrices, found for all of a size at once.

        Infinite, which keeps codes at zero, for atoms that are zero or whose squares
        are.
        """
        sizes = np.diff(self.ptr)
        found = np.empty(len(sizes))
        for size in np.unique(sizes):
            own = np.flatnonzero(sizes == size)
            members = self.ptr[own][:, None] + np.arange(size)
            blocks = self.gram[members[:, :, None], members[:, None, :]]
            found[own] = np.linalg.eigvalsh(blocks)[:, -1]
        return np.where(found >= np.finfo(np.float64).tiny, found, np.inf)

    def run(self, energy, products, out, gaps):
        """Write codes of sorted atoms, and gaps."""
        if self.follows_path:
            steps = _PATH_STEPS * min(self.atoms.shape) + 8
            strength = float(self.l1[0] + self.l2[0])
            follow_lasso(self.gram, strength, self.positive, steps, products, out)
        code_blocks(
            self.gram,
            self.rough_gram,
            self.ptr,
            self.lipschitz,
            self.struct,
            self.l1,
            self.l2,
            self.positive,
            self.max_iter,
            self.tol,
            energy,
            products,
            out,
            gaps,
        )

    def penalty(self, codes):
        """Return the penalty of codes (n, n_atoms) over the dictionary, (n,)."""
        return np.abs(codes) @ self._spread(self.l1) + self._norms(codes) @ self.l2

    def _spread(self, values):
        out = np.empty(len(self.order))
        out[self.order] = np.repeat(values, np.diff(self.ptr))
        return out

    def _norms(self, codes):
        squares = np.square(codes[:, self.order], dtype=np.float64)
        return np.sqrt(np.add.reduceat(squares, self.ptr[:-1], axis=1))


class TreeCoder(Coder):
    """Codes with the sum of norms over a tree of groups of atoms."""

    def __init__(self, dictionary, layout, penalty, alpha, max_iter, tol):
        super().__init__(dictionary, np.arange(layout.n_features))
        self.max_iter, self.tol = max_iter, tol
        self.lipschitz = float(max(np.linalg.eigvalsh(self.gram)[-1], 1e-300))
        norm = penalty.resolve(layout).bind(layout, self.order)
        self.ptr, self.indices = norm.ptr, norm.indices
        self.positive, self.radius = bool(penalty.positive), alpha * norm.weights
        penalised = self.indices[np.repeat(self.radius, np.diff(self.ptr)) > 0]
        self.free = np.ones(len(self.order), dtype=bool)
        self.free[penalised] = False

    def run(self, energy, products, out, gaps):
        """Write codes, and gaps."""
        code_tree(
            self.gram,
            self.lipschitz,
            self.radius,
            self.ptr,
            self.indices,
            self.free,
            self.positive,
            self.max_iter,
            self.tol,
            energy,
            products,
            out,
            gaps,
        )

    def penalty(self, codes):
        """Return the penalty of codes (n, n_atoms), (n,)."""
        squares = np.square(codes[:, self.indices], dtype=np.float64)
        return np.sqrt(np.add.reduceat(squares, self.ptr[:-1], axis=1)) @ self.radius


def make_penalised_coder(
    algorithm, atoms, layout, alpha, l1_ratio, positive, max_iter, tol
):
    """Return the coder of an algorithm that minimises a penalised squared error."""
    if algorithm == "tree":
        penalty, kind = TreeGroupL2(positive=positive), TreeCoder
    else:
        kind = BlockCoder
        if algorithm in ("lasso", "group_lasso"):  # the same where groups are single
            penalty = GroupL2(positive=positive)
        else:
            penalty = SparseGroupL2(l1_ratio=l1_ratio, positive=positive)
    return kind(atoms, layout, penalty, alpha, max_iter, tol)


def writable(value):
    """Return arrays, and what holds arrays, with none of them read-only.

    Pickles may be read into memory maps that are, and kernels that were compiled for
    other arrays would be compiled again.
    """
    if isinstance(value, np.ndarray):
        return value if value.flags.writeable else np.array(value)
    if isinstance(value, dict):
        return {name: writable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [writable(item) for item in value]
    if isinstance(value, tuple):
        items = [writable(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return value


def squared_norms(X):
    """Return the squared norms of the rows of X, float64, without a copy of X."""
    if sparse.issparse(X):
        squares = X.multiply(X).sum(axis=1)
        return np.asarray(squares, dtype=np.float64).ravel()
    return np.einsum("ij,ij->i", X, X, dtype=np.float64)
