"""From columns of X to what is penalised of them, for rows that are read in passes."""

import numpy as np
from scipy import sparse

from skstruct.solvers.design import rounding_variance
from skstruct.solvers.scaling import block_diagonal, gram_bases, whitener

# Means beyond this many deviations are subtracted before anything else is done.
_FAR = 100.0


class Coordinates:
    """Penalised coordinates of one set of training rows.

    Coefficients are ``B = T c + E a``: c (m, q) are penalised, in the coordinates that
    the user's standardisation makes; a (k, q) are those of the free columns. Groups
    that share features have coordinates of their own: the penalty is latent.

    Parameters
    ----------
    layout : GroupLayout
        The groups.
    sight : FirstSight
        What the first pass found in the training rows, a single part.
    scaling : {"none", "features", "groups"}
        What is standardised.
    fit_intercept : bool
        Whether columns are measured about their means.

    Attributes
    ----------
    T : (p, m) CSR array
        As above. Constant columns have no coordinate but zero.
    ptr : (n_groups + 1,) array
        Where each group's coordinates start and end.
    weights : (n_groups,) array
        Penalty weights. Free groups have no coordinates.
    free : (k,) array
        The free features, ascending.
    """

    def __init__(self, layout, sight, scaling, fit_intercept):
        self.layout, self.weights = layout, layout.weights
        mean, variance = sight.mean[0], sight.square[0] / sight.weight[0]
        self.is_constant = np.zeros(len(mean), dtype=bool)
        if fit_intercept:
            self.is_constant = variance <= rounding_variance(mean)
        else:
            variance = variance + mean**2
        is_free = layout.weights == 0
        free = np.unique(layout.features_of(np.flatnonzero(is_free)))
        self.free = free[~self.is_constant[free]]
        scale = np.ones(len(mean))
        if scaling == "features":
            scale = np.where(self.is_constant | (variance == 0), 1.0, np.sqrt(variance))
        transforms = []
        for g, own in enumerate(layout.feature_groups()):
            if is_free[g]:
                transforms.append(np.zeros((len(own), 0)))
            elif scaling == "groups":
                gram = sight.grams[g][0] / sight.weight[0]
                if not fit_intercept:
                    gram = gram + np.outer(mean[own], mean[own])
                gram[self.is_constant[own]] = gram[:, self.is_constant[own]] = 0.0
                (basis,) = gram_bases(gram[None], int(sight.n_rows[0]))
                transforms.append(whitener(basis))
            else:
                transforms.append(np.diag(~self.is_constant[own] / scale[own]))
        ranks = [T.shape[1] for T in transforms]
        self.ptr = np.concatenate([[0], np.cumsum(ranks, dtype=np.intp)])
        entries = np.arange(len(layout.indices))
        ones = np.ones(len(entries)), (layout.indices, entries)
        spread = sparse.csr_array(ones, shape=(layout.n_features, len(entries)))
        self.T = sparse.csr_array(spread @ block_diagonal(transforms))
        self._to_c = sparse.csr_array(self.T.T)

    @property
    def width(self):
        """Number of penalised coordinates."""
        return int(self.ptr[-1])

    def coef(self, c, a):
        """Return coefficients (p, q) of the columns of X."""
        B = np.asarray(self.T @ c)
        B[self.free] += a
        return B

    def gradient(self, gradient):
        """Return the gradient (m, q) in c for one (p, q) in B."""
        return np.asarray(self._to_c @ gradient)

    def columns(self, groups):
        """Return the features of some groups and the free ones, ascending."""
        used = np.zeros(self.layout.n_features, dtype=bool)
        used[self.layout.features_of(groups)] = True
        used[self.free] = True
        return np.flatnonzero(used)

    def groups_within(self, columns):
        """Return the penalised groups whose features are all among `columns`."""
        has = np.zeros(self.layout.n_features, dtype=bool)
        has[columns] = True
        missing = np.add.reduceat(~has[self.layout.indices], self.layout.ptr[:-1])
        return np.flatnonzero((missing == 0) & (np.diff(self.ptr) > 0))

    def rows_of(self, groups):
        """Return the positions of some groups' coordinates, and their own pointers."""
        sizes = np.diff(self.ptr)[groups]
        ptr = np.concatenate([[0], np.cumsum(sizes, dtype=np.intp)])
        return np.arange(ptr[-1]) + np.repeat(self.ptr[groups] - ptr[:-1], sizes), ptr


def centre(sight, fit_intercept):
    """Return the shift (p,) of all passes, and whether it is large.

    Parameters
    ----------
    sight : FirstSight
        Of all rows, a single part.
    """
    mean, variance = sight.mean[0], sight.square[0] / sight.weight[0]
    if not fit_intercept:
        return np.zeros(len(mean)), False
    varies = variance > rounding_variance(mean)
    return mean, bool((mean**2 > _FAR**2 * variance)[varies].any())
