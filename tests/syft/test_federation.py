"""Five data owners over syft-flwr, one of whom sends NaN, against one process.

It needs the environment of `make syft`, where a skip is a failure.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

if os.environ.get("FEDROBUST_SYFT") != "1":
    pytest.importorskip("syft_flwr", reason="run by `make syft`")

from flwr.app import Context, RecordDict

from tests.compat.federation import InProcess

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "syft"


@pytest.fixture
def example(monkeypatch):
    """The example's modules, which import each other by their bare names."""
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.syspath_prepend(EXAMPLE / "app")
    import client_app
    import model
    import run
    import server_app

    return client_app, model, run, server_app


def run_in_one_process(folder, data, example, monkeypatch):
    """Train with the same two apps and data, without syft-flwr."""
    client_app, _, _, server_app = example
    owners = {crc32(owner.encode()): owner for owner in data}
    contexts = {node: Context(1, node, {}, RecordDict(), {}) for node in owners}

    def answer(message, node):
        monkeypatch.setenv("DATA_DIR", str(data[owners[node]]))
        return client_app.app(message, contexts[node])

    config = {"num-server-rounds": 3, "timeout": 300.0}
    folder.mkdir()
    server_app.train(InProcess(answer, owners), owners, config, folder)


def test_the_result_is_that_of_one_process_to_the_bit(example, tmp_path, monkeypatch):
    _, model, run, _ = example
    over_syft, here = tmp_path / "syft", tmp_path / "here"
    # Whatever it says and exits with, the files tell what came of it.
    subprocess.run([sys.executable, EXAMPLE / "run.py", over_syft], cwd=REPOSITORY)
    found = json.loads((over_syft / "result.json").read_text())
    assert found["rounds"] == 3
    assert found["accepted"] == [o for o in run.OWNERS if o != run.BROKEN]
    reason = "array 'classifier/hidden/kernel' is not finite"
    assert found["events"] == [
        {"event": "quarantined", "round": r, "client": run.BROKEN, "reason": reason}
        for r in (1, 2, 3)
    ]

    data = {owner: over_syft / "data" / owner for owner in run.OWNERS}
    run_in_one_process(here, data, example, monkeypatch)
    assert json.loads((here / "result.json").read_text()) == found
    start = model.arrays_of(model.build_model())
    theirs, ours = (dict(np.load(f / "model.npz")) for f in (over_syft, here))
    assert sorted(theirs) == sorted(ours) == sorted(start)
    for name in start:
        assert theirs[name].tobytes() == ours[name].tobytes()
        assert not np.array_equal(theirs[name], start[name].numpy())
