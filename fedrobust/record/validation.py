"""Read dataclasses from JSON that this or an earlier version wrote."""

from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from fedrobust.errors import FileError
from fedrobust.files import Json
from fedrobust.record.decoders import WrongValueError, made

# What to do about a record that cannot be used.
TRAIN_ANEW = "add --fresh to fedrobust run, or remove the folder, to train anew"
EVALUATE_ANEW = "remove it, and the run evaluates its model anew"

T = TypeVar("T")


def from_json(
    kind: type[T],
    found: Json,
    where: Path | str,
    advice: str,
    also: Collection[str] = (),
) -> T:
    """Return the dataclass that a JSON object with its fields as keys describes.

    A field without a default must be there; the others may be missing, because earlier
    versions did not record them. Other keys are ignored. If the
    dataclass itself raises ValueError, its message becomes a part of the error.

    Parameters
    ----------
    kind
        The dataclass. Its annotations say what is allowed: ``int``, ``float``, ``str``,
        a literal, another dataclass, a TypedDict (whose other keys are kept), lists and
        dictionaries of these, or None.
    found
        The JSON object.
    where
        The file it is from.
    advice
        What to do about a file that is refused.
    also
        Fields that must be there although they have a default.

    Raises
    ------
    FileError
        With the first key that is missing, holds another type or is out of bounds.
    """
    try:
        return made(kind, found, "", also)
    except WrongValueError as error:
        raise FileError(f"{where}: {error}; {advice}") from error
