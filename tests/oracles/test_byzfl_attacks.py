"""The attacks of ByzFL."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from fedrobust.byzantine import (
    ALIE,
    IPM,
    AttackContext,
    Constant,
    Gaussian,
    LabelFlip,
    MeanSignFlip,
    Mimic,
    OptimalALIE,
    OptimalIPM,
)
from strategies.preaggregators import NNM, Clipping
from strategies.rules import Krum, Mean, Median, TrimmedMean
from tests.oracles.cases import ROUNDING, cases

torch = pytest.importorskip("torch")
byzfl = pytest.importorskip("byzfl.attacks")
aggregators = pytest.importorskip("byzfl.aggregators")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ALIE(z=1.5, sign=1), byzfl.ALittleIsEnough(1.5)),
        (ALIE(z=0.25, sign=1), byzfl.ALittleIsEnough(0.25)),
        (ALIE(z=1.5), byzfl.ALittleIsEnough(-1.5)),
        (IPM(epsilon=2.0), byzfl.InnerProductManipulation(2.0)),
        (IPM(factor=1.1), byzfl.InnerProductManipulation(0.1)),
        (MeanSignFlip(), byzfl.SignFlipping()),
    ],
    ids=repr,
)
def test_attacks_that_are_a_formula_agree(ours, theirs, agree):
    pairs = ((c, ours(c.updates, 1)[0], theirs(c.wide)) for c in cases())
    tau = f"({theirs.tau})" if hasattr(theirs, "tau") else ""
    agree(f"byzfl.{type(theirs).__name__}{tau}", repr(ours), pairs)


def test_mimic_of_a_fixed_client_agrees(agree):
    def pairs():
        for number, case in enumerate(cases()):
            client = number % case.n
            ours = Mimic(mode="fixed", client=client)(case.updates, 1)[0]
            yield case, ours, byzfl.Mimic(client)(case.wide)

    agree("byzfl.Mimic(epsilon)", "Mimic(mode='fixed', client=epsilon)", pairs())


def test_inf_is_a_constant(record, rng):
    number = 0
    for case in cases():
        ours = Constant(value=np.inf).tamper(case.updates[0], rng)
        np.testing.assert_array_equal(ours, byzfl.Inf()(case.wide))
        number += 1
    record("byzfl.Inf", "Constant(value=inf)", number, 0.0)


def test_gaussian_noise_has_the_same_distribution(record, rng):
    np.random.seed(0)  # noqa: NPY002
    settings = [(mu, sigma) for mu in (0.0, -3.0) for sigma in (0.1, 1.0, 200.0)]
    furthest = 0.0
    for mu, sigma in settings:
        update = np.zeros(100_000, np.float32)
        ours = Gaussian(mean=mu, std=sigma).tamper(update, rng)
        found = ks_2samp(ours, byzfl.Gaussian(mu, sigma)(np.zeros((2, 100_000))))
        # The least of six p-values, of samples that are drawn from fixed seeds.
        assert found.pvalue > 0.01 / len(settings)
        furthest = max(furthest, found.statistic)
    record("byzfl.Gaussian (Kolmogorov distance)", "Gaussian", len(settings), furthest)


PIPELINES = {
    "mean": ([], lambda f: Mean(), [], lambda f: aggregators.Average()),
    "median": ([], lambda f: Median(), [], lambda f: aggregators.Median()),
    "trimmed mean": ([], lambda f: TrimmedMean(f=f), [], aggregators.TrMean),
    "Krum": ([], lambda f: Krum(f=f, variant="byzfl"), [], aggregators.Krum),
    "clipping, NNM, trimmed mean": (
        [lambda f: Clipping(c=2.0), lambda f: NNM(f=f)],
        lambda f: TrimmedMean(f=f),
        [lambda f: aggregators.Clipping(2.0), aggregators.NNM],
        aggregators.TrMean,
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (OptimalALIE(sign=1, search="expanding"), byzfl.Optimal_ALittleIsEnough),
        (OptimalIPM(search="expanding"), byzfl.Optimal_InnerProductManipulation),
    ],
    ids=["alie", "ipm"],
)
def test_optimal_attacks_agree(ours, theirs, name, agree):
    # Behind clipping the damage is flat in the size, and the last bits of the aggregate
    # decide which size is the best: so there the damage is what is compared.
    before, rule, their_before, their_rule = PIPELINES[name]

    def pairs():
        for case in cases(sizes=(5, 8, 11), widths=(3, 40), least_f=1):
            b, honest = case.f, case.updates[case.f :]

            def aggregate(crafted, b=b, honest=honest):
                updates = np.concatenate([honest, crafted])
                for step in before:
                    updates = step(b)(updates)
                return rule(b)(updates).vector

            context = AttackContext(aggregate=aggregate)
            crafted = ours(honest, b, context)
            oracle = theirs(their_rule(b), [step(b) for step in their_before], b)
            other = np.tile(oracle(honest.astype(np.float64)), (b, 1))
            if not before:
                yield case, crafted, other
                continue
            mean = honest.mean(axis=0, dtype=np.float64)
            damage = [
                np.linalg.norm(aggregate(rows) - mean) for rows in (crafted, other)
            ]
            yield case, damage[:1], damage[1:]

    oracle = f"byzfl.{theirs.__name__} ({name})"
    what, tolerance = (", its damage", 1e-6) if before else ("", ROUNDING)
    agree(oracle, type(ours).__name__ + what, pairs(), tolerance)


def test_flipped_labels_give_the_gradients_of_a_label_flipping_client(agree):
    federation = pytest.importorskip("byzfl.fed_framework.client")
    torch.manual_seed(0)
    params = {
        "model_name": "logreg_mnist",
        "device": "cpu",
        "loss_name": "NLLLoss",
        "LabelFlipping": True,
        "nb_labels": 10,
        "momentum": 0.0,
        "store_per_client_metrics": False,
    }

    def pairs():
        for seed in range(20):
            rng = np.random.default_rng(seed)
            x = rng.uniform(size=(16, 1, 28, 28)).astype(np.float32)
            y = rng.integers(0, 10, 16).astype(np.int32)
            data = torch.utils.data.TensorDataset(
                torch.tensor(x), torch.tensor(y, dtype=torch.int64)
            )
            loader = torch.utils.data.DataLoader(data, batch_size=16)
            client = federation.Client({**params, "training_dataloader": loader})
            client.compute_gradients()
            _, flipped = LabelFlip().poison(x, y, num_classes=10)
            client.model.zero_grad()
            outputs = client.model(torch.tensor(x))
            client.criterion(outputs, torch.tensor(flipped).long()).backward()
            ours = [p.grad.ravel().numpy() for p in client.model.parameters()]
            theirs = client.get_flat_flipped_gradients().numpy()
            yield f"seed {seed}", np.concatenate(ours), theirs

    agree("byzfl Client(LabelFlipping=True), gradients", "LabelFlip()", pairs())


def test_label_flipping_of_byzfl_sends_the_mean_of_what_honest_clients_hold(differs):
    gradients = np.array([[1.0, 2.0], [3.0, 6.0]])
    np.testing.assert_array_equal(byzfl.LabelFlipping()(gradients), [2, 4])
    differs(
        "byzfl.LabelFlipping",
        "LabelFlip",
        "the mean of the gradients that honest clients take on flipped labels; ours: "
        "each Byzantine client trains on its own flipped labels",
    )


def test_alie_of_one_honest_update_is_that_update_here_and_nan_there(differs):
    honest = np.array([[1.0, 2.0]], np.float32)
    np.testing.assert_array_equal(ALIE(z=1.5)(honest, 1), honest)
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning):
        theirs = byzfl.ALittleIsEnough(1.5)(honest.astype(np.float64))
    assert np.isnan(theirs).all()
    differs(
        "byzfl.ALittleIsEnough",
        "ALIE",
        "one honest update has no deviation: NaN there, the update itself here",
    )


def test_alie_adds_what_the_paper_subtracts(differs):
    honest = np.array([[0.0], [2.0]], np.float32)
    mean, std = 1.0, np.sqrt(2.0)
    theirs = byzfl.ALittleIsEnough(1.5)(honest.astype(np.float64))
    assert theirs[0] == pytest.approx(mean + 1.5 * std)
    assert ALIE(z=1.5)(honest, 1)[0, 0] == pytest.approx(mean - 1.5 * std)
    differs(
        "byzfl.ALittleIsEnough, byzfl.Optimal_ALittleIsEnough",
        "ALIE, OptimalALIE",
        "mean + tau std; the paper's mean - z std is our default, sign=1 is theirs",
    )
