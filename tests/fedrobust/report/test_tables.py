"""Tables of runs, as CSV."""

import csv
import io

from fedrobust.report import collect
from fedrobust.report.tables import csv_of
from tests.fedrobust.report.runs import change_result, write_run


def test_csv_has_a_row_a_run(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        write_run(tmp_path, 0.7, 0.3, byzantine="alie", seed=seed)
    rows = [*csv.DictReader(io.StringIO(csv_of(collect(tmp_path)), newline=""))]
    assert [(r["byzantine"], r["seed"], r["clean"], r["robust_0.1"]) for r in rows] == [
        ("none", "0", "0.9", "0.5"),
        ("none", "1", "0.9", "0.5"),
        ("alie", "0", "0.7", "0.3"),
        ("alie", "1", "0.7", "0.3"),
    ]


def test_csv_has_the_collected_table_with_the_words_of_each_run(tmp_path):
    for count in (0, 2):
        write_run(tmp_path, 0.9, 0.5, digest=f"n{count}", more={"num_byzantine": count})
    clean = {"macro_f1": 0.75, "loss": 0.5, "calibration_error": 0.125}
    change_result(tmp_path, "n0", skipped_rounds=1, measures={"clean": clean})
    change_result(tmp_path, "n2", skipped_rounds=2, warnings=["=1+1", "a_b"],
                  evaluation_digest="e2")  # fmt: skip
    runs = collect(tmp_path)
    first, second = csv.DictReader(io.StringIO(csv_of(runs, tmp_path), newline=""))
    # The words are those of the run, though both share a mark.
    assert first["warnings"] == "1 of 2 rounds were skipped"
    assert second["warnings"] == "'=1+1; a_b; 2 of 2 rounds were skipped"
    assert [first[name] for name in clean] == ["0.75", "0.5", "0.125"]
    assert [second[name] for name in clean] == ["", "", ""]
    assert (first["folder"], second["folder"]) == ("n0", "n2")
    assert (second["config_digest"], second["evaluation_digest"]) == ("n2", "e2")
    assert (second["num_byzantine"], second["clean"]) == ("2", "0.9")
    assert second["clean_accuracy"] == "0.9"


def test_no_cell_of_a_csv_is_a_formula(tmp_path):
    for place, rule in enumerate(["=cmd|' /C calc'!A0", "-2", "@x", "'quoted"]):
        write_run(tmp_path, 0.9, 0.5, strategy=rule, digest=str(place))
    rows = csv.DictReader(io.StringIO(csv_of(collect(tmp_path)), newline=""))
    found = {row["folder"][-1]: row["strategy"] for row in rows}
    assert found == {"0": "'=cmd|' /C calc'!A0", "1": "-2", "2": "'@x", "3": "''quoted"}
