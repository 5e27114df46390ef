"""``fedrobust reproduce``: run or resume a reproduction, and write its page."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fedrobust.commands.progress import Progress
from fedrobust.config import Config
from fedrobust.errors import ConfigError, RunFailedError
from fedrobust.files import writing
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.reproduce.definition import Job, Reproduction
from fedrobust.reproduce.index import index_of, write_index
from fedrobust.reproduce.loading import (
    copy_experiments,
    experiments_folder,
    load_reproduction,
    reproduction_names,
)
from fedrobust.reproduce.measures import measured
from fedrobust.reproduce.page import write_page
from fedrobust.reproduce.results import Results, as_text, processor
from fedrobust.vectors import VARIABLE

HELP = """usage: fedrobust reproduce NAME [--cells COLUMN=VALUES ...] [--seeds SEEDS]
                          [--runs FOLDER] [--check | --collect | --page]

  NAME      a reproduction: a folder of experiments/
  --cells   run only these, such as --cells rule=krum,cm bucketing=0
  --seeds   run only these, such as --seeds 0,1
  --runs    where run directories go (reproductions/NAME); finished ones are reused
  --check   run finished cells again, elsewhere, and say whether the numbers agree to
            the bit; nothing is written
  --collect run nothing; add what is finished in --runs, and write the page
  --page    run nothing, and write the page anew

  What is in results.csv already is not run again: typed again, it goes on. Several on
  one machine may add to one results.csv. In a checkout it is in experiments/NAME; an
  installed fedrobust copies its experiments to ./reproductions and writes there.
"""


def command(arguments: Sequence[str]) -> int:
    """Run the command; give the exit status."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        for name in reproduction_names(experiments_folder()):
            print(f"  {name:28} {load_reproduction(name).title}")
        return 0
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.error = _refuse  # type: ignore[method-assign]
    parser.add_argument("name")
    parser.add_argument("--cells", nargs="+", default=[])
    parser.add_argument("--seeds")
    parser.add_argument("--runs", type=Path)
    modes = parser.add_mutually_exclusive_group()
    for mode in ("--check", "--collect", "--page"):
        modes.add_argument(mode, action="store_true")
    options = parser.parse_args(arguments)
    if not options.check:
        copy_experiments()
    reproduction = load_reproduction(options.name)
    jobs = reproduction.select(options.cells, _seeds(options.seeds))
    results = Results(reproduction)
    if options.check:
        return _check(reproduction, results, jobs)
    # What is wrong with any file of the pages is told before something is run.
    index_of(reproduction.folder.parent)
    # The page tells all rows, whichever are run now.
    done = [j for j in reproduction.jobs if (j.cell, j.seed) in results.rows]
    if not done:
        print(f"{results.path} has no rows yet")
    elif len(done) > 20:
        print(f"holding {len(done)} rows to the experiment as it stands", flush=True)
    _checked_configs(reproduction, results, done)
    if options.page:
        return _write(reproduction, results)
    runs = options.runs or Path("reproductions") / reproduction.name
    if options.collect:
        return _collect(reproduction, results, jobs, runs)
    return _reproduce(reproduction, results, jobs, runs)


def _refuse(message: str) -> NoReturn:
    raise ConfigError(f"reproduce: {message}; see fedrobust reproduce --help")


def _seeds(text: str | None) -> list[int] | None:
    if text is None:
        return None
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"--seeds {text}: must be integers, such as 0,1") from error


def _reproduce(
    reproduction: Reproduction, results: Results, jobs: list[Job], runs: Path
) -> int:
    """Run what is not there yet; a run that fails does not stop the others."""
    # Everything is composed and checked before the first run.
    configs = _checked_configs(reproduction, results, jobs)
    for config in configs.values():
        RunFolder(runs / config.digest, config).check("--runs")
    left = [job for job in jobs if (job.cell, job.seed) not in results.rows]
    print(f"{reproduction.name}: {len(jobs) - len(left)} of {len(jobs)} runs are there")
    failed = 0
    Progress.total = len(left)
    for number, job in enumerate(left):
        print(f"{'/'.join(job.cell)} seed={job.seed}", flush=True)
        try:
            folder, result = _run(configs[job], runs, number)
            results.add(job, folder, result)
        except (ConfigError, RunFailedError) as error:
            print(f"fedrobust: {error}", file=sys.stderr)
            failed += 1
            continue
        _write_page(reproduction, results)
        write_index(reproduction.folder.parent)
    return max(_write(reproduction, results), int(failed > 0))


def _collect(
    reproduction: Reproduction, results: Results, jobs: list[Job], runs: Path
) -> int:
    """Add the runs that are finished."""
    if not runs.is_dir():
        raise ConfigError(f"--runs {runs}: there is no such folder to collect from")
    configs = _checked_configs(reproduction, results, jobs)
    folders = {job: RunFolder(runs / c.digest, c) for job, c in configs.items()}
    for folder in folders.values():
        folder.check("--runs")
    found = 0
    for job, folder in folders.items():
        result = folder.result()
        if result is not None and (job.cell, job.seed) not in results.rows:
            results.add(job, folder, result)
            found += 1
    print(f"{reproduction.name}: {found} more of {len(jobs)} runs, from {runs}")
    return _write(reproduction, results)


def _checked_configs(
    reproduction: Reproduction, results: Results, jobs: list[Job]
) -> dict[Job, Config]:
    """Compose runs, and hold rows and measures to them before anything is run."""
    configs = {job: job.config for job in jobs}
    for job, config in configs.items():
        results.check(job, config)
        methods = config.attack.methods
        epsilons = config.attack.epsilons if methods else []
        for name, measure in reproduction.measures.items():
            try:
                measure.check(methods, epsilons)
            except ValueError as error:
                raise ConfigError(
                    f"{reproduction.name}: measures.{name}: {error}"
                ) from error
    return configs


def _run(config: Config, runs: Path, number: int) -> tuple[RunFolder, Result]:
    from fedrobust.run import run

    path = runs / config.digest
    with Progress(config, path, number) as progress:
        result = run(config, path, progress.on_row)
        progress.finish(result)
    return RunFolder(path, config), result


def _write(reproduction: Reproduction, results: Results) -> int:
    print(_write_page(reproduction, results))
    print(write_index(reproduction.folder.parent))
    return 0


def _write_page(reproduction: Reproduction, results: Results) -> Path:
    """Write the page of all rows, those of other commands too."""
    advice = "see to it, and write the page again with --page"
    with results.locked(), writing(reproduction.folder, advice):
        return write_page(reproduction, results)


def _check(reproduction: Reproduction, results: Results, jobs: list[Job]) -> int:
    """Run cells again and compare every digit."""
    done = [job for job in jobs if (job.cell, job.seed) in results.rows]
    if not done:
        raise ConfigError(f"{results.path} holds none of these runs: nothing to check")
    configs = _checked_configs(reproduction, results, done)
    differ = 0
    Progress.total = len(done)
    for number, job in enumerate(done):
        with tempfile.TemporaryDirectory() as elsewhere:
            try:
                folder, result = _run(configs[job], Path(elsewhere), number)
            except RunFailedError as error:
                print(f"fedrobust: {error}", file=sys.stderr)
                differ += 1
                continue
            for name, measure in reproduction.measures.items():
                row = results.rows[job.cell, job.seed]
                kept, found = row[name], as_text(measured(measure, folder, result))
                if not kept and not found:
                    continue  # such runs have no such number
                same = kept == found
                differ += not same
                word = "to the bit" if same else "DIFFERS"
                here = processor(result.environment)
                if not same and here != row["processor"]:
                    word += f" (that was on {row['processor']}, this is {here}"
                    word += f"{_hint(row['processor'], here)})"
                print(f"{'/'.join(job.cell)} seed={job.seed}: {name} was {kept}, is "
                      f"{found}: {word}")  # fmt: skip
    return int(differ > 0)


def _hint(there: str, here: str) -> str:
    """Tell how a CPU of more vectors computes as the same of fewer."""
    if there.replace("(AVX2)", "(AVX-512)") == here != there:
        return f"; with {VARIABLE}=AVX2 it computes as that one"
    return ""
