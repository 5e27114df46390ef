"""Optional sinks that show runs elsewhere; the run folder stays the only record."""

from fedrobust.tracking.base import TrackedRun, Tracker, Tracking
from fedrobust.tracking.mlflow import MLflow
from fedrobust.tracking.tensorboard import TensorBoard

__all__ = ["MLflow", "TensorBoard", "TrackedRun", "Tracker", "Tracking"]
