"""The server optimisers of Flower."""

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, MetricRecord
from flwr.serverapp.strategy import FedAdagrad, FedAdam, FedAvgM, FedYogi

from strategies.server_optimizers import SGD, Adagrad, Adam, Yogi
from tests.messages import reply

ROUNDS = 6
SCALES = (1e-4, 1e-2, 1.0, 100.0)


def deltas():
    """The aggregates of a few rounds: (case, (ROUNDS, d) float32)."""
    for scale in SCALES:
        for d in (1, 10, 300):
            for seed in range(4):
                rng = np.random.default_rng([seed, d])
                drift = rng.normal(size=d)
                rows = scale * (drift + rng.normal(size=(ROUNDS, d)))
                yield f"scale {scale}, d = {d}, seed {seed}", rows.astype(np.float32)


def steps_of(strategy, rows) -> np.ndarray:
    """The steps that a Flower strategy makes of aggregates, in float64.

    The global arrays start at zero, so that they are the sum of the steps.
    """
    current, steps = np.zeros(rows.shape[1]), []
    for round, row in enumerate(rows.astype(np.float64), 1):
        record = ArrayRecord({"all": Array(current)})
        is_momentum = isinstance(strategy, FedAvgM)
        strategy.current_arrays = record if is_momentum else {"all": current}
        sent = reply(
            ArrayRecord({"all": Array(current + row)}),
            MetricRecord({"num-examples": 1}),
        )
        arrays, _ = strategy.aggregate_train(round, [sent])
        new = arrays["all"].numpy()
        steps.append(new - current)
        current = new
    return np.array(steps)


def our_steps(optimizer, rows, state=None) -> np.ndarray:
    steps = []
    for row in rows:
        step, state = optimizer(row, state)
        steps.append(step)
    return np.array(steps)


def from_zero(rows):
    """The state in which Flower starts: ours starts the second moment at tau^2."""
    return np.zeros(rows.shape[1]), np.zeros(rows.shape[1])


def eta_norm(round: int, beta_1: float = 0.9, beta_2: float = 0.99) -> float:
    """The factor of FedAdam's learning rate."""
    return np.sqrt(1 - beta_2 ** (round + 1)) / (1 - beta_1 ** (round + 1))


@pytest.mark.parametrize(("rate", "momentum"), [(1.0, 0.0), (0.5, 0.0), (1.0, 0.9)])
def test_momentum_agrees(rate, momentum, agree):
    ours = SGD(learning_rate=rate, momentum=momentum)
    pairs = (
        (
            case,
            our_steps(ours, rows),
            steps_of(
                FedAvgM(server_learning_rate=rate, server_momentum=momentum), rows
            ),
        )
        for case, rows in deltas()
    )
    # Momentum and state are float32.
    agree(f"flwr FedAvgM({rate}, {momentum})", repr(ours), pairs, tolerance=2e-7)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Adagrad(learning_rate=0.1), lambda: FedAdagrad(eta=0.1)),
        (Adagrad(tau=0.5), lambda: FedAdagrad(eta=0.1, tau=0.5)),
        (Yogi(learning_rate=0.01), FedYogi),
        (
            Yogi(beta_1=0.0, beta_2=0.5),
            lambda: FedYogi(eta=0.1, beta_1=0.0, beta_2=0.5),
        ),
    ],
    ids=["Adagrad", "Adagrad with tau", "Yogi", "Yogi with betas"],
)
def test_adaptive_optimisers_agree_from_the_same_start(ours, theirs, agree):
    pairs = (
        (case, our_steps(ours, rows, from_zero(rows)), steps_of(theirs(), rows))
        for case, rows in deltas()
    )
    agree(f"flwr {type(theirs()).__name__}", f"{ours!r} from v = 0", pairs)


def test_adam_agrees_from_the_same_start_but_for_its_learning_rate(agree):
    ours = Adam(learning_rate=0.1)

    def pairs():
        for case, rows in deltas():
            factors = [[eta_norm(round)] for round in range(1, ROUNDS + 1)]
            steps = our_steps(ours, rows, from_zero(rows)) * factors
            yield case, steps, steps_of(FedAdam(eta=0.1), rows)

    agree("flwr FedAdam", f"{ours!r} from v = 0, times its factor", pairs())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Adagrad(tau=0.1), lambda: FedAdagrad(eta=0.1, tau=0.1)),
        (Yogi(tau=0.1), lambda: FedYogi(eta=0.1, tau=0.1)),
    ],
    ids=["adagrad", "yogi"],
)
def test_the_second_moment_starts_at_tau_squared_as_in_the_paper(ours, theirs, differs):
    row = np.array([[0.2]], np.float32)
    # v becomes share 0.04 there. Here it starts at 0.01, and share 0.04 is added, by
    # Yogi because 0.01 < 0.04.
    beta_1, share = (0.9, 0.01) if isinstance(ours, Yogi) else (0.0, 1.0)
    there, here = (
        0.1 * (1 - beta_1) * 0.2 / (np.sqrt(start + share * 0.04) + 0.1)
        for start in (0.0, 0.01)
    )
    np.testing.assert_allclose(steps_of(theirs(), row), [[there]], rtol=1e-6)
    np.testing.assert_allclose(our_steps(ours, row), [[here]], rtol=1e-6)
    differs(
        f"flwr {type(theirs()).__name__}",
        type(ours).__name__,
        f"v starts at 0, in the paper at tau^2: a first step of {there:.4f}, not "
        f"{here:.4f} (update 0.2, tau 0.1, learning rate 0.1)",
    )


def test_adam_of_flower_corrects_for_a_round_more_than_there_was(differs):
    row = np.array([[1.0]], np.float32)
    m, v = 0.1, 0.01
    plain = 0.1 * m / (np.sqrt(v) + 1e-3)
    theirs = steps_of(FedAdam(eta=0.1), row)[0, 0]
    # Kingma and Ba count the first step as 1; the first round here is 1, and its
    # exponent 2.
    assert theirs == pytest.approx(plain * eta_norm(1))
    assert theirs != pytest.approx(plain * eta_norm(0), rel=0.1)
    ours = our_steps(Adam(learning_rate=0.1), row)[0, 0]
    assert ours == pytest.approx(0.1 * m / (np.sqrt(v + 0.99 * 1e-6) + 1e-3))
    differs(
        "flwr FedAdam",
        "Adam",
        "corrects the learning rate for bias, which the paper's Algorithm 2 does not, "
        "and by t = 2 in the first round; v starts at 0 instead of tau^2",
    )
