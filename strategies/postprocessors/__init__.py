"""Postprocessors: what happens to the aggregated update before the server's step."""

from strategies.postprocessors.adaptive_client_dp import AdaptiveClientDP
from strategies.postprocessors.base import (
    Bounded,
    Postprocessed,
    Postprocessor,
    PostprocessorContext,
)
from strategies.postprocessors.client_dp import ClientDP

__all__ = [
    "AdaptiveClientDP",
    "Bounded",
    "ClientDP",
    "Postprocessed",
    "Postprocessor",
    "PostprocessorContext",
]
