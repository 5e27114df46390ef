"""Check whether the content of a run folder is still valid for the present data."""

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
    """Read the stored result of a folder, and add the versions that have changed.

    Returns
    -------
    The result; None if the evaluation is not done.

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

    Data count as changed too if clients hold other rows than before. If the package
    that partitions the data has another version, the rows are not compared, because
    changed versions are reported but not refused.

    Raises
    ------
    OtherDataError
        When the data have changed; the message names both digests.
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
        present = digest_of()
        for recorded in (record.get(name) for record in records):
            if recorded not in (None, present):
                raise OtherDataError(
                    f"{folder.path} was made with other data than dataset={dataset} "
                    f"has now ({name} {recorded}, now {present}): restore the data, "
                    f"choose another folder, or {TRAIN_ANEW}"
                )


def read_record(experiment: Experiment, folder: RunFolder) -> TrainingRecord:
    """Read the whole record of a training, before an evaluation that may take hours.

    Returns
    -------
    The content of training.json.

    Raises
    ------
    OtherDataError
        When the data have changed.
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
        # Keras raises the exceptions of various file formats.
        raise unreadable(folder.model_path, error, TRAIN_ANEW) from error
    return network
