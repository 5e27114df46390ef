"""Whole runs: they learn, they repeat bit for bit, and they waste no work."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from fedrobust import __version__
from fedrobust.assembly import Experiment, forget
from fedrobust.backend import keras
from fedrobust.config import Config
from fedrobust.config.digests import TRAINING_VERSION
from fedrobust.errors import ConfigError
from fedrobust.federation.server import identify_clients, serve
from fedrobust.files import to_json
from fedrobust.record.environment import processor
from fedrobust.record.folder import RunFolder
from fedrobust.report import MissingResultsError, collect
from fedrobust.run import run

SMALL = (
    "num_clients=7",
    "num_rounds=2",
    "dataset.num_train=350",
    "partition=dirichlet",
    "attack=pgd",
    "attack.methods.pgd.steps=3",
    "attack.samples=50",
)
TINY = ("num_clients=2", "num_rounds=2", "dataset.num_train=60", "attack.samples=20")
Configure = Callable[..., Config]


def weights(folder: Path) -> list[np.ndarray]:
    return [
        np.array(v) for v in keras.saving.load_model(folder / "model.keras").weights
    ]


def assert_same_bits(first: Path, second: Path) -> None:
    for a, b in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)
    rows = [
        [json.loads(line) for line in (folder / "metrics.jsonl").open()]
        for folder in (first, second)
    ]
    for a, b in zip(*rows, strict=True):
        for key in a:
            assert key.endswith("_seconds") or a[key] == b[key], key
    a, b = (json.loads((f / "result.json").read_text()) for f in (first, second))
    for key in ("clean_accuracy", "robust_accuracy", "checks", "config_digest"):
        assert a[key] == b[key]


def test_records_take_the_numbers_of_numpy_and_those_json_has_not():
    text = to_json({"a": np.int64(7), "b": [np.float32(0.5), np.nan, -np.inf]})
    assert text == '{"a": 7, "b": [0.5, null, null]}'


def test_a_run_leaves_what_it_should(configure: Configure, tmp_path):
    config = configure(*SMALL, "partition.holdout=0.2", "num_byzantine=2",
                       "byzantine=sign_flip", "strategy=krum")  # fmt: skip
    result = run(config, tmp_path / "r")
    names = {p.name for p in (tmp_path / "r").iterdir()}
    assert names == {
        "config.yaml", "metrics.jsonl", "events.jsonl", "model.keras", "result.json",
        "evaluations", "training.json", ".lock",
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


def test_a_folder_of_another_run_is_refused_untouched(configure: Configure, tmp_path):
    run(configure(*SMALL), tmp_path / "r")
    before = {p: p.read_bytes() for p in (tmp_path / "r").iterdir() if p.is_file()}
    with pytest.raises(ConfigError, match="holds another experiment"):
        run(configure(*SMALL, "seed=9"), tmp_path / "r")
    assert {p: p.read_bytes() for p in before} == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(ConfigError, match="holds no run"):
        run(configure(*SMALL), tmp_path / "mine")


def test_what_a_killed_write_leaves_is_no_obstacle(configure: Configure, tmp_path):
    folder = tmp_path / "r"
    folder.mkdir()
    left = [".config.yaml.7.partial", ".model.7.partial.keras"]
    for name in left:
        (folder / name).write_text("half of")
    config = configure(*SMALL)
    RunFolder(folder, config).check()
    run(config, folder)
    assert not [name for name in left if (folder / name).exists()]
    assert (folder / "result.json").is_file()


def test_what_cannot_be_made_is_told_before_round_one(configure: Configure, tmp_path):
    for override, message in [
        ("+model._args_=[1]", "model"),
        ("+training.optimizer.lerning_rate=1", "lerning_rate"),
        ("+training.optimizer.clipvalue=[1]", "clipvalue=.*: must be a number above"),
        ("model._target_=keras.layers.Dense", "model"),
    ]:
        with pytest.raises(ConfigError, match=message):
            run(configure(*SMALL, override), tmp_path / "r")
        assert not (tmp_path / "r").exists()


def test_hostile_clients_change_the_mean_and_not_krum(configure: Configure, tmp_path):
    attack = ("num_clients=8", "num_rounds=25", "num_byzantine=2",
              "byzantine=sign_flip", "byzantine.scale=10")  # fmt: skip
    fedavg = run(configure(*attack), tmp_path / "fedavg")
    krum = run(configure(*attack, "strategy=krum"), tmp_path / "krum")
    assert fedavg.clean_accuracy < 0.3
    assert krum.clean_accuracy > 0.8


def test_label_flipping_clients_train_on_flipped_labels(configure: Configure):
    config = configure("num_byzantine=2", "byzantine=label_flip")
    experiment = Experiment(config)
    split = experiment.split
    for client in range(10):
        rows, _ = experiment.client_rows(client)
        _, y = experiment.training_data(client, round=1)
        flipped = client in experiment.attackers(round=1)
        honest = split.y_train[rows]
        np.testing.assert_array_equal(y, 9 - honest if flipped else honest)


def test_worker_momentum_is_kept_by_the_client(configure: Configure, tmp_path):
    """With one client, full batches and SGD it is heavy-ball momentum by hand."""
    common = ("num_clients=1", "num_rounds=3", "dataset.num_train=64",
              "training.batch_size=64", "training.local_steps=1")  # fmt: skip
    momentum = ("training.momentum=0.5",)
    for name, extra in [
        ("plain", momentum),
        ("damp", (*momentum, "training.dampening=true")),
        ("none", ()),
    ]:
        run(configure(*common, *extra), tmp_path / name)
    config = configure(*common)
    trainer = Experiment(config).trainer
    x, y = Experiment(config).training_data(0, round=1)
    for name, share in (("plain", 1.0), ("damp", 0.5)):
        arrays = Experiment(config).initial_arrays()
        buffer = {k: np.zeros_like(v) for k, v in arrays.items()}
        for round in (1, 2, 3):
            trained, _ = trainer.train(
                arrays, x, y, config.training, seed=0, round=round, client=0
            )
            for key, value in arrays.items():
                step = trained.arrays[key] - value
                buffer[key] = 0.5 * buffer[key] + share * step
            arrays = {k: v + buffer[k] for k, v in arrays.items()}
        for expected, found in zip(
            arrays.values(), weights(tmp_path / name), strict=True
        ):
            np.testing.assert_allclose(found, expected, atol=1e-6)
    plain, none = weights(tmp_path / "plain"), weights(tmp_path / "none")
    assert any((a != b).any() for a, b in zip(plain, none, strict=True))


def test_the_centralised_baseline_sends_nothing_and_learns(
    configure: Configure, tmp_path
):
    config = configure("experiment=centralised", "num_rounds=8")
    result = run(config, tmp_path / "r")
    assert result.clean_accuracy > 0.9
    assert result.bytes_down == result.bytes_up == 0


def test_one_client_with_all_the_data_is_the_centralised_baseline(
    configure: Configure, tmp_path
):
    """A federation of one differs only in the key of its batches, which is the same."""
    run(configure("experiment=centralised", "num_rounds=2"), tmp_path / "central")
    run(configure("num_clients=1", "num_rounds=2"), tmp_path / "one")
    for a, b in zip(
        weights(tmp_path / "central"), weights(tmp_path / "one"), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)


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


def test_a_model_of_ones_own_starts_from_the_seed(configure: Configure):
    config = configure("model._target_=tests.own_model.build")
    first = Experiment(config).initial_arrays()
    forget()
    second = Experiment(config).initial_arrays()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_a_hostile_client_cannot_write_the_record(
    configure: Configure, tmp_path, monkeypatch
):
    from fedrobust.federation import client

    honest = client._train

    def lying(config, cohort, message, context):
        reply = honest(config, cohort, message, context)
        if context.node_config["partition-id"] == 0:
            lies = ("robust_accuracy", "clean_accuracy", "skipped", "bytes_up", "round")
            reply.content["metrics"].update(dict.fromkeys(lies, 0.999))
        return reply

    monkeypatch.setattr(client, "_train", lying)
    result = run(configure(*SMALL), tmp_path / "r")
    assert result.skipped_rounds == 0
    rows = [json.loads(line) for line in (tmp_path / "r/metrics.jsonl").open()]
    assert [row["round"] for row in rows] == [1, 2]
    assert all(
        set(row["train_metrics"]) == {"local_steps", "train_loss"} for row in rows
    )
    assert all(row["clean_accuracy"] != 0.999 for row in rows)


def test_a_client_that_lies_about_who_it_is_costs_none_but_itself():
    from flwr.app import Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid

    said = {0: 3, 1: 1, 2: 99, 3: 3, 4: True, 5: 5}
    app = ClientApp()

    @app.query()
    def query(message, context):
        answer = said[context.node_config["partition-id"]]
        record = MetricRecord()
        if answer is not True:
            record["partition-id"] = answer
        return Message(RecordDict({"metrics": record}), reply_to=message)

    events: list[dict] = []
    with LocalGrid(app, 6, workers=1) as grid:
        found = identify_clients(grid, 6, events.append)
    # Of the two that say 3 one lies. One of them stands as 0, which nobody says.
    clients = {node - FIRST_NODE_ID: client for node, client in found.items()}
    assert clients == {0: 3, 1: 1, 3: 0, 5: 5}
    assert [event["client"] for event in events] == [*3 * [None], 2, 4]
    assert "says partition 3, as another does: it stands as client 0" in str(events)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({0: 0, 1: 2, 2: 2}, r"nodes \[\d+, \d+\] all say they are client 2, which"),
        ({0: 0, 1: 1, 2: 1}, "no node says it is client 2, which the rule trusts"),
    ],
)
def test_without_its_trusted_client_no_round_is_trained(configure, said, told):
    from flwr.app import Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    from fedrobust.errors import RunFailedError
    from fedrobust.runtime.local_grid import LocalGrid

    app = ClientApp()

    @app.query()
    def query(message, context):
        answer = said[context.node_config["partition-id"]]
        record = MetricRecord({"partition-id": answer})
        return Message(RecordDict({"metrics": record}), reply_to=message)

    config = configure(
        "num_clients=3", "num_rounds=1", "strategy=flanders",
        "strategy.rule.rule._target_=strategies.rules.MoNNA",
        "+strategy.rule.rule.trusted=2",
    )  # fmt: skip
    failed = pytest.raises(RunFailedError, match=told)
    with LocalGrid(app, 3, workers=1) as grid, failed:
        serve(
            grid,
            Experiment(config),
            lambda report, arrays, chosen: None,
            lambda event: None,
        )


def serve_with(config: Config, liars: set[int]) -> tuple[list[dict], list]:
    """Serve a federation some of whose nodes do not tell who they are."""
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid

    class Silent(LocalGrid):
        def send_and_receive(self, messages, *, timeout=None):
            replies = super().send_and_receive(messages, timeout=timeout)
            silent = {FIRST_NODE_ID + client for client in liars}
            return [r for r in replies if r.metadata.src_node_id not in silent]

    events: list[dict] = []
    reports: list = []
    with Silent(client_app(Experiment(config)), config.num_clients, workers=1) as grid:
        serve(
            grid,
            Experiment(config),
            lambda r, arrays, chosen: reports.append(r),
            events.append,
        )
    return events, reports


def test_too_few_clients_for_the_rule_are_told_before_round_one(configure: Configure):
    from fedrobust.errors import RunFailedError

    config = configure("num_clients=7", "num_rounds=1", "strategy=krum", "strategy.f=2")
    too_few = r"4 of 7 clients told who they are, .* Krum\(f=2"
    with pytest.raises(RunFailedError, match=too_few):
        serve_with(config, {1, 3, 4})
    events, (report,) = serve_with(config, {3})
    told = [(e["event"], e["client"]) for e in events]
    assert told == [("unidentified", None), ("unidentified", 3), ("f lowered", None)]
    assert report.skipped is None
    assert report.accepted == [0, 1, 2, 4, 5, 6]


def test_nodes_that_never_come_are_missing(configure: Configure):
    from flwr.clientapp import ClientApp

    from fedrobust.errors import RunFailedError
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import LocalGrid

    config = configure(
        "num_clients=4", "num_rounds=1", "strategy=median", "runtime.timeout=0.1"
    )
    events: list[dict] = []
    reports: list = []
    with LocalGrid(client_app(Experiment(config)), 3, workers=1) as grid:
        serve(
            grid,
            Experiment(config),
            lambda r, arrays, chosen: reports.append(r),
            events.append,
        )
    assert "3 of 4 nodes connected within" in events[0]["reason"]
    assert [event["client"] for event in events] == [None, 3]
    assert reports[0].accepted == [0, 1, 2]
    nobody = pytest.raises(RunFailedError, match="0 of 4 nodes connected within")
    with LocalGrid(ClientApp(), 0, workers=1) as grid, nobody:
        identify_clients(grid, 4, print, timeout=0.1)


def test_a_grid_that_is_given_is_named_and_trains_nobody_together(
    configure: Configure, tmp_path
):
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import LocalGrid

    with pytest.raises(
        ConfigError, match=r"runtime\.cohort=2: must be 1 under flwr run"
    ):
        run(configure(*SMALL, "runtime.cohort=2"), tmp_path / "r", grid=object())
    config = configure(*SMALL)
    with LocalGrid(client_app(Experiment(config)), 7, workers=2) as grid:
        result = run(config, tmp_path / "r", grid=grid)
    runtime = result.environment["runtime"]
    assert runtime["_target_"] == "fedrobust.runtime.local_grid.LocalGrid"


def test_replies_are_waited_for_as_long_as_the_runtime_says(
    configure: Configure,
):
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import LocalGrid

    for said, expected in (("null", [600.0, 3600.0]), ("5", [5.0]), ("700", [700.0])):
        config = configure(*SMALL, "num_rounds=1", f"runtime.timeout={said}")
        waited: list[float | None] = []

        class Watched(LocalGrid):
            def send_and_receive(self, messages, *, timeout=None, waited=waited):
                waited.append(timeout)
                return super().send_and_receive(messages, timeout=timeout)

        with Watched(client_app(Experiment(config)), 7, workers=2) as grid:
            serve(
                grid,
                Experiment(config),
                lambda report, arrays, chosen: None,
                lambda event: None,
            )
        assert list(dict.fromkeys(waited)) == expected


def test_alie_under_partial_participation_goes_on(configure: Configure, tmp_path):
    config = configure(
        "num_clients=10", "num_byzantine=4", "byzantine=alie", "participation=0.3",
        "strategy=median", "num_rounds=6", "dataset.num_train=300",
    )  # fmt: skip
    run(config, tmp_path / "r")
    events = [json.loads(line) for line in (tmp_path / "r/events.jsonl").open()]
    assert {event["event"] for event in events} == {"no collusion"}


def test_federated_evaluation_uses_images_that_nobody_trained_on(configure: Configure):
    config = configure("partition.holdout=0.25")
    for client in range(config.num_clients):
        train, held = Experiment(config).client_rows(client)
        assert not set(train) & set(held)
        assert len(held) == round(0.25 * (len(train) + len(held)))


def test_a_run_whose_every_round_is_skipped_is_no_result(
    configure: Configure, tmp_path, monkeypatch
):
    from fedrobust.errors import RunFailedError
    from fedrobust.training.trainer import Trainer

    def fail(*args, **kwargs):
        raise MemoryError("no memory left")

    monkeypatch.setattr(Trainer, "train", fail)
    with pytest.raises(
        RunFailedError, match="it began with 'MemoryError: no memory left'"
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


def test_the_result_warns_of_clients_that_were_missing(configure: Configure, tmp_path):
    few = ("num_clients=5", "num_byzantine=1", "strategy=krum", "num_rounds=2")
    result = run(configure(*few, "byzantine=infinity"), tmp_path / "r")
    warning = "in 2 of 2 rounds clients were missing and f was lowered"
    assert warning in result.warnings
    assert result.skipped_rounds == 0


def test_a_warning_of_the_attack_is_told_of_that_evaluation_alone(
    configure: Configure, tmp_path
):
    """Every round is evaluated, by the clients too, at both epsilons."""
    rounds = (*SMALL, "partition.holdout=0.2", "attack.epsilon=[0.1,0.3]")
    slow = configure(*rounds, "attack.methods.pgd.step_size=0.01")
    first = run(slow, tmp_path / "r")
    assert sum("cannot cross a ball" in text for text in first.warnings) == 2
    again = run(configure(*rounds), tmp_path / "r")
    assert not any("cannot cross a ball" in text for text in again.warnings)


def test_an_epsilon_that_is_too_wide_is_told_once(configure: Configure, tmp_path):
    config = configure(*TINY, "attack=fgsm", "attack.epsilon=[0.1,8]")
    told = run(config, tmp_path / "r").warnings
    assert len([text for text in told if "8" in text and "/255" in text]) == 1


def test_a_stored_model_keeps_where_it_was_trained(
    configure: Configure, tmp_path, monkeypatch
):
    from fedrobust import backend

    with monkeypatch.context() as patched:
        patched.setattr(backend, "is_deterministic", lambda tensorflow: False)
        patched.setattr(
            "fedrobust.record.environment.processor",
            lambda: "the one it was trained on",
        )
        first = run(configure(*SMALL), tmp_path / "r")
    assert first.environment == first.evaluation_environment
    again = run(configure(*SMALL, "attack.epsilon=0.3"), tmp_path / "r")
    assert again.environment["processor"] == "the one it was trained on"
    assert again.environment["deterministic"] is False
    assert again.evaluation_environment["processor"] == processor()
    assert again.evaluation_environment["deterministic"] is True


@pytest.fixture
def mine(tmp_path, monkeypatch) -> Callable[..., tuple[str, ...]]:
    """Write a data set of one's own, and give the overrides of a short run on it."""
    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    x = np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8)
    arrays = {"x_train": x[:40], "y_train": np.arange(40) % 3}
    arrays |= {"x_test": x[40:], "y_test": np.arange(20) % 3}

    def write(reversed_array: str | None = None) -> tuple[str, ...]:
        changed = {k: v[::-1] for k, v in arrays.items() if k == reversed_array}
        np.savez(tmp_path / "mine.npz", **{**arrays, **changed})
        forget()
        return (
            *("dataset=mnist", "dataset.name=mine", "dataset.input_shape=[4,4,1]"),
            *("dataset.num_classes=3", "num_clients=2", "num_rounds=1", "attack=fgsm"),
        )

    yield write
    forget()


def test_a_result_of_other_data_is_refused_whatever_is_asked_for(
    configure: Configure, tmp_path, mine
):
    """Nothing is evaluated on images that may be among those it was trained on."""
    first = run(configure(*mine()), tmp_path / "r")
    before = (tmp_path / "r" / "result.json").read_bytes()
    digests = {first.data_digest}
    for name in ("x_train", "y_train", "x_test", "y_test"):
        for other in ((), ("attack.epsilon=0.01",)):
            config = configure(*mine(name), *other)
            with pytest.raises(ConfigError, match="was made with other data") as caught:
                run(config, tmp_path / "r")
            now = Experiment(config).split.digest
            assert f"(data_digest {first.data_digest}, now {now})" in str(caught.value)
            assert "--fresh" in str(caught.value)
            digests.add(now)
    assert len(digests) == 5
    assert (tmp_path / "r" / "result.json").read_bytes() == before
    RunFolder(tmp_path / "r", config).clear()
    assert run(config, tmp_path / "r").data_digest == now


def test_a_result_counts_until_its_data_are_found_to_be_others(
    configure: Configure, tmp_path, mine
):
    config, data = configure(*mine()), tmp_path / "mine.npz"
    run(config, tmp_path / "r")

    def fail(reason: str) -> list[str]:
        with pytest.raises(ConfigError, match=reason):
            run(config, tmp_path / "r")
        return json.loads(next(tmp_path.glob("r/error-*")).read_text())[
            "refused_results"
        ]

    data.unlink()
    forget()
    assert fail("mine") == []
    assert collect(tmp_path).groups[0].seeds == [config.seed]
    mine("y_test")
    assert fail("was made with other data") == [config.evaluation_digest]
    data.unlink()
    forget()
    # Nothing was compared, so nothing is known to be right again.
    assert fail("mine") == [config.evaluation_digest]
    with pytest.raises(MissingResultsError):
        collect(tmp_path)
    mine()
    run(config, tmp_path / "r")
    assert collect(tmp_path).groups[0].seeds == [config.seed]


def test_a_result_of_other_clients_rows_is_refused_unless_a_version_explains_it(
    configure: Configure, tmp_path, monkeypatch
):
    """The ids by which a file deals its images are part of no image."""
    from fedrobust.record import environment

    monkeypatch.setenv("FEDROBUST_DATA", str(tmp_path))
    x, y = np.zeros((40, 4, 4), np.uint8), np.arange(40) % 3
    own = (
        *("dataset=mnist", "dataset.name=own", "dataset.input_shape=[4,4,1]"),
        *("dataset.num_classes=3", "partition=natural_id", "attack=fgsm"),
        *("num_clients=2", "num_rounds=1"),
    )

    def write(ids: np.ndarray) -> None:
        arrays = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
        np.savez(tmp_path / "own.npz", **arrays, ids_train=ids)
        forget()

    write(np.arange(40) % 2)
    config = configure(*own)
    first = run(config, tmp_path / "r")
    write(np.arange(40) // 20)
    for asked in (config, configure(*own, "attack.epsilon=0.01")):
        with pytest.raises(ConfigError, match="partition_digest") as caught:
            run(asked, tmp_path / "r")
        assert first.partition_digest in str(caught.value)
    older = {**environment.versions(), "flwr-datasets": "0.0.1"}
    monkeypatch.setattr(environment, "versions", lambda: older)
    again = run(config, tmp_path / "r")
    assert again.other_versions["flwr-datasets"][1] == "0.0.1"
    forget()


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
    of_evaluations = {"clean_accuracy", "robust_accuracy", "federated"}
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


def test_a_folder_with_digests_of_another_version_is_left_alone(
    configure: Configure, tmp_path
):
    config = configure(*TINY)
    run(config, tmp_path / "r")
    path = tmp_path / "r" / "config.yaml"
    text = path.read_text()
    older = text.replace(f"digest_version: {TRAINING_VERSION}\n", "")
    assert older != text
    path.write_text(older)
    before = {p: p.read_bytes() for p in (tmp_path / "r").rglob("*") if p.is_file()}
    with pytest.raises(ConfigError) as caught:
        run(config, tmp_path / "r")
    for part in (
        f"{tmp_path / 'r'} holds a run of fedrobust {__version__} with a digest",
        "of version 3, which cannot be compared with those of version "
        f"{TRAINING_VERSION}: choose another hydra.run.dir",
    ):
        assert part in str(caught.value)
    (tmp_path / "r" / "training.json").unlink()
    with pytest.raises(ConfigError, match="holds a run of an earlier fedrobust with"):
        run(config, tmp_path / "r")
    del before[tmp_path / "r" / "training.json"]
    assert all(path.read_bytes() == content for path, content in before.items())


def test_other_versions_than_a_model_was_trained_with_are_told(
    configure: Configure, tmp_path, monkeypatch, capsys
):
    from fedrobust.commands.progress import Progress
    from fedrobust.record import environment

    config = configure(*TINY, "attack=fgsm")
    first = run(config, tmp_path / "r")
    assert first.other_versions == {}
    with monkeypatch.context() as patched:
        newer = {**environment.versions(), "flwr": "9.9", "code": "edited"}
        patched.setattr(environment, "versions", lambda: newer)
        again = run(config, tmp_path / "r")
        there = environment.version("flwr")
        told = {
            "flwr": [there, "9.9"],
            "code": [first.environment["code"], "edited"],
        }
        assert again == replace(first, other_versions=told)
        assert json.loads((tmp_path / "r/result.json").read_text()) == again.to_json()
        Progress(config, tmp_path / "r", None).finish(again)
        error = " ".join(capsys.readouterr().err.split())
        assert f"trained with other code of fedrobust, flwr {there} (now 9.9)" in error
        assert "--fresh" in error
        # An evaluation by these says so, too.
        other = configure(*TINY, "attack=fgsm", "attack.epsilon=0.3")
        assert run(other, tmp_path / "r").other_versions == told
    assert run(config, tmp_path / "r") == first


def test_the_digest_of_our_code_is_of_what_decides_a_number(tmp_path):
    from fedrobust.record.environment import _code

    package = tmp_path / "rules"
    (package / "report").mkdir(parents=True)
    (package / "mean.py").write_text("def mean(x):\n    return x.mean(0)\n")
    (package / "report" / "page.py").write_text("TITLE = 1\n")
    digest = _code(package)
    commented = "# Sums.\n\ndef mean(x):\n    # Of rows.\n    return x.mean(0)\n"
    (package / "mean.py").write_text(commented)
    (package / "report" / "page.py").write_text("TITLE = 2\n")
    assert _code(package) == digest
    (package / "mean.py").write_text("def mean(x):\n    return x.mean(1)\n")
    assert _code(package) != digest


def test_a_surrogate_of_another_task_is_refused_before_training(configure, tmp_path):
    path = tmp_path / "other.keras"
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(10)]).save(path)
    transfer = ("attack=transfer", f"attack.methods.transfer.surrogate={path}")
    config = configure("num_rounds=1", *transfer)
    before = config.evaluation_digest
    with pytest.raises(ConfigError, match=r"attack: the surrogate takes .*\(5,\)"):
        run(config, tmp_path / "r")
    assert not (tmp_path / "r").exists()
    # What the file holds is part of how a model is evaluated.
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(),
                      keras.layers.Dense(10)]).save(path)  # fmt: skip
    assert configure("num_rounds=1", *transfer).evaluation_digest != before


def test_a_folder_is_run_in_by_one_at_a_time(configure, tmp_path):
    # Two jobs that differ in the attack alone: the second waits and trains nothing.
    small = ("num_clients=2", "num_rounds=2", "dataset.num_train=60")
    configs = [configure(*small, f"attack={name}") for name in ("fgsm", "bim")]
    rounds: list[int] = []

    def job(config: Config) -> None:
        run(config, tmp_path / "r", lambda row: rounds.append(row.round))

    threads = [threading.Thread(target=job, args=[config]) for config in configs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rounds == [1, 2]
    assert len(list((tmp_path / "r" / "evaluations").iterdir())) == 2


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("model name : A CPU\nflags : fpu avx avx2 avx512f", "A CPU (AVX-512)"),
        ("model name : A CPU\nflags : fpu avx avx2\nmodel name : B", "A CPU (AVX2)"),
        ("model name : A CPU\nflags : fpu avx", "A CPU (AVX)"),
        ("model name : A CPU\nflags : fpu", "A CPU"),
    ],
)
def test_a_processor_is_named_by_its_widest_vectors(monkeypatch, lines, name):
    monkeypatch.delenv("FEDROBUST_VECTORS", raising=False)
    monkeypatch.setattr("fedrobust.vectors._CAPPED", False)
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    monkeypatch.setattr(Path, "read_text", lambda path: lines)
    assert processor() == name
