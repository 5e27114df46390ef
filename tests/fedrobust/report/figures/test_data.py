"""What a figure puts on its axes, by hand."""

from dataclasses import replace

import pandas as pd
import pytest

from fedrobust.errors import ConfigError
from fedrobust.report import collect
from fedrobust.report.figures import Axes, data_for, drawing_for
from fedrobust.report.figures.axes import ordered
from fedrobust.report.figures.names import column
from tests.fedrobust.report.runs import change_result, write_rounds, write_run

COMMAND = "fedrobust report runs"


def attackers(folder, rules=("fedavg", "krum"), seeds=(0, 1)) -> None:
    """Write accuracies that fall by 10 points with each Byzantine client."""
    for rule, best in zip(rules, (0.90, 0.80, 0.70, 0.60), strict=False):
        for number in (0, 1, 2):
            for seed in seeds:
                clean = best - 0.1 * number + 0.02 * seed
                more = {"num_byzantine": number}
                write_run(folder, clean, 0.5, strategy=rule, seed=seed, more=more)


def rows(data) -> list[tuple]:
    """Return x, hue, facet, seed and y of each row, in their order."""
    frame = data.frame.sort_values(["x", "hue", "facet", "seed"])
    names = ["x", "hue", "facet", "seed", "y"]
    return [(*row[:-1], round(row[-1], 9)) for row in frame[names].to_numpy().tolist()]


def test_a_key_in_which_runs_of_one_place_differ_becomes_the_hue(tmp_path):
    attackers(tmp_path, seeds=(0,))
    data = data_for(collect(tmp_path), Axes(x="num_byzantine", y="clean_accuracy"))
    assert (data.axes.hue, data.axes.facet, data.is_numeric) == ("strategy", None, True)
    assert rows(data) == [
        (0, "fedavg", "", 0, 90), (0, "krum", "", 0, 80),
        (1, "fedavg", "", 0, 80), (1, "krum", "", 0, 70),
        (2, "fedavg", "", 0, 70), (2, "krum", "", 0, 60),
    ]  # fmt: skip


def test_a_second_one_becomes_the_facet_and_a_third_is_refused_or_fixed(tmp_path):
    levels = [(t, r, a) for t in ("standard", "pgd") for r in ("fedavg", "krum")
              for a in (0.1, 0.5)]  # fmt: skip
    for place, (training, rule, alpha) in enumerate(levels):
        for number in (0, 1):
            partition = {"partition": {"seed": 0, "alpha": alpha}}
            more = {"num_byzantine": number, **partition}
            write_run(tmp_path, place / 10 + number / 100, 0.5, training=training,
                      strategy=rule, more=more)  # fmt: skip
    runs = collect(tmp_path)
    axes = Axes(x="num_byzantine", y="clean_accuracy")
    alone = data_for(runs, replace(axes, where={"alpha": "0.5"}))
    assert (alone.axes.hue, alone.axes.facet) == ("training", "strategy")
    assert (alone.hues, alone.facets) == (["standard", "pgd"], ["fedavg", "krum"])
    assert [row[-1] for row in rows(alone)] == [50, 70, 10, 30, 51, 71, 11, 31]
    with pytest.raises(ConfigError) as error:
        data_for(runs, axes)
    assert str(error.value) == (
        "the runs also differ in partition.alpha, and a mean over them belongs to no "
        "experiment: add --where partition.alpha=0.1"
    )
    assert rows(data_for(runs, axes, fix=True)) == rows(
        data_for(runs, replace(axes, where={"alpha": "0.1"}))
    )
    drawing = drawing_for(runs, axes, COMMAND, fix=True)
    told = "Runs with partition.alpha=0.1; --where draws others."
    assert drawing.caption.startswith(told)
    assert drawing.command.endswith("--where partition.alpha=0.1")


def test_the_command_under_a_figure_draws_the_same_numbers(tmp_path):
    attackers(tmp_path)
    runs = collect(tmp_path)
    first = data_for(runs, Axes(x="num_byzantine", where={"strategy": "krum"}))
    assert first.axes.options() == [
        *("--x", "num_byzantine", "--y", "clean_accuracy"),
        *("--where", "strategy=krum"),
    ]
    again = data_for(runs, first.axes)
    assert rows(again) == rows(first)
    assert len(first.frame) == 6


def test_only_the_runs_with_a_value_are_used(tmp_path):
    attackers(tmp_path, seeds=(0,))
    axes = Axes(x="num_byzantine", where={"strategy": "krum"})
    data = data_for(collect(tmp_path), axes)
    assert data.axes.hue is None
    assert [(row[0], row[-1]) for row in rows(data)] == [(0, 80), (1, 70), (2, 60)]


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        ({"x": "num_byzantin"}, "--x num_byzantin: nothing .*'num_byzantine'"),
        ({"x": "rounds"}, "--x rounds: nothing .* did you mean 'round'"),
        ({"y": "clean_acuracy"}, "--y clean_acuracy: .* did you mean 'clean_accuracy'"),
        ({"hue": "strateg"}, "--hue strateg: .* did you mean 'strategy'"),
        ({"facet": "trategy"}, "--facet trategy: .* did you mean 'strategy'"),
        (
            {"hue": "clean_accuracy"},
            "--hue clean_accuracy: nothing .* varies in",
        ),
        ({"where": {"strategi": "krum"}}, "--where strategi: .*'strategy'"),
        ({"where": {"strategy": "kurm"}}, "--where strategy=kurm: no run .*'krum'"),
        ({"y": "robust.macro_f1"}, "--y robust.macro_f1: nothing of this name"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(tmp_path, axes, told):
    attackers(tmp_path, seeds=(0,))
    with pytest.raises(ConfigError, match=told):
        data_for(collect(tmp_path), Axes(**{"x": "num_byzantine", **axes}))


@pytest.mark.parametrize("x", ["round", "epsilon"])
def test_what_was_not_recorded_is_told(tmp_path, x):
    write_run(tmp_path, 0.9, {}, strategy="fedavg")
    write_run(tmp_path, 0.9, {}, strategy="krum")
    with pytest.raises(ConfigError) as error:
        data_for(collect(tmp_path), Axes(x=x))
    assert str(error.value).startswith(f"--x {x}: no run ")


def test_the_end_of_a_key_names_it_where_only_one_ends_so(tmp_path):
    for alpha in (0.1, 0.5):
        for f in (1, 2):
            more = {"partition": {"seed": 0, "alpha": alpha}, "strategy": {"f": f}}
            write_run(tmp_path, alpha + f / 10, 0.5, more=more)
    runs = collect(tmp_path)
    data = data_for(runs, Axes(x="f", y="clean_accuracy", hue="alpha"))
    assert (data.axes.x, data.axes.hue) == ("strategy.f", "partition.alpha")
    assert [row[-1] for row in rows(data)] == [20, 60, 30, 70]
    data = data_for(runs, Axes(x="f", y="clean_accuracy", where={"alpha": "0.5"}))
    assert [row[-1] for row in rows(data)] == [60, 70]
    data = data_for(runs, Axes(x="f", y="clean_accuracy", facet="alpha"))
    assert data.facets == ["0.1", "0.5"]


def test_an_end_that_two_keys_share_is_refused_with_both(tmp_path):
    for number in (0.1, 0.2):
        more = {
            "partition": {"seed": 0, "beta": number},
            "strategy": {"beta": 1 + number},
        }
        write_run(tmp_path, 0.9, 0.5, more=more)
    with pytest.raises(ConfigError) as error:
        data_for(collect(tmp_path), Axes(x="beta"))
    assert str(error.value) == (
        "--x beta: partition.beta and strategy.beta end so, write one of them in full"
    )


def test_the_end_of_a_measure_names_it_where_only_one_ends_so(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    path = write_rounds(tmp_path, [0.4, 0.9])
    lines = path.read_text().splitlines()
    metrics = '"train_metrics": {"train_loss": 0.25, "accuracy": 0.5}'
    path.write_text("".join(f"{line[:-1]}, {metrics}}}\n" for line in lines))
    data = data_for(collect(tmp_path), Axes(x="round", y="train_loss"))
    assert data.axes.y == "train_metrics.train_loss"
    assert [row[-1] for row in rows(data)] == [0.25, 0.25]


def test_an_end_that_several_measures_share_is_refused_with_all():
    names = ["strategy", "robust.0.1.macro_f1", "robust.0.2.macro_f1"]
    frame = pd.DataFrame(columns=[*names, "robust_accuracy.pgd.0.1"])
    with pytest.raises(ConfigError) as error:
        column("macro_f1", frame, ["strategy"], "--y", measures=True)
    assert str(error.value) == (
        "--y macro_f1: robust.0.1.macro_f1 and robust.0.2.macro_f1 end so, write one "
        "of them in full"
    )
    with pytest.raises(ConfigError, match="--y 1: nothing of this name"):
        column("1", frame, ["strategy"], "--y", measures=True)


def test_the_robust_accuracy_of_rounds_is_named_as_what_it_is(tmp_path):
    """Under each attack 60 or 70 %; under both together 50 %, as in the result."""
    write_run(tmp_path, 0.9, 0.5)
    path = write_rounds(tmp_path, [0.4, 0.9])
    robust = '"robust_accuracy": {"fgsm": {"0.1": 0.7}, "pgd": {"0.1": 0.6}}'
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line[:-1]}, {robust}}}\n" for line in lines))
    axes = Axes(x="round", y="robust_accuracy")
    data = data_for(collect(tmp_path), axes)
    assert data.measure.label == "lowest accuracy over the attacks at ε = 0.1 (%)"
    assert [row[-1] for row in rows(data)] == [60, 60]
    drawing = drawing_for(collect(tmp_path), axes, COMMAND)
    assert drawing.caption.startswith("A line may end above the accuracy of the tables")


def test_over_epsilon_zero_is_the_clean_accuracy_and_each_attack_is_a_measure(tmp_path):
    write_run(tmp_path, 0.9, {"0.1": 0.5, "0.2": 0.3})
    change_result(tmp_path, "0", robust_accuracy={"pgd": {"0.1": 0.6, "0.2": 0.3}})
    runs = collect(tmp_path)
    data = data_for(runs, Axes(x="epsilon", y="robust_accuracy"))
    assert [(r[0], r[-1]) for r in rows(data)] == [(0, 90), (0.1, 50), (0.2, 30)]
    assert data.measure.label == "accuracy under attack (%)"
    data = data_for(runs, Axes(x="epsilon", y="robust_accuracy.pgd"))
    assert [(r[0], r[-1]) for r in rows(data)] == [(0, 90), (0.1, 60), (0.2, 30)]


def test_over_rounds_a_line_is_one_experiment(tmp_path):
    for seed, last in ((0, 0.8), (1, 0.6)):
        write_run(tmp_path / str(seed), last, 0.5, seed=seed)
        write_rounds(tmp_path / str(seed), [0.2, last])
    data = data_for(collect(tmp_path), Axes(x="round", y="clean_accuracy"))
    found = [(row[0], row[-2], row[-1]) for row in rows(data)]
    assert found == [(1, 0, 20), (1, 1, 20), (2, 0, 80), (2, 1, 60)]


def test_a_measure_across_is_shown_in_its_own_unit(tmp_path):
    attackers(tmp_path, seeds=(0,))
    axes = Axes(x="wall_seconds", y="clean_accuracy")
    data = data_for(collect(tmp_path), axes)
    assert (data.x_label, data.axes.hue) == ("seconds", "strategy")
    assert {row[0] for row in rows(data)} == {1.0}
    data = data_for(collect(tmp_path), Axes(x="clean_accuracy", y="robust_accuracy"))
    assert data.x_label == "clean accuracy (%)"
    assert data.measure.label == "accuracy under attack at ε = 0.1 (%)"
    assert {round(row[0], 9) for row in rows(data)} == {60, 70, 80, 90}


def test_fractions_are_numbers_and_a_key_that_some_runs_lack_leaves_a_gap(tmp_path):
    for epsilon in ("8/255", "4/255", None):
        kind = "standard" if epsilon is None else "pgd"
        write_run(tmp_path, 0.9, 0.5, training=kind, epsilon=epsilon,
                  objective={"epsilon": epsilon})  # fmt: skip
    data = data_for(collect(tmp_path), Axes(x="training.epsilon", y="clean_accuracy"))
    assert data.is_numeric
    assert sorted(data.frame["x"].dropna()) == pytest.approx([4 / 255, 8 / 255])
    assert data.frame["x"].isna().sum() == 1


def test_seeds_of_one_experiment_stay_one_where_others_clash(tmp_path):
    """Runs that agree in every key and in the seed have a column for their digest."""
    for name in ("old", "new"):
        write_run(tmp_path / name, 0.5, 0.3)
        path = tmp_path / name / "0/config.yaml"
        text = path.read_text().replace("config_digest: '0'", f"config_digest: {name}")
        path.write_text(text)
    for seed, clean in ((0, 0.9), (1, 0.8)):
        write_run(tmp_path, clean, 0.3, strategy="krum", seed=seed)
    runs = collect(tmp_path)
    assert runs.columns == ["strategy", "digest"]
    data = data_for(runs, Axes(x="strategy", y="clean_accuracy"))
    assert data.axes.hue == "digest"
    krum = data.frame[data.frame["x"] == "krum"]
    assert (krum["hue"].unique().tolist(), len(krum)) == ([""], 2)


def test_a_key_is_no_measure(tmp_path):
    for strategy in ("fedavg", "krum"):
        write_run(tmp_path, 0.9, 0.5, strategy=strategy)
    with pytest.raises(ConfigError, match="--y strategy: is a key, no measure, "):
        data_for(collect(tmp_path), Axes("strategy", "strategy"))


def test_an_infinite_target_is_the_last_of_the_categories(tmp_path):
    for number, target in enumerate((8.0, float("inf"), 1.0, 3.0)):
        more = {"privacy": {"target_epsilon": target}}
        write_run(tmp_path, 0.5 + number / 10, 0.5, privacy="dp_sgd", more=more)
        if target < float("inf"):
            name = f"dp_sgd-0{more['privacy']}"
            change_result(tmp_path, name, privacy={"epsilon": target - 0.01})
    runs = collect(tmp_path)
    data = data_for(runs, Axes(x="privacy.target_epsilon", y="clean_accuracy"))
    assert not data.is_numeric
    places = ordered("privacy.target_epsilon", data.frame["x"])
    assert places == ["1.0", "3.0", "8.0", "inf"]
    data = data_for(runs, Axes(x="target_epsilon", y="epsilon"))
    assert data.measure.label == "ε of privacy"
    assert sorted(data.frame["x"]) == [1, 3, 8], "none is drawn without a claim"
    data = data_for(runs, Axes(x="privacy.epsilon", y="clean_accuracy"))
    assert data.is_numeric
