"""Real MNIST, where it is on this machine."""

import pytest

from fedrobust.one_run import run

pytestmark = pytest.mark.usefixtures("mnist")
SMALL = ("dataset=mnist", "model=cnn", "num_clients=10", "dataset.num_train=12000",
         "num_rounds=4", "evaluation.every=4")  # fmt: skip


def test_a_federation_learns_and_falls_to_pgd(configure, tmp_path):
    config = configure(*SMALL, "attack=pgd", "attack.samples=500")
    result = run(config, tmp_path / "r")
    # Of 500 images 0.93, give or take a point on CPUs that round otherwise.
    assert result.clean_accuracy > 0.9
    assert result.robust_accuracy["pgd"]["0.3"] < 0.05


def test_sign_flipping_takes_fedavg_down_and_not_krum(configure, tmp_path):
    attack = ("num_byzantine=3", "byzantine=sign_flip", "byzantine.scale=10")
    fedavg = run(configure(*SMALL, *attack), tmp_path / "fedavg")
    krum = run(configure(*SMALL, *attack, "strategy=krum"), tmp_path / "krum")
    assert fedavg.clean_accuracy < 0.3
    assert krum.clean_accuracy > 0.85


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_files_are_what_conf_says(configure, name):
    from fedrobust.assembly import Experiment
    from fedrobust.errors import ConfigError

    try:
        split = Experiment(configure(f"dataset={name}")).split
    except ConfigError:
        pytest.skip(f"no {name} on this machine")
    assert split.x_train.shape == (60_000, 28, 28, 1)
    mean = configure(f"dataset={name}").dataset["mean"][0]
    assert split.x_train.mean() == pytest.approx(mean, abs=1e-3)


@pytest.mark.slow
def test_adversarial_training_holds_at_epsilon_0_3(configure, tmp_path):
    """The run of the README: minutes on two cores."""
    common = ("dataset=mnist", "model=cnn", "num_clients=10", "num_rounds=20",
              "evaluation.every=20", "attack=pgd", "attack.epsilon=0.3",
              "attack.methods.pgd.step_size=0.01")  # fmt: skip
    adversarial = ("training=pgd", "training.epsilon=0.3")
    standard = run(configure(*common), tmp_path / "standard")
    robust = run(configure(*common, *adversarial), tmp_path / "robust")
    longer = run(
        configure(*common, *adversarial, "attack.methods.pgd.steps=100"),
        tmp_path / "robust",
    )
    assert standard.robust_accuracy["pgd"]["0.3"] < 0.02
    assert robust.robust_accuracy["pgd"]["0.3"] > 0.8
    assert longer.robust_accuracy["pgd"]["0.3"] > 0.75
    assert longer.robust_accuracy["pgd"]["0.3"] <= robust.robust_accuracy["pgd"]["0.3"]
