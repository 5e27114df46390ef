"""The files of a report."""

import csv

import pytest

from fedrobust.errors import ConfigError
from fedrobust.report import collect
from fedrobust.report.column import Column
from fedrobust.report.figures import Axes
from fedrobust.report.write import chosen_drawings, write_figure, write_report
from tests.fedrobust.report.runs import write_run

COMMAND = "fedrobust report runs"
GRID = "clean-accuracy-defences-against-attacks"


def write(folder, to=None):
    return write_report(collect(folder), to or folder, "runs", COMMAND)


@pytest.fixture
def folder(tmp_path):
    for rule in ("fedavg", "krum"):
        for attack in ("none", "alie"):
            write_run(tmp_path, 0.9, 0.5, strategy=rule, byzantine=attack)
    return tmp_path


def contents(folder) -> dict[str, bytes]:
    paths = [*folder.glob("report.*"), *folder.glob("figures/*")]
    return {path.name: path.read_bytes() for path in paths}


def write_figures(runs, folder, axes, names):
    """Write figures on request, and return their files."""
    chosen = chosen_drawings(runs, COMMAND, axes, names)
    return [path for drawing in chosen for path in write_figure(drawing, folder)]


def test_a_report_has_its_files_and_repeats_to_the_byte(folder):
    written = write(folder)
    names = ["report.html", "report.md", "report.tex", "report.csv"]
    assert [path.name for path in written[:4]] == names
    first = contents(folder)
    assert {path.name for path in written} == {*first}
    assert first[f"{GRID}.png"].startswith(b"\x89PNG")
    assert first[f"{GRID}.pdf"].startswith(b"%PDF")
    write(folder)
    assert contents(folder) == first


def test_every_figure_that_the_text_links_is_there(folder):
    write(folder)
    text = (folder / "report.md").read_text()
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert f"figures/{GRID}.png" in links
    assert all((folder / link).is_file() for link in links)


def test_no_figure_of_other_runs_stays_beside_a_report_but_those_asked_for_do(folder):
    write(folder)
    runs = collect(folder)
    axes = Axes(x="strategy", y="wall_seconds", hue="byzantine")
    asked = write_figures(runs, folder, axes, [])
    assert [path.suffix for path in asked] == [".png", ".pdf"]
    # Runs with another size: no two of them can be compared any more.
    for place, path in enumerate(sorted(folder.glob("*/config.yaml"))):
        path.write_text(path.read_text() + f"num_rounds: {place + 3}\n")
    written = write(folder)
    left = {*(folder / "figures").iterdir()}
    assert left == {*asked, *(p for p in written if p.parent.name == "figures")}
    assert not (folder / "figures" / f"{GRID}.png").exists()


def test_a_report_that_is_torn_leaves_the_old_one(folder, monkeypatch):
    write(folder)
    before = contents(folder)
    change = Column("x", lambda group: 1 / 0)
    with monkeypatch.context() as patched:
        patched.setattr("fedrobust.report.columns.FIGURES", [change])
        with pytest.raises(ZeroDivisionError):
            write(folder)
    assert contents(folder) == before

    def tear(self, file, **more):
        file.write(b"half")
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr("matplotlib.figure.Figure.savefig", tear)
        with pytest.raises(OSError, match="no space"):
            write(folder)
    assert contents(folder) == before
    assert not [*folder.rglob(".*")]


def test_a_figure_is_written_by_its_name_alone(folder):
    written = write_figures(collect(folder), folder, None, [GRID])
    assert [path.name for path in written] == [f"{GRID}.png", f"{GRID}.pdf"]
    assert {path.name for path in folder.iterdir() if path.is_file()} == set()
    with pytest.raises(ConfigError) as error:
        write_figures(collect(folder), folder, None, [GRID.replace("t", "")])
    assert f"did you mean '{GRID}'?" in str(error.value)


def test_a_figure_without_numbers_is_refused_with_its_reason(folder):
    with pytest.raises(ConfigError, match="--figure learning-curves: No run was eval"):
        write_figures(collect(folder), folder, None, ["learning-curves"])


def test_a_report_can_go_to_a_folder_that_is_not_there_yet(tmp_path):
    write_run(tmp_path / "runs", 0.9, {})
    to = tmp_path / "new" / "report"
    write(tmp_path / "runs", to)
    (row,) = csv.DictReader((to / "report.csv").open())
    assert row["clean"] == "0.9"
    # Folders of runs are told from where the report is.
    assert str(tmp_path / "runs" / "0") in (to / "report.html").read_text()
