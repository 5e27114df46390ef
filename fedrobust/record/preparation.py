"""Prepare a run: build its parts and report warnings before the first round."""

from collections.abc import Callable

from fedrobust.assembly import Experiment
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.record.warning_log import ATTACKS, Warnings

# Called before the first round with each warning about the training.
OnWarning = Callable[[str], None]


def prepare(
    experiment: Experiment, will_train: bool, caught: Warnings, on_warning: OnWarning
) -> tuple[Evaluator, list[str]]:
    """Build the data, model, trainers and attacks of a run.

    Returns
    -------
    The evaluator, and the reasons why the same training may give other bits.

    Raises
    ------
    ConfigError
        When a part cannot be built.
    """
    doubts = experiment.check(will_train)
    for text in sorted(caught.texts):
        on_warning(text)
    with caught.during(ATTACKS):
        return experiment.evaluator(), doubts
