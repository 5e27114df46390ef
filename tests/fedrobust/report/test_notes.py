"""What must be known to read the tables."""

import json

from fedrobust.cli import main
from fedrobust.report import collect
from fedrobust.report.notes import footnotes
from tests.fedrobust.report.runs import report_text, write_run


def test_different_seeds_and_unfinished_runs_are_pointed_out(tmp_path):
    write_run(tmp_path, 0.9, 0.5, seed=0)
    write_run(tmp_path, 0.9, 0.5, seed=1)
    write_run(tmp_path, 0.8, 0.5, strategy="krum", seed=0)
    write_run(tmp_path, 0.8, 0.5, strategy="median", seed=0)
    (tmp_path / "median-0" / "evaluations" / "e.json").unlink()
    runs = collect(tmp_path)
    text = report_text(runs)
    assert "different seeds" in text
    assert "1 run is not finished" in text


def test_a_report_says_which_versions_differ(tmp_path):
    for seed, flwr in enumerate(("1.40.0", "1.41.0", "1.41.0")):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
        path = tmp_path / str(seed) / "evaluations" / "e.json"
        result = json.loads(path.read_text())
        result |= {"environment": {"flwr": flwr, "keras": "3.15.1"}}
        result |= {"other_versions": {"code": ["a", "b"]} if seed else {}}
        path.write_text(json.dumps(result))
    text = report_text(tmp_path)
    assert "Trained with different flwr (1.40.0, 1.41.0)." in text
    # Two of the three seeds carry it, so the mean over them does, too.
    assert (
        "- ᵃ trained with flwr 1.40.0 (most runs: 1.41.0)\n- ᵇ trained with other code"
        in text
    )
    assert "| 3 | 90.0 ± 0.0ᵃ,ᵇ | 50.0 ± 0.0ᵃ,ᵇ |" in text
    _, note = footnotes(collect(tmp_path))
    assert note.endswith("(2 of 3 runs)")


def test_warnings_of_runs_are_told_with_how_many_had_them(tmp_path, capsys):
    for seed in range(3):
        write_run(tmp_path, 0.9, 0.5, seed=seed)
    for path in tmp_path.glob("*/evaluations/*.json"):
        result = json.loads(path.read_text())
        result["warnings"] = ["z=0: no attack"] + ["f < b"] * (result["seed"] == 1)
        path.write_text(json.dumps(result))
    assert main(["report", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "All runs: z=0: no attack.\nᵃ f < b (1 of 3 runs)" in said
    text = (tmp_path / "report.md").read_text()
    assert "- All runs: z=0: no attack.\n" in text
    assert "- ᵃ f \\< b\n" in text
