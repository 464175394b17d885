"""The source columns of what a fitted transformer gives out."""

import copy
import re
import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils.validation import check_is_fitted

# Output names are f"{input name}_{level}" and the like, which is ambiguous: "a_b_c".
# A token with NULs around it cannot be mistaken for part of a level.
_TOKEN = re.compile("\x00([0-9]+)\x00")


def groups_from_transformer(transformer: Any) -> dict[str, list[int]]:
    """Group the output columns of a fitted transformer by their source columns.

    Parameters
    ----------
    transformer : estimator
        A fitted transformer: a ColumnTransformer, Pipeline or FeatureUnion, nested in
        any way, or a single one such as OneHotEncoder.

    Returns
    -------
    groups : dict of str -> list of int
        Source column -> indices of the output columns made from it, for `groups=` of
        an estimator. An output of several columns, such as an interaction, is in each
        one's group, so that the groups overlap. Outputs that cannot be traced, those
        of PCA for example, are one group, called after their step.

    Raises
    ------
    ValueError
        If a step neither tells its output names nor how many there are.

    Warns
    -----
    UserWarning
        If the outputs of a step cannot be traced to its inputs.

    Examples
    --------
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from skstruct import groups_from_transformer
    >>> encoder = OneHotEncoder().fit([["a", 1], ["b", 2], ["c", 1]])
    >>> groups_from_transformer(encoder)
    {'x0': [0, 1, 2], 'x1': [3, 4]}
    """
    return collect_groups(transformer, None)


def collect_groups(transformer: Any, n_outputs: int | None) -> dict[str, list[int]]:
    """Group as `groups_from_transformer`, knowing how many outputs there are."""
    check_is_fitted(transformer)
    names = getattr(transformer, "feature_names_in_", None)
    if names is None:
        names = [f"x{i}" for i in range(transformer.n_features_in_)]
    inputs = [(str(name),) for name in names]
    outputs = trace(transformer, inputs, type(transformer).__name__.lower(), n_outputs)
    groups: dict[str, list[int]] = {}
    for index, sources in enumerate(outputs):
        for source in sources:
            groups.setdefault(source, []).append(index)
    return groups


def trace(transformer: Any, inputs: list, name: str, n_outputs: int | None) -> list:
    """Find the sources of each output, as tuples of names, from those of each input."""
    if transformer is None or (
        isinstance(transformer, str) and transformer == "passthrough"
    ):
        return inputs
    if isinstance(transformer, Pipeline):
        return trace_pipeline(transformer, inputs, n_outputs)
    if isinstance(transformer, ColumnTransformer):
        return trace_columns(transformer, inputs)
    if isinstance(transformer, FeatureUnion):
        return [
            sources
            for part, step in transformer.transformer_list
            if not (isinstance(step, str) and step == "drop")
            for sources in trace(step, inputs, part, None)
        ]
    return trace_leaf(transformer, inputs, name, n_outputs)


def trace_pipeline(pipeline: Pipeline, inputs: list, n_outputs: int | None) -> list:
    """Trace one step after the other; each knows how many features it was given."""
    steps = pipeline.steps
    for i, (name, step) in enumerate(steps):
        given = [getattr(after, "n_features_in_", None) for _, after in steps[i + 1 :]]
        width = given[0] if given else n_outputs
        inputs = trace(step, inputs, name, width)
    return inputs


def trace_columns(transformer: ColumnTransformer, inputs: list) -> list:
    """Trace each part of a ColumnTransformer on the columns that it was given."""
    names = list(getattr(transformer, "feature_names_in_", range(len(inputs))))
    slices = transformer.output_indices_
    outputs: list = [()] * max((part.stop for part in slices.values()), default=0)
    for name, step, columns in transformer.transformers_:
        place = slices[name]
        width = place.stop - place.start
        if width:
            given = [inputs[i] for i in column_indices(columns, names)]
            outputs[place] = trace(step, given, name, width)
    return outputs


def column_indices(columns: Any, names: list) -> list[int]:
    """Return indices of columns, which ColumnTransformer takes in many forms."""
    if isinstance(columns, slice):
        start, stop = columns.start, columns.stop
        # A slice of names includes its end, as in pandas.
        start = names.index(start) if isinstance(start, str) else start
        stop = names.index(stop) + 1 if isinstance(stop, str) else stop
        return list(range(len(names)))[start : stop : columns.step]
    with warnings.catch_warnings():
        # scikit-learn 1.6 announces a change of the remainder's columns: to names.
        warnings.simplefilter("ignore", FutureWarning)
        wanted = np.atleast_1d(
            np.asarray(list(columns) if is_list(columns) else columns)
        )
    if wanted.dtype == bool:
        return np.flatnonzero(wanted).tolist()
    return [
        names.index(c) if isinstance(c, str) else range(len(names))[c]
        for c in wanted.tolist()
    ]


def is_list(columns: Any) -> bool:
    """Return whether columns are a list or act like one."""
    return hasattr(columns, "__iter__") and not isinstance(columns, str | np.ndarray)


def trace_leaf(transformer: Any, inputs: list, name: str, width: int | None) -> list:
    """Ask a copy for its output names, given names that can be found in them."""
    tokens = np.array([f"\x00{i}\x00" for i in range(len(inputs))], dtype=object)
    nameless = forget_names(copy.deepcopy(transformer))
    if not hasattr(nameless, "get_feature_names_out"):
        if width is None:
            raise ValueError(
                f"Step {name!r} ({type(transformer).__name__}) has no "
                "get_feature_names_out, so its outputs are unknown; for a "
                "FunctionTransformer pass feature_names_out='one-to-one' or a callable."
            )
        answers = [""] * width
    else:
        answers = [str(n) for n in nameless.get_feature_names_out(tokens)]
    outputs = []
    for answer in answers:
        found = [inputs[int(i)] for i in _TOKEN.findall(answer)]
        outputs.append(tuple(dict.fromkeys(s for sources in found for s in sources)))
    if not all(outputs):
        warnings.warn(
            f"The outputs of step {name!r} ({type(transformer).__name__}) cannot be "
            f"traced to its inputs: {outputs.count(())} of {len(outputs)} form one "
            f"group, {name!r}.",
            UserWarning,
            stacklevel=2,
        )
    return [sources or (name,) for sources in outputs]


def forget_names(estimator: Any) -> Any:
    """Delete the names of the input in a copy, and in the estimators it is made of."""
    vars(estimator).pop("feature_names_in_", None)
    for value in vars(estimator).values():
        if isinstance(value, BaseEstimator):
            forget_names(value)
    return estimator
