"""Figures of training epsilons."""

from fedrobust.report import draw_epsilon_figures
from fedrobust.report.epsilon.figures import clean_against_robust, training_heat_map
from tests.fedrobust.report.epsilon.sweeps import matrix_of


def test_the_figures_say_what_the_matrix_says(tmp_path):
    matrix = matrix_of(tmp_path)
    noise, pgd = training_heat_map([matrix]).axes
    # Both panels have the rows none, 0.1 and 0.2: equal epsilons stand in one line.
    assert [t.get_text() for t in noise.texts] == [
        *("97", "42", "10"), *("96", "44", "12"), *("–", "–", "–"),
    ]  # fmt: skip
    assert [t.get_text() for t in pgd.texts] == [
        *("97", "42", "10"), *("95", "82", "50"), *("91", "84", "65"),
    ]  # fmt: skip
    (axes,) = clean_against_robust([matrix], "0.1").axes
    assert axes.get_ylabel() == "accuracy at ε = 0.1 in percent"
    assert [t.get_text() for t in axes.texts] == ["none", "0.1", "0.1", "0.2"]
    # Without a threat, the middle epsilon.
    (axes,) = clean_against_robust([matrix], None).axes
    assert axes.get_ylabel() == "accuracy at ε = 0.2 in percent"
    written = draw_epsilon_figures([matrix], None, tmp_path)
    assert [p.name for p in written] == [
        "training_epsilon.png",
        "clean_against_robust.png",
    ]
    before = [p.read_bytes() for p in written]
    draw_epsilon_figures([matrix], None, tmp_path)
    assert [p.read_bytes() for p in written] == before
