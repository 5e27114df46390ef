"""The mod that clips and noises on the client, in any ClientApp."""

import numpy as np
import pytest
from flwr.app import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Context,
    Message,
    MetricRecord,
    RecordDict,
)
from flwr.clientapp import ClientApp
from flwr.serverapp import strategy as flower

from fedrobust.randomness import Purpose
from fedrobust.runtime.flower import give_id, identify_process
from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from strategies import RobustStrategy
from strategies.mods import local_dp_mod
from strategies.mods.local_dp import LOCAL_NOISE
from strategies.rules import Mean


def arrays_of(w, count=(5, 5)) -> ArrayRecord:
    return ArrayRecord(
        {"w": Array(np.asarray(w, np.float32)), "count": Array(np.array(count))}
    )


def context_of(partition: int | None = 3) -> Context:
    node = {} if partition is None else {"partition-id": partition}
    return Context(1, 77, node, RecordDict(), {})


def message_of(kind="train", round: int | None = 4, w=(1.0, 1.0)) -> Message:
    identify_process()
    config = {} if round is None else {"server-round": round}
    content = RecordDict({"arrays": arrays_of(w), "config": ConfigRecord(config)})
    message = Message(content, 77, kind, group_id="4")
    give_id(message)
    return message


def app(step, metrics=None, count=(9, 9), **more):
    """A client that moves ``w``, counts, and says how it went."""
    said = {"num-examples": 12, "train_loss": 0.5} if metrics is None else metrics

    def call(message: Message, context: Context) -> Message:
        old = message.content["arrays"]["w"].numpy()
        new = arrays_of(old + np.asarray(step, np.float32), count)
        content = {"arrays": new, "metrics": MetricRecord(said), **more}
        return Message(RecordDict(content), reply_to=message)

    return call


def replied(mod, call, partition: int | None = 3, **kwargs) -> RecordDict:
    return mod(message_of(**kwargs), context_of(partition), call).content


def w_of(content: RecordDict) -> np.ndarray:
    return content["arrays"]["w"].numpy()


def test_an_update_is_clipped_and_gets_the_noise_of_its_key():
    mod = local_dp_mod(clip=2.0, noise_multiplier=0.5, seed=9)
    noise = np.random.default_rng([9, 4, 3, 19]).normal(size=2)
    found = replied(mod, app([3.0, 4.0]))
    np.testing.assert_allclose(w_of(found), np.add([2.2, 2.6], noise), rtol=1e-6)
    # One that is shorter than the norm, and one of zeros, are not clipped.
    found = replied(mod, app([0.5, 0.0]))
    np.testing.assert_allclose(w_of(found), np.add([1.5, 1.0], noise), rtol=1e-6)
    found = replied(mod, app([0.0, 0.0]))
    np.testing.assert_allclose(w_of(found), np.add([1.0, 1.0], noise), rtol=1e-6)
    assert LOCAL_NOISE == Purpose.LOCAL_NOISE


def test_rounds_clients_and_seeds_have_noise_of_their_own():
    draws = {
        (seed, round, partition): tuple(
            w_of(
                replied(
                    local_dp_mod(clip=1.0, noise_multiplier=1.0, seed=seed),
                    app([0, 0]),
                    partition=partition,
                    round=round,
                )
            )
        )
        for seed in (0, 2**100)
        for round in (1, 2)
        for partition in (0, 1, None)
    }
    assert len(set(draws.values())) == len(draws)


def test_without_a_seed_the_noise_comes_from_the_operating_system():
    mod = local_dp_mod(clip=1.0, noise_multiplier=1.0)
    found = {tuple(w_of(replied(mod, app([0, 0]), round=None))) for _ in range(5)}
    assert len(found) == 5


def test_only_the_floats_and_the_public_metrics_leave_the_client():
    config = ConfigRecord({"secret": "my data"})
    more = {"notes": MetricRecord({"accuracy": 0.9}), "config": config}
    mod = local_dp_mod(clip=1.0, noise_multiplier=1.0, seed=0)
    found = replied(mod, app([1, 1], **more))
    # The integers are those that the client was sent.
    assert found["arrays"]["count"].numpy().tolist() == [5, 5]
    assert dict(found["metrics"]) == {"num-examples": 12}
    assert dict(found["notes"]) == {}
    assert found.config_records == {}
    mod = local_dp_mod(
        clip=1.0, noise_multiplier=1.0, public_metrics=["num-examples", "train_loss"]
    )
    found = replied(mod, app([1, 1], **more))
    assert dict(found["metrics"]) == {"num-examples": 12, "train_loss": 0.5}


def test_batch_statistics_are_part_of_the_update():
    mod = local_dp_mod(clip=1.0, noise_multiplier=0.0)
    sent = ArrayRecord({"w": Array(np.zeros(1)), "mean": Array(np.zeros(1))})
    message = message_of()
    message.content["arrays"] = sent

    def call(message, context):
        new = ArrayRecord({"w": Array(np.full(1, 3.0)), "mean": Array(np.full(1, 4.0))})
        metrics = MetricRecord({"num-examples": 1})
        return Message(RecordDict({"a": new, "m": metrics}), reply_to=message)

    found = mod(message, context_of(), call).content
    assert found["a"]["w"].numpy() == pytest.approx([0.6])
    assert found["a"]["mean"].numpy() == pytest.approx([0.8])


def test_messages_that_do_not_train_pass_unchanged():
    mod = local_dp_mod(clip=1.0, noise_multiplier=1.0)
    found = replied(mod, app([3, 4]), kind="evaluate")
    assert w_of(found).tolist() == [4, 5]
    assert found["metrics"]["train_loss"] == 0.5
    found = replied(mod, app([3, 4]), kind="train.again")
    assert "train_loss" not in found["metrics"]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (app([np.nan, 0]), "array 'w' is not finite"),
        (app([np.inf, 0]), "array 'w' is not finite"),
        (app([1, 1], count=(1, 1, 1)), "local_dp_mod needs those of the message"),
        (app([1, 1], arrays=MetricRecord({})), "reply has 0 ArrayRecords"),
        (app([1, 1], other=arrays_of([1, 1])), "reply has 2 ArrayRecords"),
    ],
)
def test_what_cannot_be_clipped_is_not_sent(call, told):
    mod = local_dp_mod(clip=1.0, noise_multiplier=1.0, seed=0)
    with pytest.raises(ValueError, match=told):
        replied(mod, call)


def test_a_key_without_a_round_is_refused():
    mod = local_dp_mod(clip=1.0, noise_multiplier=1.0, seed=0)
    with pytest.raises(ValueError, match="no server-round, which keys the noise"):
        replied(mod, app([1, 1]), round=None)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"clip": 0.0}, "clip=0.0: must be above 0"),
        ({"noise_multiplier": -1.0}, "noise_multiplier=-1.0: must be at least 0"),
        ({"seed": -1}, "seed=-1: must be at least 0"),
    ],
)
def test_parameters_out_of_range_are_refused(changes, told):
    with pytest.raises(ValueError, match=f"^{told}"):
        local_dp_mod(**{"clip": 1.0, "noise_multiplier": 1.0, **changes})


def federated(strategy, mod, num_clients, num_rounds, workers=2):
    """Rounds of clients that do not move at all, or raise."""
    application = ClientApp()

    @application.train(mods=[mod])
    def train(message, context):
        if context.node_config["partition-id"] == num_clients:
            raise RuntimeError("down")
        return app(np.zeros(500))(message, context)

    identify_process()
    start = arrays_of(np.zeros(500))
    with LocalGrid(application, num_clients, workers=workers) as grid:
        result = strategy.start(grid, start, num_rounds=num_rounds)
    return result.arrays["w"].numpy()


def test_the_noise_of_a_mean_of_clients_has_the_right_standard_deviation():
    n, rounds = 4, 10
    strategy = RobustStrategy(
        rule=Mean(), fraction_evaluate=0.0,
        client_ids={FIRST_NODE_ID + c: c for c in range(n)},
    )  # fmt: skip
    mod = local_dp_mod(clip=2.0, noise_multiplier=0.5, seed=1)
    w = federated(strategy, mod, n, rounds)
    # Each round adds the mean of n draws, each of standard deviation 1.
    deviates = w * np.sqrt(n / rounds)
    assert abs(deviates.std() - 1) < 5 / np.sqrt(2 * len(w))
    assert abs(deviates.mean()) < 5 / np.sqrt(len(w))


@pytest.mark.parametrize("num_clients", [1, 3])
def test_it_works_under_flowers_own_strategy_for_any_number_of_workers(num_clients):
    def learned(workers):
        fedavg = flower.FedAvg(
            fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=num_clients
        )
        mod = local_dp_mod(clip=1.0, noise_multiplier=1.0, seed=1)
        return federated(fedavg, mod, num_clients, 2, workers)

    # FedAvg adds up in the order of the nodes.
    np.testing.assert_array_equal(learned(1), learned(4))
