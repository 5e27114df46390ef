"""The page of a reproduction."""

import yaml

from fedrobust.reproduce import Results, load_reproduction
from fedrobust.reproduce.figure import against
from fedrobust.reproduce.published import read_published
from tests.fedrobust.reproduce.toy import command


def test_cells_of_another_setting_are_compared_and_say_why(toy, monkeypatch):
    path = toy / "demo" / "reproduction.yaml"
    definition = yaml.safe_load(path.read_text())
    definition["unlike"] = [{"cells": {"rule": "avg"}, "why": "a smaller network"}]
    path.write_text(yaml.safe_dump(definition))
    assert command(toy, monkeypatch, "--cells", "rule=avg", "--seeds", "0") == 0
    page = (toy / "demo" / "README.md").read_text()
    assert "| 1 of 2 | compared (a smaller network) |" in page
    assert "2 cells, by accuracy: 1 compared, 1 not run" in page
    reproduction = load_reproduction("demo", toy)
    figure = against(reproduction, Results(reproduction), read_published(reproduction))
    _, words = figure.axes[0].get_legend_handles_labels()
    assert words == ["compared"]
