"""Statistics that travel beside the update."""

from dataclasses import replace

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fedrobust.runtime.local_grid import LocalGrid
from strategies import RobustStrategy
from strategies.preaggregators import NNM, Clipping
from strategies.rules import (
    CGE,
    FLAME,
    GeometricMedian,
    Krum,
    Mean,
    Median,
    MultiKrum,
    TrimmedMean,
)
from tests.strategies import one_round
from tests.strategies.federation import NUM_CLIENTS, every_rule, train_on_root
from tests.strategies.one_round import record, replies_of


def test_statistics_follow_the_selected_rows_and_integers_stay():
    app = ClientApp()

    @app.train()
    def train(message, context):
        client = context.node_config["partition-id"]
        arrays = {
            "w": Array(np.full(2, 1.0 if client < 6 else 99.0, np.float32)),
            "bn": Array(np.full(1, 10.0 * client, np.float32)),
            "count": Array(np.array(client, np.int64)),
        }
        metrics = MetricRecord({"num-examples": 1})
        content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics})
        return Message(content, reply_to=message)

    initial = ArrayRecord(
        {
            "w": Array(np.zeros(2, np.float32)),
            "bn": Array(np.zeros(1, np.float32)),
            "count": Array(np.array(5, np.int64)),
        }
    )
    for rule, expected in [
        (MultiKrum(f=1, m=5), 20.0),  # rows 0 to 4
        (MultiKrum(f=1, m=2), 30.0),  # two are no majority: the median of all
        (Mean(), 30.0),  # all rows, weighted alike
        (Median(), 30.0),  # the median of 0, 10, ..., 60
    ]:
        strategy = RobustStrategy(rule=rule, statistics=["bn"])
        with LocalGrid(app, NUM_CLIENTS, workers=2) as grid:
            result = strategy.start(grid, initial, num_rounds=1)
        assert result.arrays["bn"].numpy() == pytest.approx(expected)
        assert result.arrays["count"].numpy() == 5


@every_rule
@pytest.mark.parametrize("f", [1, 2, 3])
def test_clients_with_fair_updates_do_not_own_the_statistics(rule, f, rng):
    if isinstance(rule, Mean):
        return  # it tolerates nobody
    n = 4 * f + 3
    rule = replace(rule, **({"f": f} if rule.f is not None else {}))
    rows = 0.5 + 0.3 * rng.normal(size=(n, 40))
    # Theirs lie between the honest ones, in their midst.
    rows[:f] = rows[f:].mean(axis=0) + 0.01 * rng.normal(size=(f, 40))
    models = [
        record(w=row[:30], b=row[30:], bn=-1e9 if client < f else client)
        for client, row in enumerate(rows)
    ]
    strategy = one_round.configured(
        rule,
        n,
        record(w=np.zeros(30), b=np.zeros(10), bn=1),
        train_on_root=train_on_root,
        statistics=["bn"],
    )
    arrays, _ = strategy.aggregate_train(1, replies_of(models))
    assert f <= arrays["bn"].numpy() < n


@pytest.mark.parametrize(
    ("rule", "chain", "expected"),
    [
        # 1 : 1 : 1 : 1 : 16 of 10 20 30 40 50.
        (Mean(weighted=True), (), 900 / 20),
        # The four shortest: 10 20 30 40.
        (CGE(f=1), (), 25),
        # Of one or two a single client could own the median: it is of all.
        (Krum(f=1), (), 30),
        (MultiKrum(f=1, m=2), (), 30),
        # Whose kept rows may be anybody's, as it tells no f.
        (FLAME(), (), 30),
        (GeometricMedian(), (), 30),
        (CGE(f=1), (Clipping(c=9.0),), 25),
        # Neither weights nor selection, or rows that are no clients: the median.
        (Median(), (), 30),
        (CGE(f=1), (NNM(f=1),), 30),
    ],
    ids=repr,
)
def test_statistics_follow_weights_or_selection_else_their_median(
    rule, chain, expected
):
    replies = replies_of(
        [record(w=w, bn=10 * i) for i, w in enumerate([0, 1, 2, 4, 50], start=1)],
        [1, 1, 1, 1, 16],
    )
    strategy = one_round.configured(
        rule, 5, record(w=0, bn=7), statistics=["bn"], preaggregators=chain
    )
    arrays, _ = strategy.aggregate_train(1, replies)
    assert arrays["bn"].numpy() == pytest.approx(expected)


def test_who_leaves_an_optional_statistic_untouched_has_no_vote_on_it():
    replies = replies_of([record(w=1, bn=bn) for bn in (7, 7, 7, 10, 20)])
    for rule, expected in ((Mean(), 15.0), (Median(), 15.0), (CGE(f=1), 7.0)):
        strategy = one_round.configured(
            rule, 5, record(w=0, bn=7), statistics=["bn"], optional_statistics=["bn"]
        )
        arrays, _ = strategy.aggregate_train(1, replies)
        assert arrays["bn"].numpy() == pytest.approx(expected)
    strategy = one_round.configured(
        Mean(), 5, record(w=0, bn=7), statistics=["bn"], optional_statistics=["bn"]
    )
    arrays, _ = strategy.aggregate_train(1, replies_of([record(w=1, bn=7)] * 5))
    assert arrays["bn"].numpy() == 7


@pytest.mark.parametrize(
    ("rule", "f"), [(TrimmedMean(f=1), 0), (Krum(f=1), 0), (Median(), 1), (Mean(), 1)]
)
def test_few_votes_on_an_optional_statistic_leave_it(rule, f):
    """With f = 1 two votes leave it; three have the median of an honest majority.

    The mean withstands nobody.
    """
    is_mean = isinstance(rule, Mean)

    def next_bn(*sent: float) -> float:
        replies = replies_of([record(w=1, bn=bn) for bn in sent])
        strategy = one_round.configured(
            rule, 5, record(w=0, bn=7), statistics=["bn"], optional_statistics=["bn"],
            f=f,
        )  # fmt: skip
        arrays, _ = strategy.aggregate_train(1, replies)
        return arrays["bn"].numpy().item()

    assert next_bn(7, 7, 7, 7, 1e30) == 7
    assert next_bn(7, 7, 7, 8, 1e30) == 7
    assert next_bn(7, 7, 8, 9, 1e30) == pytest.approx(1e30 / 3 if is_mean else 9)
