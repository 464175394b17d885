"""Fitted transformers cut down to the outputs that are still wanted."""

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skstruct._compat import safe_indexing
from skstruct.pipeline.frozen import FrozenPart, columns_at, same_values
from skstruct.pipeline.table import columns_of
from skstruct.pipeline.trace import (
    Origin,
    column_parts,
    is_passthrough,
    needed_inputs,
    trace,
    trace_outputs,
)


def required_columns(transformer: Any, outputs: Any) -> list[str]:
    """Return the columns that some outputs of a fitted transformer depend on.

    Parameters
    ----------
    transformer : estimator
        A fitted transformer, as for :func:`groups_from_transformer`.
    outputs : array-like of int or bool
        Indices of its outputs, or a mask.

    Returns
    -------
    list of str
        Names in the order of the columns; "x0", "x1", ... where there were none.

    Examples
    --------
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from skstruct.pipeline import required_columns
    >>> encoder = OneHotEncoder().fit([["a", 1], ["b", 2], ["c", 1]])
    >>> required_columns(encoder, [1, 2])
    ['x0']
    """
    outputs = np.asarray(outputs)
    n_outputs = len(outputs) if outputs.dtype == bool else None
    origins = trace_outputs(transformer, n_outputs)
    wanted = as_indices(outputs, len(origins))
    return columns_of(transformer, origins, wanted)


def prune_transformer(transformer: Any, outputs: Any, X: Any) -> Any:
    """Cut a fitted transformer down to some of its outputs and what they need.

    The result takes only the columns of X that these outputs depend on. Nothing is
    fitted again: parts that are not needed are dropped, and the others see a value of
    the first row of X in columns that are gone.

    Parameters
    ----------
    transformer : ColumnTransformer, Pipeline or other transformer
        A fitted transformer.
    outputs : array-like of int or bool
        Indices of the outputs to keep, or a mask. They keep their order.
    X : array-like or data frame of shape (n_samples, n_columns)
        Some rows that the transformer was fitted on. The outputs kept are compared on
        them, and where a transformer proves to mix columns that its output names keep
        apart, all of its columns are kept.

    Returns
    -------
    transformer
        A fitted one of the same kind (ColumnTransformer, Pipeline), or a wrapper of
        any other. Its outputs are exactly those of the full one. `fit` and `clone`
        leave what is fitted as it is.

    Raises
    ------
    ValueError
        If no outputs are wanted, or there are no such outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> from skstruct.pipeline import prune_transformer
    >>> X = np.array([[0, 0, 5.0], [1, 1, 7.0], [0, 2, 9.0]])
    >>> full = make_column_transformer(
    ...     (OneHotEncoder(), [0, 1]), (StandardScaler(), [2])).fit(X)
    >>> pruned = prune_transformer(full, [2, 3, 4], X)
    >>> pruned.transform(X[:, [1]])
    array([[1., 0., 0.],
           [0., 1., 0.],
           [0., 0., 1.]])
    """
    check_is_fitted(transformer)
    n_outputs = transformer.transform(safe_indexing(X, [0])).shape[1]
    wanted = as_indices(outputs, n_outputs)
    if not wanted:
        raise ValueError("outputs has none to keep; no transformer has no outputs.")
    return cut(transformer, wanted, X)[0]


def as_indices(outputs: Any, n_outputs: int) -> list[int]:
    """Return outputs as ascending indices."""
    outputs = np.asarray(outputs)
    if outputs.dtype == bool and outputs.shape == (n_outputs,):
        return np.flatnonzero(outputs).tolist()
    indices = np.unique(outputs.astype(np.intp)).tolist() if outputs.size else []
    if outputs.dtype == bool or (
        indices and not 0 <= indices[0] <= indices[-1] < n_outputs
    ):
        raise ValueError(
            f"outputs={outputs!r} must be indices below {n_outputs}, the number of "
            "outputs, or a mask of that length."
        )
    return indices


def cut(transformer: Any, wanted: list[int], X: Any) -> tuple[Any, list[int]]:
    """Return a fitted transformer with the wanted outputs, and the inputs it takes."""
    if is_passthrough(transformer):
        return "passthrough", wanted
    if isinstance(transformer, Pipeline):
        return cut_pipeline(transformer, wanted, X)
    if isinstance(transformer, ColumnTransformer):
        return cut_columns(transformer, wanted, X)
    return cut_leaf(transformer, wanted, X)


def cut_pipeline(
    pipeline: Pipeline, wanted: list[int], X: Any
) -> tuple[Pipeline, list[int]]:
    """Cut the last step down, then the one before to what the last one takes."""
    steps = [(name, step) for name, step in pipeline.steps if not is_passthrough(step)]
    given = [X]
    for _, step in steps[:-1]:
        given.append(step.transform(given[-1]))
    fewer: list = []
    for (name, step), own in zip(reversed(steps), reversed(given), strict=True):
        part, wanted = cut(step, wanted, own)
        fewer.insert(0, (name, part))
    return Pipeline(fewer), wanted


def cut_columns(
    transformer: ColumnTransformer, wanted: list[int], X: Any
) -> tuple[ColumnTransformer, list[int]]:
    """Cut each part of a ColumnTransformer down, and drop those with no output."""
    parts = []
    for name, step, columns, place in column_parts(transformer):
        own = [j - place.start for j in wanted if place.start <= j < place.stop]
        if own:
            given = columns_at(X, columns, is_flat=is_scalar(transformer, name))
            part, inputs = cut(step, own, given)
            parts.append((name, part, [columns[i] for i in inputs]))
    taken = sorted({i for _, _, columns in parts for i in columns})
    fewer = ColumnTransformer(
        [
            (name, part, spelled(transformer, name, columns, taken))
            for name, part, columns in parts
            if name != "remainder"
        ],
        # Columns that no other part takes are the remainder's in the full one, too.
        remainder=next((p for name, p, _ in parts if name == "remainder"), "drop"),
        sparse_threshold=float(transformer.sparse_output_),
        transformer_weights=transformer.transformer_weights,
        verbose_feature_names_out=transformer.verbose_feature_names_out,
    )
    return fewer.fit(columns_at(X, taken)), taken


def is_scalar(transformer: ColumnTransformer, part: str) -> bool:
    """Return whether a part is given a single column as a one-dimensional one."""
    columns = {name: columns for name, _, columns in transformer.transformers_}[part]
    return isinstance(columns, str | int | np.integer)


def spelled(
    transformer: ColumnTransformer, part: str, columns: list[int], taken: list[int]
) -> Any:
    """Return columns by name where there are names, else by their new places."""
    names = getattr(transformer, "feature_names_in_", None)
    own = [taken.index(i) if names is None else names[i] for i in columns]
    return own[0] if is_scalar(transformer, part) else own


def cut_leaf(transformer: Any, wanted: list[int], X: Any) -> tuple[Any, list[int]]:
    """Give a transformer the inputs it needs, or all where these are not enough."""
    n_inputs = getattr(transformer, "n_features_in_", 1)
    everything = list(range(n_inputs))
    full = transformer.transform(X)
    identity = [Origin((i,), frozenset([i]), ()) for i in everything]
    origins = trace(transformer, identity, (), full.shape[1])
    inputs = needed_inputs(origins, wanted) or everything[:1]  # none: a constant
    if inputs != everything:
        part = FrozenPart(transformer, safe_indexing(X, [0]), inputs, wanted)
        expected = safe_indexing(full, wanted, axis=1)
        if same_values(part.transform(columns_at(X, inputs)), expected):
            return part, inputs
    return FrozenPart(transformer, None, everything, wanted), everything
