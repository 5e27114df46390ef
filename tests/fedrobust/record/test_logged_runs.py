"""tracking.json: each address has one run of each evaluation."""

from dataclasses import replace

import pytest

from fedrobust.errors import FileError
from fedrobust.record.logged_runs import LoggedRun, LoggedRuns

FIRST = LoggedRun(address="a", evaluation_digest="0", id="x")


def test_a_run_replaces_the_one_of_its_address_and_evaluation(tmp_path):
    done = replace(FIRST, id="y", is_complete=True)
    others = [replace(FIRST, address="b"), replace(FIRST, evaluation_digest="1")]
    known = LoggedRuns()
    for run in (FIRST, *others, done):
        known = known.including(run)
    assert known.runs == [*others, done]
    known.write(tmp_path / "tracking.json")
    assert LoggedRuns.read(tmp_path / "tracking.json") == known
    assert known.find("a", "0") == done
    assert known.find("a", "2") is None


def test_no_file_is_no_run_and_a_damaged_one_is_refused(tmp_path):
    path = tmp_path / "tracking.json"
    assert LoggedRuns.read(path) == LoggedRuns()
    path.write_text('{"runs": [{"address": "a", "evaluation_digest": "0", ')
    with pytest.raises(FileError, match=r"tracking\.json cannot be read"):
        LoggedRuns.read(path)
