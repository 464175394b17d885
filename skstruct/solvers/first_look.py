"""The first pass: what must be known of the rows before a curved loss is fitted.

Means and scales of the columns, means of the responses, and their products with the
columns, apart for the rows of every fold. They are merged by Chan, Golub and LeVeque's
formula, so that neither the size of the chunks nor means far from zero cost digits.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from skstruct.solvers.chunk_rows import row_blocks


@dataclass(frozen=True)
class FirstLook:
    """Asks for the first pass.

    Attributes
    ----------
    n_folds : int
        Number of folds; 0 without cross-validation.
    groups : tuple of index arrays
        Columns whose second moments are wanted, group by group; empty unless groups
        are standardised.
    """

    n_folds: int = 0
    groups: tuple = ()

    def of_chunk(self, X, y, weights, offset, fold_ids, loss):
        """Answer for one chunk; see :func:`skstruct.solvers.chunk_pass.answer_chunk`.

        Returns
        -------
        FirstSight
        """
        parts = np.zeros(len(y), dtype=np.intp)
        if fold_ids is not None and self.n_folds > 0:
            parts = fold_ids + 1
        sight = FirstSight.nothing(self, X.shape[1], y.shape[1])
        # Sparse rows are summed up without being made dense: all at once.
        width = 1 if sparse.issparse(X) else X.shape[1]
        for rows in row_blocks(len(y), width):
            for part in np.unique(parts[rows]):
                kept = (parts[rows] == part) & (weights[rows] > 0)
                # All of them are read in place.
                kept = rows if kept.all() else rows.start + np.flatnonzero(kept)
                if len(y[kept]):
                    own = None if offset is None else offset[kept]
                    sight += self._of_part(
                        part, X[kept], y[kept], weights[kept], own, loss
                    )
        return replace(sight, has_offset=offset is not None)

    def _of_part(self, part, X, y, weights, offset, loss):
        """Sum up rows, of positive weight, that belong to one part."""
        sight = FirstSight.nothing(self, X.shape[1], y.shape[1])
        total = weights.sum()
        sight.n_rows[part] = len(y)
        sight.weight[part] = total
        sight.mean_y[part] = (weights / total) @ y
        sight.lowest[part] = loss.lowest(y, weights)
        if offset is not None:
            sight.mean_offset[part] = (weights / total) @ offset
        sums = _sparse_sums if sparse.issparse(X) else _dense_sums
        deviations = y - sight.mean_y[part]
        sight.square_y[part] = weights @ deviations**2
        found = sums(X, deviations, weights, self.groups)
        sight.mean[part], sight.square[part], sight.cross[part], grams = found
        for have, gram in zip(sight.grams, grams, strict=True):
            have[part] = gram
        extremes = np.concatenate([y.argmin(axis=0), y.argmax(axis=0)])
        return replace(sight, extremes=y[extremes])


def _dense_sums(X, deviations, weights, groups):
    """Return mean, sums of squares, products with y, and with itself by group."""
    shares = weights / weights.sum()
    mean = shares @ X
    Z = X - mean
    rest = shares @ Z  # the mean is rounded
    Z -= rest
    cross = Z.T @ (weights[:, None] * deviations)
    grams = [(Z[:, own].T * weights) @ Z[:, own] for own in groups]
    square = weights @ np.square(Z, out=Z)
    return mean + rest, square, cross, grams


def _sparse_sums(X, deviations, weights, groups):
    total = weights.sum()
    mean = (X.T @ weights) / total
    W = sparse.csc_array(sparse.diags_array(weights) @ X)
    counts = np.diff(W.indptr)
    column = np.repeat(np.arange(X.shape[1]), counts)
    X = sparse.csc_array(X)
    stored = weights[X.indices]
    apart = np.bincount(column, stored * (X.data - mean[column]) ** 2, len(mean))
    absent = total - np.bincount(column, stored, len(mean))
    absent = np.where(counts == X.shape[0], 0.0, np.maximum(absent, 0.0))
    grams = []
    for own in groups:
        gram = (W[:, own].T @ X[:, own]).toarray()
        grams.append(gram - total * np.outer(mean[own], mean[own]))
    return mean, apart + absent * mean**2, W.T @ deviations, grams


@dataclass(frozen=True)
class FirstSight:
    """What the first pass found; adds up over chunks with ``+``.

    Arrays have one entry for each part of the rows: part 0 are those that no fold
    holds out, part k + 1 those that fold k does.

    Attributes
    ----------
    groups : tuple of index arrays
        As asked for.
    n_rows : (n_parts,) integer array
        Rows of positive weight.
    weight : (n_parts,) array
        Sums of weights.
    mean, square : (n_parts, p) arrays
        Weighted means of the columns, and weighted sums of squares about them.
    mean_y, mean_offset : (n_parts, q) arrays
        Weighted means of the responses and of the offset.
    square_y : (n_parts, q) array
        Weighted sums of squares of the responses about their means.
    cross : (n_parts, p, q) array
        Weighted sums of products of columns and responses about their means.
    lowest : (n_parts,) array
        Loss of a perfect fit, summed with the weights.
    grams : tuple of (n_parts, k, k) arrays
        Of each group, weighted sums of products of its columns about their means.
    extremes : (j, q) array
        Rows of y with the least and the largest response of each output.
    has_offset : bool
        Whether some chunk had one.
    """

    groups: tuple
    n_rows: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    mean_y: np.ndarray
    mean_offset: np.ndarray
    square_y: np.ndarray
    cross: np.ndarray
    lowest: np.ndarray
    grams: tuple
    extremes: np.ndarray
    has_offset: bool = False

    @classmethod
    def nothing(cls, look, p, q):
        """Return what is found in no rows."""
        k = look.n_folds + 1
        return cls(
            groups=look.groups,
            n_rows=np.zeros(k, dtype=np.intp),
            weight=np.zeros(k),
            mean=np.zeros((k, p)),
            square=np.zeros((k, p)),
            mean_y=np.zeros((k, q)),
            mean_offset=np.zeros((k, q)),
            square_y=np.zeros((k, q)),
            cross=np.zeros((k, p, q)),
            lowest=np.zeros(k),
            grams=tuple(np.zeros((k, len(g), len(g))) for g in look.groups),
            extremes=np.empty((0, q)),
        )

    def __add__(self, other):
        """Merge with what was found in other rows (Chan, Golub and LeVeque, 1983)."""
        weight = self.weight + other.weight
        share = np.zeros_like(weight)
        np.divide(other.weight, weight, out=share, where=weight > 0)
        between = self.weight * share
        step, step_y = other.mean - self.mean, other.mean_y - self.mean_y
        step_offset = other.mean_offset - self.mean_offset
        products = np.einsum("k,kj,kt->kjt", between, step, step_y)
        grams = tuple(
            a + b + np.einsum("k,ki,kj->kij", between, step[:, own], step[:, own])
            for own, a, b in zip(self.groups, self.grams, other.grams, strict=True)
        )
        extremes = np.concatenate([self.extremes, other.extremes])
        kept = np.concatenate([extremes.argmin(axis=0), extremes.argmax(axis=0)])
        return FirstSight(
            groups=self.groups,
            n_rows=self.n_rows + other.n_rows,
            weight=weight,
            mean=self.mean + share[:, None] * step,
            square=self.square + other.square + between[:, None] * step**2,
            mean_y=self.mean_y + share[:, None] * step_y,
            mean_offset=self.mean_offset + share[:, None] * step_offset,
            square_y=self.square_y + other.square_y + between[:, None] * step_y**2,
            cross=self.cross + other.cross + products,
            lowest=self.lowest + other.lowest,
            grams=grams,
            extremes=extremes[kept],
            has_offset=self.has_offset or other.has_offset,
        )

    def of_training_rows(self, fold):
        """Return what is known of the rows that a fold trains on, as a single part.

        Parameters
        ----------
        fold : int or None
            Which fold; None for all rows.
        """
        n_parts = len(self.weight)
        parts = [self._part(k) for k in range(n_parts) if fold is None or k != fold + 1]
        return sum(parts[1:], start=parts[0])

    def _part(self, k):
        one = slice(k, k + 1)
        arrays = {
            name: getattr(self, name)[one]
            for name in (
                "n_rows",
                "weight",
                "mean",
                "square",
                "mean_y",
                "mean_offset",
                "square_y",
                "cross",
                "lowest",
            )
        }
        return replace(self, grams=tuple(g[one] for g in self.grams), **arrays)
