"""Coders: a dictionary made ready once, then signals into codes, batch by batch.

``code(X)`` takes signals (n, n_features), dense or sparse, and returns codes
(n, n_atoms) of float64 and the number of signals that have not converged.
"""

import numpy as np
from scipy import sparse

from skstruct.kernels.coding_sweeps import code_blocks, code_tree
from skstruct.kernels.pursuit import pursue
from skstruct.penalties import L1, GroupL2, SparseGroupL2, TreeGroupL2


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
        self.atoms = np.ascontiguousarray(dictionary[order])

    def code(self, X):
        """Return the codes of signals and how many of them have not converged."""
        products = np.ascontiguousarray(X @ self.atoms.T, dtype=np.float64)
        sorted_codes = np.zeros_like(products)
        n_failed = self.run(squared_norms(X), products, sorted_codes)
        codes = np.empty_like(products)
        codes[:, self.order] = self.restore(sorted_codes)
        return codes, n_failed

    def run(self, energy, products, out):
        """Write codes of sorted atoms; return how many have not converged."""
        raise NotImplementedError

    def restore(self, codes):
        """Return codes over the dictionary's own atoms from those over `atoms`."""
        return codes


class PursuitCoder(Coder):
    """Orthogonal matching pursuit over groups of atoms."""

    def __init__(self, dictionary, layout, is_recursive, max_groups, max_atoms, tol):
        super().__init__(dictionary, layout.indices)
        self.gram = self.atoms @ self.atoms.T
        self.ptr = np.array(layout.ptr)
        self.is_recursive = is_recursive
        self.max_groups = min(max_groups, layout.n_groups)
        # Atoms beyond a basis of the signals' space add nothing.
        self.max_atoms = min(max_atoms, *dictionary.shape)
        self.tol = tol

    def run(self, energy, products, out):
        """Write codes of sorted atoms; a pursuit always ends."""
        pursue(
            self.gram,
            self.ptr,
            self.is_recursive,
            self.max_groups,
            self.max_atoms,
            self.tol,
            energy,
            products,
            out,
        )
        return 0


class BlockCoder(Coder):
    """Codes with a penalty that is a sum over disjoint groups of atoms."""

    def __init__(self, dictionary, layout, penalty, alpha, max_iter, tol):
        super().__init__(dictionary, layout.indices)
        self.max_iter, self.tol = max_iter, tol
        self.ptr = np.array(layout.ptr)
        self.struct = penalty.resolve(layout).bind(layout.weights, alpha)
        self.bases = []
        curvatures, tops = [], []
        for start, stop in zip(self.ptr[:-1], self.ptr[1:], strict=True):
            block = self.atoms[start:stop] @ self.atoms[start:stop].T
            values, basis = np.linalg.eigh(block)
            values = np.maximum(values, 0.0)
            if penalty.is_rotation_invariant:
                self.bases.append(basis)
                self.atoms[start:stop] = basis.T @ self.atoms[start:stop]
            is_flat = penalty.is_rotation_invariant or len(values) == 1
            curvatures.append(values if is_flat else block.ravel())
            tops.append(values[-1])
        self.h = np.concatenate(curvatures)
        self.h_ptr = np.cumsum([0, *map(len, curvatures)]).astype(np.intp)
        self.lipschitz = np.array(tops)
        self.gram = self.atoms @ self.atoms.T

    def run(self, energy, products, out):
        """Write codes of sorted atoms; return how many have not converged."""
        return code_blocks(
            self.gram,
            self.ptr,
            self.h,
            self.h_ptr,
            self.lipschitz,
            self.struct,
            self.max_iter,
            self.tol,
            energy,
            products,
            out,
        )

    def restore(self, codes):
        """Turn codes from the eigenbasis of each group back to its atoms."""
        for basis, start in zip(self.bases, self.ptr[:-1], strict=False):
            own = slice(start, start + len(basis))
            if len(basis) > 1:
                codes[:, own] = codes[:, own] @ basis.T
            elif basis[0, 0] < 0:
                codes[:, own] *= -1.0
        return codes


class TreeCoder(Coder):
    """Codes with the sum of norms over a tree of groups of atoms."""

    def __init__(self, dictionary, layout, positive, alpha, max_iter, tol):
        super().__init__(dictionary, np.arange(layout.n_features))
        self.max_iter, self.tol = max_iter, tol
        self.gram = self.atoms @ self.atoms.T
        self.lipschitz = float(max(np.linalg.eigvalsh(self.gram)[-1], 1e-300))
        penalty = TreeGroupL2(positive=positive).resolve(layout)
        self.norm = penalty.bind(layout, self.order)
        self.radius = alpha * self.norm.weights

    def run(self, energy, products, out):
        """Write codes; return how many have not converged."""
        return code_tree(
            self.gram,
            self.lipschitz,
            self.radius,
            self.norm.ptr,
            self.norm.indices,
            self.norm.positive,
            self.max_iter,
            self.tol,
            energy,
            products,
            out,
        )


def block_penalty(algorithm, l1_ratio, positive):
    """Return the penalty of an algorithm that works on disjoint groups."""
    if algorithm == "lasso":
        return L1(positive=positive)
    if algorithm == "group_lasso":
        return GroupL2(positive=positive)
    return SparseGroupL2(l1_ratio=l1_ratio, positive=positive)


def squared_norms(X):
    """Return the squared norms of the rows of X, float64, without a copy of X."""
    if sparse.issparse(X):
        squares = X.multiply(X).sum(axis=1)
        return np.asarray(squares, dtype=np.float64).ravel()
    return np.einsum("ij,ij->i", X, X, dtype=np.float64)
