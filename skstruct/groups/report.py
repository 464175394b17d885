"""Tables of groups: data frames, Markdown, and HTML for notebooks."""

import html
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skstruct.groups.frame import as_frame, group_columns

_MOST_ROWS = 20  # of the table in a notebook


class GroupReports:
    """What all fitted models with groups tell of them."""

    def _group_table(self) -> dict[str, Any]:
        """Return the columns of the table, one row a group."""
        return group_columns(self)

    def groups_to_frame(self, output: str | None = None) -> Any:
        """Show the groups, one row each, as a table.

        Parameters
        ----------
        output : {"pandas", "polars", "dict"} or None, default=None
            What to return. None is what ``sklearn.set_config(transform_output=...)``
            says, pandas if that is not set.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or dict
            With columns ``name``, ``features`` (list of names, or indices where X
            had none), ``size``, ``weight``, ``norm`` (Euclidean norm of the group's
            coefficients, all outputs together) and ``selected`` (whether it is not
            zero); of a pipeline also ``columns``, those of X that the features are
            made of. Rows are in the order of ``group_names_``.

        Raises
        ------
        ImportError
            If pandas, or polars, is not installed.
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        """
        check_is_fitted(self)
        return as_frame(self._group_table(), output)

    def to_frame(self, output: str | None = None) -> Any:
        """Show the groups as a table: the same as `groups_to_frame`.

        Parameters
        ----------
        output : {"pandas", "polars", "dict"} or None, default=None
            What to return, as in `groups_to_frame`.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or dict
            One row for each group.
        """
        return self.groups_to_frame(output)

    def to_markdown(self, max_groups: int | None = None) -> str:
        """Write the groups as a Markdown table.

        Parameters
        ----------
        max_groups : int or None, default=None
            Most groups to show: those with the largest norms, the largest first, and
            a line that counts the rest. None shows all, in the order of
            ``group_names_``.

        Returns
        -------
        str
            Lines of a table with columns group, size, weight, norm and selected, of a
            pipeline also the columns of X.

        Raises
        ------
        ValueError
            If `max_groups` is less than 1.
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        """
        check_is_fitted(self)
        return as_markdown(self._group_table(), max_groups)

    @property
    def _repr_html_(self) -> Any:
        diagram = super()._repr_html_  # type: ignore[misc]
        return lambda: diagram() + self._group_html()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] += self._group_html()
        return bundle

    def _has_groups(self) -> bool:
        """Return whether there is anything to show: not before fit."""
        return hasattr(self, "group_norms_")

    def _group_html(self) -> str:
        return as_html(self._group_table()) if self._has_groups() else ""


def as_markdown(table: dict[str, Any], max_groups: int | None) -> str:
    """Write a table of groups in Markdown."""
    n_groups = len(table["name"])
    if max_groups is not None and max_groups < 1:
        raise ValueError(f"max_groups={max_groups!r} must be at least 1, or None.")
    rows = range(n_groups) if max_groups is None else largest(table, max_groups)
    table = shown(table)
    heads, numeric = headings(table)
    lines = [heads, ["---:" if right else "---" for right in numeric]]
    lines += [[in_markdown(text) for text in cells(table, row)] for row in rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    hidden = rest(table, rows)
    return text + (f"\n\n{hidden}\n" if hidden else "\n")


def as_html(table: dict[str, Any]) -> str:
    """Write a table of groups in HTML, the largest norms first."""
    rows = largest(table, _MOST_ROWS)
    table = shown(table)
    heads, numeric = headings(table)
    align = ["right" if right else "left" for right in numeric]
    body = [html_row("th", heads, align)]
    body += [html_row("td", cells(table, row), align) for row in rows]
    n_selected = int(np.count_nonzero(table["selected"]))
    hidden = rest(table, rows)
    return (
        '<details open class="skstruct-groups"><summary>Groups: '
        f"{n_selected} of {len(table['name'])} selected</summary>"
        f"<table>{''.join(body)}</table>"
        + (f"<p>{html.escape(hidden)}</p>" if hidden else "")
        + "</details>"
    )


def html_row(tag: str, texts: list[str], align: list[str]) -> str:
    """Write one row; names are whatever data say, so they are escaped."""
    parts = [
        f'<{tag} style="text-align: {side}">{html.escape(text)}</{tag}>'
        for text, side in zip(texts, align, strict=True)
    ]
    return f"<tr>{''.join(parts)}</tr>"


def largest(table: dict[str, Any], count: int) -> list[int]:
    """Return the rows with the largest norms, the largest first."""
    return np.argsort(-np.asarray(table["norm"]), kind="stable")[:count].tolist()


def rest(table: dict[str, Any], rows: Any) -> str:
    """Say how many groups are not in these rows, "" if all are."""
    selected = np.asarray(table["selected"])
    n_hidden = len(selected) - len(rows)
    if not n_hidden:
        return ""
    more = np.count_nonzero(selected) - np.count_nonzero(selected[list(rows)])
    return f"... and {n_hidden} more groups, {more or 'none'} of them selected."


def shown(table: dict[str, Any]) -> dict[str, Any]:
    """Return the columns to write, without those that only repeat the names."""
    hidden = {"features"}
    if all(
        list(own) == [name]
        for name, own in zip(table["name"], table.get("columns", []), strict=False)
    ):
        hidden.add("columns")
    return {key: values for key, values in table.items() if key not in hidden}


def headings(table: dict[str, Any]) -> tuple[list[str], list[bool]]:
    """Return the headings of the columns, and which hold numbers."""
    heads = ["group" if key == "name" else key for key in table]
    return heads, [key in ("size", "weight", "norm") for key in table]


def cells(table: dict[str, Any], row: int) -> list[str]:
    """Return the texts of a row."""
    return [in_words(key, values[row]) for key, values in table.items()]


def in_words(key: str, value: Any) -> str:
    """Return the text for a value in one of the columns."""
    if key == "selected":
        return "yes" if value else ""
    if key in ("weight", "norm"):
        return f"{value:.4g}"
    return ", ".join(value) if key == "columns" else str(value)


def in_markdown(text: str) -> str:
    """Escape what would break a row, or be taken for markup."""
    text = html.escape(" ".join(text.splitlines()), quote=False)
    for mark in "\\`*_[]|":
        text = text.replace(mark, "\\" + mark)
    return text
