"""Letters at numbers, and their words in footnotes."""

import pytest

from fedrobust.report import collect
from fedrobust.report.marks import PLAIN, RAISED, raised
from fedrobust.report.notes import footnotes
from tests.fedrobust.report.runs import change_result, content_of, write_run


def marks_in(folder):
    return collect(folder).marks


def letters(folder) -> dict[str, list[str]]:
    """Return the letters of each group of seeds by its rule."""
    runs = collect(folder)
    return {group.labels["strategy"]: runs.marks.of(group.runs)
            for group in runs.groups}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for rule in ("fedavg", "krum", "median"):
        write_run(tmp_path, 0.9, 0.5, strategy=rule)
    return tmp_path


def test_runs_without_anything_to_know_have_no_mark(folder):
    marks = marks_in(folder)
    assert (marks.footnotes, marks.common) == ({}, [])
    assert letters(folder) == {"fedavg": [], "krum": [], "median": []}


def test_what_holds_for_every_run_marks_none_and_stands_above(folder):
    for rule in ("fedavg", "krum", "median"):
        change_result(folder, f"{rule}-0", warnings=["z is 0: no attack"])
    marks = marks_in(folder)
    assert (marks.footnotes, marks.common) == ({}, ["z is 0: no attack"])
    assert content_of(collect(folder)).summary[0] == "All runs: z is 0: no attack."


def test_a_run_alone_keeps_its_mark(tmp_path):
    write_run(tmp_path, 0.9, 0.5, failed=True)
    marks = marks_in(tmp_path)
    assert marks.common == []
    assert [*marks.footnotes] == ["a"]


def test_sentences_that_differ_in_their_numbers_share_a_mark(folder):
    change_result(folder, "fedavg-0", warnings=["z=0.31: weak"])
    change_result(folder, "krum-0", warnings=["z=0.2: weak", "f < b"])
    marks = marks_in(folder)
    assert marks.footnotes == {
        "a": "z=0.2: weak (other runs: other numbers)", "b": "f < b",
    }  # fmt: skip
    assert letters(folder) == {"fedavg": ["a"], "krum": ["a", "b"], "median": []}
    assert footnotes(collect(folder))[1] == "ᵇ f < b (1 of 3 runs)"


def test_a_failed_check_skipped_rounds_and_other_versions_are_marked(folder):
    write_run(folder, 0.9, 0.5, strategy="bulyan", failed=True)
    change_result(folder, "krum-0", skipped_rounds=1)
    versions = {"keras": ["3.14", "3.15"]}
    change_result(folder, "median-0", other_versions=versions)
    found = letters(folder)
    words = marks_in(folder).footnotes
    assert found["fedavg"] == []
    said = {rule: words[each[0]] for rule, each in found.items() if each}
    assert said["bulyan"].startswith("failed the check within_ball")
    assert said["krum"] == "1 of 2 rounds were skipped"
    assert "keras" in said["median"]
    assert "3.14" in said["median"]


def test_skipped_rounds_that_a_warning_tells_are_told_once(folder):
    change_result(folder, "krum-0", skipped_rounds=1, warnings=["1 round was skipped"])
    assert marks_in(folder).footnotes == {"a": "1 round was skipped"}


def test_other_data_than_those_of_most_runs_are_marked(folder):
    for rule, digest in (("fedavg", "one"), ("krum", "one"), ("median", "other")):
        change_result(folder, f"{rule}-0", data_digest=digest)
    assert letters(folder) == {"fedavg": [], "krum": [], "median": ["a"]}
    assert marks_in(folder).footnotes["a"].endswith("this data set (other)")


def test_runs_that_recorded_no_data_say_nothing_about_those_of_others(folder):
    change_result(folder, "median-0", data_digest="one")
    assert letters(folder) == {"fedavg": [], "krum": [], "median": []}


def test_other_data_sets_have_other_data(tmp_path):
    for dataset in ("digits", "mnist"):
        write_run(tmp_path, 0.9, 0.5, dataset=dataset)
        change_result(tmp_path, f"{dataset}-0", data_digest=dataset)
    assert marks_in(tmp_path).footnotes == {}


def test_a_mark_of_one_seed_is_at_the_mean_of_all(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        write_run(tmp_path, 0.9, 0.5, strategy="krum", seed=seed)
    change_result(tmp_path, "krum-1", warnings=["f < b"])
    assert letters(tmp_path) == {"fedavg": [], "krum": ["a"]}


def test_letters_go_on_after_the_alphabet(tmp_path):
    names = [f"{PLAIN[i // 25]}{PLAIN[i % 25]}" for i in range(27)]
    for number, name in enumerate(names):
        write_run(tmp_path, 0.9, 0.5, strategy=f"rule_{number:02}")
        change_result(tmp_path, f"rule_{number:02}-0", warnings=[f"warning {name}"])
    words = marks_in(tmp_path).footnotes
    assert [*words][:2] == ["a", "b"]
    assert [*words][-3:] == ["z", "aa", "ab"]
    assert raised(["z", "aa"]) == "ᶻ,ᵃᵃ"
    assert len(set(RAISED.values())) == len(RAISED) == 25


def test_other_versions_than_those_of_most_runs_are_named(folder):
    write_run(folder, 0.9, 0.5, strategy="bulyan")
    found = {"fedavg": "3.15", "krum": "3.15", "median": "3.14", "bulyan": "3.13"}
    for rule, keras in found.items():
        environment = {"keras": keras, "code": "b" if rule == "median" else "a"}
        change_result(folder, f"{rule}-0", environment=environment)
    marks = marks_in(folder)
    words = {rule: [marks.footnotes[letter] for letter in each]
             for rule, each in letters(folder).items()}  # fmt: skip
    assert words == {
        "fedavg": [],
        "krum": [],
        "median": [
            "trained with other code of fedrobust than most runs, keras 3.14 "
            "(most runs: 3.15)"
        ],
        "bulyan": ["trained with keras 3.13 (most runs: 3.15)"],
    }
