"""Where each output of a fitted transformer comes from."""

import copy
import re
import warnings
from collections.abc import Iterable
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import Normalizer, PolynomialFeatures
from sklearn.utils.validation import check_is_fitted

# Output names are f"{input name}_{level}" and the like, which is ambiguous: "a_b_c".
# A token with NULs around it cannot be mistaken for part of a level.
_TOKEN = re.compile("\x00([0-9]+)\x00")

#: Keep the names of their inputs, but look at all of them. IterativeImputer, which
#: scikit-learn lets nobody import without a flag, goes by its name.
_MIXERS = (KNNImputer, Normalizer)
_MIXER_NAMES = ("IterativeImputer",)

Path = tuple[str, ...]  # of names of steps, from the outermost on


class Origin(NamedTuple):
    """Where one feature comes from."""

    #: What to group it by: indices of columns, or paths of steps that hide them.
    sources: tuple[int | Path, ...]
    #: Indices of the columns whose values it depends on.
    columns: frozenset[int]
    #: Paths of the outermost parts of a ColumnTransformer or FeatureUnion it is from.
    parts: tuple[Path, ...]


def trace_outputs(transformer: Any, n_outputs: int | None) -> list[Origin]:
    """Find the origin of each output of a fitted transformer.

    Parameters
    ----------
    transformer : estimator
        A fitted transformer.
    n_outputs : int or None
        How many outputs it has, if known; most transformers tell.

    Returns
    -------
    list of Origin
        One for each output.
    """
    check_is_fitted(transformer)
    n_inputs = len(input_names(transformer))
    inputs = [Origin((i,), frozenset([i]), ()) for i in range(n_inputs)]
    outputs = trace(transformer, inputs, (), n_outputs)
    last = (own_name(transformer),)
    return [o if o.parts else o._replace(parts=(last,)) for o in outputs]


def input_names(transformer: Any) -> list[str]:
    """Return the names of the columns that a transformer was fitted on."""
    while isinstance(transformer, Pipeline):
        steps = [step for _, step in transformer.steps if not is_passthrough(step)]
        transformer = steps[0]
    names = getattr(transformer, "feature_names_in_", None)
    if names is None:
        # Those of text or dicts take one column, and do not say so.
        return [f"x{i}" for i in range(getattr(transformer, "n_features_in_", 1))]
    return [str(name) for name in names]


def output_names(transformer: Any) -> list[str] | None:
    """Return the names of a fitted transformer's outputs, None if it tells none."""
    try:
        return [str(name) for name in transformer.get_feature_names_out()]
    except AttributeError:  # so scikit-learn says that some step does not tell
        return None


def own_name(transformer: Any) -> str:
    """Name a transformer by its last step that does anything, else by its class."""
    if isinstance(transformer, Pipeline):
        for name, step in reversed(transformer.steps):
            if not is_passthrough(step):
                return name
    return type(transformer).__name__.lower()


def is_passthrough(step: Any) -> bool:
    """Return whether a step hands on what it is given."""
    return step is None or (isinstance(step, str) and step == "passthrough")


def trace(
    transformer: Any, inputs: list[Origin], path: Path, n_outputs: int | None
) -> list[Origin]:
    """Find the origin of each output from those of the inputs."""
    if is_passthrough(transformer):
        return inputs
    if isinstance(transformer, FrozenEstimator):
        return trace(transformer.estimator, inputs, path, n_outputs)
    if isinstance(transformer, Pipeline):
        return trace_pipeline(transformer, inputs, path, n_outputs)
    if isinstance(transformer, ColumnTransformer):
        return trace_columns(transformer, inputs, path)
    if isinstance(transformer, FeatureUnion):
        return [
            origin
            for name, step in transformer.transformer_list
            if not (isinstance(step, str) and step == "drop")
            for origin in trace_part(step, inputs, (*path, name), None)
        ]
    return trace_leaf(transformer, inputs, path or (own_name(transformer),), n_outputs)


def trace_part(
    step: Any, inputs: list[Origin], path: Path, n_outputs: int | None
) -> list[Origin]:
    """Trace one of several parts side by side."""
    outputs = trace(step, inputs, path, n_outputs)
    return [origin._replace(parts=(path,)) for origin in outputs]


def trace_pipeline(
    pipeline: Pipeline, inputs: list[Origin], path: Path, n_outputs: int | None
) -> list[Origin]:
    """Trace one step after the other; each knows how many features it was given."""
    steps = [(name, step) for name, step in pipeline.steps if not is_passthrough(step)]
    widths = [getattr(step, "n_features_in_", None) for _, step in steps[1:]]
    for (name, step), width in zip(steps, [*widths, n_outputs], strict=True):
        inputs = trace(step, inputs, (*path, name), width)
    return inputs


def trace_columns(
    transformer: ColumnTransformer, inputs: list[Origin], path: Path
) -> list[Origin]:
    """Trace each part of a ColumnTransformer on the columns that it was given."""
    outputs: list = []
    for name, step, columns, place in column_parts(transformer):
        width = place.stop - place.start
        given = [inputs[i] for i in columns]
        outputs[place] = trace_part(step, given, (*path, name), width)
    return outputs


def column_parts(transformer: ColumnTransformer) -> list[tuple]:
    """List (name, step, column indices, slice of outputs) of parts with outputs."""
    names = list(
        getattr(transformer, "feature_names_in_", range(transformer.n_features_in_))
    )
    parts = []
    for name, step, columns in transformer.transformers_:
        place = transformer.output_indices_[name]
        if place.stop > place.start:
            parts.append((name, step, column_indices(columns, names), place))
    return parts


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


def trace_leaf(
    transformer: Any, inputs: list[Origin], path: Path, width: int | None
) -> list[Origin]:
    """Ask a copy for its output names, given names that can be found in them."""
    whole = merged(inputs)
    hidden = Origin((path,), whole.columns, (path,))
    if len({origin.sources for origin in inputs}) == 1:
        hidden = whole  # from the one source there is, whatever the names say
    outputs = [
        merged([inputs[int(i)] for i in _TOKEN.findall(name)])
        if "\x00" in name
        else hidden
        for name in names_from_tokens(transformer, len(inputs), path[-1], width)
    ]
    for constant in constant_outputs(transformer):
        outputs[constant] = Origin((path,), frozenset(), (path,))
    if isinstance(transformer, _MIXERS) or type(transformer).__name__ in _MIXER_NAMES:
        return [origin._replace(columns=whole.columns) for origin in outputs]
    return outputs


def names_from_tokens(
    transformer: Any, n_inputs: int, name: str, width: int | None
) -> list[str]:
    """Name the outputs with a token where the name of an input would be."""
    nameless = without_names(transformer)
    if hasattr(nameless, "get_feature_names_out"):
        ask = nameless.get_feature_names_out
        tokens = np.array([f"\x00{i}\x00" for i in range(n_inputs)], dtype=object)
        takes_names = len(signature(ask).parameters) > 0
        return [str(answer) for answer in (ask(tokens) if takes_names else ask())]
    if width is None:
        raise ValueError(
            f"Step {name!r} ({type(transformer).__name__}) has no "
            "get_feature_names_out, so its outputs are unknown; for a "
            "FunctionTransformer pass feature_names_out='one-to-one' or a callable."
        )
    return [""] * width


def constant_outputs(transformer: Any) -> list[int]:
    """Return the outputs that come from no input: the bias of PolynomialFeatures."""
    if isinstance(transformer, PolynomialFeatures):
        return np.flatnonzero(transformer.powers_.sum(axis=1) == 0).tolist()
    return []


def merged(origins: list[Origin]) -> Origin:
    """Return the origin of a feature made of several."""
    return Origin(
        unique(source for origin in origins for source in origin.sources),
        frozenset().union(*(origin.columns for origin in origins)),
        unique(part for origin in origins for part in origin.parts),
    )


def needed_inputs(origins: list[Origin], outputs: Iterable) -> list[int]:
    """Return the inputs that some outputs depend on, in ascending order."""
    return sorted(frozenset().union(*(origins[int(j)].columns for j in outputs)))


def unique(items: Iterable) -> tuple:
    """Return the different items in order of first appearance."""
    return tuple(dict.fromkeys(items))


def without_names(estimator: Any) -> Any:
    """Copy an estimator, and those that it is made of, as if X had had no names."""
    twin = copy.copy(estimator)
    vars(twin).pop("feature_names_in_", None)
    for key, value in vars(twin).items():
        if isinstance(value, BaseEstimator):
            setattr(twin, key, without_names(value))
    return twin
