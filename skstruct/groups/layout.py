"""The layout: which features make up which group, with which weight."""

import reprlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class GroupLayout:
    """Groups, their features and their weights, bound together once.

    Group ``g`` holds the features ``indices[ptr[g]:ptr[g + 1]]``, weighs
    ``weights[g]`` and is called ``names[g]``. The arrays are read-only copies of
    what was passed. :func:`make_layout` builds layouts from what users say.

    Parameters
    ----------
    n_features : int
        Number of features of X.
    ptr : array-like of int of shape (n_groups + 1,)
        Where each group starts and ends in `indices`; no group is empty.
    indices : array-like of int of shape (ptr[-1],)
        Feature indices, strictly ascending inside a group.
    weights : array-like of float of shape (n_groups,)
        Finite and not negative; 0 leaves a group unpenalised.
    names : iterable of hashable of length n_groups
        Group names, all different; kept as a tuple.

    Raises
    ------
    ValueError
        If the parts do not fit together.

    Examples
    --------
    >>> from skstruct.groups import make_layout
    >>> layout = make_layout(["a", "b", "a"], 3)
    >>> layout
    GroupLayout(2 groups of 1 to 2, 3 features, names=('a', 'b'))
    >>> layout.feature_groups()
    [array([0, 2]), array([1])]
    >>> layout.norms([3.0, 1.0, 4.0])
    array([5., 1.])
    """

    n_features: int
    ptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray
    names: tuple

    def __post_init__(self) -> None:
        # A frozen dataclass can only be filled in past its own __setattr__.
        fill = object.__setattr__
        fill(self, "n_features", int(self.n_features))
        fill(self, "ptr", read_only(self.ptr, np.intp))
        fill(self, "indices", read_only(self.indices, np.intp))
        fill(self, "weights", read_only(self.weights, np.float64))
        fill(self, "names", tuple(self.names))
        check_shapes(self)
        check_contents(self)

    def __reduce__(self) -> tuple:
        # Through the constructor: numpy forgets read-only flags when unpickled.
        parts = (self.n_features, self.ptr, self.indices, self.weights, self.names)
        return GroupLayout, parts

    def __repr__(self) -> str:
        low, high = (self.sizes.min(), self.sizes.max()) if self.n_groups else (0, 0)
        size = f"{low}" if low == high else f"{low} to {high}"
        kind = "overlapping groups" if self.is_overlapping else "groups"
        return (
            f"GroupLayout({self.n_groups} {kind} of {size}, {self.n_features} "
            f"features, names={reprlib.repr(self.names)})"
        )

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return len(self.names)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of features in each group, shape (n_groups,)."""
        return read_only(np.diff(self.ptr), np.intp)

    @cached_property
    def is_overlapping(self) -> bool:
        """Whether some feature is in more than one group."""
        return bool((np.bincount(self.indices, minlength=1) > 1).any())

    @cached_property
    def is_contiguous(self) -> bool:
        """Whether the groups, one after the other, are just the features in order."""
        return np.array_equal(self.indices, np.arange(self.n_features))

    def feature_groups(self) -> list[np.ndarray]:
        """Feature indices of each group.

        Returns
        -------
        groups : list of ndarray
            One writable array of ascending indices a group, in the order of `names`.
        """
        return np.split(self.indices.copy(), self.ptr[1:-1]) if self.n_groups else []

    def features_of(self, groups: Any) -> np.ndarray:
        """Feature indices of some groups, one group after the other.

        Parameters
        ----------
        groups : array-like of int of shape (n_chosen,)
            Which groups.

        Returns
        -------
        indices : ndarray of int
            Their features, in the order of `groups`.
        """
        groups = np.asarray(groups, dtype=np.intp)
        sizes = self.sizes[groups]
        # Each group's first position, minus the features that come before it.
        shift = np.repeat(self.ptr[groups] - (np.cumsum(sizes) - sizes), sizes)
        return self.indices[shift + np.arange(len(shift))]

    def names_array(self) -> np.ndarray:
        """Group names as a 1-D array.

        Returns
        -------
        names : ndarray of shape (n_groups,)
            Of str or int dtype if all names are str or all are int, else of object
            dtype.
        """
        kinds = set(map(type, self.names))
        if kinds in ({str}, {int}):
            names = np.array(self.names)
            if names.dtype.kind in "Uiu":  # ints beyond 64 bits come out otherwise
                return names
        names = np.empty(self.n_groups, dtype=object)
        # One by one: assigning the whole would unpack names that are tuples.
        for g, name in enumerate(self.names):
            names[g] = name
        return names

    def norms(self, coef: Any) -> np.ndarray:
        """Frobenius norm of each group's coefficients.

        Parameters
        ----------
        coef : array-like of shape (n_features,) or (n_outputs, n_features)
            Coefficients.

        Returns
        -------
        norms : ndarray of shape (n_groups,)
            Norms, exact also where the squares would overflow or underflow.

        Raises
        ------
        ValueError
            If `coef` is not of such a shape.
        """
        coef = np.asarray(coef, dtype=np.float64)
        if coef.ndim not in (1, 2) or coef.shape[-1] != self.n_features:
            raise ValueError(
                f"coef must be of shape ({self.n_features},) or (n_outputs, "
                f"{self.n_features}), got {coef.shape}."
            )
        size = np.abs(np.atleast_2d(coef))
        largest = size.max(axis=0, initial=0.0)[self.indices]
        largest = np.maximum.reduceat(largest, self.ptr[:-1])
        # Zero, infinite and NaN groups are left as they are: their norm is their own.
        scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        with np.errstate(over="ignore", under="ignore"):
            scaled = size[:, self.indices] / np.repeat(scale, self.sizes)
            squares = np.square(scaled).sum(axis=0)
            return np.sqrt(np.add.reduceat(squares, self.ptr[:-1])) * scale


def read_only(values: Any, dtype: type) -> np.ndarray:
    """Copy `values` into a read-only array."""
    array: np.ndarray = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array


def check_shapes(layout: GroupLayout) -> None:
    """Raise ValueError unless the parts have the lengths that go together."""
    ptr, indices, n_groups = layout.ptr, layout.indices, layout.n_groups
    if ptr.shape != (n_groups + 1,) or layout.weights.shape != (n_groups,):
        raise ValueError(
            f"{n_groups} names need ptr of shape ({n_groups + 1},) and weights of "
            f"shape ({n_groups},), got {ptr.shape} and {layout.weights.shape}."
        )
    if ptr[0] != 0 or (np.diff(ptr) < 1).any() or indices.shape != (ptr[-1],):
        raise ValueError(
            "ptr must start at 0, increase strictly and end at the length of indices."
        )


def check_contents(layout: GroupLayout) -> None:
    """Raise ValueError unless indices, weights and names are what they should be."""
    indices, weights = layout.indices, layout.weights
    if ((indices < 0) | (indices >= layout.n_features)).any():
        raise ValueError(f"indices must be from 0 to {layout.n_features - 1}.")
    steps = np.diff(indices)
    steps[layout.ptr[1:-1] - 1] = 1  # from one group to the next anything goes
    if (steps < 1).any():
        raise ValueError("indices must ascend strictly inside a group.")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError("weights must be finite and not negative.")
    if len(set(layout.names)) < layout.n_groups:
        raise ValueError("names must all be different.")
