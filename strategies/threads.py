"""Threads for work that releases Python's lock: NumPy, SciPy and TensorFlow graphs."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def num_cores() -> int:
    """Return the number of cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def parallel_map(
    function: Callable[[T], R], items: Iterable[T], workers: int | None = None
) -> list[R]:
    """Return the results of a function for all items, computed on several threads.

    Parameters
    ----------
    function
        Called once per item.
    items
        The arguments of the calls; results are in their order.
    workers
        Number of threads; None means one per core, and 1 means no extra thread.
    """
    items = list(items)
    workers = min(workers or num_cores(), len(items))
    if workers <= 1:
        return [function(item) for item in items]
    with thread_pool(workers) as pool:
        return list(pool.map(function, items))


@contextmanager
def thread_pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of threads; on exit, wait for them except after Ctrl-C."""
    pool = ThreadPoolExecutor(workers)
    wait = True
    try:
        yield pool
    except KeyboardInterrupt:
        wait = False
        raise
    finally:
        pool.shutdown(wait, cancel_futures=True)
