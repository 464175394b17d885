"""What the displays share: lazy matplotlib, colours, labels that do not overlap."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.isotonic import isotonic_regression

#: Okabe and Ito's colours, told apart with any kind of colour vision; without yellow,
#: which is too faint on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", "-.", ":")
GREY = "#BBBBBB"
DARK = "#444444"

_LONGEST_LABEL = 40  # characters
_FONT_SIZE = 9.0  # points
_FEW_DECADES = 1000  # ratio of alphas up to which 2 and 5 are on the axis too


def new_axes(ax: Any = None, figsize: tuple[float, float] = (7.5, 4.5)) -> Any:
    """Return `ax`, or the axes of a new figure of that size in inches.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Displays need matplotlib, which is not installed: "
            "pip install 'skstruct[plot]'."
        ) from error
    if ax is not None:
        return ax
    return plt.subplots(figsize=figsize, layout="constrained")[1]


def check_names(names: Any, n_groups: int) -> Any:
    """Return names of the groups, 0, 1, ... for None.

    Raises
    ------
    ValueError
        If there are not as many names as groups.
    """
    if names is None:
        return range(n_groups)
    if len(names) != n_groups:
        raise ValueError(
            f"group_names must have one name for each of the {n_groups} groups; got "
            f"{len(names)}."
        )
    return names


def line_look(rank: int) -> dict[str, Any]:
    """Return colour and style of the rank-th line that should stand out."""
    style, color = divmod(rank, len(COLORS))
    return {"color": COLORS[color], "linestyle": STYLES[style % len(STYLES)]}


def set_alpha_axis(ax: Any, alphas: np.ndarray) -> None:
    """Make x a logarithmic axis of alpha, from strong on the left to weak."""
    low, high = alphas.min(), alphas.max()
    if low == high:
        low, high = low / 2.0, high * 2.0
    ax.set_xscale("log")
    ax.set_xlim(high * (high / low) ** 0.02, low)
    ax.set_xlabel("alpha (weaker penalty to the right)")
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.xaxis.set_major_locator(
        LogLocator(subs=(1.0, 2.0, 5.0) if high / low < _FEW_DECADES else (1.0,))
    )
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())


def mark_alphas(
    ax: Any, alpha: float | None, best: float | None, one_se: float | None
) -> list[Any]:
    """Draw a vertical line at each alpha worth marking.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    alpha : float or None
        The chosen alpha, as a solid line.
    best, one_se : float or None
        Of the best mean score and of the one standard error rule, dashed and dotted
        where they are not the chosen one.

    Returns
    -------
    list of Line2D
        The lines, labelled for a legend.
    """
    rules = [("best mean score", best, "--"), ("1-SE rule", one_se, ":")]
    own = [name for name, value, _ in rules if value is not None and value == alpha]
    marks = [(", ".join(["chosen", *own]), alpha, "-")]
    marks += [rule for rule in rules if rule[0] not in own]
    return [
        ax.axvline(
            value,
            color=DARK,
            linestyle=style,
            linewidth=1.0,
            zorder=1.5,
            label=f"alpha = {value:.3g}: {name}",
        )
        for name, value, style in marks
        if value is not None and value > 0  # 0 has no place on a logarithmic axis
    ]


def legend_above(ax: Any, handles: list[Any]) -> None:
    """Put a legend above the axes, where it hides no line."""
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=2,
        frameon=False,
        fontsize="small",
    )


def label_line_ends(
    ax: Any,
    x: float,
    heights: Any,
    labels: Sequence[str],
    colors: Sequence[Any],
) -> list[Any]:
    """Write labels to the right of the axes, beside the ends of their lines.

    Parameters
    ----------
    ax : matplotlib Axes
        With its final limits.
    x : float
        Where the lines end.
    heights : sequence of float
        Height of each line there.
    labels : sequence of str
        Texts; long ones are shortened.
    colors : sequence of matplotlib colours
        Colours of the labels.

    Returns
    -------
    list of Annotation
        The labels.
    """
    bottom, top = ax.get_ylim()
    wanted = (np.asarray(heights, dtype=float) - bottom) / (top - bottom)
    points = ax.get_window_extent().height * 72.0 / ax.figure.dpi
    at = spread(wanted, gap=1.2 * _FONT_SIZE / points)
    return [
        ax.annotate(
            shortened(label),
            xy=(x, height),
            xytext=(1.03, y),
            textcoords="axes fraction",
            va="center",
            fontsize=_FONT_SIZE,
            color=color,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.7,
                "shrinkA": 1.0,
                "shrinkB": 0.0,
                "relpos": (0.0, 0.5),
            },
        )
        for label, height, y, color in zip(labels, heights, at, colors, strict=True)
    ]


def spread(wanted: np.ndarray, gap: float) -> np.ndarray:
    """Move positions in [0, 1] apart, as little as possible.

    Parameters
    ----------
    wanted : (n,) array
        Where they should be.
    gap : float
        Least distance between two; less if they do not fit otherwise.

    Returns
    -------
    (n,) array
        Positions in [0, 1] of least squared distance to `wanted`, in the same order.
    """
    if len(wanted) == 0:
        return wanted
    order = np.argsort(wanted, kind="stable")
    gap = min(gap, 1.0 / max(len(wanted) - 1, 1))
    steps = gap * np.arange(len(wanted))
    slack = max(1.0 - steps[-1], 0.0)
    # Without the gaps, positions only have to keep their order.
    at = np.empty(len(wanted))
    at[order] = steps + isotonic_regression(wanted[order] - steps, y_min=0, y_max=slack)
    return at


def shortened(label: str) -> str:
    """Return the label, its middle left out if it is long."""
    if len(label) <= _LONGEST_LABEL:
        return label
    half = _LONGEST_LABEL // 2
    return f"{label[: half - 1]}…{label[-(half - 1) :]}"
