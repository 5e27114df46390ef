"""SFAT: weights by rank of the reported losses, by hand."""

import numpy as np
import pytest
from flwr.app import ConfigRecord, MetricRecord

from strategies.rules import SFAT, Mean, RuleContext
from tests.messages import reply
from tests.strategies import one_round
from tests.strategies.matrices import column
from tests.strategies.one_round import record


def losses(*values: float, round: int = 2, **more: object) -> RuleContext:
    return RuleContext(losses=np.array(values), round=round, **more)


def test_sfat_up_weights_the_least_losses():
    # alpha = 1/3 makes p = 2. Losses rank row 2 first: (1 + 2 + 2 * 6) / (1 + 1 + 2).
    aggregate = SFAT(alpha=1 / 3)(column(1, 2, 6), None, losses(3, 0.5, 0.1))
    assert aggregate.vector == pytest.approx(15 / 4)
    np.testing.assert_allclose(aggregate.weights, [1 / 4, 1 / 4, 1 / 2])
    two = SFAT(alpha=1 / 3, k=2)(column(1, 2, 6), None, losses(3, 0.5, 0.1))
    assert two.vector == pytest.approx((1 + 4 + 12) / 5)


def test_sfat_has_the_papers_factor():
    # p = 1.4 for alpha = 1/6; five clients, one up-weighted.
    weights = SFAT()(column(0, 0, 0, 0, 0), None, losses(5, 4, 3, 2, 1)).weights
    np.testing.assert_allclose(weights, np.array([1, 1, 1, 1, 1.4]) / 5.4)


def test_sfat_is_the_mean_in_round_one_and_without_slack():
    updates = column(1, 2, 6)
    assert SFAT(alpha=0.5)(updates, None, losses(3, 2, 1, round=1)).vector == 3
    assert SFAT(alpha=0)(updates, None, losses(3, 2, 1)).vector == 3


def test_sfat_weights_by_examples_if_weighted_is_set():
    context = losses(1, 2, num_examples=np.array([1, 4]))
    # 2 * 1 : 1 * 4 of 0 and 3.
    aggregate = SFAT(alpha=1 / 3, weighted=True)(column(0, 3), None, context)
    assert aggregate.vector == pytest.approx(2)


def test_sfat_as_coded_shrinks_the_model_unless_the_first_client_is_best():
    # n = 5, k = 1, p = 1.4: (4 + p) / (3 + 2p) of the model 10 plus the step.
    updates, model = column(1, 1, 1, 1, 1), np.array([10.0], np.float32)
    rule = SFAT(variant="code")
    best_last = losses(5, 4, 3, 2, 1, parameters=model)
    shrunk = 5.4 / 5.8
    step = rule(updates, None, best_last).vector
    assert model + step == pytest.approx(shrunk * 11, rel=1e-6)
    assert shrunk == pytest.approx(0.931, abs=5e-4)
    best_first = losses(1, 2, 3, 4, 5, parameters=model)
    assert rule(updates, None, best_first).vector == pytest.approx(1)
    assert SFAT()(updates, None, best_last).vector == pytest.approx(1)


def test_a_loss_that_is_not_reported_ranks_last():
    aggregate = SFAT(alpha=1 / 3)(column(1, 2, 6), None, losses(np.inf, 9, np.inf))
    np.testing.assert_allclose(aggregate.weights, [1 / 4, 1 / 2, 1 / 4])
    with pytest.raises(ValueError, match=r"SFAT\(.*needs context.losses"):
        SFAT()(column(1, 2, 6))


@pytest.mark.parametrize("liars", [1, 2, 3])
def test_a_client_that_lies_about_its_loss_gets_more_than_its_share_under_sfat(liars):
    # The danger: ten clients, the liars report 0 and send 1, the honest send 0.
    n, p = 10, 1.4
    reported = [0.0] * liars + [0.5] * (n - liars)
    updates = column(*[1.0] * liars, *[0.0] * (n - liars))
    gained = SFAT(k=3)(updates, None, losses(*reported)).vector
    assert gained == pytest.approx(liars * p / (n - 3 + 3 * p))
    assert gained > Mean()(updates).vector
    # Without the lie, the same clients have less than their share.
    honest = SFAT(k=3)(updates, None, losses(*[1 - loss for loss in reported])).vector
    assert honest < Mean()(updates).vector


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 1.0}, "alpha=1.0"),
        ({"alpha": -0.1}, "alpha=-0.1"),
        ({"k": 0}, "k=0"),
        ({"variant": "x"}, "paper or code"),
        ({"variant": "code", "weighted": True}, "weighted=True"),
    ],
)
def test_sfat_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        SFAT(**parameters)


def test_sfat_reads_the_losses_that_clients_report():
    models = [record(w=w) for w in (1, 2, 6)]
    replies = [
        reply(model, MetricRecord(metrics), node=one_round.NODE + i, round=2)
        for i, (model, metrics) in enumerate(
            zip(
                models,
                [
                    {"num-examples": 1, "train_loss": 3.0},
                    {"num-examples": 1},  # a client that keeps it to itself ranks last
                    {"num-examples": 1, "train_loss": 0.5},
                ],
                strict=True,
            )
        )
    ]
    strategy = one_round.configured(SFAT(alpha=1 / 3), 3, record(w=0))
    list(strategy.configure_train(2, record(w=0), ConfigRecord(), None))
    arrays, _ = strategy.aggregate_train(2, replies)
    assert arrays["w"].numpy() == pytest.approx((1 + 2 + 2 * 6) / 4)
    preview = strategy.preview(
        np.array([[1], [2], [6]], np.float32), range(3), [1] * 3, [3, np.inf, 0.5]
    )
    assert preview == pytest.approx(15 / 4)
