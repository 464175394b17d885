"""The quadratic that a dictionary minimises, made of moments of codes and signals.

The mean squared error of signals x with codes c is, as a function of the dictionary D
and but for a constant, ``1/2 tr(D' A D) - tr(D' B)`` with A the mean of ``c' c`` and B
that of ``c' x`` (Mairal, Bach, Ponce and Sapiro, 2010).
"""

import numpy as np
from scipy import sparse

from skstruct.kernels.atom_sweeps import sweep_atoms
from skstruct.penalties import TreeGroupL2

# Atoms of less than this share of the mean energy in the codes are not in use.
_UNUSED = 1e-8
_SWEEP_TOL = 1e-4


class Surrogate:
    """Moments of codes and signals, and the dictionary update they lead to.

    Parameters
    ----------
    n_atoms, n_features : int
        Shape of the dictionary.
    positive : bool
        Confine atoms to nonnegative values.
    layout : GroupLayout or None
        Groups of features for a penalty on atoms.
    alpha : float
        Strength of that penalty.
    """

    def __init__(self, n_atoms, n_features, positive, layout, alpha):
        self.A = np.zeros((n_atoms, n_atoms))
        self.B = np.zeros((n_atoms, n_features))
        self.weight = 0.0
        self.positive = bool(positive)
        self.norm = None
        self.radius = np.empty(0)
        self.ptr, self.columns = np.zeros(1, dtype=np.intp), np.empty(0, dtype=np.intp)
        if layout is not None and alpha > 0:
            penalty = TreeGroupL2(positive=self.positive).resolve(layout)
            self.norm = penalty.bind(layout, np.arange(n_features))
            self.radius = alpha * self.norm.weights
            self.ptr, self.columns = self.norm.ptr, self.norm.indices
        self.alpha = alpha

    def add(self, codes, X, keep):
        """Add the moments of one batch to `keep` times those so far."""
        # Sums, each divided by the size of its batch.
        self.A = keep * self.A + codes.T @ codes / len(codes)
        self.B = keep * self.B + np.asarray((X.T @ codes).T) / len(codes)
        self.weight = keep * self.weight + 1.0

    def penalty(self, D):
        """Return the penalty on atoms."""
        if self.norm is None:
            return 0.0
        return self.alpha * sum(self.norm.value(atom[:, None]) for atom in D)

    def update(self, D, n_sweeps):
        """Improve the atoms in place; return how far they moved, all together."""
        A = np.ascontiguousarray(self.A / self.weight)
        B = np.ascontiguousarray(self.B / self.weight)
        first = 0.0
        for _ in range(n_sweeps):
            moved = sweep_atoms(
                A, B, D, self.radius, self.ptr, self.columns, self.positive
            )
            first = max(first, moved)
            if moved <= _SWEEP_TOL * np.sqrt(len(D)):
                break
        return first

    def replace_unused(self, D, codes, X):
        """Put signals that are explained worst in the place of atoms not in use.

        Not where atoms have a penalty, which means some to be zero. Returns how many
        were replaced.
        """
        usage = np.diag(self.A)
        unused = np.flatnonzero(usage <= _UNUSED * max(usage.mean(), 1e-300))
        if self.norm is not None or len(unused) == 0:
            return 0
        rows = X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
        errors = np.sum((rows - codes @ D) ** 2, axis=1)
        worst = np.argsort(-errors, kind="stable")[: len(unused)]
        worst = worst[errors[worst] > 1e-12 * max(np.mean(rows**2), 1e-300)]
        unused = unused[: len(worst)]
        atoms = rows[worst].astype(np.float64)
        D[unused] = unit_atoms(np.maximum(atoms, 0.0) if self.positive else atoms)
        self.A[unused], self.A[:, unused], self.B[unused] = 0.0, 0.0, 0.0
        return len(unused)


def unit_atoms(atoms):
    """Return atoms of unit norm, or zero."""
    norms = np.linalg.norm(atoms, axis=1, keepdims=True)
    return atoms / np.where(norms > 0, norms, 1.0)


def first_atoms(X, n_atoms, positive, random_state):
    """Return different signals as atoms of unit norm; noise where they run out."""
    rows = random_state.permutation(X.shape[0])
    norms = np.sqrt(np.asarray(_row_energy(X)))
    rows = rows[norms[rows] > 0][:n_atoms]
    atoms = X[rows]
    atoms = (atoms.toarray() if sparse.issparse(atoms) else atoms).astype(np.float64)
    missing = n_atoms - len(rows)
    if missing:
        noise = random_state.normal(size=(missing, X.shape[1]))
        atoms = np.concatenate([atoms, noise])
    return unit_atoms(np.abs(atoms) if positive else atoms)


def _row_energy(X):
    if sparse.issparse(X):
        return np.asarray(X.multiply(X).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", X, X)
