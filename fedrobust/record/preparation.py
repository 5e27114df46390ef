"""Prepare a run: make what may fail, and report warnings, before the first round."""

from collections.abc import Callable

from fedrobust.assembly import Experiment
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.record.warning_log import ATTACKS, Warnings

# Called before the first round with each warning about the training.
OnWarning = Callable[[str], None]


def prepare(
    experiment: Experiment, will_train: bool, warned: Warnings, on_warning: OnWarning
) -> tuple[Evaluator, list[str]]:
    """Build the data, model, trainers and attacks of a run, each of which may fail.

    Returns
    -------
    The evaluator, and why the training may not repeat.

    Raises
    ------
    ConfigError
        When something cannot be made.
    """
    doubts = experiment.check(will_train)
    for text in sorted(warned.texts):
        on_warning(text)
    with warned.during(ATTACKS):
        return experiment.evaluator(), doubts
