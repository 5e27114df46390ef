"""Decode dataclasses from the JSON of this version or an earlier one."""

from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from fedrobust.errors import FileError
from fedrobust.files import Json
from fedrobust.record.decoders import WrongValueError, made

# Advice about a record that cannot be used.
TRAIN_ANEW = "add --fresh to fedrobust run, or remove the folder, to train anew"
EVALUATE_ANEW = "remove it to evaluate the model anew"

T = TypeVar("T")


def from_json(
    kind: type[T],
    found: Json,
    where: Path | str,
    advice: str,
    also: Collection[str] = (),
) -> T:
    """Return a dataclass with the values of a JSON object, whose keys are the fields.

    A field without a default is required. The others may be missing, because earlier
    versions did not record them. Unknown keys are ignored. If the dataclass itself
    raises ValueError, its message becomes a part of the error.

    Parameters
    ----------
    kind
        The dataclass. Its annotations are the schema: ``bool``, ``int``, ``float``,
        ``str``, a literal, another dataclass, a TypedDict (whose unknown keys are
        kept), lists and dictionaries of these, or None.
    found
        The JSON object.
    where
        The file of the object.
    advice
        What the user should do if the file is refused.
    also
        Fields that are required although they have a default.

    Raises
    ------
    FileError
        When a key is missing, or has a value of another type or out of bounds; the
        message names it.
    """
    try:
        return made(kind, found, "", also)
    except WrongValueError as error:
        raise FileError(f"{where}: {error}; {advice}") from error
