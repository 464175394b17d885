"""The table of groups of a pipeline: what its model selected, in columns of X."""

from typing import Any

from sklearn.pipeline import Pipeline

from skstruct.groups.frame import group_columns
from skstruct.pipeline.trace import (
    Origin,
    input_names,
    is_passthrough,
    output_names,
    trace_outputs,
)
from skstruct.pipeline.wrapped import fitted_model


def columns_of(transformer: Any, origins: list[Origin], outputs: Any) -> list[str]:
    """Return the names of the columns that some outputs of a transformer need."""
    columns = frozenset().union(*(origins[int(j)].columns for j in outputs))
    names = input_names(transformer)
    return [names[i] for i in sorted(columns)]


def pipeline_table(pipeline: Pipeline) -> dict[str, Any]:
    """Collect the groups of a fitted pipeline's model, with their columns of X."""
    model = fitted_model(pipeline)
    steps = pipeline.steps[:-1]
    if all(is_passthrough(step) for _, step in steps):
        return group_columns(model)
    head = Pipeline(steps)
    origins = trace_outputs(head, model.n_features_in_)
    if len(origins) != model.n_features_in_:  # more transformers inside the last step
        return group_columns(model)
    table = group_columns(model, output_names(head))
    table["columns"] = [columns_of(head, origins, own) for own in model.groups_]
    return table
