"""Runs in groups that differ only in their seed."""

import pytest

from fedrobust.report import collect
from fedrobust.report.columns import checks
from fedrobust.report.finished_run import clean_accuracy
from tests.fedrobust.report.runs import report_text, write_run


def test_mean_and_standard_deviation_over_seeds(tmp_path):
    for seed, clean in enumerate((0.90, 0.92, 0.94)):
        write_run(tmp_path, clean, 0.5, seed=seed)
        write_run(tmp_path, clean / 2, 0.1, strategy="krum", seed=seed)
    runs = collect(tmp_path)
    assert runs.columns == ["strategy"]
    assert [group.labels["strategy"] for group in runs.groups] == ["fedavg", "krum"]
    fedavg = runs.groups[0]
    assert fedavg.seeds == [0, 1, 2]
    assert fedavg.mean(clean_accuracy) == pytest.approx(0.92)
    assert fedavg.std(clean_accuracy) == pytest.approx(0.02)
    text = report_text(runs)
    assert "| fedavg | 3 | 92.0 ± 2.0 | 50.0 ± 0.0 | 3 of 6 | 2.00 | 1.0 |" in text
    assert "over seeds" in text


def test_one_seed_has_no_spread_and_not_run_is_not_passed(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    (group,) = collect(tmp_path).groups
    assert group.std(clean_accuracy) is None
    assert checks(group.results) == "1 of 2"
    assert "±" not in report_text(tmp_path)
