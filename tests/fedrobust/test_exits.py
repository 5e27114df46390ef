"""A user's code that calls ``sys.exit`` fails its run, as if it raised an error."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fedrobust.assembly import Experiment, forget
from fedrobust.cli import main
from fedrobust.commands import list as lists

TINY = ["num_clients=2", "num_rounds=1", "dataset.num_train=60", "attack.samples=20"]
MODULE = """
import sys
import keras
from strategies.rules import Mean
from tests import own_data, own_model

CODE, PLACES = {code!r}, {places!r}

def leave(place):
    if place in PLACES:
        sys.exit(CODE)

leave("import")

class Layer(keras.layers.Layer):
    def call(self, x):
        leave("layer")
        return x

def model(seeds=(), **_):
    leave("model")
    return keras.Sequential([keras.Input((8, 8, 1)), Layer(), own_model.build()])

def data():
    leave("data")
    return own_data.table()

class Rule(Mean):
    def __call__(self, updates, state=None, context=None):
        leave("round")
        return super().__call__(updates, state, context)
"""

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module of a user's own that exits in some places, with a code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    forget()

    def write(*places: str, code: object = 0) -> None:
        monkeypatch.delitem(sys.modules, "mine_that_exits", raising=False)
        Path("mine_that_exits.py").write_text(MODULE.format(code=code, places=places))

    return write


USES = {
    "import": ("model", "model"),
    "model": ("model", "model"),
    "layer": ("model", "model"),
    "data": ("dataset", "data"),
    "round": ("strategy.rule", "Rule"),
}


@pytest.mark.parametrize("place", USES)
def test_an_exit_in_a_users_code_is_reported_with_status_2(place, write, capsys):
    key, name = USES[place]
    write(place, code=0)
    whose = [f"{key}._target_=mine_that_exits.{name}"]
    assert main(["run", *TINY, *whose]) == 2
    (told,) = capsys.readouterr().err.splitlines()[-1:]
    assert "your code called sys.exit(0) in " in told
    path = Path("mine_that_exits.py").resolve()
    assert f"{path}, line 11: raise an error there instead" in told
    if place in ("import", "model"):
        assert told.startswith(f"fedrobust: {key}: cannot make mine_that_exits.{name}")


@pytest.mark.parametrize("code", [0, 7, None, "gone"])
def test_an_exit_in_a_sweep_fails_its_job_alone(code, write, capsys):
    write("round", code=code)
    rules = "strategy.rule._target_=mine_that_exits.Rule,strategies.rules.Mean"
    assert main(["run", "-m", *TINY, rules, "hydra.sweep.dir=all"]) == 1
    assert f"your code called sys.exit({code!r}) in " in capsys.readouterr().err
    (kept,) = Path("all").glob("*/error-*.json")
    assert "your code called sys.exit" in json.loads(kept.read_text())["error"]
    assert len([*Path("all").glob("*/result.json")]) == 1


def test_an_exit_in_a_client_fails_the_client_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    whole = Experiment.training_data

    def data(self, client, round):
        return sys.exit(0) if client == 1 else whole(self, client, round)

    monkeypatch.setattr(Experiment, "training_data", data)
    assert main(["run", *TINY, "hydra.run.dir=r"]) == 0
    (event,) = map(json.loads, Path("r/events.jsonl").read_text().splitlines())
    assert event["client"] == 1
    assert "your code called sys.exit(0)" in event["reason"]


def test_a_module_that_exits_when_it_is_imported_for_a_model(write, capsys):
    write("import")
    Path("m.keras").write_bytes(b"")
    attack = ["attack", "--model", "m.keras", "--import", "mine_that_exits"]
    assert main([*attack, "attack=fgsm"]) == 2
    assert "your code called sys.exit(0) in " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [(None, 0, ""), (0, 0, ""), (1, 1, ""), (2, 2, ""), (7, 1, "7"), ("no", 1, "no")],
)
def test_other_exits_have_a_status_of_fedrobust(
    code, status, told, monkeypatch, capsys
):
    def command(arguments):
        sys.exit(code)

    monkeypatch.setattr(lists, "command", command)
    assert main(["list"]) == status
    assert capsys.readouterr().err == (f"fedrobust: {told}\n" if told else "")
