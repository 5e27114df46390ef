"""Rules against attacks, by hand."""

import json

import numpy as np
import pytest

from fedrobust.report import collect, grids, robustness_table
from fedrobust.report.figures.heat_map import draw_grids
from tests.fedrobust.report.runs import report_text, write_run


def test_a_missing_cell_is_marked_not_guessed(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.8, 0.4, strategy="krum", byzantine="alie")
    write_run(tmp_path, 0.7, 0.4, strategy="krum", byzantine="ipm")
    first, *_ = draw_grids(grids(collect(tmp_path))[:1])
    # Nobody, the worst, alie and ipm: fedavg has the first, krum the others.
    texts = [t.get_text() for t in first.axes[0].texts]
    assert texts == ["90.0", "–", "–", "–", "–", "70.0", "80.0", "70.0"]


def test_the_robustness_tax_and_the_worst_case_by_hand(tmp_path):
    accuracies = {
        "fedavg": {"none": 0.95, "alie": 0.90, "sign_flip": 0.10},
        "krum": {"none": 0.88, "alie": 0.70, "sign_flip": 0.85},
    }
    for strategy, row in accuracies.items():
        for byzantine, clean in row.items():
            write_run(tmp_path, clean, 0.5, strategy=strategy, byzantine=byzantine)
    runs = collect(tmp_path)
    grid = grids(runs)[0]
    assert grid.title == "clean accuracy"
    assert grid.strategies == ["fedavg", "krum"]
    assert grid.attacks == ["none", "alie", "sign_flip"]
    np.testing.assert_allclose(grid.tax, [0, 0.07])
    np.testing.assert_allclose(grid.worst, [0.10, 0.70])
    assert grid.worst_attacks == ["sign_flip", "alie"]
    text = report_text(runs)
    assert "| strategy | tax | none | alie | sign_flip | worst |" in text
    assert "| krum | 7.0 | 88.0 | 70.0 | 85.0 | 70.0 |" in text
    table = robustness_table(grid)
    assert [[*map(str, column.cells)] for column in table.columns][1:] == [
        ["95.0", "88.0"], ["0.0", "7.0"], ["10.0", "70.0"], ["sign_flip", "alie"],
    ]  # fmt: skip


def test_backdoor_success_is_the_worst_where_it_is_greatest(tmp_path):
    for byzantine, success in (("none", None), ("backdoor", 0.2), ("dba", 0.9)):
        write_run(tmp_path, 0.9, 0.5, byzantine=byzantine)
        path = next(tmp_path.glob(f"{byzantine}-0/evaluations/*.json"))
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, "backdoor_success": success}))
    grid = grids(collect(tmp_path))[-1]
    assert grid.attacker_gains
    assert grid.attacks == ["backdoor", "dba"]
    assert grid.worst == pytest.approx([0.9])
    assert grid.worst_attacks == ["dba"]
