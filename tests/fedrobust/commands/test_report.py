"""The command `fedrobust report`."""

import pytest

from fedrobust.cli import main
from tests.fedrobust.report.runs import write_run

CURVE = "figures/robust-accuracy-over-epsilon-by-strategy.png"


@pytest.mark.parametrize(
    "name", ["report.html", "report.md", "report.tex", "report.csv", CURVE]
)
def test_a_folder_that_cannot_be_written_is_told(tmp_path, capsys, name):
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.8, 0.5, strategy="krum")
    (tmp_path / name).mkdir(parents=True)
    assert main(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"fedrobust: {tmp_path} cannot be written" in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob(".*"))
