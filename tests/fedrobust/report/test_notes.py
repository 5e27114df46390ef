"""What must be known to read the tables."""

import json

from fedrobust.cli import main
from fedrobust.report import collect, markdown
from tests.fedrobust.report.runs import write_run


def test_different_seeds_and_unfinished_runs_are_pointed_out(tmp_path):
    write_run(tmp_path, 0.9, 0.5, seed=0)
    write_run(tmp_path, 0.9, 0.5, seed=1)
    write_run(tmp_path, 0.8, 0.5, strategy="krum", seed=0)
    write_run(tmp_path, 0.8, 0.5, strategy="median", seed=0)
    (tmp_path / "median-0" / "evaluations" / "e.json").unlink()
    runs = collect(tmp_path)
    text = markdown(runs)
    assert "different seeds" in text
    assert "1 runs are not finished" in text


def test_a_report_says_which_versions_differ(tmp_path):
    for seed, flwr in enumerate(("1.40.0", "1.41.0", "1.41.0")):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        path = tmp_path / str(seed) / "evaluations" / "e.json"
        result = json.loads(path.read_text())
        result |= {"environment": {"flwr": flwr, "keras": "3.15.1"}}
        result |= {"other_versions": {"code": ["a", "b"]} if seed else {}}
        path.write_text(json.dumps(result))
    text = markdown(collect(tmp_path))
    assert "Trained with different flwr (1.40.0, 1.41.0)." in text
    told = "2 runs were trained with other versions than those of the latest call"
    assert f"{told}: other code of fedrobust" in text


def test_warnings_of_runs_are_told_with_how_many_had_them(tmp_path, capsys):
    for seed in range(3):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
    for path in tmp_path.glob("*/evaluations/*.json"):
        result = json.loads(path.read_text())
        result["warnings"] = ["z=0: no attack"] + ["f < b"] * (result["seed"] == 1)
        path.write_text(json.dumps(result))
    assert main(["report", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "warning: z=0: no attack (3 of 3 runs)\nwarning: f < b (1 of 3 runs)" in said
    text = (tmp_path / "report.md").read_text()
    assert "- z=0: no attack (3 of 3 runs)\n- f \\< b (1 of 3 runs)" in text
