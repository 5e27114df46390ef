"""Check that a folder is new, or belongs to the run that is asked for."""

from pathlib import Path

from fedrobust.config import Config
from fedrobust.config.digests import TRAINING_VERSION
from fedrobust.errors import ConfigError, FileError
from fedrobust.files import check_writable, is_partial, read_yaml, require_types
from fedrobust.record.stored_run import StoredRun

# Held by the process that uses a folder.
LOCK = ".lock"
# The version of the digests in folders that do not record one.
FIRST_VERSION = 3


def check_ownership(stored: StoredRun, config: Config, chosen_by: str) -> None:
    """Refuse a folder of another experiment, and one that cannot be written.

    The folder of a finished run need not be writable.

    Parameters
    ----------
    stored
        The folder, as it is read.
    config
        The experiment.
    chosen_by
        The key or the option by which the user can choose another.

    Raises
    ------
    ConfigError
        When the folder is refused; nothing in it is changed.
    """
    digest, version = _stored_digest(stored, chosen_by)
    if digest is not None and version != TRAINING_VERSION:
        raise ConfigError(
            f"{stored.path} holds a run of {_written_by(stored)} with a digest of "
            f"version {version}, which cannot be compared with those of version "
            f"{TRAINING_VERSION}: choose another {chosen_by}"
        )
    if digest is not None and digest != config.digest:
        raise ConfigError(
            f"{stored.path} holds another experiment ({digest}, not "
            f"{config.digest}): choose another {chosen_by}"
        )
    if digest is not None and stored.is_finished(config.evaluation_digest):
        return
    check_writable(stored.path, chosen_by)
    if digest is None and stored.path.exists() and _foreign_files(stored.path):
        raise ConfigError(
            f"{stored.path} is not empty and holds no run: choose another {chosen_by}"
        )


def _stored_digest(stored: StoredRun, chosen_by: str) -> tuple[str | None, int]:
    """Return the digest of the run in the folder, and the digest's version."""
    path = stored.config_path
    try:
        if not path.exists():
            return None, TRAINING_VERSION
    except PermissionError:
        pass  # reading the file raises a more precise error
    except OSError:
        return None, TRAINING_VERSION  # writing the file raises a more precise error
    advice = f"restore it, or choose another {chosen_by}"
    head = read_yaml(path, advice)
    found = head.get("config_digest") if isinstance(head, dict) else None
    if not isinstance(found, str):
        raise FileError(
            f"{path} has no config_digest, so it does not belong to a run; {advice}"
        )
    versioned = {"digest_version": FIRST_VERSION, **head}
    require_types(versioned, path, {"digest_version": int}, advice)
    return found, versioned["digest_version"]


def _written_by(stored: StoredRun) -> str:
    """Return the version of fedrobust that trained the run in the folder."""
    version = stored.training().environment.get("fedrobust")
    return "an earlier fedrobust" if version is None else f"fedrobust {version}"


def _foreign_files(folder: Path) -> list[Path]:
    """List the files that belong neither to Hydra nor to a failed attempt."""
    return [
        path
        for path in folder.iterdir()
        if not (is_partial(path) or _is_hydras(path) or _is_error(path))
        and path.name != LOCK
    ]


def _is_hydras(path: Path) -> bool:
    """Return whether a path is Hydra's output_subdir or log of a job."""
    return (path / "hydra.yaml").is_file() or path.suffix == ".log"


def _is_error(path: Path) -> bool:
    return path.match("error-*.json")
