"""The picture of how much each group matters, the most important first."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skstruct.inspection.path_data import as_samples, effect_path, norm_path
from skstruct.inspection.plotting import (
    COLORS,
    DARK,
    GREY,
    check_names,
    new_axes,
    shortened,
)

_ROW = 0.24  # inches


class GroupImportanceDisplay:
    """Importance of each group: the largest by name, the others in one line.

    Create one with :meth:`from_estimator` or :meth:`from_importances`; the parameters
    below are kept as attributes. A group's mean is a dot, its repeats are faint ticks,
    and the bar between them is a standard deviation to both sides.

    Parameters
    ----------
    importances : array-like of shape (n_groups,) or (n_groups, n_repeats)
        Importance of each group, once or in each repeat.
    group_names : array-like of shape (n_groups,), default=None
        Names of the groups; None means 0, 1, ....
    xlabel : str, default="Importance"
        What the importances are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    order_ : ndarray of int
        The groups shown, from top to bottom: the most important first.
    dots_ : matplotlib Line2D
        The means.
    others_ : matplotlib Text or None
        What is said of the groups that are not shown.

    See Also
    --------
    GroupPathDisplay : Sizes of the groups along the path.
    sklearn.inspection.permutation_importance : Importances of single features.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skstruct import GroupImportanceDisplay
    >>> display = GroupImportanceDisplay(
    ...     importances=[[0.1, 0.2], [0.5, 0.4]], group_names=["age", "race"]).plot()
    >>> display.order_
    array([1, 0])
    >>> plt.show()
    """

    def __init__(
        self,
        *,
        importances: Any,
        group_names: Any = None,
        xlabel: str = "Importance",
    ) -> None:
        self.importances = importances
        self.group_names = group_names
        self.xlabel = xlabel

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, X: Any = None, ax: Any = None, max_groups: int = 20
    ) -> "GroupImportanceDisplay":
        """Plot the size of each group in a fitted model.

        Parameters
        ----------
        estimator : GroupLasso
            A fitted estimator of this package.
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            If given, the importance is the standard deviation, over these samples, of
            what the group adds to the prediction, in units of y. None means the
            Euclidean norm of its coefficients, which depends on the scale of X.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_groups : int, default=20
            How many groups to show.

        Returns
        -------
        GroupImportanceDisplay
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
        >>> from skstruct import GroupImportanceDisplay, GroupLasso
        >>> from skstruct.datasets import load_birthwt
        >>> birthwt = load_birthwt()
        >>> model = GroupLasso(0.01, groups=birthwt.groups, standardize="groups")
        >>> model = model.fit(birthwt.data, birthwt.target)
        >>> display = GroupImportanceDisplay.from_estimator(model, X=birthwt.data)
        >>> print(display.group_names[display.order_[0]])
        ui
        >>> plt.show()
        """
        check_is_fitted(estimator)
        if not (hasattr(estimator, "coef_") and hasattr(estimator, "groups_")):
            raise TypeError(
                f"{cls.__name__} shows groups of coefficients, which "
                f"{type(estimator).__name__} does not have. Pass a fitted GroupLasso "
                "(of a pipeline: its last step, pipeline[-1]), or importances to "
                "from_importances."
            )
        coefs, groups = np.atleast_2d(estimator.coef_)[..., None], estimator.groups_
        sizes, xlabel = norm_path(coefs, groups), "Norm of the group's coefficients"
        if X is not None:
            sizes = effect_path(coefs, groups, as_samples(estimator, X))
            xlabel = "Standard deviation of the group's contribution"
        display = cls(
            importances=sizes[:, 0], group_names=estimator.group_names_, xlabel=xlabel
        )
        return display.plot(ax, max_groups=max_groups)

    @classmethod
    def from_importances(
        cls,
        importances: Any,
        group_names: Any = None,
        *,
        xlabel: str = "Decrease of the score when the group is permuted",
        ax: Any = None,
        max_groups: int = 20,
    ) -> "GroupImportanceDisplay":
        """Plot importances that were computed elsewhere.

        Parameters
        ----------
        importances : Bunch or array-like
            An array of shape (n_groups,) or (n_groups, n_repeats), or an object with
            an attribute ``importances`` of the latter shape, as
            :func:`sklearn.inspection.permutation_importance` returns.
        group_names : array-like of shape (n_groups,), default=None
            Names of the groups; None means the object's attribute ``group_names`` if
            it has one, else 0, 1, ....
        xlabel : str, default="Decrease of the score when the group is permuted"
            What the importances are.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_groups : int, default=20
            How many groups to show.

        Returns
        -------
        GroupImportanceDisplay
            The display, plotted.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.inspection import permutation_importance
        >>> from skstruct import GroupImportanceDisplay, GroupLasso
        >>> from skstruct.datasets import load_birthwt
        >>> birthwt = load_birthwt()
        >>> X, y = birthwt.data, birthwt.target
        >>> model = GroupLasso(0.01).fit(X, y)
        >>> result = permutation_importance(model, X, y, random_state=0)
        >>> display = GroupImportanceDisplay.from_importances(
        ...     result, birthwt.feature_names)
        >>> plt.show()
        """
        if group_names is None:
            group_names = getattr(importances, "group_names", None)
        values = getattr(importances, "importances", importances)
        display = cls(importances=values, group_names=group_names, xlabel=xlabel)
        return display.plot(ax, max_groups=max_groups)

    def plot(self, ax: Any = None, *, max_groups: int = 20) -> "GroupImportanceDisplay":
        """Plot the importances.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure, as tall as it takes.
        max_groups : int, default=20
            How many groups to show, the most important ones.

        Returns
        -------
        GroupImportanceDisplay
            This display, its attributes set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `importances` are not one- or two-dimensional and finite, or do not have
            a row for each of `group_names`.
        """
        values = np.asarray(self.importances, dtype=float)
        if values.ndim not in (1, 2) or not np.isfinite(values).all():
            raise ValueError(
                "importances must be finite and of shape (n_groups,) or (n_groups, "
                f"n_repeats); got shape {values.shape}."
            )
        names = check_names(self.group_names, len(values))
        values = values.reshape(len(values), -1)
        mean, spread = values.mean(axis=1), values.std(axis=1)
        order = np.argsort(-mean, kind="stable")[:max_groups]
        n_hidden = len(values) - len(order)
        n_rows = len(order) + (n_hidden > 0)
        ax = new_axes(ax, figsize=(7.5, 1.2 + _ROW * max(n_rows, 3)))
        at = np.arange(len(order))
        ax.axvline(0.0, color=GREY, linewidth=0.8, zorder=1)
        shown = values[order]
        if shown.shape[1] > 1:
            ax.plot(
                shown,
                np.broadcast_to(at[:, None], shown.shape),
                linestyle="none",
                marker="|",
                color=COLORS[4],
                markersize=7,
                alpha=0.7,
                zorder=2,
            )
            ax.hlines(
                at,
                (mean - spread)[order],
                (mean + spread)[order],
                color=COLORS[0],
                linewidth=1.8,
                zorder=3,
            )
        else:
            ax.hlines(at, 0.0, mean[order], color=COLORS[0], linewidth=1.2, zorder=2)
        (self.dots_,) = ax.plot(
            mean[order], at, "o", color=COLORS[0], markersize=5, zorder=4
        )
        ax.set_yticks(at, [shortened(str(names[g])) for g in order])
        ax.tick_params(axis="y", length=0)
        ax.set_ylim(n_rows - 0.4, -0.6)
        ax.set_xlabel(self.xlabel)
        for side in ("top", "right", "left"):
            ax.spines[side].set_visible(False)
        self.others_ = None
        if n_hidden:
            largest = np.delete(mean, order).max()
            self.others_ = ax.annotate(
                f"{n_hidden} more, each {largest:.2g} or less",
                xy=(0.0, len(order)),
                xycoords=("axes fraction", "data"),
                va="center",
                color=DARK,
                fontsize="small",
            )
        self.order_, self.ax_, self.figure_ = order, ax, ax.figure
        return self
