"""Groups that follow the fitted transformers before a model."""

from skstruct.pipeline.grouped_pipeline import GroupedPipeline, make_grouped_pipeline
from skstruct.pipeline.prune import prune_transformer, required_columns
from skstruct.pipeline.sources import groups_from_transformer

__all__ = [
    "GroupedPipeline",
    "groups_from_transformer",
    "make_grouped_pipeline",
    "prune_transformer",
    "required_columns",
]
