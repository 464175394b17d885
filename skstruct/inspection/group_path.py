"""The picture of a regularisation path, one line a group."""

from typing import Any

import numpy as np

from skstruct.groups import make_layout
from skstruct.inspection.path_data import (
    as_samples,
    check_has_path,
    coefficient_lines,
    effect_path,
    norm_path,
    of_chosen_path,
)
from skstruct.inspection.plotting import (
    GREY,
    label_line_ends,
    legend_above,
    line_look,
    mark_alphas,
    new_axes,
    set_alpha_axis,
)

_NORM = "Norm of the group's coefficients"


class GroupPathDisplay:
    """Regularisation path: the size of each group at each alpha.

    Create one with :meth:`from_estimator` or :meth:`from_path`; the parameters below
    are kept as attributes. alpha decreases to the right, so groups enter from left to
    right. The largest groups are coloured and named, the others are grey.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        Strengths of the penalty. Zeros are not shown, as the axis is logarithmic.
    norms : array-like of shape (n_groups, n_alphas)
        Size of each group at each alpha.
    group_names : array-like of shape (n_groups,), default=None
        Names of the groups; None means 0, 1, ....
    alpha : float, default=None
        The chosen alpha, marked by a solid line.
    alpha_min, alpha_1se : float, default=None
        Alpha of the best mean score and of the one standard error rule, marked by a
        dashed and a dotted line where they are not the chosen one.
    ylabel : str, default="Norm of the group's coefficients"
        What is drawn.
    lines : array-like of shape (n_lines, n_alphas), default=None
        What to draw in place of `norms`, such as single coefficients, in the colours of
        their groups; `norms` still say which groups are the largest.
    members : list of array-like of int, default=None
        Which of the `lines` belong to each group.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    lines_ : list of matplotlib Line2D
        The line of each group, in the order of `group_names`; or those of `lines`.
    labels_ : list of matplotlib Annotation
        Names beside the lines, largest group first.

    See Also
    --------
    GroupCVDisplay : Cross-validated scores along the path.
    skstruct.GroupLassoCV : Fits a path and chooses from it.
    skstruct.group_lasso_path : Fits a path.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skstruct import GroupLassoCV, GroupPathDisplay
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=60, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLassoCV(groups=groups, alphas=30).fit(X, y)
    >>> display = GroupPathDisplay.from_estimator(model)
    >>> len(display.lines_)
    6
    >>> plt.show()
    """

    def __init__(
        self,
        *,
        alphas: Any,
        norms: Any,
        group_names: Any = None,
        alpha: float | None = None,
        alpha_min: float | None = None,
        alpha_1se: float | None = None,
        ylabel: str = _NORM,
        lines: Any = None,
        members: Any = None,
    ) -> None:
        self.alphas = alphas
        self.norms = norms
        self.group_names = group_names
        self.alpha = alpha
        self.alpha_min = alpha_min
        self.alpha_1se = alpha_1se
        self.ylabel = ylabel
        self.lines = lines
        self.members = members

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        by: str = "group",
        X: Any = None,
        ax: Any = None,
        max_labels: int = 10,
        line_kw: dict[str, Any] | None = None,
    ) -> "GroupPathDisplay":
        """Plot the path of a fitted estimator.

        Parameters
        ----------
        estimator : GroupLassoCV
            A fitted estimator with a path.
        by : {"group", "coefficient"}, default="group"
            Draw one line for each group, its size, or one for each coefficient, in the
            colour of its group.
        X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
            If given, a group's size is the standard deviation, over these samples, of
            what it adds to the prediction. That is in units of y, and can be compared
            between groups of features on different scales. None means the Euclidean
            norm of its coefficients.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_labels : int, default=10
            How many groups to colour and name.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for all lines.

        Returns
        -------
        GroupPathDisplay
            The display, plotted.

        Raises
        ------
        TypeError
            If the estimator has no path.
        ValueError
            If `by` is neither, or if it is "coefficient" and X is given.
        sklearn.exceptions.NotFittedError
            If the estimator is not fitted.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skstruct import GroupLassoCV, GroupPathDisplay
        >>> from skstruct.datasets import load_birthwt
        >>> birthwt = load_birthwt()
        >>> model = GroupLassoCV(groups=birthwt.groups, alphas=20)
        >>> model = model.fit(birthwt.data, birthwt.target)
        >>> display = GroupPathDisplay.from_estimator(model, X=birthwt.data)
        >>> display.ylabel
        "Standard deviation of the group's contribution"
        >>> plt.show()
        """
        check_has_path(estimator, cls.__name__)
        check_by(by, X)
        coefs, groups = estimator.coef_path_, estimator.groups_
        norms, ylabel, lines, members = norm_path(coefs, groups), _NORM, None, None
        if by == "coefficient":
            (lines, members), ylabel = coefficient_lines(coefs, groups), "Coefficient"
        if X is not None:
            norms = effect_path(coefs, groups, as_samples(estimator, X))
            ylabel = "Standard deviation of the group's contribution"
        display = cls(
            alphas=of_chosen_path(estimator, estimator.alphas_),
            norms=norms,
            group_names=estimator.group_names_,
            alpha=estimator.alpha_,
            alpha_min=getattr(estimator, "alpha_min_", None),
            alpha_1se=getattr(estimator, "alpha_1se_", None),
            ylabel=ylabel,
            lines=lines,
            members=members,
        )
        return display.plot(ax, max_labels=max_labels, line_kw=line_kw)

    @classmethod
    def from_path(
        cls,
        path: Any,
        groups: Any = None,
        *,
        feature_names: Any = None,
        remainder: str = "error",
        alpha: float | None = None,
        ax: Any = None,
        max_labels: int = 10,
        line_kw: dict[str, Any] | None = None,
    ) -> "GroupPathDisplay":
        """Plot what :func:`skstruct.group_lasso_path` returns.

        Parameters
        ----------
        path : named tuple
            With fields ``alphas`` and ``coefs``.
        groups : int, array-like, list, dict, callable or None, default=None
            The groups, said as they were to ``group_lasso_path``.
        feature_names : array-like of str of shape (n_features,), default=None
            Column names of X, where `groups` refers to them.
        remainder : {"error", "singletons", "unpenalized"}, default="error"
            What becomes of features in no group.
        alpha : float, default=None
            An alpha to mark.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_labels : int, default=10
            How many groups to colour and name.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for all lines.

        Returns
        -------
        GroupPathDisplay
            The display, plotted.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skstruct import GroupPathDisplay, group_lasso_path
        >>> from skstruct.datasets import make_group_regression
        >>> X, y, groups = make_group_regression(
        ...     n_samples=60, n_groups=6, group_size=3, n_informative_groups=2,
        ...     random_state=0)
        >>> path = group_lasso_path(X, y, groups=groups, alphas=30)
        >>> display = GroupPathDisplay.from_path(path, groups)
        >>> display.norms.shape
        (6, 30)
        >>> plt.show()
        """
        coefs = np.asarray(path.coefs)
        layout = make_layout(
            groups, coefs.shape[-2], feature_names=feature_names, remainder=remainder
        )
        display = cls(
            alphas=path.alphas,
            norms=norm_path(coefs, layout.feature_groups()),
            group_names=layout.names_array(),
            alpha=alpha,
        )
        return display.plot(ax, max_labels=max_labels, line_kw=line_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        max_labels: int = 10,
        line_kw: dict[str, Any] | None = None,
    ) -> "GroupPathDisplay":
        """Plot the path.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        max_labels : int, default=10
            How many groups to colour and name: the largest at the chosen alpha, then
            the largest anywhere.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for all lines.

        Returns
        -------
        GroupPathDisplay
            This display, its attributes set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `norms` does not have a row a group and a column an alpha.
        """
        alphas, norms, names, heights = self._checked()
        members = self.members
        if self.lines is None:
            members = np.arange(len(norms))[:, None]
        ax = new_axes(ax)
        set_alpha_axis(ax, alphas)
        ax.set_ylabel(self.ylabel)
        set_limits(ax, heights)
        grey = {"color": GREY, "linewidth": 0.8, "zorder": 2.0, **(line_kw or {})}
        lines = ax.plot(alphas, heights.T, **grey)
        named = self._largest(alphas, norms)[:max_labels]
        tallest = []  # of each named group, the line that ends farthest from zero
        for rank, g in enumerate(named):
            look = {"linewidth": 1.8, **line_look(rank), **(line_kw or {})}
            own = np.asarray(members[g])
            for i in own:
                lines[i].set(zorder=3.0 - rank / (len(named) + 1), **look)
            tallest.append(own[np.argmax(np.abs(heights[own, -1]))])
        marks = mark_alphas(ax, self.alpha, self.alpha_min, self.alpha_1se)
        if marks:
            legend_above(ax, marks)
        self.labels_ = label_line_ends(
            ax,
            alphas[-1],
            heights[tallest, -1] if tallest else [],
            [str(names[g]) for g in named],
            [lines[i].get_color() for i in tallest],
        )
        self.lines_ = lines
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _checked(self) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray]:
        """Return positive alphas from large to small, norms, names and what to draw."""
        alphas = np.asarray(self.alphas, dtype=float)
        norms = np.asarray(self.norms, dtype=float)
        names = range(len(norms)) if self.group_names is None else self.group_names
        if norms.shape != (len(names), len(alphas)):
            raise ValueError(
                f"norms must be of shape (n_groups, n_alphas), here ({len(names)}, "
                f"{len(alphas)}); got {norms.shape}."
            )
        shown = np.argsort(-alphas, kind="stable")
        shown = shown[alphas[shown] > 0]
        if len(shown) == 0:
            raise ValueError("alphas must hold a positive number.")
        heights = norms if self.lines is None else np.asarray(self.lines, dtype=float)
        if heights.shape[1:] != alphas.shape or (
            self.lines is not None and len(self.members or ()) != len(names)
        ):
            raise ValueError(
                f"lines must be of shape (n_lines, {len(alphas)}), and members have "
                f"one entry for each of the {len(names)} groups; got {heights.shape} "
                f"and {self.members!r}."
            )
        return alphas[shown], norms[:, shown], names, heights[:, shown]

    def _largest(self, alphas: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """Return groups that are not always zero, the largest first."""
        anywhere = norms.max(axis=1)
        if self.alpha is None:
            chosen = anywhere
        else:
            chosen = norms[:, np.argmin(np.abs(alphas - self.alpha))]
        order = np.lexsort((-anywhere, -chosen))
        return order[anywhere[order] > 0]


def check_by(by: str, X: Any) -> None:
    """Raise ValueError unless lines can be drawn `by` that."""
    if by not in ("group", "coefficient"):
        raise ValueError(f"by={by!r} must be 'group' or 'coefficient'.")
    if by == "coefficient" and X is not None:
        raise ValueError(
            "by='coefficient' draws coefficients, for which X is of no use: leave it "
            "out, or draw by='group'."
        )


def set_limits(ax: Any, heights: np.ndarray) -> None:
    """Set the limits of y so that zero and all lines are well inside."""
    top = max(heights.max(initial=0.0), 0.0)
    bottom = min(heights.min(initial=0.0), 0.0)
    span = (top - bottom) or 1.0
    ax.set_ylim(bottom - (0.05 if bottom < 0 else 0.02) * span, top + 0.05 * span)
