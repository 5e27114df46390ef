"""What is said about training epsilons, by hand."""

import csv
import json

import numpy as np
import pytest

from fedrobust.report import collect
from fedrobust.report.column import shown
from fedrobust.report.epsilon.advice import Kind
from fedrobust.report.epsilon.arrange import epsilon_matrices
from fedrobust.report.epsilon.choice import recommend
from fedrobust.report.epsilon.columns import accuracy_columns, gain_columns
from fedrobust.report.epsilon.matrix import EpsilonMatrix, TrainingRow
from fedrobust.report.groups import SeedGroup
from tests.conftest import REPOSITORY
from tests.fedrobust.report.epsilon.sweeps import changed, matrix_of, write_sweep

# Nobody may read from "not told apart" that two trainings are equal.
EQUAL = ["as good", "as much", "bought", "gains nothing", "no better", "within chance"]

# Clean, at 0.1 and at 0.2 for three seeds. Means at 0.2: standard 10, noise 12,
# pgd at 0.1 50, pgd at 0.2 65.
THREE = changed(
    standard=[(0.96, 0.40, 0.09), (0.98, 0.44, 0.11), (0.97, 0.42, 0.10)],
    noise=[(0.95, 0.44, 0.11), (0.97, 0.46, 0.13), (0.96, 0.42, 0.12)],
    pgd1=[(0.94, 0.80, 0.49), (0.96, 0.84, 0.51), (0.95, 0.82, 0.50)],
    pgd2=[(0.90, 0.81, 0.63), (0.92, 0.87, 0.67), (0.91, 0.84, 0.65)],
)


def advised(folder, at="0.2", images=1000, **rows):
    return recommend(matrix_of(folder, {**THREE, **changed3(rows)}, images=images), at)


def changed3(rows):
    keys = {"standard": ("standard", None), "noise": ("noise", 0.1)}
    keys |= {"pgd1": ("pgd", 0.1), "pgd2": ("pgd", 0.2)}
    return {keys[name]: runs for name, runs in rows.items()}


def at_0_2(*accuracies, clean=0.95):
    return [(clean, 0.5, accuracy) for accuracy in accuracies]


def test_the_best_is_chosen_with_what_it_costs_and_gains(tmp_path):
    advice = advised(tmp_path)
    assert advice.kind is Kind.CHOICE
    assert advice.row is advice.best.row
    # 65 - 50: 14, 16 and 15, so a standard deviation of 1 and 4.3027 / sqrt(3) = 2.5.
    # Clean 91 - 97 in each seed. 65 - 10: 54, 56 and 55.
    assert advice.text == (
        "For ε = 0.2, over 3 seeds: choose pgd training at 0.2, the best in the table "
        "(65.0 %). The next, pgd training at 0.1 (50.0 %), is 15.0 ± 2.5 points lower. "
        "Against standard training, the clean accuracy of pgd training at 0.2 is "
        "6.0 ± 0.0 points lower, and its accuracy at 0.2 is 55.0 ± 2.5 points higher. "
        "There is no noise training at the same ε to compare pgd training at 0.2 with."
    )


def test_a_row_that_is_not_told_from_the_best_is_chosen_for_its_clean_accuracy(
    tmp_path,
):
    # At 0.1 84 - 82: 1, 3 and 2, so 2 ± 2.5, and 95 clean for 91.
    advice = advised(tmp_path, at="0.1")
    assert (advice.row.name, advice.best.row.name) == (
        *("pgd training at 0.1", "pgd training at 0.2"),
    )
    assert advice.text.startswith(
        "For ε = 0.1, over 3 seeds: choose pgd training at 0.1 (82.0 %). The best in "
        "the table, pgd training at 0.2 (84.0 %), is 2.0 ± 2.5 points higher "
        "(undecided: the interval includes 0). Its clean accuracy is 4.0 ± 0.0 points "
        "lower. Against standard"
    )
    # 82 - 44: 36, 38 and 40.
    assert advice.text.endswith(
        "The control, noise training at 0.1 (44.0 %), is 38.0 ± 5.0 points lower than "
        "pgd training at 0.1 (82.0 %)."
    )
    # With 93 clean for 95 the best has the higher sum, and is chosen.
    better = [(0.94, *robust) for _, *robust in THREE["pgd", 0.2]]
    advice = advised(tmp_path / "better", at="0.1", pgd2=better)
    assert advice.row.name == "pgd training at 0.2"
    assert "82.0 %), is 2.0 ± 2.5 points lower (undecided" in advice.text


def test_over_all_epsilons_the_average_is_compared(tmp_path):
    # (97 + 2 * 42 + 10) / 4, (95 + 2 * 82 + 50) / 4 and (91 + 2 * 84 + 65) / 4. The
    # last two differ by 3, 4.5 and 3.75 points: 3.75 ± 0.75 * 4.3027 / sqrt(3).
    advice = advised(tmp_path, at=None)
    assert advice.text.startswith(
        "For ε = 0 to 0.2, over 3 seeds: choose pgd training at 0.2, the best in the "
        "table (81.0 %). The next, pgd training at 0.1 (77.2 %), is 3.8 ± 1.9 points "
        "lower."
    )
    assert "and its average is 33.2 ± " in advice.text


@pytest.mark.parametrize("count", [1, 2, 3])
def test_noise_far_below_is_never_called_as_good_at_any_number_of_seeds(
    tmp_path, count
):
    # 4.2 against 31.5 %. The seeds of pgd spread so much that the interval of three
    # includes 0, and standard training has more clean accuracy.
    rows = {
        "standard": at_0_2(0.010, 0.020, 0.015, clean=0.97),
        "noise": at_0_2(0.030, 0.054, 0.042, clean=0.97),
        "pgd1": at_0_2(0.315, 0.130, 0.500) if count > 1 else at_0_2(0.315),
        "pgd2": at_0_2(0.200, 0.040, 0.220),
    }
    rows = {name: runs[-count:] for name, runs in rows.items()}
    advice = advised(tmp_path, images=360, **rows)
    assert advice.best.row.name == "pgd training at 0.1"
    assert not [word for word in EQUAL if word in advice.text]
    assert "standard" not in advice.text
    # 31.5 % ± 46 with three seeds: not above guessing by more than chance either.
    assert advice.row is None
    if count == 3:
        assert "The best in the table is pgd training at 0.1 (31.5 %)" in advice.text
        said = "Chance can explain that pgd training at 0.1 is above guessing (10.0 %)"
        assert said in advice.text


def test_noise_within_the_interval_is_undecided(tmp_path):
    # At 0.1, pgd minus noise: 8, -4 and 2 points, so 2 ± 6 * 4.3027 / sqrt(3) = 14.9.
    advice = advised(
        tmp_path,
        pgd1=at_0_2(0.68, 0.64, 0.66),
        noise=at_0_2(0.60, 0.68, 0.64),
        pgd2=at_0_2(0.30, 0.30, 0.30, clean=0.90),
    )
    assert advice.row.name == "pgd training at 0.1"
    assert (
        "The next, noise training at 0.1 (64.0 %), is 2.0 ± 14.9 points lower "
        "(undecided: the interval includes 0)." in advice.text
    )
    # It is the control, too, and not told twice.
    assert advice.text.count("noise") == 1


def test_noise_that_is_the_best_of_the_table_is_named_and_not_recommended(tmp_path):
    # Noise minus pgd: 7, 3 and 4 points, a standard deviation of 2.08.
    advice = advised(tmp_path, noise=at_0_2(0.70, 0.70, 0.69))
    assert (advice.kind, advice.row.name) == (Kind.CHOICE, "pgd training at 0.2")
    assert (
        "choose pgd training at 0.2 (65.0 %). The best in the table, the control, "
        "noise training at 0.1 (69.7 %), is 4.7 ± 5.2 points higher (undecided"
        in advice.text
    )
    # 13, 9 and 11.
    advice = advised(tmp_path / "above", noise=at_0_2(0.76, 0.76, 0.76))
    assert (advice.kind, advice.row) == (Kind.CONTROL, None)
    assert advice.text == (
        "For ε = 0.2, over 3 seeds: nothing is recommended. The best in the table is "
        "the control, noise training at 0.1 (76.0 %). The best of the others, pgd "
        "training at 0.2 (65.0 %), is 11.0 ± 5.0 points lower."
    )


def test_the_best_that_chance_can_explain_is_still_named_as_the_best(tmp_path):
    # 5, 35 and 50: 30 ± 57. 18, 19 and 20 of 1,000: 19 ± 2.5.
    wild, calm = at_0_2(0.05, 0.35, 0.50), at_0_2(0.18, 0.19, 0.20)
    advice = advised(tmp_path, pgd1=calm, pgd2=wild)
    assert advice.best.row.name == "pgd training at 0.2"
    assert advice.row.name == "pgd training at 0.1"
    assert "The best in the table, pgd training at 0.2 (30.0 %), is 11.0 ±" in (
        advice.text
    )
    assert "Chance can explain that pgd training at 0.2 is above guess" in advice.text


def test_nothing_is_recommended_that_does_not_beat_guessing(tmp_path):
    # 14 against 10 of 10 classes; two standard errors of 14 in 100 are 6.9 points.
    low = at_0_2(0.14, 0.14, 0.14)
    advice = advised(tmp_path, images=100, pgd1=low, pgd2=low)
    assert (advice.kind, advice.row) == (Kind.GUESSING, None)
    assert "is above guessing (10.0 %)" in advice.text
    # With 1,000 images they are 2.2 points: it does.
    advice = advised(tmp_path / "more", pgd1=low, pgd2=low)
    assert advice.row.epsilon == 0.1
    assert "The table has the same mean for pgd training at 0.2." in advice.text
    below = at_0_2(0.08, 0.08, 0.08)
    four = dict.fromkeys(["standard", "noise", "pgd1", "pgd2"], below)
    advice = advised(tmp_path / "below", **four)
    assert advice.kind is Kind.GUESSING
    assert "standard training is not above guessing (10.0 %)" in advice.text


def test_standard_training_may_be_the_best(tmp_path):
    low = at_0_2(0.60, 0.60, 0.60)
    high = at_0_2(0.70, 0.71, 0.69, clean=0.97)
    advice = advised(tmp_path, standard=high, pgd1=low, pgd2=low, noise=low)
    assert advice.row.name == "standard training"
    assert (advice.clean, advice.robust) == (None, None)
    # The question of noise or adversarial training is answered all the same.
    assert advice.text.endswith(
        "The control, noise training at 0.1 (60.0 %), is 0.0 ± 0.0 points higher than "
        "pgd training at 0.1 (60.0 %) (undecided: the interval includes 0)."
    )


def test_without_standard_training_the_smallest_epsilon_is_the_reference(tmp_path):
    three = {key: runs for key, runs in THREE.items() if key[0] != "standard"}
    matrix = matrix_of(tmp_path, three, images=1000)
    assert (
        "Against pgd training at 0.1, as there is no standard run, the clean accuracy "
        "of pgd training at 0.2 is 4.0 ± 0.0 points lower, and its accuracy at 0.2 is "
        "15.0 ± 2.5 points higher."
    ) in recommend(matrix, "0.2").text
    assert "Without a standard run, its cost is unknown." in (
        recommend(matrix, "0.1").text
    )


def test_fewer_than_three_seeds_recommend_nothing_and_say_what_is_missing(tmp_path):
    # 84 and 82 of 100: 2 (0.036661 + 0.038419) = 15.0 points for 2 points, so
    # 100 (15.0159 / 2)^2 = 5636.9 images.
    advice = recommend(matrix_of(tmp_path / "two"), "0.1")
    assert (advice.kind, advice.row) == (Kind.FEW_SEEDS, None)
    assert advice.text == (
        "For ε = 0.1: nothing is recommended yet. The best in the table is pgd "
        "training at 0.2 (84.0 %), and the next is pgd training at 0.1 (82.0 %). A "
        "recommendation takes at least 3 seeds, the same for every training (such as "
        "seed=0,1,2), as fewer do not show how training varies. The best has seeds 0 "
        "and 1, and the "
        "next has seeds 0 and 1. The two are 2.0 points apart, and the choice of 100 "
        "test images explains up to 15.0 points; that of 5,637 would explain no more "
        "than the gap."
    )
    # With 10,000 images they explain 1.5 points.
    advice = recommend(matrix_of(tmp_path / "many", images=10_000), "0.1")
    assert "images" not in advice.text
    # The best may be noise, and may be one that does not beat guessing.
    low = [(0.95, 0.05, 0.05)]
    sweep = changed(standard=low, pgd1=low, pgd2=low, noise=[(0.95, 0.11, 0.11)])
    advice = recommend(matrix_of(tmp_path / "one", sweep), "0.1")
    assert "The best in the table is the control, noise training at 0.1 (11.0 %)" in (
        advice.text
    )
    assert "Chance can explain that noise training at 0.1 is above" in advice.text


def test_rows_with_other_seeds_are_not_compared(tmp_path):
    advice = advised(tmp_path, pgd1=THREE["pgd", 0.1][:2])
    assert advice.row.name == "pgd training at 0.2"
    assert "(50.0 %), is not compared, as the seeds differ." in advice.text
    assert (
        "Not compared, as the seeds differ from the best's: pgd training at 0.1."
        in (advice.text)
    )
    # The reference: no cost and no gain.
    advice = advised(tmp_path / "standard", standard=THREE["standard", None][:2])
    assert "the clean accuracy of pgd training at 0.2 is not compared, as" in (
        advice.text
    )
    # All but the best.
    advice = advised(tmp_path / "best", pgd2=[*THREE["pgd", 0.2], (0.91, 0.84, 0.65)])
    assert advice.kind is Kind.FEW_SEEDS
    assert "The best has seeds 0, 1, 2 and 3, and the next has seeds 0, 1 and 2." in (
        advice.text
    )


def fail(folder, name):
    for path in folder.glob(f"{name}-0/evaluations/*.json"):
        result = json.loads(path.read_text())
        result["checks"]["within_ball"]["status"] = "fail"
        path.write_text(json.dumps(result))


def texts_of(folder, *at):
    (matrix,) = epsilon_matrices(collect(folder))
    return [recommend(matrix, epsilon).text for epsilon in at]


def test_a_training_whose_checks_failed_is_not_recommended(tmp_path):
    write_sweep(tmp_path, THREE, images=1000)
    fail(tmp_path, "pgd-0.1")
    # At 0.1 it would be recommended; at 0.2 it is the next.
    first, second = texts_of(tmp_path, "0.1", "0.2")
    assert first.startswith(
        "For ε = 0.1, over 3 seeds: nothing is recommended: it would be pgd training "
        "at 0.1 (82.0 %), but its checks failed: within_ball. The best in the table, "
        "pgd training at 0.2 (84.0 %), is"
    )
    assert "choose" not in first
    assert first.count("within_ball") == 1
    assert "choose pgd training at 0.2, the best in the table (65.0 %)." in second
    doubt = "FAILED checks of pgd training at 0.1: within_ball; these numbers cannot"
    assert second.count(doubt) == second.count("within_ball") == 1
    # The words of the mark stand in the footnotes.
    assert second.endswith(" Marks: pgd training at 0.1 (ᵃ).")


@pytest.mark.parametrize("name", ["standard-None", "noise-0.1", "pgd-0.2"])
def test_a_failed_check_of_every_named_training_is_told(tmp_path, name):
    write_sweep(tmp_path, THREE, images=1000)
    fail(tmp_path, name)
    (text,) = texts_of(tmp_path, "0.1")
    assert "choose pgd training at 0.1 (82.0 %)." in text
    kind, _, epsilon = name.partition("-")
    told = kind + " training" + f" at {epsilon}" * (epsilon != "None")
    assert text.count(f"FAILED checks of {told}: within_ball") == 1
    assert text.count("FAILED") == 1


def test_more_clean_accuracy_counts_only_if_the_seeds_show_it(tmp_path):
    # At 0.1 84 - 82: 2 ± 2.5. Clean 94 - 91: 9, -2 and 2, so 3 ± 13.8.
    unsure = [(0.99, 0.80, 0.49), (0.90, 0.84, 0.51), (0.93, 0.82, 0.50)]
    advice = advised(tmp_path, at="0.1", pgd1=unsure)
    assert advice.row.name == "pgd training at 0.2"
    # 94 - 91: 3, 2 and 4, so 3 ± 2.5.
    sure = [(0.93, 0.80, 0.49), (0.94, 0.84, 0.51), (0.95, 0.82, 0.50)]
    advice = advised(tmp_path / "sure", at="0.1", pgd1=sure)
    assert advice.row.name == "pgd training at 0.1"


def test_a_choice_that_nothing_shows_above_standard_training_says_so_first(tmp_path):
    # At 0.2, minus standard: 11, -2 and 3, so 4 ± 6.557 * 4.3027 / sqrt(3) = 16.3.
    rows = {
        "standard": at_0_2(0.40, 0.41, 0.42, clean=0.95),
        "pgd2": at_0_2(0.51, 0.39, 0.45, clean=0.95),
    }
    low = at_0_2(0.20, 0.20, 0.20, clean=0.90)
    advice = advised(tmp_path, pgd1=low, noise=low, **rows)
    assert advice.is_unproven
    assert advice.text.startswith(
        "For ε = 0.2, over 3 seeds: nothing shows that pgd training at 0.2 is above "
        "standard training. By the means alone, choose pgd training at 0.2, the best "
        "in the table (45.0 %). The next, standard training (41.0 %), is 4.0 ± 16.3 "
        "points lower (undecided: the interval includes 0)."
    )
    # Without the seeds of the best, standard training is not compared at all.
    rows["standard"] = rows["standard"][:2]
    advice = advised(tmp_path / "seeds", pgd1=low, noise=low, **rows)
    assert "nothing shows that pgd training at 0.2 is above" in advice.text


def test_average_cost_and_gain_carry_the_marks_of_both_numbers(tmp_path):
    write_sweep(tmp_path, THREE, images=1000)
    fail(tmp_path, "pgd-0.2")
    fail(tmp_path, "standard-None")
    (matrix,) = epsilon_matrices(collect(tmp_path))
    (letters,) = set(matrix.marks.footnotes)
    assert letters == "a"
    accuracies = shown(accuracy_columns(matrix), matrix.rows)
    average = accuracies.names.index("average")
    gains = shown(gain_columns(matrix), matrix.rows)
    by_name = zip(matrix.rows, accuracies.rows, gains.rows, strict=True)
    found = {row.name: (first[average], *second[2:]) for row, first, second in by_name}
    # Every gain is against standard training.
    assert found == {
        "standard training": ("47.8ᵃ", "0.0ᵃ", "0.0ᵃ", "0.0ᵃ"),
        "noise training at 0.1": ("49.0", "1.0ᵃ", "2.0ᵃ", "2.0ᵃ"),
        "pgd training at 0.1": ("77.2", "2.0ᵃ", "40.0ᵃ", "40.0ᵃ"),
        "pgd training at 0.2": ("81.0ᵃ", "6.0ᵃ", "42.0ᵃ", "55.0ᵃ"),
    }


def matrix_in(path):
    """Return the matrix of an epsilon.csv; no run of it failed a check."""
    with path.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    at = [name.removeprefix("gain_") for name in lines[0] if name.startswith("gain_")]
    names = ["clean_by_seed", *(f"robust_{epsilon}_by_seed" for epsilon in at)]
    rows = []
    for line in lines:
        assert line["failed_checks"] == ""
        accuracies = np.array([line[name].split() for name in names], dtype=float).T
        epsilon = line["training_epsilon"]
        rows.append(
            TrainingRow(
                kind=line["training"],
                epsilon=None if epsilon == "none" else float(epsilon),
                group=SeedGroup({}, {}, {}, [], num_classes=10),
                by_seed=dict(
                    zip(map(int, line["seeds"].split()), accuracies, strict=True)
                ),
                num_images=int(line["num_evaluated"]),
            )
        )
    return EpsilonMatrix({}, at, rows)


def test_the_pages_hold_what_is_said_about_their_table():
    docs = REPOSITORY / "docs"
    matrix = matrix_in(docs / "results/epsilon/epsilon.csv")
    page = (docs / "results/epsilon/epsilon.md").read_text(encoding="utf-8")
    said = [recommend(matrix, at).text for at in [*matrix.epsilons, None]]
    assert [line[2:] for line in page.splitlines() if line.startswith("- ")] == said
    how_to = (docs / "how-to/choose-epsilon.md").read_text(encoding="utf-8")
    assert recommend(matrix, "0.2").text in " ".join(how_to.split())
