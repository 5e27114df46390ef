"""Files beside result.json: confusion matrices, examples, and the partition by class.

confusion/<evaluation digest>.json   number of test images by class and answer
examples/<evaluation digest>.npz     some images, clean and under each attack
partition.json                       number of images of each class, by client
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from fedrobust.data.npz import read_npz
from fedrobust.errors import FileError
from fedrobust.evaluation.details import Details
from fedrobust.evaluation.measures import Counts
from fedrobust.files import read_json, replacing, to_json, unreadable, write_atomically
from fedrobust.record.validation import TRAIN_ANEW, from_json

# Arrays of an examples file, beside those of attacks.
ARRAYS = ("rows", "x", "y", "answers")
ADVERSARIAL = "adversarial/"
# More could not be counted in an array, let alone drawn.
MOST_IMAGES = 10**12


class Confusion(TypedDict):
    """Number of test images by class, then by answer; ``robust`` under each attack."""

    classes: list[str]
    clean: Counts
    robust: dict[str, dict[str, Counts]]


class Partition(TypedDict):
    """Number of images of each class, by client."""

    classes: list[str]
    counts: Counts


def confusion_path(folder: Path, digest: str) -> Path:
    """Return the file of an evaluation's confusion matrices."""
    return folder / "confusion" / f"{digest}.json"


def examples_path(folder: Path, digest: str) -> Path:
    """Return the file of an evaluation's examples."""
    return folder / "examples" / f"{digest}.npz"


def named(names: Sequence[str] | None, num_classes: int) -> list[str]:
    """Return a name for each class, which is its number where it has no other."""
    given = [] if names is None else list(names)[:num_classes]
    return given + [str(label) for label in range(len(given), num_classes)]


def write_details(
    folder: Path, digest: str, details: Details, names: Sequence[str] | None
) -> None:
    """Write the files of an evaluation.

    Parameters
    ----------
    folder, digest
        The folder of the run, and the digest of the evaluation.
    details
        The confusion matrices, and the examples, which are none without attacks.
    names
        Names of the classes; None if they have only numbers.
    """
    write_confusion(confusion_path(folder, digest), details, names)
    if details.examples:
        write_examples(examples_path(folder, digest), details)


def write_confusion(path: Path, details: Details, names: Sequence[str] | None) -> None:
    """Write the confusion matrices of an evaluation."""
    path.parent.mkdir(exist_ok=True)
    classes = named(names, len(details.clean))
    found = Confusion(classes=classes, clean=details.clean, robust=details.robust)
    write_atomically(path, to_json(found) + "\n")


def write_examples(path: Path, details: Details) -> None:
    """Write the examples of an evaluation."""
    path.parent.mkdir(exist_ok=True)
    with replacing(path) as file:
        np.savez_compressed(file, **details.examples)  # type: ignore[arg-type]


def write_partition(
    path: Path,
    clients: Sequence[NDArray[np.int64]],
    y: NDArray[np.int32],
    names: Sequence[str],
) -> None:
    """Write the number of images of each class that each client holds."""
    counts = [np.bincount(y[rows], minlength=len(names)).tolist() for rows in clients]
    found = Partition(classes=list(names), counts=counts)
    write_atomically(path, to_json(found) + "\n")


@dataclass(frozen=True)
class _Matrices:
    classes: list[str]
    clean: Counts
    robust: dict[str, dict[str, Counts]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = len(self.classes)
        robust = [each for curve in self.robust.values() for each in curve.values()]
        _require_names(self.classes)
        for counts in (self.clean, *robust):
            _require_counts(counts)
            if [len(row) for row in counts] != [size] * size:
                raise ValueError(f"a matrix is not {size} x {size}, as classes are")


@dataclass(frozen=True)
class _Clients:
    classes: list[str]
    counts: Counts

    def __post_init__(self) -> None:
        size = len(self.classes)
        _require_names(self.classes)
        if not self.counts:
            raise ValueError("counts is empty: must have a row for each client")
        _require_counts(self.counts)
        if {len(row) for row in self.counts} - {size}:
            raise ValueError(f"a row of counts has not {size} numbers, as classes has")


def _require_names(classes: Sequence[str]) -> None:
    if not classes:
        raise ValueError("classes is empty: must have the name of each class")


def _require_counts(counts: Counts) -> None:
    for count in (count for row in counts for count in row):
        if not 0 <= count <= MOST_IMAGES:
            raise ValueError(
                f"{count} is no number of images: must be in [0, {MOST_IMAGES}]"
            )


def read_confusion(path: Path) -> Confusion | None:
    """Read confusion matrices; None if they were not recorded.

    Raises
    ------
    FileError
        When the file cannot be read, or has another content.
    """
    if not path.is_file():
        return None
    advice = _evaluate_anew(path)
    found = from_json(_Matrices, read_json(path, advice), path, advice)
    return Confusion(classes=found.classes, clean=found.clean, robust=found.robust)


def read_partition(path: Path) -> Partition | None:
    """Read the numbers of images; None if they were not recorded.

    Raises
    ------
    FileError
        When the file cannot be read, or has another content.
    """
    if not path.is_file():
        return None
    found = from_json(_Clients, read_json(path, TRAIN_ANEW), path, TRAIN_ANEW)
    return Partition(classes=found.classes, counts=found.counts)


def read_examples(path: Path) -> dict[str, NDArray[Any]] | None:
    """Read the arrays of examples by name; None if they were not recorded.

    Raises
    ------
    FileError
        When the file cannot be read, or has another content.
    """
    if not path.is_file():
        return None
    advice = _evaluate_anew(path)
    try:
        arrays = read_npz(path, None, required=ARRAYS)
    except KeyError as error:
        raise FileError(f"{path} lacks {', '.join(error.args[0])}; {advice}") from error
    except ValueError as error:
        raise unreadable(path, error, advice) from error
    rows = arrays["rows"]
    if rows.ndim != 1 or not len(rows):
        raise FileError(
            f"{path}: rows has shape {rows.shape}: must have an entry for each image; "
            f"{advice}"
        )
    for name, array in arrays.items():
        is_image = name == "x" or name.startswith(ADVERSARIAL)
        shape = arrays["x"].shape if is_image else rows.shape
        if array.shape != shape or shape[:1] != rows.shape:
            raise FileError(
                f"{path}: {name} has shape {array.shape}: must begin with {len(rows)}, "
                f"the number of rows, and go on as that of the images; {advice}"
            )
        if array.dtype.kind not in ("fiu" if is_image else "iu"):
            kind = "numbers" if is_image else "integers"
            raise FileError(f"{path}: {name} must have {kind}; {advice}")
        if is_image and not np.isfinite(array).all():
            raise FileError(f"{path}: {name} must have finite numbers; {advice}")
    _require_answers(arrays, path, advice)
    return arrays


def _require_answers(
    arrays: Mapping[str, NDArray[Any]], path: Path, advice: str
) -> None:
    """Refuse adversarial images without the answers to them."""
    for name in arrays:
        answers = f"answers/{name.removeprefix(ADVERSARIAL)}"
        if name.startswith(ADVERSARIAL) and answers not in arrays:
            raise FileError(f"{path} lacks {answers}; {advice}")


def _evaluate_anew(path: Path) -> str:
    return (
        f"remove it and evaluations/{path.stem}.json, and start the run again to "
        "evaluate the model anew"
    )
