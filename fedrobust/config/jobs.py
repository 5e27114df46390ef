"""The jobs of a multirun: every combination composed, checked, and given a folder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from omegaconf import DictConfig

from fedrobust.config.compose import (
    checked,
    compose_sweep,
    number_job,
    resolved_folder,
    sweep_folder,
)
from fedrobust.config.names import job_name, varying_keys
from fedrobust.config.schema import Config
from fedrobust.errors import ConfigError


@dataclass(frozen=True)
class Jobs:
    """The jobs of a multirun.

    Attributes
    ----------
    folder
        The folder of the multirun.
    jobs
        The folder of each job, below that of the multirun, and its configuration.
    overrides
        The overrides of each job.
    """

    folder: Path
    jobs: list[tuple[Path, Config]]
    overrides: list[list[str]]

    @property
    def configs(self) -> list[Config]:
        """The configuration of each job."""
        return [config for _, config in self.jobs]

    @property
    def placed(self) -> list[tuple[Path, Config]]:
        """The whole path of each job's folder, and the configuration."""
        return [(self.folder / below, config) for below, config in self.jobs]

    @cached_property
    def keys(self) -> list[str]:
        """The keys that vary."""
        return varying_keys(self.overrides)

    @cached_property
    def names(self) -> list[str]:
        """The name of each job: the values of the keys that vary."""
        return [
            job_name(config, words, self.keys)
            for config, words in zip(self.configs, self.overrides, strict=True)
        ]

    @property
    def notes(self) -> list[str]:
        """The notes about the configurations, each once."""
        return sorted({note for config in self.configs for note in config.notes})


def _any(composed: DictConfig) -> None:
    pass


def plan_jobs(
    overrides: Sequence[str],
    extra_dir: str | None = None,
    accept: Callable[[DictConfig], None] = _any,
) -> Jobs:
    """Compose and check every combination of a multirun.

    Parameters
    ----------
    overrides
        As on the command line, without flags.
    extra_dir
        A folder with configuration of the user's own.
    accept
        Raises ConfigError for a composed combination that the caller cannot run.

    Raises
    ------
    ConfigError
        When a combination is wrong, or there is none.
    """
    keys = {o.lstrip("+~").partition("=")[0] for o in overrides}
    if "hydra.run.dir" in keys:
        raise ConfigError(
            "hydra.run.dir is the folder of one run: with -m use hydra.sweep.dir"
        )
    jobs: list[tuple[Path, Config]] = []
    words: list[list[str]] = []
    folders = set[Path]()
    for combination, composed in compose_sweep(overrides, extra_dir):
        try:
            accept(composed)
            config = checked(composed, extra_dir)
            folder, subfolder = _folders(composed, len(jobs), config.digest)
        except ConfigError as error:
            raise ConfigError(f"{error} (in {' '.join(combination)})") from error
        jobs.append((subfolder, config))
        words.append(combination)
        folders.add(folder)
    if not jobs:
        raise ConfigError(
            f"{' '.join(overrides)}: there is no combination, as a pattern "
            "matches no choice"
        )
    if len(folders) > 1:
        raise ConfigError(
            "hydra.sweep.dir must be one folder for all combinations: put what "
            "differs into hydra.sweep.subdir"
        )
    (folder,) = folders
    if "hydra.sweep.dir" not in keys and str(folder) == "multirun":
        folder = Path(sweep_folder(overrides))
    _require_own_folders(jobs)
    return Jobs(folder, jobs, words)


def _folders(composed: DictConfig, number: int, digest: str) -> tuple[Path, Path]:
    """Return the folder of a multirun, and the folder of a job below it."""
    number_job(composed, number)
    return (
        resolved_folder(composed, "hydra.sweep.dir", digest),
        resolved_folder(composed, "hydra.sweep.subdir", digest),
    )


def _require_own_folders(jobs: Sequence[tuple[Path, Config]]) -> None:
    """Refuse one folder for two different combinations."""
    digests: dict[Path, str] = {}
    for subfolder, config in jobs:
        if digests.setdefault(subfolder, config.digest) != config.digest:
            raise ConfigError(
                f"hydra.sweep.subdir={subfolder}: two combinations would share this "
                "folder; leave the key out to give each its own"
            )
