"""Sentences above the tables, by hand."""

from fedrobust.report import collect
from tests.fedrobust.report.runs import change_result, content_of, write_run


def told(folder) -> list[str]:
    return [*content_of(collect(folder)).summary]


def test_over_a_number_the_ends_of_each_rule_are_named(tmp_path):
    clean = {"fedavg": {0: 0.9, 1: 0.7, 2: 0.1}, "krum": {0: 0.8, 1: 0.85, 2: 0.81}}
    for strategy, row in clean.items():
        for number, accuracy in row.items():
            write_run(tmp_path, accuracy, {}, strategy=strategy,
                      more={"num_byzantine": number})  # fmt: skip
    assert told(tmp_path) == [
        "Clean accuracy over num_byzantine (fedavg): highest 90.0 % with "
        "num_byzantine=0, lowest 10.0 % with num_byzantine=2.",
        "Clean accuracy over num_byzantine (krum): highest 85.0 % with "
        "num_byzantine=1, lowest 80.0 % with num_byzantine=0.",
    ]


def test_the_robust_accuracy_is_that_of_the_tables_and_marks_stay(tmp_path):
    for number, robust in enumerate((0.5, 0.25)):
        epsilons = {"0.0": 0.9, "0.1": robust, "0.3": robust / 2}
        write_run(tmp_path, 0.9, epsilons, more={"partition": {"alpha": number}})
    (run,) = (p.name for p in tmp_path.iterdir() if "1" in p.name)
    change_result(tmp_path, run, warnings=["f < b"])
    assert told(tmp_path) == [
        "Clean accuracy over partition.alpha: 90.0 % for all 2.",
        "Accuracy at ε = 0.3 over partition.alpha: highest 25.0 % with "
        "partition.alpha=0, lowest 12.5 %ᵃ with partition.alpha=1.",
    ]


def test_of_many_lines_a_few_are_told_and_the_others_counted(tmp_path):
    for rule in "abcde":
        for number in (1, 2):
            write_run(tmp_path, number / 10, {}, strategy=rule,
                      more={"num_byzantine": number})  # fmt: skip
    *_, last = told(tmp_path)
    assert last == "Clean accuracy over num_byzantine: 2 more lines."


def test_choices_have_the_ends_of_all(tmp_path):
    for model, clean in (("cnn", 0.9), ("mlp", 0.6), ("resnet", 0.7)):
        write_run(tmp_path, clean, {}, model=model)
    assert told(tmp_path) == [
        "Clean accuracy: highest 90.0 % with model=cnn, lowest 60.0 % with model=mlp."
    ]


def test_a_sweep_of_training_epsilons_has_its_advice(tmp_path):
    for seed in (0, 1, 2):
        write_run(tmp_path, 0.9, 0.1, seed=seed, images=10_000)
        for epsilon, robust in ((0.1, 0.5), (0.2, 0.7)):
            write_run(tmp_path, 0.9, robust + seed / 100, training="pgd", seed=seed,
                      epsilon=epsilon, objective={"epsilon": epsilon},
                      images=10_000)  # fmt: skip
    (line,) = told(tmp_path)
    assert line.startswith("Training ε. For ε = 0.1, over 3 seeds: ")
    assert "pgd training at 0.2" in line


def test_one_experiment_has_no_ends(tmp_path):
    write_run(tmp_path, 0.9, 0.5)
    assert told(tmp_path) == []
