"""Figures of training epsilons."""

from fedrobust.report.epsilon.figures import (
    clean_against_robust,
    draw_epsilon_figures,
    training_heat_map,
)
from tests.fedrobust.report.epsilon.sweeps import SWEEP, changed, matrix_of


def test_the_figures_say_what_the_matrix_says(tmp_path):
    matrix = matrix_of(tmp_path)
    noise, pgd, _ = training_heat_map([matrix]).axes
    # Both panels have standard training, 0.1 and 0.2: equal epsilons in one line.
    rows = [label.get_text() for label in noise.get_yticklabels()]
    assert rows == ["standard", "0.1", "0.2"]
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
        *("training_epsilon.png", "training_epsilon.pdf"),
        *("clean_against_robust.png", "clean_against_robust.pdf"),
    ]
    before = [p.read_bytes() for p in written]
    draw_epsilon_figures([matrix], None, tmp_path)
    assert [p.read_bytes() for p in written] == before


def bars(axes) -> list[tuple[float, float]]:
    """Return the ends of the bars, in the order of the kinds of training."""
    found = [each for c in axes.containers for each in c.lines[2][0].get_segments()]
    return [(float(low), float(high)) for (_, low), (_, high) in found]


def test_the_bars_are_those_of_other_figures(tmp_path):
    """Two seeds have both ends; 80, 82 and 84 % give 82 ± 4.30265 * 2 / sqrt(3)."""
    (axes,) = clean_against_robust([matrix_of(tmp_path / "two")], "0.1").axes
    ends = {(round(low, 6), round(high, 6)) for low, high in bars(axes)}
    assert ends == {(40, 44), (44, 44), (80, 84), (81, 87)}
    told = "numbers are the training ε; bars: from one of two seeds to the other"
    assert axes.get_title() == told
    sweep = changed(pgd1=[(0.95, 0.80, 0.5), (0.95, 0.82, 0.5), (0.95, 0.84, 0.5)])
    (axes,) = clean_against_robust([matrix_of(tmp_path / "three", sweep)], "0.1").axes
    assert (77.0317, 86.9683) in [(round(a, 4), round(b, 4)) for a, b in bars(axes)]
    assert "95 % t intervals over seeds" in axes.get_title()
    sweep = {key: runs[:1] for key, runs in SWEEP.items()}
    (axes,) = clean_against_robust([matrix_of(tmp_path / "one", sweep)], "0.1").axes
    assert axes.get_title() == "numbers are the training ε"
    assert all(low == high for low, high in bars(axes))
