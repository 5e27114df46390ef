"""Runs with Byzantine clients: what the parts add up to, seen from the record."""

import json
from pathlib import Path

import numpy as np
import pytest
from flwr.app import ConfigRecord, Context, Message, RecordDict

from fedrobust.assembly import Experiment
from fedrobust.attacks import PGD
from fedrobust.attacks.subject import Subject
from fedrobust.byzantine import byzantine_clients
from fedrobust.errors import ConfigError
from fedrobust.federation.client import client_app
from fedrobust.federation.server import _train_on_root
from fedrobust.files import Json
from fedrobust.network.inference import predict
from fedrobust.one_run import run
from fedrobust.record.round_row import Detection
from fedrobust.runtime.flower import give_id, identify_process
from strategies.transport.arrays import pack_all, unpack_all
from tests.fedrobust.runs import Configure

BASE = ("num_clients=15", "num_byzantine=3", "dataset.num_train=600")


def rows_of(folder: Path) -> list[Json]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").open()]


def test_byzantine_clients_begin_in_the_round_that_is_asked_for(
    configure: Configure, tmp_path
):
    config = configure(
        *BASE, "byzantine=mean_sign_flip", "byzantine_from_round=3", "strategy=krum",
        "num_rounds=4",
    )  # fmt: skip
    run(config, tmp_path / "late")
    honest = configure(*BASE, "strategy=krum", "num_rounds=2")
    run(honest, tmp_path / "honest")
    fixed = byzantine_clients(0, 15, 3)
    found = [row["byzantine"] for row in rows_of(tmp_path / "late")]
    assert found == [[], [], fixed, fixed]
    # Until then it is the honest run, to the bit.
    for late, never in zip(
        rows_of(tmp_path / "late"), rows_of(tmp_path / "honest"), strict=False
    ):
        assert late["clean_accuracy"] == never["clean_accuracy"]
        assert late["selected"] == never["selected"]


def test_byzantine_clients_may_be_named(configure: Configure, tmp_path):
    named = configure(*BASE, "byzantine=sign_flip", "byzantine_clients=[7,2,5]",
                      "num_byzantine=3")  # fmt: skip
    result = run(named, tmp_path / "named")
    assert result.byzantine_clients == [2, 5, 7]
    assert {tuple(row["byzantine"]) for row in rows_of(tmp_path / "named")} == {
        (2, 5, 7)
    }
    drawn = configure(*BASE, "byzantine=sign_flip", "num_byzantine=3")
    assert drawn.digest != named.digest
    assert "byzantine_clients" not in drawn.science  # as before there was the key


def test_dishonest_clients_may_do_without_momentum(configure: Configure, tmp_path):
    """Two clients with one batch of one data set; the second flips its sign."""
    common = (
        "num_clients=2", "num_byzantine=1", "byzantine_clients=[1]", "strategy=mean",
        "byzantine=sign_flip", "byzantine.scale=0.5", "dataset.num_train=64",
        "training.batch_size=32", "training.local_steps=1", "training.momentum=0.5",
        "num_rounds=2", "partition=label_sorted", "partition.stride=true",
    )  # fmt: skip
    simulator = "{_target_: fedrobust.training.BucketingSimulator}"
    config = configure(*common, f"training.simulator={simulator}")
    app = client_app(Experiment(config))
    sent = {}
    contexts = {c: _context(c) for c in (0, 1)}
    arrays = Experiment(config).initial_arrays()
    for round in (1, 2):
        for client, context in contexts.items():
            reply = app(_train_message(arrays, round), context)
            new = unpack_all(reply.content.array_records["arrays"])
            sent[client, round] = {n: new[n] - arrays[n] for n in arrays}
    trainer = Experiment(config).trainer
    for client, carried, sign in ((0, 0.5, 1.0), (1, 0.0, -0.5)):
        x, y = Experiment(config).training_data(client, 2)
        trained, _ = trainer.train(
            arrays, x, y, config.training, seed=0, round=2, client=client
        )
        for name, start in arrays.items():
            own = sign * (trained.arrays[name] - start)
            expected = own + carried * sent[client, 1][name]
            np.testing.assert_allclose(sent[client, 2][name], expected, atol=1e-6)


def _context(client: int) -> Context:
    identify_process()
    return Context(1, 1000 + client, {"partition-id": client}, RecordDict(), {})


def _train_message(arrays, round: int) -> Message:
    content = RecordDict(
        {"arrays": pack_all(arrays), "config": ConfigRecord({"server-round": round})}
    )
    message = Message(content, dst_node_id=1000, message_type="train")
    give_id(message)
    return message


def test_byzantine_clients_may_be_drawn_anew_every_round(
    configure: Configure, tmp_path
):
    config = configure(
        *BASE, "byzantine=sign_flip", "byzantine_redraw=true", "strategy=multi_krum",
        "num_rounds=3",
    )  # fmt: skip
    result = run(config, tmp_path / "r")
    rows = rows_of(tmp_path / "r")
    assert [row["byzantine"] for row in rows] == [
        byzantine_clients(0, 15, 3, round) for round in (1, 2, 3)
    ]
    assert len({tuple(row["byzantine"]) for row in rows}) == 3
    assert result.byzantine_clients is None
    # Multi-Krum leaves out f = 3 clients: those that flip, whoever they are.
    assert [row["excluded"] for row in rows] == [row["byzantine"] for row in rows]
    assert result.detection == Detection(1.0, 1.0)


def test_detection_is_held_against_those_who_really_misbehave(
    configure: Configure, tmp_path
):
    config = configure(*BASE, "strategy=multi_krum", "num_rounds=1")
    result = run(config, tmp_path / "nobody")
    (row,) = rows_of(tmp_path / "nobody")
    assert len(row["excluded"]) == 3
    assert row["byzantine"] == []
    assert row["detection"] is result.detection is None
    config = configure(*BASE, "strategy=median", "num_rounds=1")
    assert run(config, tmp_path / "median").detection is None


@pytest.mark.parametrize("byzantine", ["backdoor", "dba", "neurotoxin"])
def test_a_backdoor_succeeds_against_the_mean_and_not_against_krum(
    byzantine: str, configure: Configure, tmp_path
):
    attack = (*BASE, f"byzantine={byzantine}", "num_rounds=15", "evaluation.every=15",
              "training.local_epochs=2", "byzantine.boost=5")  # fmt: skip
    fedavg = run(configure(*attack), tmp_path / "fedavg")
    krum = run(configure(*attack, "strategy=krum"), tmp_path / "krum")
    assert fedavg.backdoor_success > 0.9
    assert krum.backdoor_success < 0.3
    assert rows_of(tmp_path / "krum")[-1]["backdoor_success"] < 0.3
    nobody = run(configure("num_rounds=1", "dataset.num_train=600"), tmp_path / "n")
    assert nobody.backdoor_success is None


def test_neurotoxin_is_told_the_last_step(configure: Configure, tmp_path):
    def weights(top: float, num_rounds: int) -> list[np.ndarray]:
        attack = ("byzantine=neurotoxin", f"byzantine.top={top}")
        config = configure(*BASE, *attack, f"num_rounds={num_rounds}")
        folder = tmp_path / f"{top}-{num_rounds}"
        run(config, folder)
        network = Experiment(config).network
        network.model.load_weights(folder / "model.keras")
        return list(network.arrays().values())

    # In the first round nobody has seen a step of the server, so nothing is masked.
    for masked, plain in zip(weights(0.9, 1), weights(0.0, 1), strict=True):
        np.testing.assert_array_equal(masked, plain)
    pairs = zip(weights(0.9, 2), weights(0.0, 2), strict=True)
    assert any((masked != plain).any() for masked, plain in pairs)


def test_optimised_attacks_ask_the_server_and_leave_its_state_alone(
    configure: Configure, tmp_path
):
    """Centred clipping has a state: asking it must not move it."""
    common = (*BASE, "strategy=centered_clipping", "num_rounds=3",
              "preaggregator=[clipping,nnm]")  # fmt: skip
    fixed = run(configure(*common, "byzantine=mean_sign_flip"), tmp_path / "fixed")
    asked = run(
        configure(
            *common,
            "byzantine=optimal_ipm",
            "byzantine.search=expanding",
            "byzantine.evaluations=1",
            "byzantine.start=1.0",
        ),
        tmp_path / "asked",
    )
    # One evaluation at size 1 is the flipped mean itself, though the server was asked.
    assert asked.clean_accuracy == fixed.clean_accuracy
    for name in ("fixed", "asked"):
        assert (tmp_path / name / "events.jsonl").read_text() == ""


def test_optimised_attacks_do_more_harm_than_fixed_ones(configure: Configure, tmp_path):
    common = (*BASE, "strategy=fedavg", "num_rounds=12", "evaluation.every=12")
    fixed = run(configure(*common, "byzantine=alie"), tmp_path / "fixed")
    best = run(configure(*common, "byzantine=optimal_alie"), tmp_path / "best")
    assert best.clean_accuracy < fixed.clean_accuracy - 0.3


def test_fltrust_trains_on_a_root_data_set_and_withstands_a_majority(
    configure: Configure, tmp_path
):
    common = ("num_clients=15", "num_byzantine=8", "byzantine=sign_flip",
              "dataset.num_train=600", "num_rounds=10", "training.local_epochs=2",
              "evaluation.every=10")  # fmt: skip
    trusted = run(configure(*common, "strategy=fltrust"), tmp_path / "fltrust")
    mean = run(configure(*common, "strategy=mean"), tmp_path / "mean")
    assert mean.clean_accuracy < 0.3
    assert trusted.clean_accuracy > 0.7
    assert trusted.detection.recall == 1.0
    config = configure(*common, "strategy=fltrust", "strategy.root_examples=7")
    x, y = Experiment(config).root_data()
    assert len(x) == len(y) == 7
    train = _train_on_root(Experiment(config))
    assert train is not None
    start = Experiment(config).initial_arrays()
    moved = train(1, start)
    assert any((moved[name] != start[name]).any() for name in start)
    assert _train_on_root(Experiment(configure(*common))) is None


def test_inflated_examples_own_the_weighted_mean_only(configure: Configure, tmp_path):
    common = (*BASE, "byzantine=inflation", "num_rounds=20", "evaluation.every=20")
    weighted = run(configure(*common, "strategy=fedavg"), tmp_path / "weighted")
    alike = run(configure(*common, "strategy=mean"), tmp_path / "alike")
    assert weighted.clean_accuracy < 0.3
    assert alike.clean_accuracy > 0.5


@pytest.mark.parametrize("byzantine", ["infinity", "not_a_number"])
def test_what_is_not_finite_is_quarantined_and_the_run_goes_on(
    byzantine: str, configure: Configure, tmp_path
):
    config = configure(*BASE, f"byzantine={byzantine}", "num_rounds=2")
    result = run(config, tmp_path / "r")
    assert result.quarantined == 6
    events = [json.loads(line) for line in (tmp_path / "r/events.jsonl").open()]
    assert {e["client"] for e in events} == set(byzantine_clients(0, 15, 3))
    assert all("not finite" in e["reason"] for e in events)


def test_preaggregators_act_in_the_order_given_and_their_order_is_in_the_digest(
    configure: Configure, tmp_path
):
    first, second = (
        configure(*BASE, f"preaggregator=[{order}]", "preaggregator.clipping.c=0.01",
                  "strategy=median", "num_rounds=2", "byzantine=sign_flip",
                  "byzantine.scale=100")
        for order in ("clipping,nnm", "nnm,clipping")
    )  # fmt: skip
    assert list(first.preaggregator) == ["clipping", "nnm"]
    assert first.digest != second.digest
    assert first.choices["preaggregator"] == "clipping+nnm"
    run(first, tmp_path / "first")
    run(second, tmp_path / "second")
    models = []
    for name in ("first", "second"):
        network = Experiment(first).network
        network.model.load_weights(tmp_path / name / "model.keras")
        models.append(network.arrays())
    assert any((models[0][key] != models[1][key]).any() for key in models[0])
    assert rows_of(tmp_path / "first")[0]["excluded"] is None


def test_masked_robustness_fools_pgd_and_not_a_transferred_attack(
    configure: Configure, tmp_path
):
    """PGD finds nothing on the masked model; examples of an honest one do."""
    common = (*BASE, "dataset.num_train=null", "num_rounds=20", "evaluation.every=20",
              "training.local_epochs=2", "attack=pgd", "attack.epsilon=0.15",
              "attack.samples=200", "byzantine_from_round=20")  # fmt: skip
    masked_config = configure(*common, "byzantine=masked_robustness")
    results = {
        "masked": run(masked_config, tmp_path / "masked"),
        "honest": run(configure(*common), tmp_path / "honest"),
    }
    robust = {n: r.robust_accuracy["pgd"]["0.15"] for n, r in results.items()}
    clean = {n: r.clean_accuracy for n, r in results.items()}
    assert abs(clean["masked"] - clean["honest"]) < 0.05
    assert robust["honest"] < 0.5
    assert robust["masked"] > 0.7
    split = Experiment(masked_config).split
    x, y = split.x_test[:200], split.y_test[:200]
    network = Experiment(masked_config).network
    arrays = {}
    for name in results:
        network.model.load_weights(tmp_path / name / "model.keras")
        arrays[name] = network.arrays()
    x_adv = PGD(epsilon=0.15, steps=20).on(Subject(network, arrays["honest"], x, y))
    transferred = np.mean(predict(network, arrays["masked"], x_adv) == y)
    assert transferred < robust["masked"] - 0.2


def test_robustness_poisoning_keeps_clean_accuracy_and_destroys_robust_accuracy(
    configure: Configure, tmp_path
):
    common = ("num_clients=15", "num_byzantine=3", "training=pgd", "num_rounds=40",
              "training.epsilon=0.15", "training.local_epochs=2", "attack=pgd",
              "attack.epsilon=0.1", "evaluation.every=40",
              "training.objective.steps=5")  # fmt: skip
    honest = run(configure(*common), tmp_path / "honest")
    poisoned = run(
        configure(*common, "byzantine=robustness_poisoning"), tmp_path / "poisoned"
    )
    assert poisoned.clean_accuracy > honest.clean_accuracy - 0.05
    drop = [r.robust_accuracy["pgd"]["0.1"] for r in (honest, poisoned)]
    assert drop[1] < drop[0] - 0.2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("byzantine=label_flip_one byzantine.target=12", "num_classes=10"),
        ("byzantine=backdoor byzantine.size=9", "does not fit images of 8 x 8"),
        ("byzantine=edge_case byzantine.source=11", "num_classes=10"),
    ],
)
def test_what_the_data_do_not_allow_is_told_before_the_first_round(
    overrides: str, message: str, configure: Configure, tmp_path
):
    config = configure(*BASE, *overrides.split())
    with pytest.raises(ConfigError, match=message):
        run(config, tmp_path / "r")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("byzantine", "names"),
    [("mimic", {"client"}), ("optimal_ipm", {"size"}), ("min_max", {"gamma"}),
     ("min_sum", {"gamma"}), ("flanders_baseline/min_max", {"gamma"}),
     ("fang_krum", {"lambda"}), ("flanders_baseline/fang", {"lambda"}), ("ipm", set())],
)  # fmt: skip
def test_what_colluding_clients_chose_is_in_the_record(
    byzantine: str, names: set[str], configure: Configure, tmp_path
):
    config = configure(
        *BASE, f"byzantine={byzantine}", "byzantine_from_round=2", "num_rounds=3"
    )
    run(config, tmp_path / "r")
    rows = [json.loads(line) for line in (tmp_path / "r/metrics.jsonl").open()]
    before, *chosen = [row["collusion"] for row in rows]
    assert before == {}
    assert [set(choice) for choice in chosen] == [names, names]
    if byzantine == "mimic":
        assert chosen[0] == chosen[1]
        assert chosen[0]["client"] not in byzantine_clients(0, 15, 3)


def test_without_collusion_nothing_is_chosen(configure: Configure, tmp_path):
    run(configure(*BASE, "byzantine=sign_flip", "num_rounds=1"), tmp_path / "r")
    (row,) = [json.loads(line) for line in (tmp_path / "r/metrics.jsonl").open()]
    assert row["collusion"] is None


def test_rounds_in_which_nobody_attacked_are_told(configure: Configure, tmp_path):
    config = configure(
        "num_clients=15", "num_byzantine=5", "participation=0.34", "byzantine=alie",
        "dataset.num_train=600", "num_rounds=8", "strategy=median",
    )  # fmt: skip
    result = run(config, tmp_path / "r")
    events = [json.loads(line) for line in (tmp_path / "r/events.jsonl").open()]
    silent = sum(event["event"] == "no collusion" for event in events)
    assert silent > 0
    assert f"in {silent} of 8 rounds nobody attacked" in result.warnings


def test_hostile_clients_change_the_mean_and_not_krum(configure: Configure, tmp_path):
    attack = ("num_clients=8", "num_rounds=25", "num_byzantine=2",
              "byzantine=sign_flip", "byzantine.scale=10")  # fmt: skip
    fedavg = run(configure(*attack), tmp_path / "fedavg")
    krum = run(configure(*attack, "strategy=krum"), tmp_path / "krum")
    assert fedavg.clean_accuracy < 0.3
    assert krum.clean_accuracy > 0.8


def test_alie_under_partial_participation_goes_on(configure: Configure, tmp_path):
    config = configure(
        "num_clients=10", "num_byzantine=4", "byzantine=alie", "participation=0.3",
        "strategy=median", "num_rounds=6", "dataset.num_train=300",
    )  # fmt: skip
    run(config, tmp_path / "r")
    events = [json.loads(line) for line in (tmp_path / "r/events.jsonl").open()]
    assert {event["event"] for event in events} == {"no collusion"}
