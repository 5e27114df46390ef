"""Figures of runs."""

import pytest

from fedrobust.report import collect, draw_figures, grids, write_csv
from fedrobust.report.column import Column
from tests.fedrobust.report.runs import write_run


def test_figures_are_drawn_and_repeat_to_the_byte(tmp_path):
    for strategy in ("fedavg", "krum"):
        for training in ("standard", "pgd"):
            for byzantine in ("none", "alie"):
                write_run(
                    tmp_path / "runs", 0.9, 0.5,
                    strategy=strategy, training=training, byzantine=byzantine,
                )  # fmt: skip
    runs = collect(tmp_path / "runs")
    first = draw_figures(runs, tmp_path)
    assert [p.name for p in first] == ["heatmap.png", "epsilon.png"]
    before = [p.read_bytes() for p in first]
    assert [p.read_bytes() for p in draw_figures(runs, tmp_path)] == before
    assert all(b.startswith(b"\x89PNG") for b in before)


def test_the_heat_map_never_averages_different_experiments(tmp_path):
    from fedrobust.report.figures import heat_map

    for epsilon in (0.1, 0.2):
        write_run(tmp_path, epsilon, 0.5, strategy="krum", epsilon=epsilon)
    write_run(tmp_path, 0.9, 0.5)
    texts = [t.get_text() for t in heat_map(grids(collect(tmp_path))).axes[0].texts]
    # fedavg has one run and nobody attacks; krum has two that differ in epsilon.
    assert texts == ["90", "–", "–", "–"]


def test_a_report_that_is_torn_leaves_the_old_one(tmp_path, monkeypatch):
    write_run(tmp_path, 0.9, 0.5)
    runs = collect(tmp_path)
    path = tmp_path / "report.csv"
    write_csv(runs, path)
    before = path.read_bytes()

    def missing(group):
        raise KeyError("no such figure")

    with monkeypatch.context() as patched:
        patched.setattr("fedrobust.report.columns.FIGURES", [Column("x", missing)])
        with pytest.raises(KeyError):
            write_csv(runs, path)
    assert path.read_bytes() == before
    figure = tmp_path / "epsilon.png"
    draw_figures(runs, tmp_path)
    before = figure.read_bytes()

    def tear(self, file, **more):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", tear)
    with pytest.raises(OSError, match="no space"):
        draw_figures(runs, tmp_path)
    assert figure.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_no_figure_of_other_runs_stays_beside_a_report(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.8, 0.5, strategy="krum")
    names = {"heatmap.png", "epsilon.png"}
    assert {p.name for p in draw_figures(collect(tmp_path), tmp_path)} == names
    # With these, runs differ in more ways than a figure has axes.
    sizes = {"num_rounds": 2, "num_clients": 2, "num_byzantine": 2}
    write_run(tmp_path, 0.8, 0.5, more=sizes)
    assert draw_figures(collect(tmp_path), tmp_path) == []
    assert not list(tmp_path.glob("*.png"))
