"""The features of X, as look-ups and error messages need them."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from skstruct.groups.messages import did_you_mean, listing


class Features:
    """The number of features and, where X has them, their names.

    Parameters
    ----------
    n_features : int
        Number of features, at least 1.
    names : array-like of str of shape (n_features,), default=None
        Column names of X, None if X has none.
    """

    def __init__(self, n_features: int, names: Any = None):
        self.n = check_n_features(n_features)
        self.names = None if names is None else check_names(names, self.n)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Column name -> index; of a repeated name, the last index."""
        return {name: i for i, name in enumerate(self.names or ())}

    @cached_property
    def repeated(self) -> frozenset[str]:
        """Column names that X has more than once."""
        if self.names is None or len(self.positions) == self.n:
            return frozenset()
        # The mapping keeps the last index: any other index is a repetition.
        pairs = enumerate(self.names)
        return frozenset(name for i, name in pairs if self.positions[name] != i)

    @cached_property
    def names_or_generated(self) -> list[str]:
        """The names, or x0, x1, ... as scikit-learn calls columns without names."""
        return self.names or [f"x{i}" for i in range(self.n)]

    def name(self, index: int) -> str | int:
        """Name of one feature, its index if X has no names."""
        return int(index) if self.names is None else self.names[index]

    def listing(self, indices: Sequence[int] | np.ndarray) -> str:
        """List features for a message."""
        return listing(indices, show=lambda i: repr(self.name(i)))

    def require_names(self, where: str) -> list[str]:
        """Return the column names, which `where` needs; raise if X has none."""
        if self.names is None:
            raise ValueError(
                f"groups: {where} needs column names, but X has no feature names; "
                "pass a DataFrame (in a Pipeline, "
                ".set_output(transform='pandas') on the steps before) or use indices."
            )
        return self.names

    def find(self, names: Sequence[str], where: str) -> np.ndarray:
        """Look column names up.

        Parameters
        ----------
        names : sequence of str
            Column names.
        where : str
            Who asks, for messages.

        Returns
        -------
        indices : ndarray of shape (len(names),)
            Their indices, in the order given.

        Raises
        ------
        ValueError
            If X has no names, lacks one of these, or has one of them twice.
        """
        columns = self.require_names(where)
        try:
            indices = [self.positions[name] for name in names]
        except KeyError:
            unknown = [name for name in names if name not in self.positions]
            hint = did_you_mean(unknown[0], self.positions)
            raise ValueError(
                f"groups: {where} has {listing(unknown)}, not among the columns of X "
                f"({listing(columns)}).{hint}"
            ) from None
        if self.repeated and not self.repeated.isdisjoint(names):
            twice = sorted(self.repeated.intersection(names))
            raise ValueError(
                f"groups: {where} asks for {listing(twice)}, but X has several columns "
                "of that name; rename them or use indices."
            )
        return np.array(indices, dtype=np.intp)


def check_n_features(n_features: Any) -> int:
    """Return `n_features` as a positive int."""
    if isinstance(n_features, bool | np.bool_) or not isinstance(
        n_features, int | np.integer
    ):
        raise TypeError(f"n_features must be an int, got {n_features!r}.")
    if n_features < 1:
        raise ValueError(f"n_features must be at least 1, got {n_features}.")
    return int(n_features)


def check_names(names: Any, n_features: int) -> list[str]:
    """Return `names` as a list of n_features plain str."""
    names = [names] if isinstance(names, str) else list(names)
    if not all(issubclass(kind, str) for kind in set(map(type, names))):
        odd = next(name for name in names if not isinstance(name, str))
        raise TypeError(f"feature_names must be strings, got {odd!r}.")
    if len(names) != n_features:
        raise ValueError(
            f"feature_names has {len(names)} names, but X has {n_features} features."
        )
    return list(map(str, names))
