"""Whether what a folder holds is still valid: the same data, and which versions."""

from collections.abc import Callable
from dataclasses import replace

from fedrobust import assembly
from fedrobust.config import Config
from fedrobust.errors import OtherDataError
from fedrobust.record.environment import DEALING, other_versions
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.validation import TRAIN_ANEW


def finished_result(config: Config, folder: RunFolder) -> Result | None:
    """Read the result that a folder holds, with the versions that have changed since.

    Returns
    -------
    The result; None if this evaluation was not made yet.

    Raises
    ------
    OtherDataError
        When the data have changed.
    FileError
        When the result cannot be read.
    """
    result = folder.result()
    if result is not None:
        require_same_data(config, folder, result)
        others = other_versions(result.environment)
        result = replace(result, other_versions=others)
    return result


def require_same_data(
    config: Config, folder: RunFolder, result: Result | None = None
) -> None:
    """Refuse a model or a result whose data have changed.

    Data have also changed if clients hold other rows than before, unless the package
    that deals the rows has another version: versions are reported, not refused.

    Raises
    ------
    OtherDataError
        Naming both digests.
    """
    training = folder.training()
    records = [training, vars(result) if result else {}]
    digests: dict[str, Callable[[Config], str | None]] = {
        "data_digest": lambda config: assembly.split_of(config).digest
    }
    if not set(DEALING) & set(other_versions(training.get("environment", {}))):
        digests["partition_digest"] = assembly.digest_of_partition
    for name, digest_of in digests.items():
        now = digest_of(config)
        for recorded in (record.get(name) for record in records):
            if recorded not in (None, now):
                raise OtherDataError(
                    f"{folder.path} was made with other data than dataset="
                    f"{config.choices.get('dataset')} gives now ({name} {recorded}, "
                    f"now {now}): restore them, choose another folder, or {TRAIN_ANEW}"
                )
