"""The figures that nobody asked for: what varies is found and drawn."""

import math
import tempfile
from pathlib import Path
from statistics import fmean

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from matplotlib.container import BarContainer

from fedrobust.report import collect, grids
from fedrobust.report.figures import default_drawings
from tests.fedrobust.report.runs import change_result, write_rounds, write_run

COMMAND = "fedrobust report runs"


def drawn(folder: Path) -> dict:
    return {d.name: d for d in default_drawings(collect(folder), COMMAND)}


def test_a_number_has_lines_and_a_choice_is_told_apart_by_colour(tmp_path):
    for rule in ("fedavg", "krum"):
        for number in (0, 1, 2):
            more = {"num_byzantine": number}
            write_run(tmp_path, 0.9, 0.5, strategy=rule, more=more)
    found = drawn(tmp_path)
    for measure in ("clean-accuracy", "robust-accuracy"):
        place = found[f"{measure}-over-num-byzantine-by-strategy"].figure.axes[0]
        assert [len(line.get_xdata()) for line in place.lines] == [3, 3]


def test_a_choice_alone_has_bars(tmp_path):
    for model in ("mlp", "cnn"):
        write_run(tmp_path, 0.9, 0.5, model=model)
    drawing = drawn(tmp_path)["clean-accuracy-over-model"]
    assert len(drawing.figure.axes[0].patches) == 2


def test_rules_and_attacks_have_a_heat_map_in_every_setting(tmp_path):
    """Two evasion attacks in one folder, or two alphas, are settings of their own."""
    for attack in ("fgsm", "pgd"):
        for alpha in (0.1, 0.5):
            for rule in ("fedavg", "krum"):
                for byzantine in ("none", "alie"):
                    partition = {"partition": {"seed": 0, "alpha": alpha}}
                    write_run(tmp_path, alpha, 0.5, strategy=rule, attack=attack,
                              byzantine=byzantine, more=partition)  # fmt: skip
    drawing = drawn(tmp_path)["clean-accuracy-defences-against-attacks"]
    *places, _ = drawing.figure.axes
    assert [place.get_title() for place in places] == [
        f"attack={attack} alpha={alpha}"
        for attack in ("fgsm", "pgd") for alpha in (0.1, 0.5)
    ]  # fmt: skip
    numbers = [{t.get_text() for t in place.texts} for place in places]
    assert numbers == [{"10.0"}, {"50.0"}] * 2


def test_a_round_has_learning_curves(tmp_path):
    for rule, last in (("fedavg", 0.9), ("krum", 0.8)):
        write_run(tmp_path / rule, last, 0.5, strategy=rule)
        write_rounds(tmp_path / rule, [0.5, last])
    drawing = drawn(tmp_path)["clean-accuracy-over-round-by-strategy"]
    curves = [[*line.get_ydata()] for line in drawing.figure.axes[0].lines]
    np.testing.assert_allclose(curves, [[50, 90], [50, 80]])
    assert drawing.section == "learning"


def test_a_figure_without_numbers_says_why_in_its_place(tmp_path):
    write_run(tmp_path, 0.9, {})
    found = drawn(tmp_path)
    assert all(drawing.figure is None for drawing in found.values())
    assert "attack=pgd" in found["accuracy-against-epsilon"].reason
    assert "evaluation.every=1" in found["learning-curves"].reason


def test_experiments_on_other_data_are_drawn_beside_one_another(tmp_path):
    for dataset, epsilons in (("digits", ("0.1", "0.2")), ("mnist", ("0.3",))):
        robust = dict.fromkeys(epsilons, 0.5)
        write_run(tmp_path, 0.9, robust, dataset=dataset, seed=0)
    found = drawn(tmp_path)
    curve = found["robust-accuracy-over-epsilon-by-dataset"].figure.axes[0]
    lines = [[*line.get_xdata()] for line in curve.lines]
    assert lines == [[0, 0.1, 0.2], [0, 0.3]]


def test_the_same_runs_give_the_same_drawings(tmp_path):
    for rule in ("fedavg", "krum"):
        for byzantine in ("none", "alie", "ipm"):
            write_run(tmp_path, 0.9, 0.5, strategy=rule, byzantine=byzantine)
    change_result(tmp_path, "krum-ipm-0", warnings=["no attack"])
    one, other = drawn(tmp_path), drawn(tmp_path)
    assert [*one] == [*other]
    for name, drawing in one.items():
        assert (drawing.caption, drawing.command) == (
            other[name].caption, other[name].command,
        )  # fmt: skip


KEYS = {
    "strategy": ["fedavg", "krum", "a|b"],
    "byzantine": ["none", "alie", "$x_1$"],
    "training": ["standard", "pgd"],
    "num_byzantine": [0, 1, 5],
    "partition.alpha": [0.01, 0.1, 10.0],
    "training.epsilon": [None, "4/255", 0.3],
}


@st.composite
def sweeps(draw):
    """Draw the values of one to three keys, and the accuracies of some seeds each."""
    keys = draw(st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=3,
                         unique=True))  # fmt: skip
    kept = {
        key: draw(st.lists(st.sampled_from(KEYS[key]), min_size=1, max_size=3,
                           unique=True))
        for key in keys
    }  # fmt: skip
    places = [{}]
    for key, values in kept.items():
        places = [{**place, key: value} for place in places for value in values]
    share = st.integers(0, 1000).map(lambda number: number / 1000)
    seeds = st.lists(st.tuples(share, share), min_size=1, max_size=4)
    return [(place, draw(seeds)) for place in places]


def write(folder: Path, sweep) -> None:
    for place, accuracies in sweep:
        epsilon, alpha = (
            place.get("training.epsilon"),
            place.get("partition.alpha", 1.0),
        )
        choices = {k: v for k, v in place.items() if "." not in k and k[:4] != "num_"}
        for seed, (clean, robust) in enumerate(accuracies):
            more = {"num_byzantine": place.get("num_byzantine", 0),
                    "partition": {"seed": seed, "alpha": alpha}}  # fmt: skip
            write_run(folder, clean, robust, seed=seed, epsilon=epsilon, more=more,
                      objective={"epsilon": epsilon}, **choices,
                      digest=f"run_{len([*folder.iterdir()])}")  # fmt: skip


@given(sweeps())
@settings(max_examples=20, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_whatever_varies_a_mean_belongs_to_the_seeds_of_one_experiment(sweep):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, sweep)
        runs = collect(folder)
        drawings = default_drawings(runs, COMMAND)
    assert len({drawing.name for drawing in drawings}) == len(drawings)
    groups = [group.results for group in runs.groups]
    assert sorted(map(len, groups)) == sorted(len(seeds) for _, seeds in sweep)
    robust = [[r.worst_robust_accuracy["0.1"] for r in each] for each in groups]
    clean = [[r.clean_accuracy for r in each] for each in groups]
    means = {round(100 * fmean(values), 6) for values in (*clean, *robust)}
    for drawing in drawings:
        assert (drawing.figure is None) == bool(drawing.reason)
        if drawing.figure is not None and "against" not in drawing.name:
            assert plotted(drawing.figure) <= means
    for grid in grids(runs):
        values = grid.values[~np.isnan(grid.values)]
        assert {round(100 * value, 6) for value in values} <= means


def plotted(figure) -> set[float]:
    """Return the height of each bar, line and large point of a figure."""
    heights = set()
    for place in figure.axes:
        bars = [c for c in place.containers if isinstance(c, BarContainer)]
        if bars:
            heights |= {bar.get_height() for each in bars for bar in each}
            continue
        large = max((line.get_markersize() for line in place.lines), default=0)
        for line in place.lines:
            if line.get_markersize() == large:
                heights |= set(map(float, line.get_ydata()))
    return {round(height, 6) for height in heights if not math.isnan(height)}


def test_the_property_would_see_a_mean_over_two_experiments(tmp_path):
    """What ``plotted`` reads off is what was drawn."""
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.7, 0.3, strategy="krum")
    drawing = drawn(tmp_path)["clean-accuracy-over-strategy"]
    assert plotted(drawing.figure) == {90, 70}
    scatter = drawn(tmp_path)["robust-accuracy-over-clean-accuracy-by-strategy"]
    assert plotted(scatter.figure) == {50, 30}
    assert not plotted(drawing.figure) <= {80}


def test_where_all_have_one_point_one_reason_stands(tmp_path):
    for model, numbers in (("mlp", (0,)), ("cnn", (0, 1))):
        for rule in ("fedavg", "krum"):
            for training in ("standard", "pgd"):
                for number in numbers:
                    write_run(tmp_path, 0.9, {}, training=training, strategy=rule,
                              model=model, more={"num_byzantine": number})  # fmt: skip
    drawings = default_drawings(collect(tmp_path), COMMAND)
    (missing,) = [d for d in drawings if d.section == "comparison"]
    assert missing.figure is None
    assert "model=mlp" in missing.reason
    assert "one value of num_byzantine" in missing.reason


def test_figures_with_one_point_across_are_left_out_beside_others(tmp_path):
    for model, numbers, alphas in (("mlp", (0,), (1, 2)), ("cnn", (0, 1), (1,))):
        for rule in ("fedavg", "krum"):
            for training in ("standard", "pgd"):
                for number in numbers:
                    for alpha in alphas:
                        more = {"num_byzantine": number, "partition": {"alpha": alpha}}
                        write_run(tmp_path, 0.9, {}, training=training, strategy=rule,
                                  model=model, more=more)  # fmt: skip
    drawings = default_drawings(collect(tmp_path), COMMAND)
    (drawn,) = [d for d in drawings if d.section == "comparison"]
    assert "over-partition-alpha" in drawn.name
    assert drawn.figure is not None
