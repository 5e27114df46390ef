"""What Flower 1.41's own robust strategies get wrong, and this project must not.

Each test shows the defect in Flower itself, so that the claim stays true, and then that
RobustStrategy does not have it. When Flower mends one, ``still`` says so: correct the
documentation then, and keep the half that tests this project.
"""

import random
from importlib.metadata import version

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import strategy as flower
from flwr.serverapp.exception import InconsistentMessageReplies
from flwr.serverapp.strategy.multikrum import compute_distances, select_multikrum
from flwr.serverapp.strategy.strategy_utils import sample_nodes

from fedrobust.runtime.local_grid import LocalGrid
from strategies import RobustStrategy
from strategies.rules import Bulyan, Krum, Mean, Median, MultiKrum, TrimmedMean
from tests.messages import global_arrays
from tests.strategies.one_round import configured, record, replies_of


def still(wrong: bool, defect: str) -> None:
    """Fail where Flower no longer has a defect that we say it has."""
    if not wrong:
        pytest.fail(
            f"Flower {version('flwr')} mended this: {defect}. Correct what "
            "strategies/ and docs/ say of Flower."
        )


def models(*values: float) -> list[ArrayRecord]:
    return [record(w=value) for value in values]


def ours(rule, values, num_examples=None, **kwargs):
    """The model after one round of RobustStrategy from 0, its report and events."""
    events: list[dict] = []
    strategy = configured(rule, len(values), record(w=0), events, **kwargs)
    replies = replies_of(models(*values), num_examples)
    arrays, _ = strategy.aggregate_train(1, replies)
    found = None if arrays is None else arrays["w"].numpy().item()
    return found, strategy.last_round, events


def theirs(strategy, values, num_examples=None):
    """The model after one round of a strategy of Flower."""
    replies = replies_of(models(*values), num_examples)
    arrays, _ = strategy.aggregate_train(1, replies)
    return None if arrays is None else arrays["w"].numpy().item()


# --- 1: distances between weights in float32 ------------------------------------------


def nearly_equal_models(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights of length 45, and ten models 5e-5 around them, two of them further."""
    rng, d = np.random.default_rng(seed), 20_000
    weights = (rng.normal(size=d) * 45 / np.sqrt(d)).astype(np.float32)
    spread = np.full((10, 1), 5e-5)
    spread[[2, 6]] *= 1.5
    return weights, (weights + spread * rng.normal(size=(10, d))).astype(np.float32)


def test_distances_between_nearly_equal_models_keep_their_digits():
    seeds, off = range(6), ~np.eye(10, dtype=bool)
    negative, strays, theirs_differ = 0, 0, 0
    for seed in seeds:
        weights, trained = nearly_equal_models(seed)
        wide = trained.astype(np.float64)
        exact = np.array([((row - wide) ** 2).sum(axis=1) for row in wide])
        others = np.where(off, exact, np.inf)
        winner = int(np.sort(others, axis=1)[:, : 10 - 2 - 2].sum(axis=1).argmin())

        records = [record(w=row) for row in trained]
        found = compute_distances(records)
        negative += int((found[off] < 0).sum())
        strays += int((found.argmin(axis=1) != np.arange(10)).sum())
        (chosen,) = select_multikrum([RecordDict({"a": r}) for r in records], 2, 1)
        chosen = chosen["a"]["w"].numpy()
        theirs_differ += not np.array_equal(chosen, trained[winner])

        strategy = configured(Krum(f=2), 10, record(w=weights))
        arrays, _ = strategy.aggregate_train(1, replies_of(records))
        assert strategy.last_round.selected == [winner]
        # The step is a float32 of 5e-5, added to weights of about 0.3.
        np.testing.assert_allclose(arrays["w"].numpy(), trained[winner], atol=1e-7)
    still(negative > 0, "squared distances below zero")
    still(strays > 0, "models that are not nearest to themselves")
    still(theirs_differ > len(seeds) // 3, "Krum selects another model than it should")


# --- 2: Bulyan in a single pass -------------------------------------------------------


def test_bulyan_selects_again_and_again():
    # Worked out by hand in test_bulyan.py: 0 3 6 8 9 are selected, and 6 8 3 averaged.
    values = [0, 1, 3, 6, 8, 9, 10]
    found, report, _ = ours(Bulyan(f=1), values)
    assert found == pytest.approx(17 / 3)
    assert report.selected == [0, 2, 3, 4, 5]
    # A single pass takes 3 6 8 9 10; around 8 these are 8, 9 and either 6 or 10.
    single = theirs(flower.Bulyan(num_malicious_nodes=1), values)
    once = [single == pytest.approx(23 / 3), single == pytest.approx(9)]
    still(any(once), "Bulyan takes the best of a single Multi-Krum pass")


# --- 3: declared examples weight a robust rule ----------------------------------------


@pytest.mark.parametrize("claim", [10**9, 10**7])
def test_declared_examples_do_not_own_multi_krum(claim):
    # The two neighbours of 1.04 are 0.01 and 0.03 off: it is among the 3 selected.
    values, examples = [1.0, 1.01, 1.02, 1.04, 1.07, 1.2], [10, 10, 10, claim, 10, 10]
    found, report, events = ours(MultiKrum(f=1, m=3), values, examples)
    if claim > 10**7:
        # Without client 3 scores are 0.0054, 0.0038, 0.0030, 0.0086 and more.
        assert found == pytest.approx(1.01)
        assert [(e["event"], e["client"]) for e in events] == [("quarantined", 3)]
    else:
        # Three neighbours: 0.0021, 0.0011, 0.0009, 0.0022, 0.0070 and more.
        assert report.selected == [0, 1, 2]
        assert found == pytest.approx(1.01)
    # Selecting four, the liar is one of them.
    found, report, _ = ours(MultiKrum(f=1, m=4), values, [10] * 3 + [10**7] + [10] * 2)
    assert report.selected == [0, 1, 2, 3]
    assert found == pytest.approx(4.07 / 4)
    multi_krum = flower.MultiKrum(num_malicious_nodes=1, num_nodes_to_select=4)
    owned = theirs(multi_krum, values, examples)
    still(owned == pytest.approx(1.04, abs=1e-5), "a client that lies owns Multi-Krum")


def test_negative_declared_examples_are_quarantined():
    # Weights 10, 10, 10 and -20 of 10: 1 + 1.01 + 1.02 - 2.08 is below every model.
    values, examples = [1.0, 1.01, 1.02, 1.04, 1.07, 1.2], [10, 10, 10, -20, 10, 10]
    found, report, _ = ours(MultiKrum(f=1, m=4), values, examples)
    assert list(report.quarantined) == [3]
    assert 1 <= found <= 1.07
    multi_krum = flower.MultiKrum(num_malicious_nodes=1, num_nodes_to_select=4)
    outside = theirs(multi_krum, values, examples)
    still(outside == pytest.approx(0.95, abs=1e-4), "negative examples are accepted")


# --- 4: one NaN -----------------------------------------------------------------------


def test_one_nan_does_not_reach_the_median():
    values = [1, 2, 3, np.nan, 4, 5, 6]
    found, report, _ = ours(Median(), values)
    assert found == 3.5
    assert report.quarantined == {3: "array 'w' is not finite"}
    still(np.isnan(theirs(flower.FedMedian(), values)), "one NaN owns FedMedian")


def test_two_nans_of_five_do_not_reach_the_trimmed_mean():
    values = [1, np.nan, 2, np.nan, 6]
    found, report, _ = ours(TrimmedMean(f=1), values)
    assert found == 2
    assert list(report.quarantined) == [1, 3]
    trimmed = flower.FedTrimmedAvg(beta=0.2)
    still(np.isnan(theirs(trimmed, values)), "two NaN of five own FedTrimmedAvg")


# --- 5: bounds that nobody checks -----------------------------------------------------


def test_krum_with_too_few_replies_is_a_skipped_round():
    found, report, events = ours(Krum(f=5), [1, 2, 3])
    assert found is None
    assert (
        report.skipped == "Krum(f=5, variant='paper') needs at least 13 updates, not 3"
    )
    assert [e["event"] for e in events] == ["round skipped"]
    answer = theirs(flower.Krum(num_malicious_nodes=5), [1, 2, 3])
    still(answer is not None, "Krum of f = 5 answers with 3 replies")


def test_multi_krum_of_none_is_refused_before_it_runs():
    with pytest.raises(ValueError, match="m=0: must be at least 1"):
        MultiKrum(f=1, m=0)
    nobody = flower.MultiKrum(num_malicious_nodes=1, num_nodes_to_select=0)
    arrays, _ = nobody.aggregate_train(1, replies_of(models(*range(5))))
    still(arrays is not None and len(arrays) == 0, "MultiKrum of 0 empties the model")


def test_multi_krum_of_more_than_there_are_is_a_skipped_round():
    found, report, _ = ours(MultiKrum(f=1, m=9), [1, 2, 3, 4, 5])
    assert found is None
    assert "needs at least 10 updates, not 5" in report.skipped
    greedy = flower.MultiKrum(num_malicious_nodes=1, num_nodes_to_select=9)
    everybody = theirs(greedy, [1, 2, 3, 4, 5])
    still(everybody == pytest.approx(3), "MultiKrum selects 9 of 5 without a word")


# --- 6: one malformed reply ends the run ----------------------------------------------


def malformed_metrics(message: Message) -> RecordDict:
    metrics = MetricRecord({"loss": 1.0})
    return RecordDict({"arrays": global_arrays(9), "metrics": metrics})


def other_names(message: Message) -> RecordDict:
    metrics = MetricRecord({"num-examples": 10})
    return RecordDict({"arrays": record(other=9), "metrics": metrics})


def other_shape(message: Message) -> RecordDict:
    arrays = global_arrays(9)
    arrays["bias"] = record(w=[9, 9])["w"]
    metrics = MetricRecord({"num-examples": 10})
    return RecordDict({"arrays": arrays, "metrics": metrics})


@pytest.mark.parametrize("bad", [malformed_metrics, other_names, other_shape])
def test_one_malformed_reply_does_not_end_the_run(bad):
    app = ClientApp()

    @app.train()
    def train(message, context):
        if context.node_config["partition-id"] == 1:
            return Message(bad(message), reply_to=message)
        metrics = MetricRecord({"num-examples": 10})
        content = RecordDict({"arrays": global_arrays(1), "metrics": metrics})
        return Message(content, reply_to=message)

    strategy = RobustStrategy(rule=Mean())
    with LocalGrid(app, 3, workers=1) as grid:
        result = strategy.start(grid, global_arrays(), num_rounds=2)
    assert strategy.last_round.round == 2
    assert list(strategy.last_round.quarantined) == [1]
    np.testing.assert_array_equal(result.arrays["bias"].numpy(), np.ones(3))

    fedavg = flower.FedAvg(fraction_evaluate=0.0)
    with LocalGrid(app, 3, workers=1) as grid:
        try:
            fedavg.start(grid, global_arrays(), num_rounds=2)
        except (InconsistentMessageReplies, ValueError):
            return
    still(False, "one malformed reply ends the run")


# --- 7: distances over batch-norm statistics ------------------------------------------


def test_batch_norm_statistics_never_decide_whom_krum_selects():
    # Krum on the weights alone, with two neighbours: 5, 2, 2, 5 and 47^2 + 48^2. Rows 1
    # and 2 tie, and the lowest counts.
    weights, statistics = [0, 1, 2, 3, 50], [0, 1000, 2000, 3000, 1500]
    replies = [record(w=w, bn=s) for w, s in zip(weights, statistics, strict=True)]
    initial = record(w=0, bn=0)
    strategy = configured(Krum(f=1), 5, initial, statistics=["bn"])
    arrays, _ = strategy.aggregate_train(1, replies_of(replies))
    assert strategy.last_round.selected == [1]
    assert arrays["w"].numpy() == 1
    # Its client could own the statistics of a single row: they are the median of all.
    assert arrays["bn"].numpy() == 1500
    # With the statistics in, the outlier's neighbours are 500 away and all others' at
    # least 500 and 1000.
    found, _ = flower.Krum(num_malicious_nodes=1).aggregate_train(
        1, replies_of(replies)
    )
    still(found["w"].numpy() == 50, "batch-norm statistics decide whom Krum selects")


# --- 8: messages are consumed ---------------------------------------------------------


@pytest.mark.parametrize("rule", [Median(), TrimmedMean(f=1), Bulyan(f=1)], ids=repr)
def test_the_arrays_stay_in_the_messages(rule):
    replies = replies_of(models(*range(7)))
    before = [reply.content["arrays"]["w"].data for reply in replies]
    strategy = configured(rule, 7, record(w=0))
    first, _ = strategy.aggregate_train(1, replies)
    after = [reply.content["arrays"]["w"].data for reply in replies]
    assert after == before
    again, _ = strategy.aggregate_train(1, replies)
    assert again["w"].data == first["w"].data


@pytest.mark.parametrize("make", [flower.FedMedian, flower.FedTrimmedAvg])
def test_flower_consumes_the_messages(make):
    replies = replies_of(models(*range(7)))
    make().aggregate_train(1, replies)
    gone = [len(reply.content["arrays"]) == 0 for reply in replies]
    still(all(gone), f"{make.__name__} takes the arrays out of the messages")


# --- 9: a round that silently does nothing --------------------------------------------


def test_bulyan_with_too_few_replies_says_that_it_kept_the_model():
    found, report, events = ours(Bulyan(f=1), [1, 2, 3, 4, 5, 6])
    assert found is None
    assert report.skipped == "Bulyan(f=1) needs at least 7 updates, not 6"
    assert events == [
        {"event": "round skipped", "round": 1, "client": None, "reason": report.skipped}
    ]
    bulyan = flower.Bulyan(num_malicious_nodes=1)
    arrays, metrics = bulyan.aggregate_train(1, replies_of(models(*range(6))))
    still(arrays is None and metrics is None, "Bulyan returns nothing, without a word")


# --- 10: sampling that no seed reproduces ---------------------------------------------


class Nodes:
    """As much of a grid as sampling needs."""

    def __init__(self, ids: list[int]) -> None:
        self.ids = ids

    def get_node_ids(self) -> list[int]:
        return self.ids


def test_the_sampled_clients_depend_on_the_seed_alone():
    def sample(ids: dict[int, int], seed: int) -> list[tuple[int, ...]]:
        strategy = RobustStrategy(
            rule=Mean(), client_ids=ids, seed=seed, fraction_train=0.3
        )
        draws = []
        for round in range(1, 4):
            list(strategy.configure_train(round, record(w=0), ConfigRecord(), None))
            draws.append(tuple(strategy.last_round.sampled))
        return draws

    configured(Mean(), 1, record(w=0))  # lets this process make messages
    clients = {1000 + 7 * client: client for client in range(20)}
    # Another run: other node ids, which arrive in another order.
    other = {9000 - 13 * client: client for client in range(20)}
    random.seed(1)
    first = sample(clients, seed=5)
    random.seed(2)
    assert sample(other, seed=5) == first
    assert sample(clients, seed=6) != first
    assert len(set(first)) == 3, "every round draws anew"

    def flower_sample(seed: int, ids: list[int]) -> list[int]:
        random.seed(seed)
        return sample_nodes(Nodes(ids), 2, 6)[0]

    drawn = flower_sample(1, list(clients))
    still(
        drawn != flower_sample(2, list(clients))
        and sorted(drawn) != sorted(flower_sample(1, list(reversed(clients)))),
        "sampling depends on the global generator and on the order of the nodes",
    )
