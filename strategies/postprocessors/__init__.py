"""Postprocessors: what happens to the aggregated update before the server's step."""

from strategies.postprocessors.base import (
    Postprocessed,
    Postprocessor,
    PostprocessorContext,
)

__all__ = ["Postprocessed", "Postprocessor", "PostprocessorContext"]
