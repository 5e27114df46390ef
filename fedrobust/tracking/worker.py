"""Calls that take at most a given time, and that leave this process as it was.

A sink is other people's code: it may hang, warn, draw random numbers or call
``sys.exit``. None of this may stop a run or change its record.
"""

import queue
import random
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


class Worker:
    """A thread that makes one call after the other while its caller waits.

    It is one thread because sinks keep connections that only one thread may use, and a
    daemon because Python would otherwise wait at its exit for a call that hangs.
    """

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]]
        self._tasks = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, task: Callable[[], T], timeout: float) -> T:
        """Return what a task returns.

        Raises
        ------
        TimeoutError
            When it takes longer than so many seconds; it is then left to itself.
        Exception
            Whatever the task raises. Its attempt to end the process is a RuntimeError.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()
        done: Future[T] = Future()
        with _unchanged_process():
            self._tasks.put((done, task))
            return done.result(timeout)

    def _work(self) -> None:
        while True:
            done, task = self._tasks.get()
            try:
                done.set_result(task())
            except Exception as error:
                done.set_exception(error)
            except BaseException as error:
                done.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))


@contextmanager
def _unchanged_process() -> Iterator[None]:
    """Drop warnings, and restore Python's and NumPy's global generators."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
