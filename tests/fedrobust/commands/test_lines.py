"""The lines of progress fit into 80 columns, whatever a user's values are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from fedrobust.commands.lines import (
    accuracies,
    cut_end,
    cut_middle,
    duration,
    named_line,
    round_line,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "1 s"),
        (41.4, "41 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (150, "2 min"),
        (3569, "59 min"),
        (3571, "1 h"),
        (7830, "2 h 10 min"),
        (86_399, "1 d"),
        (86_400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_durations_have_two_figures_or_so(seconds, words):
    assert duration(seconds) == words


def test_a_long_text_loses_its_middle():
    text = "strategy=krum byzantine=alie seed=1"
    assert cut_middle(text, 19) == "strategy...e seed=1"
    assert cut_middle("short", 5) == "short"
    assert cut_middle("longer", 5) == "l...r"
    assert cut_middle("anything", 2) == ".."
    assert cut_end("strategy=krum", 11) == "strategy..."


@given(st.text(), st.integers(0, 40))
def test_a_cut_text_is_printable_and_never_wider(text, width):
    for cut in (cut_middle(text, width), cut_end(text, width)):
        assert cell_len(cut) <= width
        assert cut.isprintable()
        assert "\n" not in cut


@given(st.text(), st.text(), st.integers(20, 100))
def test_a_named_line_is_never_wider(name, rest, width):
    assert cell_len(named_line(name, rest, width)) <= width


def test_a_named_line_cuts_the_name_before_the_rest():
    name = "strategy=krum byzantine=alie model.kind=long seed=1"
    line = named_line(name, "round 3/10  clean 50.1", 60)
    assert line.endswith("seed=1: round 3/10  clean 50.1")
    assert len(line) == 60
    assert named_line("seed=1", "x" * 90).startswith("seed=1: xxx")


def test_a_line_about_a_round_loses_the_loss_first_then_accuracies():
    parts, loss = ["round 3/10", "", "2 failed", "4 s left"], "loss 0.5"
    whole = "round 3/10  clean 50.1  loss 0.5  2 failed  4 s left"
    assert round_line(parts, "clean 50.1", loss) == whole
    assert round_line(parts, "clean 50.1", loss, len(whole)) == whole
    shorter = "round 3/10  clean 50.1  2 failed  4 s left"
    assert round_line(parts, "clean 50.1", loss, len(whole) - 1) == shorter
    many = "clean 50.1  pgd " + " ".join(["12.3"] * 20)
    line = round_line(parts, many, loss)
    assert len(line) == 80
    assert line.startswith("round 3/10  clean 50.1  pgd 12.3")
    assert line.endswith("...  2 failed  4 s left")
    assert cell_len(round_line(parts, many, loss, 30)) <= 30


def test_accuracies_are_percent():
    curves = {"pgd": {"0.1": 0.5, "0.2": 0.25}, "fgsm": {"0.1": 0.123}}
    assert accuracies(0.825, curves) == "clean 82.5  pgd 50.0 25.0  fgsm 12.3"
    assert accuracies(0.825, None) == "clean 82.5"
    assert accuracies(None, None) == ""
