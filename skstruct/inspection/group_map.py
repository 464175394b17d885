"""The picture of which features each group has, for groups that share features."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skstruct.inspection.map_data import (
    levels_of,
    order_by_first_group,
    order_by_levels,
    runs,
)
from skstruct.inspection.plotting import (
    COLORS,
    DARK,
    check_names,
    label_line_ends,
    new_axes,
    shortened,
)

_ZERO = "#DDDDDD"
_WIDTH = 450.0  # points, about, of the axes
_MOST_ROWS = 30  # groups that are all named
_MOST_FEATURES = 30  # features that are all named
_NORM = "Norm of the group's coefficients (grey: not selected)"


class GroupMapDisplay:
    """Map of the groups: which features they have, how they nest and overlap.

    Create one with :meth:`from_estimator`; the parameters below are kept as attributes.
    Features run from left to right, in an order that keeps groups together. Groups that
    overlap have a row each. Groups that are nested or disjoint are drawn below those
    that they are inside of, like a tree that hangs down.

    Parameters
    ----------
    groups : list of array-like of int
        Feature indices of each group.
    norms : array-like of shape (n_groups,), default=None
        Size of each group, its colour; groups of size 0 are grey. None draws all groups
        alike.
    group_names : array-like of shape (n_groups,), default=None
        Names of the groups; None means 0, 1, ....
    feature_names : array-like of shape (n_features,), default=None
        Names of the features; None means their indices.
    norm_label : str, default="Norm of the group's coefficients (grey: not selected)"
        What `norms` are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    cells_ : matplotlib PolyCollection
        The rectangles.
    feature_order_ : ndarray of int of shape (n_features,)
        The features from left to right.
    is_nested_ : bool
        Whether the groups were drawn as a tree.
    labels_ : list of matplotlib Text
        Names written in or beside the map; empty if all rows are named on the axis.
    colorbar_ : matplotlib Colorbar or None
        What the colours mean.

    See Also
    --------
    GroupPathDisplay : Sizes of the groups along the path.
    skstruct.OverlappingGroupLasso : Groups that share features.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skstruct import GroupMapDisplay
    >>> tree = {"all": range(4), "left": [0, 1], "right": [2, 3]}
    >>> display = GroupMapDisplay(
    ...     groups=list(tree.values()), group_names=list(tree)).plot()
    >>> display.is_nested_
    True
    >>> plt.show()
    """

    def __init__(
        self,
        *,
        groups: Any,
        norms: Any = None,
        group_names: Any = None,
        feature_names: Any = None,
        norm_label: str = _NORM,
    ) -> None:
        self.groups = groups
        self.norms = norms
        self.group_names = group_names
        self.feature_names = feature_names
        self.norm_label = norm_label

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, max_labels: int = 12
    ) -> "GroupMapDisplay":
        """Map the groups of a fitted estimator.

        Parameters
        ----------
        estimator : OverlappingGroupLasso
            A fitted estimator of this package.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_labels : int, default=12
            How many groups to name where there are many.

        Returns
        -------
        GroupMapDisplay
            The display, plotted.

        Raises
        ------
        TypeError
            If the estimator has no groups of coefficients.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skstruct import GroupMapDisplay, OverlappingGroupLasso
        >>> from skstruct.datasets import make_group_regression
        >>> X, y, _ = make_group_regression(
        ...     n_samples=60, n_groups=4, group_size=3, n_informative_groups=2,
        ...     random_state=0)
        >>> model = OverlappingGroupLasso(0.1, groups=[range(7), range(5, 12)])
        >>> display = GroupMapDisplay.from_estimator(model.fit(X, y))
        >>> display.is_nested_
        False
        >>> plt.show()
        """
        check_is_fitted(estimator)
        if not (hasattr(estimator, "group_norms_") and hasattr(estimator, "groups_")):
            raise TypeError(
                f"{cls.__name__} maps groups of coefficients, which "
                f"{type(estimator).__name__} does not have. Pass a fitted "
                "OverlappingGroupLasso (of a pipeline: its last step, pipeline[-1])."
            )
        names = getattr(estimator, "feature_names_in_", None)
        display = cls(
            groups=estimator.groups_,
            norms=estimator.group_norms_,
            group_names=estimator.group_names_,
            feature_names=range(estimator.n_features_in_) if names is None else names,
        )
        return display.plot(ax, max_labels=max_labels)

    def plot(self, ax: Any = None, *, max_labels: int = 12) -> "GroupMapDisplay":
        """Plot the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_labels : int, default=12
            How many groups to name where there are more than 30 rows: those of the
            largest size. Nested groups are named where the name has room.

        Returns
        -------
        GroupMapDisplay
            This display, its attributes set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If a group is empty, or if `norms` or names are not as many as groups.
        """
        groups, norms, names, n_features = self._checked()
        levels = levels_of(groups, n_features)
        self.is_nested_ = levels is not None
        if levels is None:
            order, n_rows = order_by_first_group(groups, n_features), len(groups)
            row_of = {g: g for g in range(n_rows)}
        else:
            order, row_of, n_rows = order_by_levels(levels), _rows(levels), len(levels)
        place = np.empty(n_features, dtype=int)
        place[order] = np.arange(n_features)
        boxes = [
            (g, row_of[g], start, end)
            for g, own in enumerate(groups)
            for start, end in runs(place[own])
        ]
        ax = new_axes(ax, figsize=(7.5, _height(n_rows, self.is_nested_)))
        self.colorbar_, colors = self._colors(ax, norms)
        self.cells_ = _draw_boxes(ax, boxes, colors, norms, n_features)
        ax.set_xlim(0, n_features)
        ax.set_ylim(n_rows, 0)
        self._name_features(ax, order)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
        if self.is_nested_:
            self.labels_ = _write_inside(ax, boxes, names, colors)
            ax.set_yticks(np.arange(n_rows) + 0.5, range(n_rows))
            ax.set_ylabel("Depth of nesting")
        else:
            self.labels_ = _name_rows(ax, names, norms, boxes, colors, max_labels)
        self.feature_order_, self.ax_, self.figure_ = order, ax, ax.figure
        return self

    def _checked(self) -> tuple[list[np.ndarray], np.ndarray, Any, int]:
        """Return groups, norms, names and the number of features."""
        groups = [np.asarray(list(own), dtype=int) for own in self.groups]
        if not groups or min(map(len, groups)) == 0:
            raise ValueError("groups must hold one group at least, and none is empty.")
        norms = np.ones(len(groups)) if self.norms is None else self.norms
        norms = np.asarray(norms, dtype=float)
        if norms.shape != (len(groups),):
            raise ValueError(
                f"norms must be of shape (n_groups,), here ({len(groups)},); got "
                f"{norms.shape}."
            )
        n_features = 1 + max(int(own.max()) for own in groups)
        if self.feature_names is not None:
            if len(self.feature_names) < n_features:
                raise ValueError(
                    f"feature_names has {len(self.feature_names)} names, but groups "
                    f"hold feature {n_features - 1}."
                )
            n_features = len(self.feature_names)
        return groups, norms, check_names(self.group_names, len(groups)), n_features

    def _colors(self, ax: Any, norms: np.ndarray) -> tuple[Any, np.ndarray]:
        """Return a colour bar, if norms are known, and the colour of each group."""
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import ListedColormap, Normalize, to_rgba

        if self.norms is None:
            return None, np.tile(to_rgba(COLORS[4]), (len(norms), 1))
        shades = ListedColormap(colormaps["YlGnBu"](np.linspace(0.25, 1.0, 256)))
        mappable = ScalarMappable(Normalize(0.0, norms.max() or 1.0), shades)
        colors = np.where(norms[:, None] > 0, mappable.to_rgba(norms), to_rgba(_ZERO))
        bar = ax.figure.colorbar(
            mappable, ax=ax, location="top", shrink=0.6, aspect=40, pad=0.02
        )
        bar.set_label(self.norm_label, fontsize="small")
        bar.ax.tick_params(labelsize="small")
        return bar, colors

    def _name_features(self, ax: Any, order: np.ndarray) -> None:
        n = len(order)
        ax.set_xlabel(f"Features ({n}, ordered so that groups are together)")
        if n > _MOST_FEATURES:
            ax.set_xticks([])
            return
        names = range(n) if self.feature_names is None else self.feature_names
        labels = [shortened(str(names[j])) for j in order]
        turned = max(map(len, labels)) > 3
        ax.set_xticks(np.arange(n) + 0.5, labels, rotation=90 if turned else 0)
        ax.tick_params(axis="x", length=0, labelsize="small")


def _rows(levels: np.ndarray) -> dict[int, int]:
    """Return the level of each group."""
    return {
        int(g): depth
        for depth, row in enumerate(levels)
        for g in np.unique(row[row >= 0])
    }


def _height(n_rows: int, is_nested: bool) -> float:
    """Return the height of a figure in inches."""
    if is_nested:
        return min(1.8 + 0.7 * n_rows, 7.0)
    return 1.8 + 0.22 * n_rows if n_rows <= _MOST_ROWS else 5.5


def _draw_boxes(
    ax: Any, boxes: list, colors: np.ndarray, norms: np.ndarray, n_features: int
) -> Any:
    """Draw a rectangle for each (group, row, start, end), selected groups on top."""
    from matplotlib.collections import PolyCollection

    boxes = sorted(boxes, key=lambda box: norms[box[0]] > 0)
    n_rows = 1 + max(row for _, row, _, _ in boxes)
    is_thin = n_rows > _MOST_ROWS
    gap = 0.0 if is_thin else 0.06
    corners = [
        [(x0, y + gap), (x1, y + gap), (x1, y + 1 - gap), (x0, y + 1 - gap)]
        for _, y, x0, x1 in boxes
    ]
    edges = colors[[g for g, *_ in boxes]]
    widths = np.full(len(boxes), 0.4)
    if is_thin:  # the few selected must not drown among the others
        widths[[norms[g] > 0 for g, *_ in boxes]] = 1.6
    else:  # neighbours need a line between them, where there is room for one
        is_wide = [(x1 - x0) * _WIDTH > 5 * n_features for _, _, x0, x1 in boxes]
        edges[is_wide] = (1.0, 1.0, 1.0, 1.0)
        widths[is_wide] = 1.0
    cells = PolyCollection(
        corners,
        facecolors=colors[[g for g, *_ in boxes]],
        edgecolors=edges,
        linewidths=widths,
    )
    return ax.add_collection(cells)


def _write_inside(ax: Any, boxes: list, names: Any, colors: np.ndarray) -> list[Any]:
    """Write names into those rectangles that have room for them."""
    ax.figure.draw_without_rendering()  # the layout settles the size of the axes
    window = ax.get_window_extent()
    per_point = ax.figure.dpi / 72.0
    width = window.width / per_point / ax.get_xlim()[1]
    height = window.height / per_point / ax.get_ylim()[0]
    texts = []
    for g, y, x0, x1 in boxes:
        label = shortened(str(names[g]))
        long, room = 5.6 * len(label) + 4, width * (x1 - x0)
        upright = long > room
        if room < 11 or (upright and long > height):
            continue
        dark = colors[g, :3] @ (0.299, 0.587, 0.114) < 0.5
        texts.append(
            ax.text(
                (x0 + x1) / 2,
                y + 0.5,
                label,
                ha="center",
                va="center",
                rotation=90 if upright else 0,
                fontsize=9,
                color="white" if dark else "black",
            )
        )
    return texts


def _name_rows(
    ax: Any,
    names: Any,
    norms: np.ndarray,
    boxes: list,
    colors: np.ndarray,
    max_labels: int,
) -> list[Any]:
    """Name all rows on the axis, or the largest groups beside the map."""
    n = len(norms)
    if n <= _MOST_ROWS:
        ax.set_yticks(np.arange(n) + 0.5, [shortened(str(name)) for name in names])
        ax.tick_params(axis="y", length=0)
        return []
    ax.set_yticks([])
    ax.set_ylabel(f"Groups ({n})")
    largest = np.argsort(-norms, kind="stable")[:max_labels]
    largest = np.sort(largest[norms[largest] > 0])
    ends = {g: end for g, _, _, end in boxes}
    ax.figure.draw_without_rendering()
    labels = label_line_ends(
        ax,
        0.0,
        largest + 0.5,
        [str(names[g]) for g in largest],
        [DARK] * len(largest),
    )
    for label, g in zip(labels, largest, strict=True):
        label.xy = (ends[g], g + 0.5)
    return labels
