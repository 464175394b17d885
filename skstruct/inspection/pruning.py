"""The picture of what a pruner removed where."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skstruct.inspection.plotting import COLORS, DARK, new_axes, shortened

_FAINT = "#E4E4E4"
_ROW_HEIGHT = 0.27  # inches
_MOST_ROWS = 90  # beyond which bars become thinner instead of pictures longer


class PruningDisplay:
    """Share of the units of each group that a pruner kept.

    Create one with :meth:`from_estimator`; the parameters below are kept as attributes.

    Parameters
    ----------
    names : sequence of str of length n_groups
        Names of the groups, from the inputs of the model on.
    units : array-like of shape (n_groups,)
        Units of the full model.
    kept : array-like of shape (n_groups,)
        Units kept; 0 if a whole layer is removed.
    kinds : sequence of str of length n_groups, default=None
        What the units are. Each kind has a colour.
    costs : dict, default=None
        Name -> cost of the full and of the pruned model, for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.
    bars_ : matplotlib BarContainer
        The bars of what is kept.

    See Also
    --------
    skstruct.TorchPruner : Prunes PyTorch models.
    skstruct.MLPPruner : Prunes networks of scikit-learn.
    skstruct.SensitivityDisplay : What each layer loses when it is pruned alone.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skstruct import MLPPruner, PruningDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier((40, 20), solver="lbfgs", random_state=0).fit(X, y)
    >>> pruner = MLPPruner(network, budget=[10, 8], prefit=True).fit(X)
    >>> display = PruningDisplay.from_estimator(pruner)
    >>> display.kept
    [10, 8]
    >>> plt.show()
    """

    def __init__(
        self,
        *,
        names: Any,
        units: Any,
        kept: Any,
        kinds: Any = None,
        costs: dict[str, tuple[float, float]] | None = None,
    ) -> None:
        self.names = names
        self.units = units
        self.kept = kept
        self.kinds = kinds
        self.costs = costs

    @classmethod
    def from_estimator(
        cls, pruner: Any, *, ax: Any = None, bar_kw: dict[str, Any] | None = None
    ) -> "PruningDisplay":
        """Plot what a fitted pruner removed.

        Parameters
        ----------
        pruner : TorchPruner or MLPPruner
            A fitted pruner.
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure, as high as the number of
            groups needs.
        bar_kw : dict, default=None
            Keywords for matplotlib's ``barh``.

        Returns
        -------
        PruningDisplay
            The display, plotted.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the pruner has not been fitted.
        TypeError
            If it is no pruner.
        """
        check_is_fitted(pruner)
        if not hasattr(pruner, "path_") or not hasattr(pruner, "kept_units_"):
            raise TypeError(
                "pruner must be a fitted TorchPruner or MLPPruner, got "
                f"{type(pruner).__name__}."
            )
        first, last = pruner.path_[0], pruner.path_[-1]
        costs = {
            "parameters": (first.n_parameters, last.n_parameters),
            "multiply-adds": (first.flops, last.flops),
        }
        table = _groups_of_model if hasattr(pruner, "to_frame") else _layers_of_network
        display = cls(**table(pruner), costs=costs)
        return display.plot(ax, bar_kw=bar_kw)

    def plot(
        self, ax: Any = None, *, bar_kw: dict[str, Any] | None = None
    ) -> "PruningDisplay":
        """Plot the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on; None means those of a new figure.
        bar_kw : dict, default=None
            Keywords for matplotlib's ``barh``.

        Returns
        -------
        PruningDisplay
            This display, its attributes set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If names, units, kept and kinds are not equally many.
        """
        units, kept = np.asarray(self.units), np.asarray(self.kept)
        kinds = ["units"] * len(units) if self.kinds is None else list(self.kinds)
        if not len(units) == len(kept) == len(self.names) == len(kinds):
            raise ValueError(
                f"names ({len(self.names)}), units ({len(units)}), kept ({len(kept)}) "
                f"and kinds ({len(kinds)}) must be equally many."
            )
        n_rows = min(len(units), _MOST_ROWS)
        ax = new_axes(ax, (7.5, 1.3 + _ROW_HEIGHT * n_rows))
        colors = dict(zip(dict.fromkeys(kinds), COLORS * len(kinds), strict=False))
        at, share = np.arange(len(units)), kept / np.maximum(units, 1)
        ax.barh(at, np.ones(len(units)), height=0.72, color=_FAINT)
        look = {"height": 0.72, "color": [colors[kind] for kind in kinds]}
        self.bars_ = ax.barh(at, share, **{**look, **(bar_kw or {})})
        for y, k, n in zip(at, kept, units, strict=True):
            text = f"{k} of {n}" if k else f"all {n} removed"
            ax.text(1.02, y, text, va="center", fontsize="small", color=DARK)
        self._label(ax, at, colors)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _label(self, ax: Any, at: np.ndarray, colors: dict[str, str]) -> None:
        ax.set_yticks(at, labels=[shortened(str(name)) for name in self.names])
        ax.tick_params(axis="y", labelsize="small", length=0)
        ax.set_ylim(len(at) - 0.4, -0.6)
        ax.set_xlim(0, 1.22)
        ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
        ax.set_xticks(ticks, labels=[f"{tick:.0%}" for tick in ticks])
        ax.set_xlabel("Share of units kept")
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.spines["bottom"].set_bounds(0, 1)
        if self.costs:
            pad = 6 if len(colors) == 1 else 22  # points, for the legend below
            ax.set_title(_told(self.costs), fontsize="medium", loc="left", pad=pad)
        if len(colors) > 1:
            from matplotlib.patches import Patch

            handles = [Patch(color=color, label=kind) for kind, color in colors.items()]
            ax.legend(
                handles=handles,
                loc="lower left",
                bbox_to_anchor=(0.0, 1.0),
                ncols=len(handles),
                frameon=False,
                fontsize="small",
                borderaxespad=0.0,
                borderpad=0.0,
                handlelength=1.0,
            )


def _groups_of_model(pruner: Any) -> dict[str, Any]:
    table = pruner.to_frame(output="dict")
    known = {"name": "names", "units": "units", "kept": "kept", "kind": "kinds"}
    return {ours: list(table[column]) for column, ours in known.items()}


def _layers_of_network(pruner: Any) -> dict[str, Any]:
    inputs, *hidden = pruner.path_[0].widths[:-1]
    names = [f"hidden layer {k}" for k in range(1, len(hidden) + 1)]
    kept, kinds = [len(units) for units in pruner.kept_units_], ["units"] * len(hidden)
    if len(pruner.kept_features_) < inputs:
        names, hidden = ["inputs", *names], [inputs, *hidden]
        kept, kinds = [len(pruner.kept_features_), *kept], ["features", *kinds]
    return {"names": names, "units": list(hidden), "kept": kept, "kinds": kinds}


def _told(costs: dict[str, tuple[float, float]]) -> str:
    return ", ".join(
        f"{name} {_short(before)} to {_short(after)}"
        for name, (before, after) in costs.items()
    )


def _short(number: float) -> str:
    """Return a number with three digits and a prefix."""
    for factor, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= factor:
            return f"{number / factor:.3g}{unit}"
    return f"{number:.3g}"
