"""A run folder is read as it was written."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from fedrobust.errors import FileError
from fedrobust.files import to_json
from fedrobust.one_run import run
from fedrobust.record.round_row import RoundRow
from fedrobust.record.stored_run import StoredRun
from fedrobust.record.validation import from_json
from fedrobust.report import MissingResultsError, collect
from tests.fedrobust.record.rounds import ROW
from tests.fedrobust.record.tiny import OTHER, TINY, configured


def test_rounds_are_read_as_they_were_written(tmp_path):
    rows = [ROW, replace(ROW, round=2, clean_accuracy=0.5)]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(to_json(row.to_json()) + "\n" for row in rows))
    stored = StoredRun(tmp_path)
    assert stored.rounds(2) == rows
    with pytest.raises(
        FileError, match=r"has rounds \[1, 2\]: must have each from 1 to 3"
    ):
        stored.rounds(3)
    # An earlier version's row, which has fewer keys.
    few = {
        "round": 1, "quarantined": 0, "failed": 0, "bytes_down": 1, "bytes_up": 1,
        "train_seconds": 1, "aggregate_seconds": 1, "evaluate_seconds": 1,
    }  # fmt: skip
    assert from_json(RoundRow, few, "x", "y").detection is None


def test_what_a_run_returns_is_what_its_folder_holds(tmp_path, configure):
    config = configure(
        "num_clients=2", "num_rounds=2", "dataset.num_train=60", "attack=fgsm",
        "attack.samples=20", "byzantine=infinity", "num_byzantine=1",
    )  # fmt: skip
    rows = []
    result = run(config, tmp_path / "r", rows.append)
    stored = StoredRun(tmp_path / "r")
    assert stored.result() == stored.result(config.evaluation_digest) == result
    assert [path.stem for path in stored.evaluation_paths()] == [
        config.evaluation_digest
    ]
    assert stored.rounds(config.num_rounds) == rows
    assert [event.event for event in stored.events()] == ["quarantined"] * 2
    found = stored.config("restore it")
    assert found is not None
    assert found["config_digest"] == config.digest == result.config_digest
    (group,) = collect(tmp_path).groups
    assert (group.results, group.runs[0].rounds) == ([result], rows)


def edited(key: str, value: object) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps({**json.loads(content), key: value}).encode()


def without(key: str) -> Callable[[bytes], bytes]:
    def drop(content: bytes) -> bytes:
        found = json.loads(content)
        del found[key]
        return json.dumps(found).encode()

    return drop


def first_line(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def edit(content: bytes) -> bytes:
        first, rest = content.split(b"\n", 1)
        return change(first) + b"\n" + rest

    return edit


def torn(content: bytes) -> bytes:
    return content[: len(content) // 2]


def empty(content: bytes) -> bytes:
    return b""


def no_text(content: bytes) -> bytes:
    return b"\xff\xfe\x00"


def a_list(content: bytes) -> bytes:
    return b"[1]"


ALWAYS = (TINY, OTHER)
WORST_CLIENT = {"worst_client": {"clean_accuracy": "x"}}
DAMAGE = [
    *[("config.yaml", d, ALWAYS) for d in (empty, no_text, a_list)],
    ("config.yaml", lambda content: b"a: [", ALWAYS),
    ("config.yaml", lambda content: b"config_digest: 7\n", ALWAYS),
    ("config.yaml", lambda content: content + b"digest_version: '4'\n", ALWAYS),
    ("config.yaml", lambda content: content + b"a: &a [*a]\n", ALWAYS),
    *[("training.json", d, ALWAYS) for d in (empty, no_text, a_list, torn)],
    ("training.json", edited("environment", None), ALWAYS),
    ("training.json", edited("data_digest", 7), ALWAYS),
    ("training.json", edited("warnings", [{}]), ALWAYS),
    *[("evaluations/*.json", d, (TINY,)) for d in (empty, no_text, a_list, torn)],
    ("evaluations/*.json", edited("clean_accuracy", None), (TINY,)),
    ("evaluations/*.json", edited("clean_accuracy", 97.0), (TINY,)),
    ("evaluations/*.json", edited("clean_accuracy", float("nan")), (TINY,)),
    ("evaluations/*.json", edited("seed", True), (TINY,)),
    ("evaluations/*.json", edited("worst_robust_accuracy", {"0.1": "x"}), (TINY,)),
    ("evaluations/*.json", edited("checks", {"logits": 1}), (TINY,)),
    ("evaluations/*.json", without("robust_accuracy"), (TINY,)),
    ("evaluations/*.json", edited("worst_robust_accuracy", {"x": 0.5}), (TINY,)),
    ("evaluations/*.json", edited("warnings", [["x"]]), (TINY,)),
    ("evaluations/*.json", edited("bytes_up", "1"), (TINY,)),
    ("evaluations/*.json", edited("num_rounds", 0), (TINY,)),
    ("evaluations/*.json", edited("bytes_up", 10**400), (TINY,)),
    ("evaluations/*.json", edited("other_versions", {"numpy": ["1"]}), (TINY,)),
    ("evaluations/*.json", edited("federated", WORST_CLIENT), (TINY,)),
    *[("metrics.jsonl", d, (OTHER,)) for d in (empty, no_text, a_list, torn)],
    ("metrics.jsonl", lambda content: content * 2, (OTHER,)),
    ("metrics.jsonl", lambda content: content.split(b"\n")[1] + b"\n", (OTHER,)),
    ("metrics.jsonl", first_line(without("bytes_up")), (OTHER,)),
    ("metrics.jsonl", first_line(edited("skipped", 0)), (OTHER,)),
    ("metrics.jsonl", first_line(edited("quarantined", "0")), (OTHER,)),
    ("metrics.jsonl", first_line(edited("federated", {"clients": "x"})), (OTHER,)),
    ("events.jsonl", lambda content: b'{"event": "x', (OTHER,)),
    ("events.jsonl", lambda content: b'{"reason": "x"}', (OTHER,)),
    ("events.jsonl", lambda content: b'{"event": "x", "client": [1]}', (OTHER,)),
    *[("model.keras", d, (OTHER,)) for d in (empty, no_text, torn)],
]


@pytest.mark.parametrize(
    ("name", "damage", "asked"),
    DAMAGE,
    ids=[f"{i}-{name}" for i, (name, *_) in enumerate(DAMAGE)],
)
def test_a_file_of_a_run_that_is_no_such_file_is_told(folder, name, damage, asked):
    (path,) = folder.glob(name)
    path.write_bytes(damage(path.read_bytes()))
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for overrides in asked:
        with pytest.raises(FileError) as caught:
            run(configured(*overrides), folder)
        message = str(caught.value)
        assert message.startswith(str(path))
        assert "\n" not in message
        assert message.endswith(("anew", "hydra.run.dir"))
    assert {p: p.read_bytes() for p in before} == before


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("seed", [0], "seed is [0]: must be int"),
        ("training", {"local_epochs": 1}, "training.epsilon is missing"),
        ("dataset", {"num_classes": "x"}, "dataset.num_classes is 'x': must be int"),
        ("choices", {"model": ["x"]}, "choices.model is ['x']: must be str"),
        ("screening", 3, "screening is 3: must be dict"),
    ],
)
def test_a_report_names_the_key_of_a_configuration_that_it_cannot_read(
    folder, key, value, told
):
    path = folder / "config.yaml"
    found = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({**found, key: value}))
    with pytest.raises(MissingResultsError) as caught:
        collect(folder)
    assert f"; {path}: {told}; restore or remove it" in str(caught.value)


def test_a_report_shows_configurations_with_values_of_other_types(folder):
    path = folder / "config.yaml"
    found = yaml.safe_load(path.read_text())
    found["partition"]["seed"] = [0]
    found["model"]["_target_"] = [1]
    path.write_text(yaml.safe_dump(found))
    assert len(collect(folder).groups) == 1


@pytest.mark.parametrize("damage", [empty, torn, a_list])
def test_what_a_result_is_a_copy_of_mends_it(folder, damage):
    path = folder / "result.json"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    run(configured(*TINY), folder)
    assert path.read_bytes() == whole


def test_a_torn_evaluation_is_made_anew_once_it_is_removed(folder):
    (path,) = folder.glob("evaluations/*.json")
    whole = json.loads(path.read_bytes())
    stamp = (folder / "model.keras").stat().st_mtime_ns
    path.unlink()
    again = run(configured(*TINY), folder)
    assert again.robust_accuracy == whole["robust_accuracy"]
    assert (folder / "model.keras").stat().st_mtime_ns == stamp
