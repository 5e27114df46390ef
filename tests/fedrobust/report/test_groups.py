"""Runs in groups that differ only in their seed."""

import pytest

from fedrobust.report import collect
from fedrobust.report.columns import checks
from fedrobust.report.figures.axes import Axes
from fedrobust.report.figures.data import data_for
from fedrobust.report.figures.draw import drawing_for
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


@pytest.fixture
def two_partitions(tmp_path):
    """Seed 0 on two partitions, 80 and 90, and seed 1 on one, 65."""
    for seed, dealt, clean in ((0, 0, 0.8), (0, 1, 0.9), (1, 0, 0.65)):
        write_run(tmp_path, clean, 0.5, seed=seed, digest=f"run{seed}{dealt}",
                  more={"partition": {"seed": dealt}})  # fmt: skip
    return collect(tmp_path)


def test_runs_of_one_seed_on_other_partitions_are_one_seed(two_partitions):
    (group,) = two_partitions.groups
    assert group.seeds == [0, 1]
    assert group.by_seed(clean_accuracy) == pytest.approx({0: 0.85, 1: 0.65})
    # The mean of 85 and 65, and not of 80, 90 and 65, with 20 / sqrt(2) around it.
    assert group.mean(clean_accuracy) == pytest.approx(0.75)
    assert group.std(clean_accuracy) == pytest.approx(0.2 / 2**0.5)
    text = report_text(two_partitions)
    assert "| 2 | 75.0 ± 14.1 |" in text
    assert "partition.seed" in text


def test_figures_average_runs_of_one_seed_first(two_partitions):
    drawing = drawing_for(two_partitions, Axes(x="clean_accuracy"), "")
    assert drawing.seeds == (2, 2)
    assert drawing.digests == ["run00", "run01", "run10"]
    assert "partition.seed" in drawing.caption
    data = data_for(two_partitions, Axes(x="clean_accuracy"))
    assert sorted(data.frame["y"]) == pytest.approx([65, 85])


def test_a_seed_of_which_one_run_lacks_a_number_has_none(two_partitions):
    first, *_ = two_partitions.groups[0].results
    assert two_partitions.groups[0].by_seed(
        lambda result: None if result is first else result.clean_accuracy
    ) == pytest.approx({1: 0.65})
