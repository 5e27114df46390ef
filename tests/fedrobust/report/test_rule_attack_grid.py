"""Rules against attacks, by hand."""

import json

import numpy as np
import pytest

from fedrobust.report import collect, grids, robustness_table
from fedrobust.report.figures.heat_map import draw_grids
from tests.fedrobust.report.runs import (
    change_result,
    content_of,
    report_text,
    write_run,
)


def test_a_missing_cell_is_marked_not_guessed(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    write_run(tmp_path, 0.8, 0.4, strategy="krum", byzantine="alie")
    write_run(tmp_path, 0.7, 0.4, strategy="krum", byzantine="ipm")
    first, *_ = draw_grids(grids(collect(tmp_path))[:1])
    # Nobody, the worst, alie and ipm: fedavg has the first, krum the others.
    texts = [t.get_text() for t in first.axes[0].texts]
    assert texts == ["90.0", "–", "–", "–", "–", "70.0", "80.0", "70.0"]


def test_the_robustness_tax_and_the_worst_case_by_hand(tmp_path):
    accuracies = {
        "fedavg": {"none": 0.95, "alie": 0.90, "sign_flip": 0.10},
        "krum": {"none": 0.88, "alie": 0.70, "sign_flip": 0.85},
    }
    for strategy, row in accuracies.items():
        for byzantine, clean in row.items():
            write_run(tmp_path, clean, 0.5, strategy=strategy, byzantine=byzantine)
    runs = collect(tmp_path)
    grid = grids(runs)[0]
    assert grid.title == "clean accuracy"
    assert grid.strategies == ["fedavg", "krum"]
    assert grid.attacks == ["none", "alie", "sign_flip"]
    np.testing.assert_allclose(grid.tax, [0, 0.07])
    np.testing.assert_allclose(grid.worst, [0.10, 0.70])
    assert grid.worst_attacks == ["sign_flip", "alie"]
    text = report_text(runs)
    assert "| strategy | tax | none | alie | sign_flip | worst |" in text
    assert "| krum | 7.0 | 88.0 | 70.0 | 85.0 | 70.0 |" in text
    table = robustness_table(grid)
    assert [[*map(str, column.cells)] for column in table.columns][1:] == [
        ["95.0", "88.0"], ["0.0", "7.0"], ["10.0", "70.0"], ["sign_flip", "alie"],
    ]  # fmt: skip


def test_backdoor_success_is_the_worst_where_it_is_greatest(tmp_path):
    for byzantine, success in (("none", None), ("backdoor", 0.2), ("dba", 0.9)):
        write_run(tmp_path, 0.9, 0.5, byzantine=byzantine)
        path = next(tmp_path.glob(f"{byzantine}-0/evaluations/*.json"))
        result = json.loads(path.read_text())
        path.write_text(json.dumps({**result, "backdoor_success": success}))
    grid = grids(collect(tmp_path))[-1]
    assert grid.attacker_gains
    assert grid.attacks == ["backdoor", "dba"]
    assert grid.worst == pytest.approx([0.9])
    assert grid.worst_attacks == ["dba"]


def write_grid(folder, level=0.0, **more) -> None:
    """Write fedavg, 90 and 20, and krum, 80 and 60, all lower by a level."""
    accuracies = {"fedavg": (0.9, 0.2), "krum": (0.8, 0.6)}
    for strategy, row in accuracies.items():
        for byzantine, clean in zip(("none", "alie"), row, strict=True):
            write_run(folder, clean - level, 0.5, strategy=strategy,
                      byzantine=byzantine, **more)  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ([{"attack": "fgsm"}, {"attack": "pgd"}], ["attack=fgsm", "attack=pgd"]),
        ([{"more": {"partition": {"seed": 0, "alpha": alpha}}} for alpha in (0.1, 0.5)],
         ["alpha=0.1", "alpha=0.5"]),
        ([{"training": "standard"}, {"training": "pgd"}],
         ["training=standard", "training=pgd"]),
    ],
)  # fmt: skip
def test_each_setting_has_a_table_with_its_own_tax_and_worst_case(
    tmp_path, settings, names
):
    for level, setting in enumerate(settings):
        write_grid(tmp_path, level / 10, **setting)
    found = [g for g in grids(collect(tmp_path)) if g.title == "clean accuracy"]
    assert [grid.setting for grid in found] == names
    for level, grid in enumerate(found):
        np.testing.assert_allclose(
            grid.values, np.array([[0.9, 0.2], [0.8, 0.6]]) - level / 10
        )
        # Within a setting, the level is lost on both sides of the difference.
        np.testing.assert_allclose(grid.tax, [0, 0.1])
        np.testing.assert_allclose(grid.worst, np.array([0.2, 0.6]) - level / 10)
    text = report_text(tmp_path)
    assert f"## Clean accuracy, {names[0]}: rules against attacks" in text
    assert "| krum | 10.0 | 80.0 | 60.0 | 60.0 |" in text
    assert "| krum | 10.0 | 70.0 | 50.0 | 50.0 |" in text


def test_a_row_is_a_whole_defence_and_averaging_alone_is_the_plain_one(tmp_path):
    for preaggregator, gain in (("none", 0.0), ("nnm", 0.05)):
        write_grid(tmp_path, -gain, preaggregator=preaggregator)
    grid = grids(collect(tmp_path))[0]
    assert grid.strategies == ["fedavg", "fedavg nnm", "krum", "krum nnm"]
    np.testing.assert_allclose(grid.tax, [0, -0.05, 0.1, 0.05])


def test_an_optimizer_of_the_server_is_named_and_the_plain_one_is_not(tmp_path):
    for optimizer in ("sgd", "adam"):
        write_grid(tmp_path, **{"strategy/server_optimizer": optimizer})
    grid = grids(collect(tmp_path))[0]
    adam = " server_optimizer=adam"
    assert grid.strategies == ["fedavg", f"fedavg{adam}", "krum", f"krum{adam}"]
    assert grid.plain == 0


def test_a_column_is_a_whole_attack(tmp_path):
    for z in (0.5, 1.5):
        more = {"byzantine": {"z": z}}
        for strategy in ("fedavg", "krum"):
            write_run(tmp_path, 0.9 - z / 10, 0.5, byzantine="alie", strategy=strategy,
                      more=more)  # fmt: skip
    write_run(tmp_path, 0.95, 0.5)
    grid = grids(collect(tmp_path))[0]
    assert grid.attacks == ["none", "alie z=0.5", "alie z=1.5"]
    np.testing.assert_allclose(grid.worst, [0.75, 0.75])
    assert grid.worst_attacks == ["alie z=1.5"] * 2


def test_seeds_are_averaged_with_their_spread(tmp_path):
    for seed in (0, 1, 2):
        write_grid(tmp_path, (seed - 1) / 50, seed=seed)
    grid = grids(collect(tmp_path))[0]
    np.testing.assert_allclose(grid.values, [[0.9, 0.2], [0.8, 0.6]])
    np.testing.assert_allclose(grid.errors, np.full((2, 2), 0.02))
    assert "| krum | 10.0 ± 0.0 | 80.0 ± 2.0 | 60.0 ± 2.0 | 60.0 |" in report_text(
        tmp_path
    )


def test_the_worst_is_marked_if_any_attack_of_the_row_is_and_the_tax_by_its_two(
    tmp_path,
):
    for strategy in ("fedavg", "krum"):
        for place, byzantine in enumerate(("none", "alie", "ipm")):
            write_run(tmp_path, 0.9 - place / 10, 0.5, strategy=strategy,
                      byzantine=byzantine)  # fmt: skip
    change_result(tmp_path, "fedavg-none-0", warnings=["one"])
    change_result(tmp_path, "krum-alie-0", warnings=["two"])
    grid = grids(collect(tmp_path))[0]
    assert grid.worst_marks == [[], ["b"]]
    assert grid.tax_marks == [["a"], ["a"]]
    text = report_text(tmp_path)
    assert "| fedavg | 0.0ᵃ | 90.0ᵃ | 80.0 | 70.0 | 70.0 |" in text
    assert "| krum | 0.0ᵃ | 90.0 | 80.0ᵇ | 70.0 | 70.0ᵇ |" in text


def test_the_tax_is_over_the_seeds_that_a_rule_shares_with_averaging(tmp_path):
    clean = {"fedavg": {0: 0.90, 1: 0.80, 2: 0.10}, "krum": {0: 0.70, 1: 0.76, 3: 0.9},
             "median": {4: 0.5}}  # fmt: skip
    for strategy, row in clean.items():
        for seed, accuracy in row.items():
            write_run(tmp_path, accuracy, {}, strategy=strategy, seed=seed)
    grid = grids(collect(tmp_path))[0]
    # Krum loses 20 and 4 at seeds 0 and 1: 12 with a deviation of 16 / sqrt(2).
    np.testing.assert_allclose(grid.tax, [0, 0.12, np.nan])
    np.testing.assert_allclose(grid.tax_errors, [0, 0.16 / 2**0.5, np.nan])
    text = report_text(tmp_path)
    assert "| krum | 12.0 ± 11.3 | 78.7 ± 10.3 |" in text
    assert "| median | – | 50.0 |" in text
    assert "The tax of krum and median is over the seeds shared with fedavg" in text
    assert "worst" not in text.lower().split("experiments")[0]


def test_a_worst_case_over_different_seeds_says_so(tmp_path):
    for byzantine, seeds in (("none", (0, 1)), ("alie", (0, 1)), ("ipm", (0,))):
        for seed in seeds:
            write_run(tmp_path, 0.9, {}, seed=seed, byzantine=byzantine)
            write_run(tmp_path, 0.9, {}, seed=seed, byzantine=byzantine,
                      strategy="krum")  # fmt: skip
    for name in ("fedavg", "krum"):
        write_run(tmp_path, 0.8, {}, seed=2, byzantine="none", strategy=name)
    runs = collect(tmp_path)
    said = "The attacks on fedavg and krum were run with different seeds"
    assert said in report_text(runs)
    assert any(said in line for line in content_of(runs).summary)
    assert "The tax of" not in report_text(runs)


def test_cells_with_equal_seeds_say_nothing_about_seeds(tmp_path):
    write_grid(tmp_path)
    assert "different seeds" not in report_text(tmp_path)


def test_without_an_attacker_there_is_no_worst_case(tmp_path):
    for strategy in ("fedavg", "krum"):
        write_run(tmp_path, 0.9, 0.5, strategy=strategy)
    runs = collect(tmp_path)
    first = content_of(runs).tables[0]
    assert first.title == "Clean accuracy: rules without an attacker"
    assert first.texts.names == ["strategy", "tax", "none"]
    assert "Worst" not in first.caption
    columns = [str(c.header) for c in robustness_table(grids(runs)[0]).columns]
    assert columns == ["strategy", "no attacker", "tax"]


def test_names_that_agree_do_not_hide_one_another(tmp_path):
    """Two settings whose keys end alike, and two rules likewise."""
    for number, (one, two) in enumerate((("1", ""), ("", "1"))):
        for byzantine in ("none", "alie"):
            more = {"preaggregator": {"f": one}, "strategy": {"f": two},
                    "dataset": {"a": one}, "model": {"a": two}}  # fmt: skip
            write_run(tmp_path, number / 10, {}, byzantine=byzantine, more=more,
                      digest=f"{byzantine}{number}")  # fmt: skip
    found = grids(collect(tmp_path))
    assert sorted(grid.setting for grid in found) == [
        "dataset.a= model.a=1", "dataset.a=1 model.a=",
    ]  # fmt: skip
    assert {float(v) for grid in found for v in grid.values.ravel()} == {0.0, 0.1}


def test_an_epsilon_has_few_digits_and_0_is_not_the_middle_one(tmp_path):
    epsilons = dict.fromkeys(("0.0", "0.03137254901960784"), 0.5)
    write_grid(tmp_path)
    for run in tmp_path.iterdir():
        change_result(tmp_path, run.name, worst_robust_accuracy=epsilons)
    runs = collect(tmp_path)
    assert grids(runs)[1].title == "accuracy at ε = 0.03137"
    assert "0.0313725" not in report_text(runs)


def test_a_setting_does_not_name_an_epsilon_that_it_lacks(tmp_path):
    write_grid(tmp_path)
    for epsilon in (8 / 255, 0.1):
        write_grid(tmp_path, training="pgd", epsilon=epsilon,
                   objective={"epsilon": epsilon})  # fmt: skip
    settings = {grid.setting for grid in grids(collect(tmp_path))}
    assert settings == {
        "training=standard", "training=pgd epsilon=0.03137", "training=pgd epsilon=0.1",
    }  # fmt: skip
