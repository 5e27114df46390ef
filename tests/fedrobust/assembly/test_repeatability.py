"""A run that would give other numbers the next time is told so before it begins."""

import warnings

import pytest

from fedrobust.assembly.repeatability import check_training
from fedrobust.one_run import run
from tests.fedrobust.training.doubts import DRAWS, SEEDLESS

SMALL = ("num_clients=2", "num_rounds=1", "dataset.num_train=40", "model.hidden=[4]")


def check(configure, *overrides, small=SMALL):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        doubts = check_training(configure(*small, *overrides))
    assert set(doubts) <= {str(w.message) for w in caught}
    return doubts


@pytest.mark.parametrize("hook", ["Traced", "Constructed", "InPython"])
def test_what_python_draws_shows_when_all_is_built_twice(hook, configure):
    (doubt,) = check(configure, f"training.objective._target_=tests.own_hooks.{hook}")
    assert "gives other weights when everything is built" in doubt


def test_first_weights_that_no_seed_decides_are_told(configure):
    (doubt,) = check(configure, "model._target_=tests.own_hooks.unseeded_model")
    assert "the model has other initial weights each time" in doubt


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
def test_a_model_that_draws_from_keras_own_generator_is_told(configure):
    own = "model._target_=tests.own_hooks.unkeyed_model"
    (doubt,) = check(configure, own, small=("dataset.num_train=40",))
    assert SEEDLESS in doubt


@pytest.mark.filterwarnings("ignore:the model .* cannot be compiled")
def test_where_there_is_no_graph_another_thread_shows_keras_own_generator(configure):
    small = ("dataset.num_train=40",)
    own = "model._target_=tests.own_hooks."
    (doubt,) = check(configure, f"{own}unkeyed_and_untraceable_model", small=small)
    assert "keras.random only with" in doubt
    assert check(configure, f"{own}untraceable_model", small=small) == []


def test_what_repeats_is_not_doubted(configure):
    assert check(configure) == []
    assert check(configure, "training.objective._target_=tests.own_hooks.Fair") == []


@pytest.mark.parametrize(
    "own",
    [
        "model._target_=tests.own_hooks.any_size_model",
        "training.objective._target_=tests.own_hooks.Sixteenths",
        "training.objective._target_=tests.own_hooks.SixteenthsInPython",
    ],
    ids=["any size", "grey levels", "grey levels without a graph"],
)
@pytest.mark.filterwarnings("ignore:the local step cannot be compiled")
def test_the_trial_step_takes_images_that_the_run_has_too(own, configure):
    small = [] if own.startswith("model") else ["model.hidden=[4]"]
    config = configure("num_clients=2", "dataset.num_train=40", *small, own)
    assert check_training(config) == []


@pytest.mark.parametrize(
    ("hook", "told"), [("Picky", "too few images"), ("Once", "made before")]
)
def test_what_cannot_be_tried_is_a_doubt_and_no_end(
    hook, told, configure, tmp_path, monkeypatch
):
    monkeypatch.setattr("tests.own_hooks.Once.made", 0)
    own = f"training.objective._target_=tests.own_hooks.{hook}"
    result = run(configure(*SMALL, own), tmp_path / "run")
    (doubt,) = [text for text in result.warnings if told in text]
    assert "it could not be checked whether" in doubt
    assert result.environment["deterministic"] is False
    assert result.clean_accuracy > 0


def test_all_that_clients_may_train_with_is_looked_at(configure):
    own = "training.objective._target_=tests.own_hooks.Global"
    assert DRAWS in check(configure, own, "training.fraction=0.5")[0]
    poisoned = check(configure, "num_byzantine=1", "byzantine=robustness_poisoning",
                     "training=pgd")  # fmt: skip
    assert poisoned == []


def test_the_result_says_that_it_may_not_repeat(configure, tmp_path):
    for seed in (0, 1):
        shown = []
        config = configure(
            *SMALL, f"seed={seed}", "training.objective._target_=tests.own_hooks.Global"
        )
        folder = tmp_path / str(seed)
        result = run(config, folder, on_warning=shown.append)
        assert result.environment["deterministic"] is False
        assert any(DRAWS in text for text in result.warnings)
        assert any(DRAWS in text for text in shown)


def test_a_rule_that_draws_from_the_global_generator_is_told(configure, tmp_path):
    config = configure(*SMALL, "strategy.rule._target_=tests.own_hooks.DrawingMean")
    result = run(config, tmp_path / "own")
    assert result.environment["deterministic"] is False
    assert any("NumPy's global generator" in text for text in result.warnings)
    result = run(configure(*SMALL), tmp_path / "ours")
    assert result.environment["deterministic"] is True
    assert result.warnings == []
