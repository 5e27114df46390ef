"""What a run is held to."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from fedrobust.errors import ConfigError
from fedrobust.record.result import Result
from fedrobust.record.round_row import Detection, RoundRow
from fedrobust.reproduce.measures import Measure, measured


def test_measures_are_what_they_say(tmp_path):
    accuracies = {1: 0.9, 2: 0.8, 3: 0.75, 4: None, 5: 0.7, 6: 0.6}

    detected = {5: Detection(None, 0.0), 6: Detection(0.5, 1.0)}
    nothing = {
        "evaluate_seconds": 0, "train_seconds": 0, "aggregate_seconds": 0,
        "bytes_down": 0, "bytes_up": 0, "quarantined": 0, "failed": 0,
    }  # fmt: skip

    class Folder:
        path = tmp_path
        config = SimpleNamespace(
            is_evaluated=lambda round: round != 4, evaluation=SimpleNamespace(every=2)
        )

        def rounds(self):
            return [
                RoundRow(
                    round=r, clean_accuracy=a, detection=detected.get(r), **nothing
                )
                for r, a in accuracies.items()
            ]

    result = Result(
        config_digest="0", seed=0, num_rounds=6, attack={}, choices={}, checks={},
        clean_accuracy=0.6, robust_accuracy={"pgd": {"0.3": 0.25}},
        worst_robust_accuracy={"0.3": 0.25},
        privacy={"epsilon": 7.5, "epsilon_classic": None},
    )  # fmt: skip
    for measure, expected in (
        (Measure("clean", "final", 100), 60.0),
        (Measure("clean", "last 3", 100), 205 / 3),  # of evaluations, not of rounds
        (Measure("clean", "best from 3"), 0.75),
        (Measure("clean", "best from 4"), 0.7),
        (Measure("precision", "mean from 3"), 0.5),
        (Measure("recall", "mean from 3", 100), 50.0),
        (Measure("pgd/0.3", "final", 100), 25.0),
        (Measure("pgd", "final"), 0.25),
        (Measure("epsilon"), 7.5),
    ):
        assert measured(measure, Folder(), result) == pytest.approx(expected)
    for of, over in (
        ("clean", "first 3"),
        ("pgd", "last 5"),
        ("recall", "final"),
        ("epsilon", "last 5"),
        ("clean", "best from"),
    ):
        with pytest.raises(ValueError, match=f"over='{over}': must be"):
            Measure(of, over)
    # Without noise there is no epsilon, and without a mechanism no privacy.
    for without in (result, replace(result, privacy=None)):
        assert measured(Measure("epsilon_classic"), Folder(), without) is None
    detected.clear()
    assert measured(Measure("recall", "mean from 3"), Folder(), result) is None
    # Of a run that evaluated other rounds than these, the last three are others, too.
    Folder.config.is_evaluated = lambda round: round % 2 == 0
    with pytest.raises(
        ConfigError, match=r"not trained with evaluation\.every=2, and last"
    ):
        measured(Measure("clean", "last 3"), Folder(), result)
    assert measured(Measure("clean", "final"), Folder(), result) == 0.6
