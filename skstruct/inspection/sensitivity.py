"""The picture of what a network loses when its layers are pruned one by one."""

from typing import Any

import numpy as np

from skstruct.inspection.plotting import DARK, line_look, new_axes

METRICS = {
    "score": "Score",
    "output_error": "Share of the output's variance missed",
    "reconstruction_error": "Share of the next layer's variance missed",
}


class SensitivityDisplay:
    """Score or error against the fraction of each layer's units that is kept.

    Create one with :meth:`from_estimator`, or from what
    :func:`skstruct.sensitivity_curves` returns with :meth:`from_curves`; the
    parameters below are kept as attributes.

    Parameters
    ----------
    widths : array-like of shape (n_layers, n_fractions)
        Units kept.
    full_widths : array-like of shape (n_layers,)
        Units of the full network.
    values : array-like of shape (n_layers, n_fractions)
        What is drawn.
    layers : sequence of str
        Names of the layers.
    full_value : float, default=None
        Value of the full network, a grey line.
    metric : {"score", "output_error", "reconstruction_error"}, default="score"
        What the values are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    lines_ : list of matplotlib Line2D
        The line of each layer.

    See Also
    --------
    skstruct.sensitivity_curves : Measures what is drawn.
    skstruct.MLPPruner : Prunes all layers together.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skstruct import SensitivityDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((20, 10), solver="lbfgs", random_state=0).fit(X, y)
    >>> display = SensitivityDisplay.from_estimator(network, X, y, random_state=0)
    >>> len(display.lines_)
    2
    >>> plt.show()
    """

    def __init__(
        self,
        *,
        widths: Any,
        full_widths: Any,
        values: Any,
        layers: Any,
        full_value: float | None = None,
        metric: str = "score",
    ) -> None:
        self.widths = widths
        self.full_widths = full_widths
        self.values = values
        self.layers = layers
        self.full_value = full_value
        self.metric = metric

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        metric: str | None = None,
        ax: Any = None,
        line_kw: dict[str, Any] | None = None,
        **curves_kw: Any,
    ) -> "SensitivityDisplay":
        """Measure a fitted network and plot its curves.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            A fitted network.
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like, default=None
            Targets, for the score.
        metric : {"score", "output_error", "reconstruction_error"}, default=None
            What to draw; None means the score if there is y, else the output's error.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``.
        **curves_kw : dict
            Keywords for :func:`skstruct.sensitivity_curves`.

        Returns
        -------
        SensitivityDisplay
            The display, plotted.

        Raises
        ------
        ValueError
            If the metric is none of the three, or is the score without y.
        """
        from skstruct.pruning import sensitivity_curves

        metric = metric or ("output_error" if y is None else "score")
        curves = sensitivity_curves(estimator, X, y, **curves_kw)
        return cls.from_curves(curves, metric=metric, ax=ax, line_kw=line_kw)

    @classmethod
    def from_curves(
        cls,
        curves: Any,
        *,
        metric: str = "score",
        ax: Any = None,
        line_kw: dict[str, Any] | None = None,
    ) -> "SensitivityDisplay":
        """Plot curves that have been measured.

        Parameters
        ----------
        curves : Bunch
            What :func:`skstruct.sensitivity_curves` returned.
        metric : {"score", "output_error", "reconstruction_error"}, default="score"
            What to draw.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``.

        Returns
        -------
        SensitivityDisplay
            The display, plotted.

        Raises
        ------
        ValueError
            If the metric is none of the three, or is the score without y.
        """
        if metric not in METRICS:
            raise ValueError(f"metric={metric!r} must be one of {list(METRICS)}.")
        values = curves[f"{metric}s"]
        if values is None:
            raise ValueError(
                "metric='score' needs y, which was not given: the curves have errors "
                "only. Give y, or choose 'output_error'."
            )
        display = cls(
            widths=curves.widths,
            full_widths=curves.full_widths,
            values=values,
            layers=curves.layers,
            full_value=curves.full_score if metric == "score" else None,
            metric=metric,
        )
        return display.plot(ax, line_kw=line_kw)

    def plot(
        self, ax: Any = None, *, line_kw: dict[str, Any] | None = None
    ) -> "SensitivityDisplay":
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        line_kw : dict, default=None
            Keywords for matplotlib's ``plot``.

        Returns
        -------
        SensitivityDisplay
            This display, its attributes set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `values` and `widths` do not have a row a layer.
        """
        widths = np.asarray(self.widths, dtype=float)
        values = np.asarray(self.values, dtype=float)
        full = np.asarray(self.full_widths, dtype=float)
        if values.shape != widths.shape or len(values) != len(full):
            raise ValueError(
                f"values {values.shape} and widths {widths.shape} must have a row for "
                f"each of {len(full)} layers, and a column for each fraction."
            )
        ax = new_axes(ax)
        self.lines_ = []
        for rank, (name, w, row) in enumerate(
            zip(self.layers, widths, values, strict=True)
        ):
            look = {"marker": "o", "markersize": 4, **line_look(rank)}
            label = f"{name} ({full[rank]:.0f})"
            self.lines_ += ax.plot(
                w / full[rank], row, label=label, **{**look, **(line_kw or {})}
            )
        if self.full_value is not None:
            ax.axhline(
                self.full_value, color=DARK, linewidth=0.8, linestyle=":", zorder=1
            )
        self._label(ax, (widths / full[:, None]).min())
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _label(self, ax: Any, least: float) -> None:
        ticks = [t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if t >= 0.8 * least]
        ax.set_xscale("log")
        ax.set_xticks(ticks, labels=[f"{tick:.0%}" for tick in ticks])
        ax.minorticks_off()
        ax.set_xlabel("Share of the layer's units kept, other layers whole")
        ax.set_ylabel(METRICS[self.metric])
        if self.metric != "score":
            ax.set_ylim(bottom=0)
        ax.legend(fontsize="small", title="layer (units)", title_fontsize="small")
