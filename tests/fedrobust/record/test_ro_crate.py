"""The provenance of a run folder, read by the RO-Crate library."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from fedrobust.one_run import run
from fedrobust.record import folder as run_folder
from fedrobust.record.ro_crate import CONTEXT, FEDERATED, PROCESS, Times, ro_crate
from fedrobust.record.stored_run import StoredRun
from tests.fedrobust.record.tiny import OTHER, TINY, configured

NAME = "ro-crate-metadata.json"


def crate_of(folder: Path):
    rocrate = pytest.importorskip("rocrate.rocrate")
    return rocrate.ROCrate(folder)


def graph_of(folder: Path) -> dict[str, dict]:
    found = json.loads((folder / NAME).read_text())
    assert found["@context"] == CONTEXT
    entities = {entity["@id"]: entity for entity in found["@graph"]}
    assert len(entities) == len(found["@graph"])
    return entities


def actions_of(folder: Path) -> list[dict]:
    return [e for e in graph_of(folder).values() if e["@type"] == "CreateAction"]


def ids(value) -> set[str]:
    return {each["@id"] for each in (value if isinstance(value, list) else [value])}


def test_the_library_reads_the_crate_and_finds_every_file(finished):
    crate = crate_of(finished)
    root = crate.root_dataset
    assert ids([each.properties() for each in root["conformsTo"]]) == {
        PROCESS,
        FEDERATED,
    }
    assert crate.mainEntity.id == "model.keras"
    files = {entity.id for entity in crate.get_by_type("File")}
    there = {
        path.relative_to(finished).as_posix()
        for path in finished.rglob("*")
        if path.is_file() and path.name not in (NAME, ".lock")
    }
    assert {unquote(name) for name in files} == there
    (action,) = crate.get_by_type("CreateAction")
    assert action["instrument"].type == "SoftwareApplication"
    assert {e.id for e in action["result"]} >= {"model.keras", "result.json"}
    assert action in root["mentions"]


def test_every_reference_has_an_entity(finished):
    graph = graph_of(finished)

    def references(value):
        if isinstance(value, dict):
            if value.keys() == {"@id"}:
                yield value["@id"]
            for each in value.values():
                yield from references(each)
        if isinstance(value, list):
            for each in value:
                yield from references(each)

    known = {*graph, "https://w3id.org/ro/crate/1.1"}
    known |= {"http://schema.org/CompletedActionStatus"}
    assert set(references([*graph.values()])) <= known


def test_sizes_and_digests_are_those_of_the_files(finished):
    files = [e for e in graph_of(finished).values() if e["@type"] == "File"]
    assert len(files) >= 7
    for entity in files:
        content = (finished / unquote(entity["@id"])).read_bytes()
        assert entity["contentSize"] == str(len(content))
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()


def test_the_action_says_what_was_made_from_what_and_when(finished):
    result = StoredRun(finished).result()
    (action,) = actions_of(finished)
    assert ids(action["object"]) == {"config.yaml", f"#data-{result.data_digest}"}
    assert ids(action["result"]) >= {
        "model.keras",
        "model_card.md",
        "metrics.jsonl",
        f"evaluations/{result.evaluation_digest}.json",
    }
    start, end = (datetime.fromisoformat(action[k]) for k in ("startTime", "endTime"))
    assert start.tzinfo is not None
    assert abs((end - start).total_seconds() - result.wall_seconds) < 0.001
    graph = graph_of(finished)
    assert graph["#fedrobust"]["softwareVersion"] == result.environment["fedrobust"]
    assert graph["#flwr"]["softwareVersion"] == result.environment["flwr"]
    # Nobody told who started the run.
    assert "agent" not in action
    assert graph["model.keras"]["subjectOf"] == {"@id": "model_card.md"}


def test_another_evaluation_is_an_action_of_its_own(folder):
    (first,) = actions_of(folder)
    run(configured(*OTHER), folder)
    before, after = actions_of(folder)
    assert before["endTime"] == first["endTime"]
    assert "model.keras" in ids(before["result"])
    assert "model.keras" in ids(after["object"]) - ids(after["result"])
    assert "result.json" in ids(after["result"]) - ids(before["result"])
    test_sizes_and_digests_are_those_of_the_files(folder)
    # The first one asked for again is no new evaluation, but has result.json again.
    run(configured(*TINY), folder)
    again = {action["@id"]: action for action in actions_of(folder)}
    assert again[before["@id"]]["endTime"] == before["endTime"]
    assert "result.json" in ids(again[before["@id"]]["result"])
    test_sizes_and_digests_are_those_of_the_files(folder)


def test_the_crate_depends_on_nothing_but_the_files_and_the_time(folder, monkeypatch):
    end = datetime.fromisoformat("2026-01-02T03:04:05+00:00")
    monkeypatch.setattr(run_folder, "now", lambda: end)
    store = run_folder.RunFolder(folder, configured(*TINY))
    result = store.result()
    texts = []
    for _ in range(2):
        store.write_result(result, is_new=True)
        texts.append((folder / NAME).read_text())
    assert texts[0] == texts[1]
    assert actions_of(folder)[0]["endTime"] == "2026-01-02T03:04:05.000000+00:00"


def test_a_finished_run_of_an_earlier_version_stays_as_it_is(folder):
    for name in (NAME, "model_card.md"):
        (folder / name).unlink()
    run(configured(*TINY, "runtime.workers=1"), folder)
    assert not (folder / NAME).exists()
    assert not (folder / "model_card.md").exists()
    run(configured(*OTHER), folder)
    assert len(actions_of(folder)) == 1
    assert (folder / "model_card.md").exists()


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"@graph": 5}', '{"@graph": [3, {"@id": "x"}]}', "[]"]
)
def test_a_damaged_crate_stops_no_run(text, folder):
    (folder / NAME).write_text(text)
    run(configured(*TINY, "runtime.workers=1"), folder)
    run(configured(*OTHER), folder)
    assert len(actions_of(folder)) == 1


def test_names_of_users_are_only_text(tmp_path):
    config = configured(*TINY)
    config.choices["dataset"] = 'a b/<script>"|\n'
    store = run_folder.RunFolder(tmp_path / "r", config)
    run(config, tmp_path / "r")
    data = next(e for i, e in graph_of(store.path).items() if i.startswith("#data-"))
    assert data["name"] == 'a b/<script>"|\n'
    assert crate_of(store.path).mainEntity.id == "model.keras"


def test_a_crate_without_a_known_time_or_evaluation_is_written(folder):
    config = configured(*TINY)
    run(config, folder)
    result = StoredRun(folder).result()
    digest = result.evaluation_digest
    late = "2026-01-02T00:00:00+00:00"
    for times, published in (
        ({}, None),
        ({digest: Times()}, None),
        ({digest: Times(), "lost": Times(end=late)}, late),
    ):
        (root,) = (
            entity
            for entity in ro_crate(folder, config, result, times)["@graph"]
            if entity["@id"] == "./"
        )
        assert root.get("datePublished") == published
