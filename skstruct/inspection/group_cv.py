"""The picture of cross-validated scores along a path."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from skstruct.inspection.path_data import (
    check_has_path,
    norm_path,
    of_chosen_path,
)
from skstruct.inspection.plotting import (
    COLORS,
    GREY,
    mark_alphas,
    new_axes,
    set_alpha_axis,
)

_MOST_COUNTS = 9  # numbers on the top axis


class GroupCVDisplay:
    """Cross-validated scores along the path, and how many groups are selected.

    Create one with :meth:`from_estimator`; the parameters below are kept as
    attributes. The mean score is a line in a band of one standard error, the folds
    are faint lines, and the top axis counts the groups of the model fitted to all
    data.

    Parameters
    ----------
    alphas : array-like of shape (n_alphas,)
        Strengths of the penalty. Zeros are not shown, as the axis is logarithmic.
    scores_path : array-like of shape (n_alphas, n_folds)
        Score of each fold; larger is better.
    n_selected : array-like of shape (n_alphas,), default=None
        Number of selected groups, for the top axis.
    alpha : float, default=None
        The chosen alpha, marked by a solid line.
    alpha_min, alpha_1se : float, default=None
        Alpha of the best mean score and of the one standard error rule, marked by a
        dashed and a dotted line where they are not the chosen one.
    score_name : str, default="Score"
        What the scores are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    lines_ : list of matplotlib Line2D
        The line of mean scores.
    fold_lines_ : list of matplotlib Line2D
        The line of each fold; empty if they are not shown.
    band_ : matplotlib PolyCollection
        One standard error to both sides of the mean.
    top_axis_ : matplotlib SecondaryAxis or None
        The axis that counts groups.

    See Also
    --------
    GroupPathDisplay : The groups themselves along the path.
    skstruct.GroupLassoCV : Chooses alpha by cross-validation.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skstruct import GroupCVDisplay, GroupLassoCV
    >>> from skstruct.datasets import make_group_regression
    >>> X, y, groups = make_group_regression(
    ...     n_samples=60, n_groups=6, group_size=3, n_informative_groups=2,
    ...     random_state=0)
    >>> model = GroupLassoCV(groups=groups, alphas=30).fit(X, y)
    >>> display = GroupCVDisplay.from_estimator(model)
    >>> display.score_name
    'Negative mean squared error'
    >>> plt.show()
    """

    def __init__(
        self,
        *,
        alphas: Any,
        scores_path: Any,
        n_selected: Any = None,
        alpha: float | None = None,
        alpha_min: float | None = None,
        alpha_1se: float | None = None,
        score_name: str = "Score",
    ) -> None:
        self.alphas = alphas
        self.scores_path = scores_path
        self.n_selected = n_selected
        self.alpha = alpha
        self.alpha_min = alpha_min
        self.alpha_1se = alpha_1se
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        negate_score: bool = False,
        show_folds: bool = True,
        score_name: str | None = None,
        line_kw: dict[str, Any] | None = None,
    ) -> "GroupCVDisplay":
        """Plot the scores of a fitted estimator.

        Parameters
        ----------
        estimator : GroupLassoCV
            A fitted estimator with a path.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        negate_score : bool, default=False
            Plot minus the score, such as the mean squared error itself.
        show_folds : bool, default=True
            Whether to draw a faint line for each fold.
        score_name : str, default=None
            Label of the vertical axis; None means one made from
            ``estimator.scoring``.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for the line of mean scores.

        Returns
        -------
        GroupCVDisplay
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
        >>> from skstruct import GroupCVDisplay, GroupLassoCV
        >>> from skstruct.datasets import load_birthwt
        >>> birthwt = load_birthwt()
        >>> model = GroupLassoCV(groups=birthwt.groups, alphas=20)
        >>> model = model.fit(birthwt.data, birthwt.target)
        >>> display = GroupCVDisplay.from_estimator(model, negate_score=True)
        >>> display.ax_.get_ylabel()
        'Mean squared error'
        >>> plt.show()
        """
        check_has_path(estimator, cls.__name__)
        if not hasattr(estimator, "scores_path_"):
            raise TypeError(
                f"{cls.__name__} shows cross-validated scores, which "
                f"{type(estimator).__name__} does not have. Pass a fitted GroupLassoCV."
            )
        norms = norm_path(estimator.coef_path_, estimator.groups_)
        display = cls(
            alphas=of_chosen_path(estimator, estimator.alphas_),
            scores_path=of_chosen_path(estimator, estimator.scores_path_),
            n_selected=np.count_nonzero(norms, axis=0),
            alpha=estimator.alpha_,
            alpha_min=estimator.alpha_min_,
            alpha_1se=estimator.alpha_1se_,
            score_name=score_name or name_of_score(estimator.scoring, estimator),
        )
        return display.plot(
            ax, negate_score=negate_score, show_folds=show_folds, line_kw=line_kw
        )

    def plot(
        self,
        ax: Any = None,
        *,
        negate_score: bool = False,
        show_folds: bool = True,
        line_kw: dict[str, Any] | None = None,
    ) -> "GroupCVDisplay":
        """Plot the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        negate_score : bool, default=False
            Plot minus the score, such as the mean squared error itself.
        show_folds : bool, default=True
            Whether to draw a faint line for each fold.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``, for the line of mean scores.

        Returns
        -------
        GroupCVDisplay
            This display, its attributes set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `scores_path` does not have a row an alpha.
        """
        alphas, scores, counts = self._checked()
        scores = -scores if negate_score else scores
        mean, se = mean_and_se(scores)
        ax = new_axes(ax)
        set_alpha_axis(ax, alphas)
        ax.set_ylabel(label_of_score(self.score_name, negate_score))
        faint = {"color": GREY, "linewidth": 0.8, "zorder": 1.0}
        self.fold_lines_ = ax.plot(alphas, scores, **faint) if show_folds else []
        color = COLORS[0]
        self.band_ = ax.fill_between(
            alphas, mean - se, mean + se, color=color, alpha=0.25, linewidth=0, zorder=2
        )
        self.lines_ = ax.plot(
            alphas, mean, **{"color": color, "linewidth": 1.8, **(line_kw or {})}
        )
        self.lines_[0].set_label("mean and standard error")
        handles = [*self.lines_, *self.fold_lines_[:1]]
        if self.fold_lines_:
            self.fold_lines_[0].set_label("folds")
        handles += mark_alphas(ax, self.alpha, self.alpha_min, self.alpha_1se)
        ax.legend(handles=handles, loc="best", fontsize="small")
        self.top_axis_ = None if counts is None else count_axis(ax, alphas, counts)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _checked(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return positive alphas from large to small, with scores and counts."""
        alphas = np.asarray(self.alphas, dtype=float)
        scores = np.asarray(self.scores_path, dtype=float)
        if scores.ndim != 2 or len(scores) != len(alphas):
            raise ValueError(
                "scores_path must be of shape (n_alphas, n_folds), with "
                f"{len(alphas)} alphas; got {scores.shape}."
            )
        shown = np.argsort(-alphas, kind="stable")
        shown = shown[alphas[shown] > 0]
        if len(shown) == 0:
            raise ValueError("alphas must hold a positive number.")
        counts = None if self.n_selected is None else np.asarray(self.n_selected)[shown]
        return alphas[shown], scores[shown], counts


def mean_and_se(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard error over folds, of scores (n_alphas, n_folds)."""
    n_folds = scores.shape[1]
    mean = scores.mean(axis=1)
    if n_folds == 1:
        return mean, np.zeros_like(mean)
    return mean, scores.std(axis=1, ddof=1) / np.sqrt(n_folds)


def count_axis(ax: Any, alphas: np.ndarray, counts: np.ndarray) -> Any:
    """Add a top axis that says how many groups there are at some alphas."""
    n_ticks = min(_MOST_COUNTS, len(alphas))
    ticks = np.unique(np.linspace(0, len(alphas) - 1, n_ticks).astype(int))
    top = ax.secondary_xaxis("top")
    top.set_xticks(alphas[ticks], labels=[str(count) for count in counts[ticks]])
    top.minorticks_off()
    top.set_xlabel("Number of selected groups")
    return top


def name_of_score(scoring: Any, estimator: Any = None) -> str:
    """Return what to call the scores that ``scoring=`` gives an estimator."""
    if scoring is None:
        if estimator is not None and is_classifier(estimator):
            return "Negative log loss"
        loss = getattr(estimator, "_base_loss", None)
        if loss is None or loss.is_quadratic:
            return "Negative mean squared error"
        return f"Negative mean {'deviance' if loss.deviance_factor == 2 else 'loss'}"
    if not isinstance(scoring, str):
        return "Score"
    words = scoring.replace("_", " ")
    if words.startswith("neg "):
        words = "negative " + words.removeprefix("neg ")
    return words[:1].upper() + words[1:]


def label_of_score(name: str, negated: bool) -> str:
    """Return the label of the axis, for scores that may have been negated."""
    if not negated:
        return name
    if name.startswith("Negative "):
        return name.removeprefix("Negative ").capitalize()
    return f"Negative {name[:1].lower()}{name[1:]}"
