"""Whether what a folder holds is still valid: the same data, and which versions."""

from collections.abc import Callable
from dataclasses import replace

from fedrobust.assembly import Experiment
from fedrobust.errors import OtherDataError
from fedrobust.files import unreadable
from fedrobust.network import Network
from fedrobust.record.environment import DEALING, other_versions
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.record.training_record import TrainingRecord
from fedrobust.record.validation import TRAIN_ANEW


def finished_result(experiment: Experiment, folder: RunFolder) -> Result | None:
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
        require_same_data(experiment, folder, result)
        others = other_versions(result.environment)
        result = replace(result, other_versions=others)
    return result


def require_same_data(
    experiment: Experiment, folder: RunFolder, result: Result | None = None
) -> None:
    """Refuse a model or a result whose data have changed.

    Data have also changed if clients hold other rows than before, unless the package
    that deals the rows has another version: versions are reported, not refused.

    Raises
    ------
    OtherDataError
        Naming both digests.
    """
    dataset = experiment.config.choices.get("dataset")
    training = folder.training()
    records = [vars(training), vars(result) if result else {}]
    digests: dict[str, Callable[[], str | None]] = {
        "data_digest": lambda: experiment.split.digest
    }
    if not set(DEALING) & set(other_versions(training.environment)):
        digests["partition_digest"] = lambda: experiment.partition_digest
    for name, digest_of in digests.items():
        now = digest_of()
        for recorded in (record.get(name) for record in records):
            if recorded not in (None, now):
                raise OtherDataError(
                    f"{folder.path} was made with other data than dataset={dataset} "
                    f"gives now ({name} {recorded}, now {now}): restore them, choose "
                    f"another folder, or {TRAIN_ANEW}"
                )


def read_record(experiment: Experiment, folder: RunFolder) -> TrainingRecord:
    """Read all of a training's record, before an evaluation that may take hours.

    Returns
    -------
    What training.json holds.

    Raises
    ------
    OtherDataError
        When the data are others.
    FileError
        When a file of the record cannot be read.
    """
    require_same_data(experiment, folder)
    folder.rounds()
    folder.events()
    return folder.training()


def trained_network(experiment: Experiment, folder: RunFolder) -> Network:
    """Return the network with the weights that were trained in the folder.

    Raises
    ------
    FileError
        When the model cannot be read.
    """
    network = experiment.network
    try:
        network.model.load_weights(folder.model_path)
    except Exception as error:
        # Keras raises whatever its file formats raise.
        raise unreadable(folder.model_path, error, TRAIN_ANEW) from error
    return network
