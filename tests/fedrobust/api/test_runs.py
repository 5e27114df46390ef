"""A finished run as Python sees it: frames, events, model, and one line of it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import fedrobust
from fedrobust.record.stored_run import StoredRun
from tests.fedrobust.api.conftest import TINY

SCORES = ["robust_accuracy.fgsm.0.0", "robust_accuracy.fgsm.0.1"]


def test_rounds_are_the_lines_of_the_file_with_figures_by_name(finished):
    run = finished[0]
    lines = [*map(json.loads, (run.folder / "metrics.jsonl").open())]
    frame = run.rounds
    assert [*frame["round"]] == [1, 2]
    assert [*frame["clean_accuracy"]] == [line["clean_accuracy"] for line in lines]
    for name in SCORES:
        epsilon = name.removeprefix("robust_accuracy.fgsm.")
        assert [*frame[name]] == [
            line["robust_accuracy"]["fgsm"][epsilon] for line in lines
        ]
    assert frame[SCORES[1]].iloc[-1] == run.robust_accuracy["fgsm"]["0.1"]
    assert [*frame["sampled"]] == [[0, 1], [0, 1]]


def test_a_round_that_was_not_evaluated_has_no_number():
    found = fedrobust.run(
        *TINY, "attack=fgsm", "attack.epsilon=.1", "evaluation.every=2", progress=False
    )
    frame = found.rounds
    assert "robust_accuracy" not in frame
    for name in ("clean_accuracy", SCORES[1]):
        assert np.isnan(frame[name].iloc[0])
        assert 0 <= frame[name].iloc[1] <= 1


def test_events_are_a_frame_also_when_there_are_none(finished):
    columns = ["event", "round", "client", "reason"]
    assert [*finished[0].events.columns] == columns
    assert len(finished[0].events) == 0
    sabotaged = ("byzantine=not_a_number", "num_byzantine=1", "num_clients=3")
    found = fedrobust.run(*TINY, *sabotaged, progress=False)
    events = found.events
    (dishonest,) = found.result.byzantine_clients
    quarantined = events[events["event"] == "quarantined"]
    assert [*quarantined["round"]] == [1, 2]
    assert [*quarantined["client"]] == [dishonest] * 2
    assert quarantined["reason"].str.contains("finite").all()


def test_the_model_is_the_one_whose_accuracy_the_run_has(finished, digits):
    run = finished[0]
    answers = run.model().predict(digits.x_test[:20], verbose=0).argmax(-1)
    assert np.mean(answers == digits.y_test[:20]) == pytest.approx(run.clean_accuracy)


def test_a_model_that_is_gone_is_one_sentence(finished, tmp_path):
    gone = fedrobust.Run(replace(finished[0].finished, folder=StoredRun(tmp_path)))
    with pytest.raises(fedrobust.ConfigError, match=r"model\.keras"):
        gone.model()


def test_the_configuration_is_that_of_this_result():
    first, second = fedrobust.sweep(*TINY, "attack=fgsm,bim", progress=False)
    assert [*first.config["attack"]["methods"]] == ["fgsm"]
    assert [*second.config["attack"]["methods"]] == ["bim"]
    assert [run.config["choices"]["attack"] for run in (first, second)] == [
        *("fgsm", "bim"),
    ]  # fmt: skip
    assert first.config["num_clients"] == 2


def test_a_run_shows_itself_on_one_literal_line(finished):
    run = finished[0]
    clean = f"{run.clean_accuracy:.1%}"
    assert repr(run).startswith(f"<Run seed=0: clean {clean}, fgsm 0.0: {clean}, ")
    assert str(run.folder) in repr(run)
    result = replace(run.result, robust_accuracy={"<b>\n": {"0.1": 0.5}})
    odd = fedrobust.Run(
        replace(
            run.finished,
            result=replace(result, skipped_rounds=3),
            folder=StoredRun(Path("a&b")),
        )
    )
    assert repr(odd).count("\n") == 0
    assert "<b>  0.1: 50.0% (3 rounds skipped); a&b>" in repr(odd)
    shown = odd._repr_html_()
    assert "<b>" not in shown
    assert "&lt;b&gt;  0.1: 50.0%" in shown


def test_a_class_of_the_user_is_loaded_with_the_model():
    Path("layers_of_mine.py").write_text(
        "import keras\n\n\n"
        "class Twice(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n\n\n"
        "def build():\n"
        "    return keras.Sequential([\n"
        "        keras.Input((8, 8, 1)), keras.layers.Flatten(), Twice(),\n"
        "        keras.layers.Dense(10),\n"
        "    ])\n"
    )
    Path("conf/model").mkdir(parents=True)
    Path("conf/model/twice.yaml").write_text("_target_: layers_of_mine.build\n")
    found = fedrobust.run(*TINY, "model=twice", config_dir="conf", progress=False)
    assert type(found.model().layers[1]).__name__ == "Twice"
