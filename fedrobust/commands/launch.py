"""Handing a checked command over to Hydra, and the job that Hydra launches."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException, HydraException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from fedrobust.commands.faults import describe
from fedrobust.commands.progress import Progress
from fedrobust.commands.streams import outlive_readers
from fedrobust.config import load_config
from fedrobust.config.compose import config_dir, register_resolvers
from fedrobust.config.hydra_errors import explain
from fedrobust.errors import REFUSED, ConfigError, RunFailedError, tell
from fedrobust.record.result import Result


class JobFailedError(CompactHydraException):
    """A job of a multirun came to nothing; the message is one sentence."""


def launch(arguments: list[str]) -> int:
    """Hand a command to Hydra.

    Returns
    -------
    The exit status: 1 when a job of a multirun failed.

    Raises
    ------
    ConfigError
        When Hydra itself refuses the command.
    SystemExit
        With the exit status, when a single run failed.
    """
    register_resolvers()
    with _as_command(arguments):
        main = hydra.main(
            config_path=str(config_dir()), config_name="config", version_base="1.3"
        )
        try:
            main(job)()
        except JobFailedError as error:
            tell(str(error))
            return 1
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(explain(error)) from error
    return 0


@contextmanager
def _as_command(arguments: list[str]) -> Iterator[None]:
    """Let Hydra read these arguments, and raise its errors instead of printing them."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["fedrobust run", *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        os.environ.pop("HYDRA_FULL_ERROR")
        if full is not None:
            os.environ["HYDRA_FULL_ERROR"] = full


def job(composed: Any) -> Result:
    """Run one job of Hydra's, here or wherever its launcher put it."""
    from fedrobust.run import run

    # A launcher may have started this process, too.
    outlive_readers()
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    config = load_config(composed, settings.runtime.choices)
    number = settings.job.num if settings.mode == RunMode.MULTIRUN else None
    try:
        with Progress(config, folder, number) as progress:
            result = run(config, folder, progress.on_row, progress.on_warning)
            progress.finish(result)
    except Exception as error:
        is_known = isinstance(error, ConfigError | RunFailedError)
        message = str(error) if is_known else describe(error)
        if number is not None:
            # Hydra goes on with the other jobs, and raises this after the last.
            raise JobFailedError(message) from None
        tell(message)
        status = REFUSED if isinstance(error, ConfigError) else 1
        raise SystemExit(status) from error
    return result
