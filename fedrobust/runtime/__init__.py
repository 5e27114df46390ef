"""Runtimes, which carry the messages between the ServerApp and the clients."""

from fedrobust.runtime.base import Runtime
from fedrobust.runtime.local import Local
from fedrobust.runtime.ray import Ray

__all__ = ["Local", "Ray", "Runtime"]
