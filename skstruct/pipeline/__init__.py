"""Groups that follow the fitted transformers before a model."""

from skstruct.pipeline.grouped_pipeline import GroupedPipeline, make_grouped_pipeline
from skstruct.pipeline.sources import groups_from_transformer

__all__ = ["GroupedPipeline", "groups_from_transformer", "make_grouped_pipeline"]
