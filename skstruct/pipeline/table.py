"""The table of groups of a pipeline: what its model selected, in columns of X."""

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from skstruct.groups.frame import group_columns
from skstruct.pipeline.trace import (
    Origin,
    input_names,
    is_passthrough,
    needed_inputs,
    output_names,
    trace_outputs,
)
from skstruct.pipeline.wrapped import fitted_model, next_inside


def columns_of(transformer: Any, origins: list[Origin], outputs: Any) -> list[str]:
    """Return the names of the columns that some outputs of a transformer need."""
    names = input_names(transformer)
    return [names[i] for i in needed_inputs(origins, outputs)]


def group_table(estimator: Any) -> dict[str, Any]:
    """Collect the groups of the fitted model in an estimator.

    Parameters
    ----------
    estimator : estimator
        A fitted model with groups, or what contains one: see `fitted_model`.

    Returns
    -------
    dict of str -> sequence of length n_groups
        Columns of `group_columns`; of a model behind transformers also ``columns``,
        the names of the columns of X that each group's features are made of.
    """
    model, head = model_and_head(estimator)
    if head is None:
        return group_columns(model)
    table = group_columns(model, output_names(head))
    origins = trace_outputs(head, model.n_features_in_)
    table["columns"] = [columns_of(head, origins, own) for own in model.groups_]
    return table


def model_and_head(estimator: Any) -> tuple[Any, Pipeline | None]:
    """Return the fitted model with groups, and the transformers before it, if any."""
    model, outer = fitted_model(estimator), estimator
    steps: dict[str, Any] = {}
    while outer is not model:
        if isinstance(outer, Pipeline):
            for name, step in outer.steps[:-1]:
                if not is_passthrough(step):
                    # Pipelines inside each other may have names in common.
                    key = f"{name}-{len(steps)}" if name in steps else name
                    steps[key] = step
        outer = next_inside(outer)
    return model, Pipeline(list(steps.items())) if steps else None


def input_groups(estimator: Any) -> list[np.ndarray]:
    """Return, for each group of the fitted model, the columns of X that it needs."""
    model, head = model_and_head(estimator)
    if head is None:
        return model.groups_
    origins = trace_outputs(head, model.n_features_in_)
    return [
        np.array(needed_inputs(origins, own), dtype=np.intp) for own in model.groups_
    ]
