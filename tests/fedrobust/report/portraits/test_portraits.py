"""All figures of runs together."""

import shlex

from fedrobust.report.collect import collect
from fedrobust.report.portraits import portraits
from tests.fedrobust.report.portraits.stored import write


def test_every_figure_has_its_own_name_and_command(tmp_path):
    write(tmp_path)
    found = portraits(collect(tmp_path), "fedrobust report 'a b'")
    names = [drawing.name for drawing in found]
    assert len(names) == len(set(names)) == 7
    for drawing in found:
        words = ["fedrobust", "report", "a b", "--figure", drawing.name]
        assert shlex.split(drawing.command) == words


def test_a_run_of_an_earlier_version_gets_reasons_that_are_sentences(tmp_path):
    write(tmp_path)
    for drawing in portraits(collect(tmp_path), ""):
        assert drawing.figure is None
        assert drawing.reason[0].isupper()
        assert drawing.reason.endswith(".")
