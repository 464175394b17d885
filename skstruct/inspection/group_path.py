"""The picture of a regularisation path, one line a group."""

from typing import Any

import numpy as np

from skstruct.groups import make_layout
from skstruct.inspection.path_data import (
    as_samples,
    check_has_path,
    effect_path,
    norm_path,
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
        What `norms` are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    lines_ : list of matplotlib Line2D of length n_groups
        The line of each group, in the order of `group_names`.
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
    ) -> None:
        self.alphas = alphas
        self.norms = norms
        self.group_names = group_names
        self.alpha = alpha
        self.alpha_min = alpha_min
        self.alpha_1se = alpha_1se
        self.ylabel = ylabel

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
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
        coefs, groups = estimator.coef_path_, estimator.groups_
        norms, ylabel = norm_path(coefs, groups), _NORM
        if X is not None:
            norms = effect_path(coefs, groups, as_samples(estimator, X))
            ylabel = "Standard deviation of the group's contribution"
        display = cls(
            alphas=estimator.alphas_,
            norms=norms,
            group_names=estimator.group_names_,
            alpha=estimator.alpha_,
            alpha_min=estimator.alpha_min_,
            alpha_1se=estimator.alpha_1se_,
            ylabel=ylabel,
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
        alphas, norms, names = self._checked()
        ax = new_axes(ax)
        set_alpha_axis(ax, alphas)
        ax.set_ylabel(self.ylabel)
        top = norms.max(initial=0.0) or 1.0
        ax.set_ylim(-0.02 * top, 1.05 * top)
        grey = {"color": GREY, "linewidth": 0.8, "zorder": 2.0, **(line_kw or {})}
        lines = ax.plot(alphas, norms.T, **grey)
        named = self._largest(alphas, norms)[:max_labels]
        for rank, g in enumerate(named):
            look = {"linewidth": 1.8, **line_look(rank), **(line_kw or {})}
            lines[g].set(zorder=3.0 - rank / (len(named) + 1), **look)
        marks = mark_alphas(ax, self.alpha, self.alpha_min, self.alpha_1se)
        if marks:
            legend_above(ax, marks)
        self.labels_ = label_line_ends(
            ax,
            alphas[-1],
            norms[named, -1],
            [str(names[g]) for g in named],
            [lines[g] for g in named],
        )
        self.lines_ = lines
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _checked(self) -> tuple[np.ndarray, np.ndarray, Any]:
        """Return positive alphas from large to small, norms at them, and names."""
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
        return alphas[shown], norms[:, shown], names

    def _largest(self, alphas: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """Return groups that are not always zero, the largest first."""
        anywhere = norms.max(axis=1)
        if self.alpha is None:
            chosen = anywhere
        else:
            chosen = norms[:, np.argmin(np.abs(alphas - self.alpha))]
        order = np.lexsort((-anywhere, -chosen))
        return order[anywhere[order] > 0]
