"""The example of five data owners, one of whom sends NaN, here and over syft-flwr.

Over syft-flwr it needs the environment of `make syft`, where a skip is a failure.
"""

import importlib.util
import json
import os
import subprocess
import sys
from types import ModuleType
from zlib import crc32

import numpy as np
import pytest
from flwr.app import Context, RecordDict

from tests.compat.federation import InProcess
from tests.syft.example import EXAMPLE, REPOSITORY

HAS_SYFT = importlib.util.find_spec("syft_flwr") is not None
needs_syft = pytest.mark.skipif(
    not HAS_SYFT and os.environ.get("FEDROBUST_SYFT") != "1",
    reason="syft-flwr is not installed: see `make syft`",
)


@pytest.fixture
def example(monkeypatch):
    """The example's modules by name, which import each other by these bare names."""
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.syspath_prepend(EXAMPLE / "app")
    # In one process no messages are written.
    for name in ("atomic_writes", "syft_guard") if not HAS_SYFT else ():
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        vars(sys.modules[name])["SyftGuard"] = None
    names = ("model", "client_app", "server_app", "run")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        del sys.modules[name]


@pytest.fixture
def in_one_process(example, monkeypatch):
    """Train with both apps on the data of a folder, without syft-flwr."""
    client_app, server_app = example["client_app"], example["server_app"]

    def train(folder, data):
        owners = {crc32(owner.encode()): owner for owner in data}
        contexts = {node: Context(1, node, {}, RecordDict(), {}) for node in owners}

        def answer(message, node):
            monkeypatch.setenv("DATA_DIR", str(data[owners[node]]))
            return client_app.app(message, contexts[node])

        config = {"num-server-rounds": 3, "timeout": 300.0}
        folder.mkdir()
        server_app.train(InProcess(answer, owners), owners, config, folder)
        return check(folder, example)

    return train


def check(folder, example):
    """What a training left, once it is known that it quarantined the broken owner."""
    run, model = example["run"], example["model"]
    found = json.loads((folder / "result.json").read_text())
    assert found["rounds"] == 3
    assert found["accepted"] == [owner for owner in run.OWNERS if owner != run.BROKEN]
    reason = "array 'classifier/hidden/kernel' is not finite"
    assert found["events"] == [
        {"event": "quarantined", "round": r, "client": run.BROKEN, "reason": reason}
        for r in (1, 2, 3)
    ]
    start = model.arrays_of(model.build_model())
    arrays = dict(np.load(folder / "model.npz"))
    assert sorted(arrays) == sorted(start)
    for name, array in arrays.items():
        assert np.isfinite(array).all()
        assert not np.array_equal(array, start[name].numpy())
    return found, {name: array.tobytes() for name, array in arrays.items()}


def test_the_broken_owner_is_quarantined(example, in_one_process, tmp_path):
    found, _ = in_one_process(tmp_path / "here", example["run"].make_data(tmp_path))
    assert found["evaluation"]["clients"] == 5
    # Of three classes; the same model before training is right on 0.21.
    assert found["evaluation"]["accuracy"] > 0.6


@needs_syft
def test_the_result_is_that_of_one_process_to_the_bit(
    example, in_one_process, tmp_path
):
    over_syft = tmp_path / "syft"
    # Whatever it says and exits with, the files tell what came of it.
    subprocess.run([sys.executable, EXAMPLE / "run.py", over_syft], cwd=REPOSITORY)
    data = {owner: over_syft / "data" / owner for owner in example["run"].OWNERS}
    here = in_one_process(tmp_path / "here", data)
    assert check(over_syft, example) == here
