"""The picture of stability scores along a path, one line a group."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skstruct.inspection.plotting import (
    DARK,
    GREY,
    check_names,
    label_line_ends,
    legend_above,
    line_look,
    new_axes,
    set_alpha_axis,
)


class GroupStabilityDisplay:
    """Stability scores: how often each group is selected at each alpha.

    Create one with :meth:`from_estimator`; the parameters below are kept as attributes.
    alpha decreases to the right. Groups that reach the threshold somewhere are coloured
    and named while there are few of them, dark beyond that; the others are grey.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        Strengths of the penalty. Zeros are not shown, as the axis is logarithmic.
    stability_scores : array-like of shape (n_groups, n_alphas)
        Share of the subsamples in which each group is selected.
    group_names : array-like of shape (n_groups,), default=None
        Names of the groups; None means 0, 1, ....
    threshold : float, default=None
        The least selection probability of a selected group, marked by a line.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    lines_ : list of matplotlib Line2D of length n_groups
        The line of each group, in the order of `group_names`.
    labels_ : list of matplotlib Annotation
        Names beside the lines, of the groups that are selected most often.

    See Also
    --------
    skstruct.GroupStabilitySelection : Computes the scores.
    GroupPathDisplay : Sizes of the groups along the path.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skstruct import GroupStabilityDisplay, GroupStabilitySelection
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=60, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> selector = GroupStabilitySelection(
    ...     groups=groups, alphas=10, n_pairs=5, random_state=0).fit(X, y)
    >>> display = GroupStabilityDisplay.from_estimator(selector)
    >>> len(display.lines_)
    6
    >>> plt.show()
    """

    def __init__(
        self,
        *,
        alphas: Any,
        stability_scores: Any,
        group_names: Any = None,
        threshold: float | None = None,
    ) -> None:
        self.alphas = alphas
        self.stability_scores = stability_scores
        self.group_names = group_names
        self.threshold = threshold

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        max_labels: int = 10,
        line_kw: dict[str, Any] | None = None,
    ) -> "GroupStabilityDisplay":
        """Plot the stability scores of a fitted selector.

        Parameters
        ----------
        estimator : GroupStabilitySelection
            A fitted selector.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_labels : int, default=10
            How many of the selected groups to colour and name.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for all lines.

        Returns
        -------
        GroupStabilityDisplay
            The display, plotted.

        Raises
        ------
        TypeError
            If the estimator has no stability scores.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "stability_scores_"):
            raise TypeError(
                f"{cls.__name__} shows stability scores, which "
                f"{type(estimator).__name__} does not have. Pass a fitted "
                "GroupStabilitySelection (of a pipeline: its step)."
            )
        display = cls(
            alphas=estimator.alphas_,
            stability_scores=estimator.stability_scores_,
            group_names=estimator.group_names_,
            threshold=estimator.threshold,
        )
        return display.plot(ax, max_labels=max_labels, line_kw=line_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        max_labels: int = 10,
        line_kw: dict[str, Any] | None = None,
    ) -> "GroupStabilityDisplay":
        """Plot the stability scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_labels : int, default=10
            How many of the selected groups to colour and name, those selected most
            often. Without a threshold, any groups.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for all lines.

        Returns
        -------
        GroupStabilityDisplay
            This display, its attributes set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `stability_scores` does not have a row a group and a column an alpha.
        """
        alphas, scores, names = self._checked()
        largest = scores.max(axis=1, initial=0.0)
        # Of groups that reach the same share, those first that reach it sooner.
        order = np.lexsort((-scores.sum(axis=1), -largest))
        least = 0.0 if self.threshold is None else self.threshold - 1e-12
        selected = order[(largest[order] >= least) & (largest[order] > 0)]
        named = selected[:max_labels]
        ax = new_axes(ax)
        set_alpha_axis(ax, alphas)
        ax.set_ylim(-0.02, 1.02)
        ax.set_ylabel("Share of subsamples that select the group")
        grey = {"color": GREY, "linewidth": 0.8, "zorder": 2.0, **(line_kw or {})}
        lines = ax.plot(alphas, scores.T, **grey)
        for g in selected[max_labels:]:
            lines[g].set(**{"color": DARK, "zorder": 2.1, **(line_kw or {})})
        for rank, g in enumerate(named):
            look = {"linewidth": 1.8, **line_look(rank), **(line_kw or {})}
            lines[g].set(zorder=3.0 - rank / (len(named) + 1), **look)
        if self.threshold is not None:
            legend_above(ax, [self._mark_threshold(ax, len(selected), len(scores))])
        self.labels_ = label_line_ends(
            ax,
            alphas[-1],
            scores[named, -1],
            [str(names[g]) for g in named],
            [lines[g].get_color() for g in named],
        )
        self.lines_ = lines
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _mark_threshold(self, ax: Any, n_selected: int, n_groups: int) -> Any:
        label = f"threshold {self.threshold:g}: {n_selected} of {n_groups} groups"
        return ax.axhline(
            self.threshold,
            color=DARK,
            linestyle="--",
            linewidth=1.0,
            zorder=1.5,
            label=f"{label} selected",
        )

    def _checked(self) -> tuple[np.ndarray, np.ndarray, Any]:
        """Return positive alphas from large to small, scores at them, and names."""
        alphas = np.asarray(self.alphas, dtype=float)
        scores = np.asarray(self.stability_scores, dtype=float)
        if scores.ndim != 2 or scores.shape[1:] != alphas.shape:
            raise ValueError(
                "stability_scores must be of shape (n_groups, n_alphas), with "
                f"{len(alphas)} alphas; got {scores.shape}."
            )
        shown = np.argsort(-alphas, kind="stable")
        shown = shown[alphas[shown] > 0]
        if len(shown) == 0:
            raise ValueError("alphas must hold a positive number.")
        names = check_names(self.group_names, len(scores))
        return alphas[shown], scores[:, shown], names
