"""Codes of all signals: batches over threads, one warning, signs in two halves."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skstruct.solvers.threads import run_in_threads

_BATCH_ROWS = 512


def encode(coder, X, n_jobs=None):
    """Return the codes of signals, of their dtype, and their relative duality gaps.

    Parameters
    ----------
    coder : Coder
        Dictionary and algorithm.
    X : (n, n_features) array or CSR matrix
        Signals.
    n_jobs : int, default=None
        Threads.

    Returns
    -------
    codes : (n, n_atoms) array
    gaps : (n,) array
    """
    codes = np.zeros((X.shape[0], len(coder.order)), dtype=X.dtype)
    gaps = np.zeros(X.shape[0])

    def work(batch):
        rows = slice(batch * _BATCH_ROWS, (batch + 1) * _BATCH_ROWS)
        gaps[rows] = coder.code(X[rows], codes[rows])

    n_batches = -(-X.shape[0] // _BATCH_ROWS)
    run_in_threads(work, [()] * n_batches, n_jobs if n_batches > 1 else 1)
    return codes, gaps


def warn_of_gaps(gaps, tol, max_iter, name, stacklevel=3):
    """Warn once if some signals have not converged.

    Parameters
    ----------
    gaps : (n,) array
        Duality gaps over half the squared norms of the signals.
    tol : float
        What they should be at most.
    max_iter : int
        Bound on the iterations.
    name : str
        Name of the parameter with that bound.
    stacklevel : int, default=3
        Whose call to blame.
    """
    failed = np.count_nonzero(gaps > max(tol, 1e-12))
    if failed:
        warnings.warn(
            f"{failed} of {len(gaps)} signals have not converged within {name}="
            f"{max_iter} iterations; the worst duality gap is {gaps.max():.2g} of half "
            f"the signal's squared norm, more than tol={tol:g}. Raise {name}, tol or "
            "alpha, or scale the atoms to unit norm.",
            ConvergenceWarning,
            stacklevel=stacklevel,
        )


def split_signs(codes):
    """Return positive and negative parts side by side, (n, 2 * n_atoms)."""
    return np.concatenate([np.maximum(codes, 0), np.maximum(-codes, 0)], axis=1)


def join_signs(codes):
    """Undo `split_signs`, of dense or sparse codes."""
    half = codes.shape[1] // 2
    return codes[:, :half] - codes[:, half:]


def as_output(codes, split_sign, sparse_output):
    """Return codes in the form that a transformer was asked for."""
    if split_sign:
        codes = split_signs(codes)
    return sparse.csr_array(codes) if sparse_output else codes
