"""What a folder holds of earlier runs, and whether it still counts."""

from collections.abc import Callable

from fedrobust.assembly import Experiment
from fedrobust.errors import OtherDataError
from fedrobust.files import Json, unreadable
from fedrobust.network import Network
from fedrobust.record.environment import DEALING, other_versions
from fedrobust.record.folder import RunFolder
from fedrobust.record.validation import TRAIN_ANEW


def finished_result(experiment: Experiment, folder: RunFolder) -> Json | None:
    """Read the result that a folder holds, with the versions that changed since.

    Returns
    -------
    The result; None where this evaluation was not made yet.

    Raises
    ------
    OtherDataError
        When the data are others.
    FileError
        When the result cannot be read.
    """
    result = folder.result()
    if result is not None:
        require_same_data(experiment, folder, result)
        result["other_versions"] = other_versions(result["environment"])
    return result


def require_same_data(
    experiment: Experiment, folder: RunFolder, result: Json | None = None
) -> None:
    """Refuse a model, or its result, if it was made with other data than there are now.

    Another partition counts as other data, unless another version of the package that
    made it explains the difference: versions are reported, not refused.

    Raises
    ------
    OtherDataError
        Naming both digests.
    """
    dataset = experiment.config.choices.get("dataset")
    training = folder.training()
    records = [training, result or {}]
    digests: dict[str, Callable[[], str | None]] = {
        "data_digest": lambda: experiment.split.digest
    }
    if not set(DEALING) & set(other_versions(training.get("environment", {}))):
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


def read_record(experiment: Experiment, folder: RunFolder) -> Json:
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
    folder.metrics()
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
