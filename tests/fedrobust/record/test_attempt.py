"""Why an attempt at an evaluation failed."""

import json

import pytest

from fedrobust.one_run import run
from fedrobust.record.folder import RunFolder
from tests.fedrobust.record.tiny import OTHER, TINY, configured


def test_why_an_attempt_failed_is_kept_until_one_succeeds(folder, monkeypatch):
    from fedrobust.evaluation.evaluator import Evaluator

    config = configured(*OTHER)

    def fail(self, arrays):
        raise MemoryError("no memory left")

    with monkeypatch.context() as patched:
        patched.setattr(Evaluator, "__call__", fail)
        with pytest.raises(MemoryError):
            run(config, folder)
    place = RunFolder(folder, config)
    assert place.failure() == "MemoryError: no memory left"
    kept = json.loads(place.error_path.read_text())
    assert kept["config_digest"] == config.digest
    assert "in fail" in "".join(kept["traceback"])
    # Another evaluation of the same model is no attempt at this one.
    run(configured(*TINY), folder)
    assert place.failure() == "MemoryError: no memory left"
    run(config, folder)
    assert place.failure() is None
