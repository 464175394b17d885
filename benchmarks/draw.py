"""Random data for the problems."""

import numpy as np
from scipy.signal import lfilter


def scaled(size, scale, least=50):
    """Shrink a size, in multiples of ten above the least."""
    return size if scale == 1 else max(least, int(size * scale) // 10 * 10)


def ar_columns(rng, n, p, rho=0.5):
    """Draw rows of a stationary AR(1) process over the columns."""
    noise = rng.standard_normal((n, p))
    noise[:, 1:] *= np.sqrt(1 - rho**2)
    return np.asfortranarray(lfilter([1.0], [1.0, -rho], noise, axis=1))


def blocks(p, size):
    """Cut p columns into consecutive groups of one size."""
    return np.arange(0, p + 1, size)


def uneven_groups(rng, p, largest):
    """Cut p columns into groups of uniformly drawn sizes 1..largest."""
    cuts = np.cumsum(rng.integers(1, largest + 1, size=p))
    return np.concatenate([[0], cuts[cuts < p], [p]])


def chain(n_groups, size, shared):
    """Return (ptr, indices) of groups that share columns with their neighbours."""
    starts = np.arange(n_groups) * (size - shared)
    indices = (starts[:, None] + np.arange(size)).ravel()
    return blocks(n_groups * size, size), indices


def signal(rng, X, ptr, n_active, n_outputs=None, indices=None):
    """Return X b, where b lives on n_active groups."""
    shape = (X.shape[1],) if n_outputs is None else (X.shape[1], n_outputs)
    indices = np.arange(X.shape[1]) if indices is None else indices
    coef = np.zeros(shape)
    for g in rng.choice(len(ptr) - 1, n_active, replace=False):
        columns = indices[ptr[g] : ptr[g + 1]]
        coef[columns] = rng.standard_normal((len(columns), *shape[1:]))
    return X @ coef


def with_noise(rng, values, snr):
    """Return values + noise + 1, var(values) = snr var(noise)."""
    noise = rng.standard_normal(values.shape)
    return values + noise * np.sqrt(values.var() / (snr * noise.var())) + 1.0


def of_spread(values, spread):
    """Scale values to a standard deviation."""
    return values * (spread / values.std())
