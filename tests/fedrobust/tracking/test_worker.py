"""A sink's call neither stops nor changes the process that makes it."""

import random
import sys
import threading
import warnings

import numpy as np
import pytest

from fedrobust.randomness import GlobalDraws
from fedrobust.tracking.worker import Worker


def test_a_call_returns_its_value_and_all_calls_share_a_thread():
    worker = Worker()
    threads = [worker.call(threading.current_thread, 60) for _ in range(2)]
    assert threads[0] is threads[1]
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


def test_an_error_is_raised_and_an_exit_is_an_error():
    worker = Worker()
    with pytest.raises(ZeroDivisionError):
        worker.call(lambda: 1 / 0, 60)
    with pytest.raises(RuntimeError, match="SystemExit: 3"):
        worker.call(lambda: sys.exit(3), 60)
    assert worker.call(lambda: "still there", 60) == "still there"


def test_a_call_that_hangs_is_given_up():
    hang = threading.Event()
    with pytest.raises(TimeoutError):
        Worker().call(hang.wait, 0.01)
    hang.set()


def test_warnings_and_random_draws_of_a_call_have_no_effect():
    def disturb() -> None:
        warnings.warn("of the sink", UserWarning, stacklevel=1)
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        np.random.random(3)  # noqa: NPY002

    draws, state = GlobalDraws(), random.getstate()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Worker().call(disturb, 60)
        warnings.warn("of the run", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["of the run"]
    assert not draws.happened()
    assert random.getstate() == state
