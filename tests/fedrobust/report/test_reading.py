"""Every run below a folder is read; a broken file costs itself alone."""

import json
import re
import shutil

import pytest

from fedrobust.report import MissingResultsError, collect
from fedrobust.report.markup import escape_markdown
from tests.fedrobust.report.runs import report_text, write_rounds, write_run


def test_foreign_files_and_other_sweeps_are_passed_over(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "config.yaml").write_text("a: 1")
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "config.yaml").write_text("[1]")
    assert len(collect(tmp_path).groups) == 1
    with pytest.raises(MissingResultsError):
        collect(tmp_path, {"another digest"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.yaml", b"a: ["),
        ("config.yaml", b"\xff"),
        ("config.yaml", b"config_digest: x\n"),
        ("config.yaml", b"config_digest: x\ntraining: {}\nruntime: local\n"),
        ("evaluations/e.json", b""),
        ("evaluations/e.json", b'{"seed": 0'),
        ("evaluations/e.json", b"[]"),
        ("evaluations/e.json", b"{}"),
        ("result.json", b"{"),
        ("error-7.json", b"{"),
    ],
)
def test_one_broken_file_costs_a_report_no_more_than_itself(tmp_path, name, content):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
    path = tmp_path / "1" / name
    path.write_bytes(content)
    runs = collect(tmp_path)
    (told,) = runs.unreadable
    assert told.startswith(str(path))
    lost = name.startswith(("config", "evaluations"))
    assert [group.seeds for group in runs.groups] == [[0] if lost else [0, 1]]
    assert f"- Left out: {escape_markdown(told)}." in report_text(runs)
    shutil.rmtree(tmp_path / "0")
    if lost:
        with pytest.raises(MissingResultsError, match=re.escape(str(path))):
            collect(tmp_path)


def test_a_report_names_what_failed(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    for name, digest in (("1", "one"), ("2", "two")):
        (tmp_path / name).mkdir()
        attempt = {"config_digest": digest, "error": f"no memory {digest}"}
        (tmp_path / name / "error-e.json").write_text(json.dumps(attempt))
    text = report_text(tmp_path)
    told = [f"{tmp_path / n} (no memory {d})" for n, d in (("1", "one"), ("2", "two"))]
    assert "".join(f"- Failed: {attempt}.\n" for attempt in told) in text
    text = report_text(tmp_path, {"0", "two"})
    assert f"- Failed: {told[1]}.\n" in text
    assert told[0] not in text


def test_only_a_result_that_was_refused_is_no_number_of_the_table(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (stored,) = tmp_path.glob("*/evaluations/*.json")
    path = tmp_path / "0" / f"error-{stored.stem}.json"
    for refused in ([], ["of something else"]):
        attempt = {"error": "no such data set", "refused_results": refused}
        path.write_text(json.dumps(attempt))
        runs = collect(tmp_path)
        assert [group.seeds for group in runs.groups] == [[0]]
        assert "- Failed: " in report_text(runs)
    # By the file's name, or by what it says: a later version may name it otherwise.
    later = {**json.loads(stored.read_text()), "evaluation_digest": "named before"}
    stored.write_text(json.dumps(later))
    for name in (stored.stem, "named before"):
        attempt = {"error": "other data", "refused_results": ["newer name", name]}
        path.write_text(json.dumps(attempt))
        with pytest.raises(MissingResultsError, match=r"failed: .*other data"):
            collect(tmp_path)


def test_the_rounds_of_a_run_are_collected_with_its_result(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    write_rounds(tmp_path, [0.4, 0.9])
    ((run,),) = [group.runs for group in collect(tmp_path).groups]
    assert [(row.round, row.clean_accuracy) for row in run.rounds] == [
        (1, 0.4),
        (2, 0.9),
    ]
    assert run.rounds[-1].clean_accuracy == run.result.clean_accuracy


@pytest.mark.parametrize("accuracies", [[0.4], [0.4, 0.6, 0.9], ["x", 0.9]])
def test_rounds_that_are_torn_cost_a_report_the_rounds_alone(tmp_path, accuracies):
    write_run(tmp_path, 0.9, 0.5)
    path = write_rounds(tmp_path, accuracies)
    runs = collect(tmp_path)
    ((run,),) = [group.runs for group in runs.groups]
    assert (run.rounds, run.result.clean_accuracy) == ([], 0.9)
    (told,) = runs.unreadable
    assert told.startswith(str(path))
    assert told.endswith("restore or remove it")


def test_a_link_to_nowhere_costs_a_report_no_more_than_itself(tmp_path):
    write_run(tmp_path, 0.9, 0.5, seed=0)
    link = tmp_path / "0" / "evaluations" / "x.json"
    link.symlink_to("nothing")
    runs = collect(tmp_path)
    assert [group.seeds for group in runs.groups] == [[0]]
    (told,) = runs.unreadable
    assert told.startswith(f"{link} cannot be read: No such file")
