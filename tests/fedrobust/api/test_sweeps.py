"""Runs together: frames by run and by round, figures, the report, and slices."""

from dataclasses import replace
from pathlib import Path

import pytest

import fedrobust
from tests.fedrobust.api.conftest import TINY
from tests.fedrobust.report.runs import write_rounds, write_run

EACH = [("fedavg", 0), ("fedavg", 1), ("median", 0), ("median", 1)]


def test_a_sweep_is_a_sequence_in_the_order_of_the_combinations(finished):
    assert len(finished) == 4
    assert [(r.config["choices"]["strategy"], r.result.seed) for r in finished] == EACH
    assert finished[-1] == [*finished][3]
    part = finished[2:]
    assert isinstance(part, fedrobust.Sweep)
    assert [*part] == [finished[2], finished[3]]
    assert finished.failed == ()
    finished.raise_failed()


def test_the_frame_has_a_row_for_each_run_with_what_varies_and_measures(finished):
    frame = finished.frame
    assert [*zip(frame["strategy"], frame["seed"], strict=True)] == EACH
    assert [*frame["clean_accuracy"]] == [run.clean_accuracy for run in finished]
    column = "robust_accuracy.fgsm.0.1"
    assert [*frame[column]] == [r.robust_accuracy["fgsm"]["0.1"] for r in finished]
    assert [*frame["folder"]] == [str(run.folder) for run in finished]
    # Within one rule, nothing but the seed varies.
    assert "strategy" not in finished[:2].frame


def test_rows_stand_in_the_order_of_the_runs_also_where_a_report_sorts_them():
    overrides = [*TINY, "strategy=median,fedavg"]
    found = fedrobust.sweep(*overrides, "seed=1,0,1", folder="all", progress=False)
    assert len(found) == 6
    frame = found.frame
    assert [*zip(frame["strategy"], frame["seed"], strict=True)] == [
        *(("median", 1), ("median", 0), ("fedavg", 1), ("fedavg", 0)),
    ]  # fmt: skip


def test_rounds_have_a_row_for_each_round_of_each_run(finished):
    rounds = finished.rounds
    assert len(rounds) == 8
    for run in finished:
        own = rounds[rounds["folder"] == str(run.folder)]
        assert [*own["round"]] == [1, 2]
        assert [*own["clean_accuracy"]] == [*run.rounds["clean_accuracy"]]
        assert {*own["strategy"]} == {run.config["choices"]["strategy"]}


def test_a_figure_draws_the_means_of_a_key(finished):
    (axes,) = finished.figure("strategy", "clean_accuracy").axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "fedavg",
        "median",
    ]
    learning = finished.figure("round", hue="strategy", where={"strategy": "median"})
    assert learning.axes[0].get_xlabel() == "round"
    assert finished.figure().axes


def test_a_wrong_axis_is_one_sentence_in_the_words_of_python(finished):
    for axes, sentence in {
        ("strateg",): "^x strateg: .* did you mean 'strategy'",
        ("strategy", "clean"): "^y clean: ",
        (None, "clean_accuracy"): "^x is missing",
    }.items():
        with pytest.raises(fedrobust.ConfigError, match=sentence):
            finished.figure(*axes)
    with pytest.raises(fedrobust.ConfigError, match=r"^where strategy=krum: no"):
        finished.figure("round", where={"strategy": "krum"})


def test_a_report_is_written_into_the_folder_or_elsewhere(finished, tmp_path):
    failed = fedrobust.FailedRun(tmp_path / "gone", "no size 0")
    some = fedrobust.Sweep(finished.folder, finished[1:3], [failed])
    written = some.report(tmp_path / "elsewhere")
    page = written[0].read_text()
    assert written[0] == tmp_path / "elsewhere" / "report.html"
    assert all(path.is_file() for path in written)
    assert "median" in page
    assert "no size 0" in page
    assert not (finished.folder / "report.html").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(fedrobust.ConfigError, match="choose another folder"):
        finished.report(tmp_path / "file")


def test_without_a_finished_run_there_is_nothing_to_show():
    empty = fedrobust.Sweep(Path("nothing"), [])
    line = "&lt;Sweep: 0 finished; nothing&gt;"
    assert empty._repr_html_() == f"<p><code>{line}</code></p>"
    for show in (lambda: empty.frame, lambda: empty.rounds, empty.figure, empty.report):
        with pytest.raises(fedrobust.ConfigError, match="no run is finished"):
            show()


def test_a_notebook_shows_values_literally(finished):
    run = finished[0].finished
    config = run.config | {"choices": {"strategy": "<script>"}}
    labels = {**run.labels, "choices.strategy": "<script>"}
    odd = fedrobust.Run(
        replace(
            run,
            config=config,
            labels=labels,
            result=replace(run.result, config_digest="odd"),
        )
    )
    shown = fedrobust.Sweep(Path("a"), [odd, finished[2]])._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown


def test_keys_that_are_numbers_are_numeric_and_may_be_fixed_as_numbers(tmp_path):
    for rule in ("fedavg", "median"):
        for count in (0, 10, 2):
            more = {"num_byzantine": count}
            write_run(tmp_path, 0.9 - count / 100, 0.5, strategy=rule, more=more,
                      digest=f"{rule}{count}")  # fmt: skip
    for name in ("fedavg10", "fedavg2"):
        write_rounds(tmp_path / name, [0.4, 0.9])
    sweep = fedrobust.load(tmp_path)
    frame = sweep.frame.sort_values("num_byzantine")
    # As text, 10 would stand before 2.
    assert [*frame["num_byzantine"]] == [0, 0, 2, 2, 10, 10]
    assert frame["num_byzantine"].dtype == int
    assert {*frame["strategy"]} == {"fedavg", "median"}
    assert {*sweep.rounds["num_byzantine"]} == {10, 2}
    for value in (2, "2", frame["num_byzantine"].iloc[2]):
        (axes,) = sweep.figure("strategy", where={"num_byzantine": value}).axes
        assert len(axes.get_xticklabels()) == 2
    with pytest.raises(fedrobust.ConfigError, match=r"^where num_byzantine=3: no run"):
        sweep.figure("strategy", where={"num_byzantine": 3})
