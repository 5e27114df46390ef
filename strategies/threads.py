"""Work on threads, for what leaves Python's lock: NumPy, SciPy, TensorFlow's graphs."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def num_cores() -> int:
    """Count the cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def parallel_map(
    function: Callable[[T], R], items: Iterable[T], workers: int | None = None
) -> list[R]:
    """Apply a function to items on threads, results in the order of the items.

    Parameters
    ----------
    function
        Called once an item.
    items
        What to apply it to.
    workers
        Threads; None means one a core, 1 none at all.
    """
    items = list(items)
    workers = min(workers or num_cores(), len(items))
    if workers <= 1:
        return [function(item) for item in items]
    with thread_pool(workers) as pool:
        return list(pool.map(function, items))


@contextmanager
def thread_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Pool threads; leaving the pool waits for them, except after Ctrl-C."""
    pool = ThreadPoolExecutor(workers)
    wait = True
    try:
        yield pool
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        pool.shutdown(wait, cancel_futures=True)
