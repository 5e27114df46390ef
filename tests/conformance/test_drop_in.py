"""RobustStrategy with the weighted mean in the place of Flower's FedAvg."""

import inspect
import math
import re
from types import MappingProxyType

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp.strategy import FedAvg
from flwr.serverapp.strategy.strategy_utils import aggregate_metricrecords

from fedrobust.runtime.local_grid import LocalGrid
from strategies import RobustStrategy
from strategies.preaggregators import NNM
from strategies.rules import Krum, Mean
from tests.messages import reply
from tests.strategies import one_round
from tests.strategies.one_round import record

NUM_CLIENTS, NUM_ROUNDS = 5, 3
FEDAVG = inspect.signature(FedAvg).parameters


def test_every_argument_of_fedavg_is_one_of_ours_with_its_default():
    ours = inspect.signature(RobustStrategy).parameters
    for name, parameter in FEDAVG.items():
        assert ours[name].default == parameter.default, name
    strategy = RobustStrategy(rule=Mean())
    flowers = FedAvg()
    for name in FEDAVG:
        if not name.endswith("_aggr_fn"):
            assert getattr(strategy, name) == getattr(flowers, name), name


def federation(weight: str, arrays: str, config: str) -> tuple[ClientApp, list]:
    """Clients of different weights, who note what they are sent."""
    app, sent = ClientApp(), []

    def received(message, context):
        client = context.node_config["partition-id"]
        content = message.content
        kind, settings = message.metadata.message_type, dict(content[config])
        sent.append((kind, client, sorted(content), sorted(settings.items())))
        return client, content[arrays]["w"].numpy(), settings

    def weigh(client):
        return 1 + client if weight == "num-examples" else 0.25 + client

    @app.train()
    def train(message, context):
        client, w, settings = received(message, context)
        new = Array((w + np.float32(settings["lr"]) * (client - w)).astype(np.float32))
        metrics = {weight: weigh(client), "loss": float(np.abs(client - w).mean())}
        content = {"x": ArrayRecord({"w": new}), "y": MetricRecord(metrics)}
        return Message(RecordDict(content), reply_to=message)

    @app.evaluate()
    def evaluate(message, context):
        client, w, _ = received(message, context)
        metrics = {weight: weigh(client), "accuracy": float(w[0]) / (1 + client)}
        return Message(RecordDict({"y": MetricRecord(metrics)}), reply_to=message)

    return app, sent


def played(strategy, weight="num-examples", arrays="arrays", config="config"):
    app, sent = federation(weight, arrays, config)
    with LocalGrid(app, NUM_CLIENTS, workers=1) as grid:
        result = strategy.start(
            grid,
            ArrayRecord({"w": Array(np.linspace(0, 1, 7, dtype=np.float32))}),
            num_rounds=NUM_ROUNDS,
            train_config=ConfigRecord({"lr": 0.5}),
            evaluate_fn=lambda round, arrays: MetricRecord({"round": round}),
        )
    return result, sorted(sent, key=str)


KEYS = {
    "weighted_by_key": "weight",
    "arrayrecord_key": "model",
    "configrecord_key": "settings",
}


@pytest.mark.parametrize("keys", [{}, KEYS], ids=["default keys", "keys of the user"])
def test_the_same_arrays_metrics_results_and_messages(keys):
    functions = {
        "train_metrics_aggr_fn": aggregate_metricrecords,
        "evaluate_metrics_aggr_fn": aggregate_metricrecords,
    }
    theirs, sent = played(FedAvg(**keys, min_available_nodes=5), *keys.values())
    rule = Mean(weighted=True)
    ours, also = played(RobustStrategy(rule=rule, **keys, **functions), *keys.values())
    np.testing.assert_allclose(
        ours.arrays["w"].numpy(), theirs.arrays["w"].numpy(), rtol=1e-6
    )
    assert ours.arrays["w"].numpy().dtype == theirs.arrays["w"].numpy().dtype
    assert list(ours.arrays) == list(theirs.arrays)
    for name in ("train_metrics_clientapp", "evaluate_metrics_clientapp"):
        found, wanted = getattr(ours, name), getattr(theirs, name)
        assert list(found) == list(wanted) == [1, 2, 3]
        for round, metrics in wanted.items():
            assert dict(found[round]) == pytest.approx(dict(metrics), rel=1e-6)
    assert ours.evaluate_metrics_serverapp == theirs.evaluate_metrics_serverapp
    # FedAvg samples of its own: all clients, so that both ask the same.
    assert also == sent


def test_by_default_metrics_are_robust_and_evaluations_averaged_as_by_fedavg():
    theirs, _ = played(FedAvg(min_available_nodes=5))
    ours, _ = played(RobustStrategy(rule=Mean(weighted=True)))
    for round in (1, 2, 3):
        found = dict(ours.evaluate_metrics_clientapp[round])
        assert found.pop("clients") == NUM_CLIENTS
        wanted = dict(theirs.evaluate_metrics_clientapp[round])
        assert found == pytest.approx(wanted, rel=1e-6)
        assert ours.train_metrics_clientapp[round]["accepted"] == NUM_CLIENTS
    # Clients are 0 1 2 3 4 from the line 0 ... 1: that of 2 has the median loss.
    assert ours.train_metrics_clientapp[1]["loss"] == pytest.approx(1.5)


def test_a_weight_of_the_users_never_weights_a_robust_rule():
    krum, _ = played(RobustStrategy(rule=Krum(f=1), **KEYS), *KEYS.values())
    plain, _ = played(RobustStrategy(rule=Krum(f=1)))
    assert krum.arrays["w"].data == plain.arrays["w"].data


def test_a_metrics_function_that_raises_costs_the_metrics_alone():
    events = []

    def cannot(replies, key):
        raise KeyError("loss")

    strategy = RobustStrategy(
        rule=Mean(),
        train_metrics_aggr_fn=cannot,
        evaluate_metrics_aggr_fn=cannot,
        on_event=events.append,
    )
    result, _ = played(strategy)
    assert result.train_metrics_clientapp == result.evaluate_metrics_clientapp == {}
    # Its clients, who cannot say who they are, are numbered.
    assert events.pop(0)["event"] == "unidentified"
    assert len(events) == 2 * NUM_ROUNDS
    assert {e["event"] for e in events} == {
        "no training metrics",
        "no evaluation metrics",
    }
    assert events[0]["reason"] == "the metrics cannot be combined: KeyError: 'loss'"
    # It got one reply a client whose reply was well formed, with its arrays.
    seen = []
    strategy = RobustStrategy(
        rule=Mean(),
        fraction_evaluate=0.0,
        train_metrics_aggr_fn=lambda replies, key: seen.append(
            [(key, r["y"]["loss"], r["x"]["w"].shape) for r in replies]
        ),
    )
    played(strategy)
    assert [key for key, *_ in seen[0]] == ["num-examples"] * NUM_CLIENTS
    assert [loss for _, loss, _ in seen[0]][1:] == pytest.approx([0.5, 1.5, 2.5, 3.5])


STRANGE = {
    "nan": {"loss": math.nan},
    "an infinite list": {"curve": [0.5, math.inf]},
}


@pytest.mark.parametrize("strange", STRANGE)
def test_a_metrics_function_gets_no_metric_that_is_not_finite(strange):
    events, given = [], []

    def combined(replies, key):
        given.append([dict(r["metrics"]) for r in replies])
        return aggregate_metricrecords(replies, key)

    strategy = one_round.configured(
        *(Mean(), 3, record(w=0), events),
        train_metrics_aggr_fn=combined,
        evaluate_metrics_aggr_fn=combined,
        evaluate_range=(0, 1),
    )
    good = {"num-examples": 10, "loss": 0.5, "curve": [0.25, 0.75], "a\nb": 0.1}
    sent = [good, {**good, **STRANGE[strange]}, {**good, "num-examples": 30, "loss": 1}]

    def replies(arrays):
        return [
            reply(arrays, MetricRecord(metrics), node=one_round.NODE + client)
            for client, metrics in enumerate(sent)
        ]

    _, metrics = strategy.aggregate_train(1, replies(record(w=1)))
    # Weights of 1/4 and 3/4, as in Flower; the second client is left out.
    assert dict(metrics) == {"loss": 0.875, "curve": [0.25, 0.75]}
    assert [sorted(m) for m in given[0]] == 2 * [["curve", "loss", "num-examples"]]
    assert [(e["event"], e["client"]) for e in events] == [("no training metrics", 1)]
    assert "must be finite" in events[0]["reason"]
    assert strategy.last_round.accepted == [0, 1, 2]
    assert dict(strategy.aggregate_evaluate(1, replies(False))) == dict(metrics)
    # A value out of range in a list counts, too.
    sent[1] = {**good, "curve": [0.5, 7.0]}
    assert dict(strategy.aggregate_evaluate(1, replies(False))) == dict(metrics)
    assert events[-1]["reason"] == "metric curve=7.0: must be in (0, 1)"


def test_the_parts_are_public():
    strategy = RobustStrategy(rule=Krum(f=1))
    assert strategy.rule == Krum(f=1)
    assert strategy.preaggregators == ()
    assert strategy.client_ids == {}
    played(strategy)
    assert sorted(strategy.client_ids.values()) == list(range(NUM_CLIENTS))
    assert RobustStrategy(rule=Mean(), client_ids={7: 3}).client_ids == {7: 3}


@pytest.mark.parametrize(
    "arguments",
    [
        {"rule": "krum"},
        {"rule": Krum},
        {"preaggregators": [Mean()]},
        {"preaggregators": NNM(f=1)},
        {"preaggregators": None},
        {"preaggregators": "nnm"},
        {"preaggregators": {NNM(f=1): 1}},
        {"server_optimizer": "adam"},
        {"fraction_train": "1"},
        {"fraction_train": 0},
        {"fraction_evaluate": float("nan")},
        {"min_train_nodes": 1.5},
        {"min_available_nodes": True},
        {"f": 0.2},
        {"seed": -1},
        {"max_examples": "7"},
        {"max_examples": 0},
        {"num_clients": 2.5},
        {"num_clients": 0},
        {"client_ids": [1, 2]},
        {"client_ids": {}},
        {"client_ids": {1: 0, 2: 0}},
        {"client_ids": {1: -1}},
        {"client_ids": {1: "a"}},
        {"client_ids": {"a": 1}},
        {"train_on_root": "x"},
        {"on_event": "x"},
        {"evaluate_on": True},
        {"train_metrics_aggr_fn": 3},
        {"evaluate_metrics_aggr_fn": "mean"},
        {"configrecord_key": "arrays"},
        {"loss_metric": "num-examples"},
        {"weighted_by_key": None},
        {"statistics": "bn"},
        {"statistics": None},
        {"statistics": [1]},
        {"statistics": 5},
        {"optional_statistics": b"bn"},
        {"optional_statistics": ["bn"]},
        {"evaluate_range": (1.0, 0.0)},
        {"evaluate_range": 1.0},
    ],
    ids=repr,
)
def test_arguments_of_another_kind_are_refused_when_made(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=f"^{name}="):
        RobustStrategy(**{"rule": Mean(), **arguments})


def test_an_invalid_argument_is_refused_in_one_sentence():
    for name, value, sentence in (
        (
            *("preaggregators", NNM(f=1)),
            "NNM(f=1): must be a list in which each entry is a Preaggregator",
        ),
        (
            *("client_ids", [1, 2]),
            "[1, 2]: must be a dictionary in which each key is an integer and each "
            "value an integer or null",
        ),
        (
            *("client_ids", {1: 0, 2: 0}),
            "{1: 0, 2: 0}: must be a client id of its own for each node, at least 0, "
            "of one or more nodes",
        ),
        ("on_event", "x", "'x': must be a function or null"),
        ("evaluate_on", True, "True: must be a function"),
        ("statistics", "bn", "'bn': must be a list in which each entry is a string"),
        (
            *("configrecord_key", "arrays"),
            "'arrays': must be another name than arrayrecord_key",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(f'{name}={sentence}')}$"):
            RobustStrategy(**{"rule": Mean(), name: value})


def test_every_valid_argument_is_accepted():
    for arguments in (
        {"preaggregators": (NNM(f=1),)},
        {"statistics": {"a", "b"}, "optional_statistics": frozenset("a")},
        {"statistics": np.array(["a"])},
        {"client_ids": MappingProxyType({np.int64(7): np.int64(0)})},
        {"on_event": [].append, "evaluate_on": bool},
        {"evaluate_range": np.array([0.0, 1.0])},
    ):
        made = RobustStrategy(**{"rule": Mean(), **arguments})
        assert made.rule == Mean()
