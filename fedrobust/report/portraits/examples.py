"""Adversarial examples: how the images look that the model mistakes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from fedrobust.evaluation.details import first_of_classes
from fedrobust.record.details import examples_path
from fedrobust.report.drawing import Drawing
from fedrobust.report.finished_run import FinishedRun
from fedrobust.report.groups import Runs
from fedrobust.report.measures import short
from fedrobust.report.portraits.choice import (
    NOT_ATTACKED,
    Kind,
    Portrait,
    of_extremes,
    shared_epsilon,
    shortened,
    strongest,
)
from fedrobust.report.portraits.example_images import (
    Examples,
    examples_figure,
    image_shape,
)
from fedrobust.report.style import save

if TYPE_CHECKING:
    from fedrobust.evaluation.assessment import Assessment

KIND = Kind("examples", "Adversarial examples", "examples")


def drawings(runs: Runs) -> list[Drawing]:
    """Draw the examples of the most and of the least robust experiment."""
    attacked = [g for g in runs.groups if g.runs[0].result.worst_robust_accuracy]
    if not attacked:
        return [KIND.missing(NOT_ATTACKED)]
    kept = [group for group in attacked if _path(group.runs[0]).is_file()]
    if not kept:
        return [KIND.missing("No run recorded examples: runs of earlier versions did "
                             "not.")]  # fmt: skip
    return of_extremes(KIND, runs, kept, _portrait)


def _path(run: FinishedRun) -> Path:
    return examples_path(run.folder.path, run.result.evaluation_digest)


def _portrait(usual: str | None, run: FinishedRun) -> Portrait:
    digest = run.result.evaluation_digest
    arrays, confusion = run.folder.examples(digest), run.folder.confusion(digest)
    assert arrays is not None
    found = examples_of(arrays, confusion["classes"] if confusion else ())
    try:
        shape = image_shape(found.x.shape[1:])
    except ValueError as error:
        return f"Examples of images are drawn, but {error}."
    epsilon = shared_epsilon([run], usual)
    names = [name for name, radius in found.adversarial if radius == epsilon]
    attack = None if epsilon is None else strongest(run, epsilon, names)
    if epsilon is None or attack is None:
        return NOT_ATTACKED
    measures = run.result.measures
    shares = measures["worst"][epsilon]["class_accuracy"] if measures else []
    caption = (
        "The first test image of each class, with its true class above it and the "
        "answer of the model below it; a cross and a thick frame mark wrong answers. "
        f"{shortened(attack, 40)} is the strongest attack at ε = "
        f"{short(epsilon)}, and what it added is magnified; images that are wrong "
        f"without it are not attacked. At the bottom: under how "
        f"many of {len(found.attacked_answers)} attacks and epsilons the image is "
        "misclassified, and the share of its class that withstands all attacks."
    )
    return examples_figure(found, shape, [(attack, epsilon)], shares), caption


def examples_of(arrays: Mapping[str, NDArray[Any]], classes: Sequence[str]) -> Examples:
    """Return the examples of an examples file, from its arrays by name."""
    adversarial, answers = {}, {}
    for key, array in arrays.items():
        kind, _, rest = key.partition("/")
        name, _, epsilon = rest.rpartition("/")
        if kind == "adversarial":
            adversarial[name, epsilon] = array
            answers[name, epsilon] = arrays[f"answers/{rest}"]
    return Examples(
        arrays["x"], arrays["y"], arrays["answers"], adversarial, answers, classes
    )


def draw_assessment(found: "Assessment", path: Path, shape: tuple[int, ...]) -> Path:
    """Draw the first image of each class, clean and under every attack.

    Parameters
    ----------
    found
        The assessment of a model.
    path
        The file to write.
    shape
        The shape of an image, from ``image_shape``.
    """
    rows = first_of_classes(found.y)
    examples = Examples(
        found.x[rows],
        found.y[rows],
        found.answers[rows],
        {attempt: x_adv[rows] for attempt, x_adv in found.adversarial.items()},
        {attempt: given[rows] for attempt, given in found.attacked_answers.items()},
        found.class_names or (),
    )
    return save(examples_figure(examples, shape, [*examples.adversarial]), path)
