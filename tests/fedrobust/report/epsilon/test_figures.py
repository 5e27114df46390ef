"""Figures of training epsilons."""

from fedrobust.report.epsilon.figures import (
    clean_against_robust,
    draw_epsilon_figures,
    training_heat_map,
)
from tests.fedrobust.report.epsilon.sweeps import matrix_of


def test_the_figures_say_what_the_matrix_says(tmp_path):
    matrix = matrix_of(tmp_path)
    noise, pgd, _ = training_heat_map([matrix]).axes
    # Both panels have the rows none, 0.1 and 0.2: equal epsilons stand in one line.
    assert [t.get_text().partition("\n")[0] for t in noise.texts] == [
        *("97.0", "42.0", "10.0"), *("96.0", "44.0", "12.0"), *("–", "–", "–"),
    ]  # fmt: skip
    assert [t.get_text().partition("\n")[0] for t in pgd.texts] == [
        *("97.0", "42.0", "10.0"), *("95.0", "82.0", "50.0"),
        *("91.0", "84.0", "65.0"),
    ]  # fmt: skip
    (axes,) = clean_against_robust([matrix], "0.1").axes
    assert axes.get_ylabel() == "accuracy at ε = 0.1 (%)"
    assert [t.get_text() for t in axes.texts] == ["none", "0.1", "0.1", "0.2"]
    # Without a threat, the middle epsilon.
    (axes,) = clean_against_robust([matrix], None).axes
    assert axes.get_ylabel() == "accuracy at ε = 0.2 (%)"
    written = draw_epsilon_figures([matrix], None, tmp_path)
    assert [p.name for p in written] == [
        "training_epsilon.png",
        "clean_against_robust.png",
    ]
    before = [p.read_bytes() for p in written]
    draw_epsilon_figures([matrix], None, tmp_path)
    assert [p.read_bytes() for p in written] == before
