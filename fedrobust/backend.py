"""TensorFlow and Keras, imported at first use and configured in this one place.

The import is lazy, because configuration errors, ``--help`` and ``list`` must appear
faster than TensorFlow loads. Thread counts can be set only before TensorFlow runs its
first operation. Each operation gets one thread, so that results do not depend on the
number of cores; several operations run at once, so that clients run in parallel.
"""

import contextlib
import importlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from strategies.threads import num_cores

__all__ = [
    "INTRA_OP_THREADS",
    "intra_op_threads",
    "is_deterministic",
    "keras",
    "start_tensorflow",
    "tf",
    "uses_onednn",
    "while_loop",
]

INTRA_OP_THREADS = 1


@lru_cache(maxsize=1)
def start_tensorflow() -> ModuleType:
    """Import TensorFlow quietly and set its thread counts, once."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    # This is TensorFlow's default on CPUs with AVX-512; on others, too, it makes
    # convolutions one and a half times as fast.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with _quiet_stderr():
        tensorflow = importlib.import_module("tensorflow")
    # Otherwise it warns of retracing when many attacks are compiled once each.
    tensorflow.get_logger().setLevel("ERROR")
    try:
        tensorflow.config.threading.set_intra_op_parallelism_threads(INTRA_OP_THREADS)
        # With 1, the operations of all Python threads would run one after the other.
        tensorflow.config.threading.set_inter_op_parallelism_threads(
            max(2, num_cores())
        )
    except RuntimeError:
        if not is_deterministic(tensorflow):
            warnings.warn(
                "TensorFlow was initialised before fedrobust with "
                f"{intra_op_threads(tensorflow)} intra_op threads: results may differ "
                "in their last bits from a run of fedrobust alone",
                stacklevel=2,
            )
    with _quiet_stderr():
        tensorflow.config.list_logical_devices()
    return tensorflow


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hide what TensorFlow's C++ code prints on startup, unless the startup fails.

    It prints before any log level applies, and bypasses Python's streams.
    """
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        stderr = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def intra_op_threads(tensorflow: Any) -> int:
    """Return the number of threads per operation; 0 means TensorFlow chooses."""
    return int(tensorflow.config.threading.get_intra_op_parallelism_threads())


def uses_onednn() -> bool:
    """Return whether operations are oneDNN's, which round differently."""
    start_tensorflow()
    testing = importlib.import_module("tensorflow.python.framework.test_util")
    return bool(testing.IsMklEnabled())


def is_deterministic(tensorflow: Any) -> bool:
    """Return whether the same config gives the same bits in this process."""
    return intra_op_threads(tensorflow) == INTRA_OP_THREADS


class _LazyModule(ModuleType):
    """A module that is imported when its first attribute is read."""

    def __init__(self, name: str, load: Callable[[], ModuleType]) -> None:
        super().__init__(name)
        self._load = load

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._load(), name)
        setattr(self, name, value)
        return value


def _keras() -> ModuleType:
    start_tensorflow()
    return importlib.import_module("keras")


if TYPE_CHECKING:
    import keras
    import tensorflow as tf
else:
    tf = _LazyModule("tensorflow", start_tensorflow)
    keras = _LazyModule("keras", _keras)


def while_loop(
    goes_on: Callable[..., Any], step: Callable[..., Any], state: Sequence[Any]
) -> Any:
    """Run ``tf.while_loop`` with the step as a separate function graph.

    In a graph with a cycle, TensorFlow may visit the gradient of a pooling before the
    pooling itself, and then chooses a kernel that is 20 times slower.
    """
    if tf.executing_eagerly():
        return tf.while_loop(goes_on, step, state)
    function = tf.function(
        step, autograph=False, experimental_attributes={"_noinline": True}
    )
    return tf.while_loop(goes_on, function, state)
