"""The warnings of a run, each told where it belongs."""

from fedrobust.one_run import run
from tests.fedrobust.runs import SMALL, TINY, Configure


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
