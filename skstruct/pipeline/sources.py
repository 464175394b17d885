"""Groups of what a fitted transformer gives out, by where it comes from."""

import warnings
from collections.abc import Callable, Hashable, Iterable
from typing import Any

from skstruct.pipeline.trace import (
    Origin,
    Path,
    input_names,
    output_names,
    trace_outputs,
)

GROUP_BY = ("column", "transformer")


def groups_from_transformer(
    transformer: Any, *, group_by: str | Callable = "column"
) -> dict[Hashable, list[int]]:
    """Group the output columns of a fitted transformer by where they come from.

    Parameters
    ----------
    transformer : estimator
        A fitted transformer: a ColumnTransformer, Pipeline or FeatureUnion, nested in
        any way, or a single one such as OneHotEncoder.
    group_by : {"column", "transformer"} or callable, default="column"
        What makes a group:

        - "column": the column of X that the outputs are made from. An output of
          several columns, such as an interaction, is in each one's group, so that
          the groups overlap.
        - "transformer": the part of the outermost ColumnTransformer or FeatureUnion
          that made the outputs (of the last one, if several follow each other); all
          outputs are one group where there is none.
        - callable: called for each output with its name and the tuple of the names of
          its columns, returns a group's name, or a list of them where the output is
          in several.

    Returns
    -------
    groups : dict of group name -> list of int
        Indices of the output columns in each group, for `groups=` of an estimator.
        With "column", names are those of the columns, "x0", "x1", ... where X had
        none. Outputs that cannot be traced, those of PCA for example, are one group,
        called after their step, and so is the constant of PolynomialFeatures. Such a
        name is preceded by the names of the steps around it ("left__pca") where
        several steps are called so, and by "step:" where a column is.

    Raises
    ------
    ValueError
        If a step neither tells its output names nor how many there are, or `group_by`
        is not one of these.

    Warns
    -----
    UserWarning
        If the outputs of a step cannot be traced to its inputs. Those of a single
        column always can.

    Notes
    -----
    A step's fitted copy is asked for its output names, given names that cannot be
    mistaken. So a feature is taken to come from the columns that its name says. What
    KNNImputer, IterativeImputer and Normalizer make of a column depends on others too;
    it is grouped by its own.

    Examples
    --------
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from skstruct import groups_from_transformer
    >>> encoder = OneHotEncoder().fit([["a", 1], ["b", 2], ["c", 1]])
    >>> groups_from_transformer(encoder)
    {'x0': [0, 1, 2], 'x1': [3, 4]}
    >>> groups_from_transformer(encoder, group_by="transformer")
    {'onehotencoder': [0, 1, 2, 3, 4]}
    >>> groups_from_transformer(
    ...     encoder, group_by=lambda name, columns: name[-1].isdigit()
    ... )
    {False: [0, 1, 2], True: [3, 4]}
    """
    return group_outputs(transformer, trace_outputs(transformer, None), group_by)


def group_outputs(
    transformer: Any, origins: list[Origin], group_by: str | Callable
) -> dict[Hashable, list[int]]:
    """Group outputs whose origins are known, as `groups_from_transformer` does."""
    columns = input_names(transformer)
    if callable(group_by):
        names = output_names(transformer)
        if names is None:
            raise ValueError(
                "A callable group_by needs the names of the outputs, which a step does "
                "not tell: it has no get_feature_names_out. Use group_by='column' or "
                "'transformer'."
            )
        keys = [
            own_keys(group_by(name, tuple(columns[i] for i in sorted(origin.columns))))
            for name, origin in zip(names, origins, strict=True)
        ]
        return collect(keys)
    if group_by == "column":
        groups = collect([origin.sources for origin in origins])
    elif group_by == "transformer":
        groups = collect([origin.parts for origin in origins])
    else:
        raise ValueError(
            f"group_by={group_by!r} must be 'column', 'transformer' or a callable of "
            "an output's name and the names of its columns."
        )
    steps = step_names([key for key in groups if isinstance(key, tuple)], columns)
    if group_by == "column":
        warn_of_hidden({steps[key]: groups[key] for key in steps}, origins)
    return {
        steps[key] if isinstance(key, tuple) else columns[key]: members
        for key, members in groups.items()
    }


def warn_of_hidden(groups: dict[str, list[int]], origins: list[Origin]) -> None:
    """Warn once of all steps whose outputs cannot be traced to their inputs."""
    hidden = [
        f"{name!r} ({len(members)} outputs)"
        for name, members in groups.items()
        if any(origins[j].columns for j in members)  # a constant comes from none
    ]
    if hidden:
        warnings.warn(
            f"The outputs of {', '.join(hidden)} cannot be traced to single inputs; "
            "those of each such step form one group. Choose another group_by if that "
            "is not what you want.",
            UserWarning,
            stacklevel=4,
        )


def collect(keys: Iterable[Iterable]) -> dict:
    """Return the indices of the items that have each key."""
    groups: dict = {}
    for index, own in enumerate(keys):
        for key in own:
            groups.setdefault(key, []).append(index)
    return groups


def own_keys(answer: Any) -> list:
    """Return the group names that a callable gave for one output."""
    return list(dict.fromkeys(answer)) if isinstance(answer, list) else [answer]


def step_names(paths: list[Path], columns: list[str]) -> dict[Path, str]:
    """Name steps by the last name of their paths, and differently from columns."""
    short = [path[-1] for path in paths]
    taken = set(columns)
    names = {}
    for path in paths:
        name = path[-1] if short.count(path[-1]) == 1 else "__".join(path)
        while name in taken:
            name = f"step:{name}"
        taken.add(name)
        names[path] = name
    return names
