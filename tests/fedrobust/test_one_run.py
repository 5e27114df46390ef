"""Whole runs: they learn, they repeat bit for bit, and they waste no work."""

import json

import numpy as np
import pytest
import yaml

from fedrobust.assembly import Experiment, forget
from fedrobust.one_run import run
from fedrobust.privacy import epsilon_of
from fedrobust.record.folder import RunFolder
from fedrobust.record.run_state import FINISHED, read_state
from tests.fedrobust.runs import SMALL, Configure, assert_same_bits, weights


def test_a_run_leaves_what_it_should(configure: Configure, tmp_path):
    config = configure(*SMALL, "partition.holdout=0.2", "num_byzantine=2",
                       "byzantine=sign_flip", "strategy=krum")  # fmt: skip
    result = run(config, tmp_path / "r")
    names = {p.name for p in (tmp_path / "r").iterdir()}
    assert names == {
        "config.yaml", "metrics.jsonl", "events.jsonl", "model.keras", "result.json",
        "evaluations", "training.json", ".lock", "confusion", "examples",
        "partition.json", "model_card.md", "ro-crate-metadata.json",
    }  # fmt: skip
    document = yaml.safe_load((tmp_path / "r" / "config.yaml").read_text())
    assert document["config_digest"] == config.digest == result.config_digest
    assert document["strategy"]["rule"] == {
        "_target_": "strategies.rules.Krum", "f": 2, "variant": "paper"
    }  # fmt: skip
    assert json.loads((tmp_path / "r" / "result.json").read_text()) == result.to_json()
    rows = [json.loads(r) for r in (tmp_path / "r/metrics.jsonl").open()]
    assert [row["round"] for row in rows] == [1, 2]
    for row in rows:
        assert row["clean_accuracy"] >= row["robust_accuracy"]["pgd"]["0.15"]
        assert row["bytes_down"] == row["bytes_up"] > 7 * 4810 * 4
        assert len(row["selected"]) == 1
        assert row["federated"]["clients"] == 7
        assert 0 <= row["federated"]["robust_accuracy"]["pgd"]["0.15"] <= 1
    assert len(result.byzantine_clients) == 2
    assert result.num_evaluated == 50
    assert result.checks["within_ball"].status == "pass"
    assert result.environment["deterministic"] is True


def test_a_run_learns(configure: Configure, tmp_path):
    result = run(configure("num_clients=4", "num_rounds=15"), tmp_path / "r")
    assert result.clean_accuracy > 0.85
    start = Experiment(configure()).initial_arrays()
    trained = weights(tmp_path / "r")
    moved = [np.abs(a - b).max() for a, b in zip(start.values(), trained, strict=True)]
    assert min(moved) > 1e-3


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("strategy=krum", "num_byzantine=2", "byzantine=alie"),
        ("training=pgd", "training.objective.steps=2", "participation=0.5"),
        ("training.momentum=0.9", "byzantine=gaussian", "num_byzantine=1"),
    ],
    ids=" ".join,
)
def test_same_bits_twice_and_with_any_number_of_workers(
    overrides, configure: Configure, tmp_path
):
    for workers in (1, 2, 4):
        forget()
        config = configure(*SMALL, *overrides, f"runtime.workers={workers}")
        run(config, tmp_path / str(workers))
    assert_same_bits(tmp_path / "1", tmp_path / "2")
    assert_same_bits(tmp_path / "1", tmp_path / "4")


def test_another_seed_gives_other_bits(configure: Configure, tmp_path):
    for seed in (0, 1):
        run(configure(*SMALL, f"seed={seed}"), tmp_path / str(seed))
    first, second = weights(tmp_path / "0"), weights(tmp_path / "1")
    assert all((a != b).any() for a, b in zip(first, second, strict=True))


def test_a_finished_run_returns_at_once_and_another_epsilon_trains_nothing(
    configure: Configure, tmp_path, monkeypatch
):
    config = configure(*SMALL)
    first = run(config, tmp_path / "r")
    stamp = (tmp_path / "r/model.keras").stat().st_mtime_ns

    from fedrobust.training.trainer import Trainer

    def never(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(Trainer, "train", never)
    assert run(config, tmp_path / "r") == first
    other = run(configure(*SMALL, "attack.epsilon=[0.0,0.15,0.3]"), tmp_path / "r")
    assert (tmp_path / "r/model.keras").stat().st_mtime_ns == stamp
    curve = other.robust_accuracy["pgd"]
    assert list(curve) == ["0.0", "0.15", "0.3"]
    assert curve["0.0"] == other.clean_accuracy == first.clean_accuracy
    assert curve["0.15"] == first.robust_accuracy["pgd"]["0.15"]
    assert json.loads((tmp_path / "r/result.json").read_text()) == other.to_json()
    assert run(config, tmp_path / "r") == first
    assert json.loads((tmp_path / "r/result.json").read_text()) == first.to_json()


def test_an_unfinished_run_starts_over(configure: Configure, tmp_path, monkeypatch):
    config = configure(*SMALL)

    def stop(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "r", stop)
    assert not (tmp_path / "r/result.json").exists()
    assert len((tmp_path / "r/metrics.jsonl").read_text().splitlines()) == 1
    run(config, tmp_path / "r")
    run(config, tmp_path / "whole")
    assert_same_bits(tmp_path / "r", tmp_path / "whole")


def test_result_and_config_are_of_the_same_evaluation(configure: Configure, tmp_path):
    overrides = (*SMALL, "partition.holdout=0.2")
    first = run(configure(*overrides, "attack.epsilon=0.1"), tmp_path / "r")
    assert list(first.federated["robust_accuracy"]["pgd"]) == ["0.1"]
    for epsilon in (0.3, 0.1):
        result = run(configure(*overrides, f"attack.epsilon={epsilon}"), tmp_path / "r")
        config = yaml.safe_load((tmp_path / "r" / "config.yaml").read_text())
        assert config["attack"]["epsilon"] == epsilon
        assert list(result.robust_accuracy["pgd"]) == [str(epsilon)]
        clients = (result.federated or {}).get("robust_accuracy", {}).get("pgd", {})
        assert list(clients) in ([], [str(epsilon)])


def test_a_run_whose_every_round_is_skipped_is_no_result(
    configure: Configure, tmp_path, monkeypatch
):
    from fedrobust.errors import RunFailedError
    from fedrobust.training.trainer import Trainer

    def fail(*args, **kwargs):
        raise MemoryError("no memory left")

    monkeypatch.setattr(Trainer, "train", fail)
    with pytest.raises(
        RunFailedError, match="the first event was 'MemoryError: no memory left'"
    ):
        run(configure(*SMALL), tmp_path / "r")
    assert not (tmp_path / "r" / "result.json").exists()
    assert not (tmp_path / "r" / "model.keras").exists()
    events = (tmp_path / "r" / "events.jsonl").read_text()
    assert "no memory left" in events


def test_an_evaluation_that_fails_does_not_lose_the_trained_model(
    configure: Configure, tmp_path, monkeypatch
):
    from fedrobust.evaluation.evaluator import Evaluator

    federated = (*SMALL, "evaluation.every=2", "partition.holdout=0.2")
    config = configure(*federated)
    other = configure(*federated, "attack.epsilon=0.3")
    call = Evaluator.__call__

    def fail(self, arrays, workers=None):
        if len(self.x) == 50:  # the server's, not a client's
            raise MemoryError("no memory left")
        return call(self, arrays, workers)

    with monkeypatch.context() as patched:
        patched.setattr(Evaluator, "__call__", fail)
        with pytest.raises(MemoryError):
            run(config, tmp_path / "r")
    stamp = (tmp_path / "r" / "model.keras").stat().st_mtime_ns
    # Another evaluation does not write into the record of the rounds, before or after.
    unscored = (tmp_path / "r" / "metrics.jsonl").read_bytes()
    assert run(other, tmp_path / "r").federated is None
    assert (tmp_path / "r" / "metrics.jsonl").read_bytes() == unscored
    result = run(config, tmp_path / "r")
    assert (tmp_path / "r" / "model.keras").stat().st_mtime_ns == stamp
    # The record is that of a run in one go.
    whole = run(config, tmp_path / "whole")
    assert_same_bits(tmp_path / "r", tmp_path / "whole")
    assert result.bytes_up == whole.bytes_up > 0
    # The seconds are those of each call, and what the first took is told beside them.
    rows = RunFolder(tmp_path / "r", config).rounds()
    took = sum(row.train_seconds + row.aggregate_seconds for row in rows)
    took += rows[0].evaluate_seconds
    assert result.earlier_seconds == pytest.approx(took)
    assert whole.wall_seconds > whole.train_seconds > 0
    assert whole.earlier_seconds == 0
    assert result.federated == whole.federated is not None


def test_which_rounds_are_evaluated_changes_no_bit_and_trains_nothing_again(
    configure: Configure, tmp_path
):
    hard = (
        *(
            "num_clients=4",
            "num_rounds=4",
            "dataset.num_train=80",
            "participation=0.75",
        ),
        *("partition.holdout=0.25", "training.momentum=0.5", "model.dropout=0.2"),
        *("num_byzantine=1", "byzantine=gaussian", "strategy=median"),
        *("strategy/server_optimizer=adam", "attack=fgsm", "attack.samples=20"),
    )
    often, seldom = (configure(*hard, f"evaluation.every={n}") for n in (1, 2))
    first, second = (tmp_path / name for name in ("often", "seldom"))
    results = [run(often, first), run(seldom, second)]
    for a, b in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)
    rows = [
        [row.to_json() for row in RunFolder(path, config).rounds()]
        for path, config in ((first, often), (second, seldom))
    ]
    of_evaluations = {"clean_accuracy", "robust_accuracy", "loss", "federated"}
    for a, b in zip(*rows, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            is_left_out = key in of_evaluations and b["round"] % 2
            assert key.endswith("_seconds") or is_left_out or a[key] == b[key], key
        assert (b["clean_accuracy"] is None) == (b["round"] in (1, 3))
    for key in ("clean_accuracy", "robust_accuracy", "checks", "config_digest"):
        assert getattr(results[0], key) == getattr(results[1], key)
    # The trained run answers, and its rounds are those that it evaluated.
    stamp = (first / "model.keras").stat().st_mtime_ns
    assert run(seldom, first) == results[0]
    assert (first / "model.keras").stat().st_mtime_ns == stamp
    again = RunFolder(first, seldom).rounds()
    assert [row.to_json() for row in again] == rows[0]


BUDGET = (
    *("strategy=mean", "privacy=client_dp", "privacy.max_epsilon=8", "num_rounds=5"),
    "evaluation.every=5",
)


def test_a_run_ends_before_the_round_that_could_exceed_its_budget(
    configure: Configure, tmp_path
):
    """Two rounds of noise 1 spend 7.08 at a delta of 1e-5, and three 9.01."""
    config = configure(*SMALL, *BUDGET)
    folder, seen = tmp_path / "r", []
    result = run(config, folder, on_row=seen.append)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    assert [row["round"] for row in rows] == [row.round for row in seen] == [1, 2]
    assert [row["clean_accuracy"] is None for row in rows] == [True, False]
    spent = [row["epsilon_spent"] for row in rows]
    assert spent == pytest.approx([4.7285, 7.0774], abs=1e-4)
    assert result.num_rounds == 2
    assert result.privacy["epsilon"] == spent[-1]
    assert result.privacy["stopped"].startswith("one more round after round 2 could")
    assert any("ended after round 2 of 5" in text for text in result.warnings)
    assert read_state(folder).kind == FINISHED
    assert read_state(folder).round == read_state(folder).num_rounds == 2
    before = (folder / "result.json").read_bytes()
    assert run(config, folder, on_row=lambda row: pytest.fail("it trains again"))
    assert (folder / "result.json").read_bytes() == before
    other = configure(*SMALL, *BUDGET, "attack.epsilon=0.1")
    again = run(other, folder, on_row=lambda row: pytest.fail("it trains again"))
    assert (again.num_rounds, again.privacy) == (2, result.privacy)


def test_the_budget_changes_no_bit_of_the_rounds_before(configure, tmp_path):
    run(configure(*SMALL, *BUDGET), tmp_path / "stopped")
    whole = configure(*SMALL, *BUDGET, "privacy.max_epsilon=null", "num_rounds=2")
    run(whole, tmp_path / "whole")
    stopped, whole = weights(tmp_path / "stopped"), weights(tmp_path / "whole")
    assert all((a == b).all() for a, b in zip(stopped, whole, strict=True))


def test_a_budget_ends_centralised_training_too(configure: Configure, tmp_path):
    rounds = {"noise_multiplier": 1, "sampling_rate": 0.1, "delta": 1e-5}
    limit = epsilon_of(**rounds, steps=45)
    config = configure(
        *("experiment=centralised", "dataset.num_train=200", "training.batch_size=20"),
        *("model=mlp", "model.hidden=[4]", "num_rounds=5", "evaluation.every=5"),
        *("privacy=dp_sgd", f"privacy.max_epsilon={limit}"),
    )
    result = run(config, tmp_path / "r")
    assert result.num_rounds == 4
    assert result.privacy["epsilon"] == epsilon_of(**rounds, steps=40)


def test_who_is_absent_makes_the_others_spend_more(
    configure: Configure, tmp_path, monkeypatch
):
    """One of two clients a round is a larger share than one of seven."""
    from fedrobust.federation import identity, server

    known = server.identify_clients

    def few(grid, num_clients, on_event, *rest):
        found = known(grid, num_clients, on_event, *rest)
        for client in range(2, num_clients):
            on_event(identity.unidentified(client, "no node"))
        return {node: client for node, client in found.items() if client < 2}

    monkeypatch.setattr(server, "identify_clients", few)
    overrides = ("strategy=mean", "privacy=client_dp", "participation=0.1")
    result = run(configure(*SMALL, *overrides), tmp_path / "r")
    half = {"noise_multiplier": 1, "steps": 2, "delta": 1e-5, "sampling": "fixed"}
    expected = epsilon_of(**half, sampling_rate=0.5)
    rows = [json.loads(line) for line in (tmp_path / "r/metrics.jsonl").open()]
    assert rows[-1]["epsilon_spent"] == result.privacy["epsilon"] == expected
    assert result.privacy["sampling"] == "fixed size, 1 of 2 clients, amplifies"
