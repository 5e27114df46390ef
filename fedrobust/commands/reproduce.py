"""``fedrobust reproduce``: run or resume a reproduction, and write its page."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fedrobust.commands.progress import Job as Place
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
  --cells   run only these cells, such as --cells rule=krum,cm bucketing=0
  --seeds   run only these seeds, such as --seeds 0,1
  --runs    the folder of the run directories (default: reproductions/NAME), in which
            finished runs are reused
  --check   run finished cells again in a temporary folder, and print whether the
            numbers agree to the bit; nothing is written
  --collect run nothing; add the finished runs in --runs, and write the page
  --page    run nothing; write the page again

  Runs in results.csv are not repeated, so the same command continues after an
  interrupt. Several commands on one machine may add to the same results.csv. In a
  checkout it is in experiments/NAME; an installed fedrobust copies its experiments to
  ./reproductions and writes there.
"""


def command(arguments: Sequence[str]) -> int:
    """Run the command, and return the exit status."""
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
    # Damage to a file of any page is reported before anything is run.
    index_of(reproduction.folder.parent)
    # The page shows all rows, not only those of the selected runs.
    done = [j for j in reproduction.jobs if (j.cell, j.seed) in results.rows]
    if not done:
        print(f"{results.path} has no rows yet")
    elif len(done) > 20:
        print(
            f"checking that {len(done)} rows belong to the present experiment",
            flush=True,
        )
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
    """Run the jobs without a row; a failed run does not stop the others."""
    # All configurations are checked before the first run.
    configs = _checked_configs(reproduction, results, jobs)
    for config in configs.values():
        RunFolder(runs / config.digest, config).check("--runs")
    left = [job for job in jobs if (job.cell, job.seed) not in results.rows]
    print(f"{reproduction.name}: {len(jobs) - len(left)} of {len(jobs)} runs are done")
    failed = 0
    for number, job in enumerate(left):
        try:
            folder, result = _run(configs[job], runs, _place(job, number, len(left)))
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
    """Add the finished runs to the results."""
    if not runs.is_dir():
        raise ConfigError(f"--runs {runs}: there is no such folder to collect from")
    configs = _checked_configs(reproduction, results, jobs)
    folders = {job: RunFolder(runs / c.digest, c) for job, c in configs.items()}
    for folder in folders.values():
        folder.check("--runs")
    added = 0
    for job, folder in folders.items():
        result = folder.result()
        if result is not None and (job.cell, job.seed) not in results.rows:
            results.add(job, folder, result)
            added += 1
    print(f"{reproduction.name}: added {added} of {len(jobs)} runs from {runs}")
    return _write(reproduction, results)


def _checked_configs(
    reproduction: Reproduction, results: Results, jobs: list[Job]
) -> dict[Job, Config]:
    """Compose jobs, and check their rows and measures, before anything is run."""
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


def _place(job: Job, number: int, total: int) -> Place:
    return Place(number, total, f"{'/'.join(job.cell)} seed={job.seed}")


def _run(config: Config, runs: Path, place: Place) -> tuple[RunFolder, Result]:
    path = runs / config.digest
    with Progress(config, path, place) as progress:
        # Within, as it takes seconds.
        from fedrobust.one_run import run

        result = run(config, path, progress.on_row)
        progress.finish(result)
    return RunFolder(path, config), result


def _write(reproduction: Reproduction, results: Results) -> int:
    print(_write_page(reproduction, results))
    print(write_index(reproduction.folder.parent))
    return 0


def _write_page(reproduction: Reproduction, results: Results) -> Path:
    """Write the page from all rows, including those that other commands added."""
    advice = "correct this, and write the page again with --page"
    with results.locked(), writing(reproduction.folder, advice):
        return write_page(reproduction, results)


def _check(reproduction: Reproduction, results: Results, jobs: list[Job]) -> int:
    """Run finished cells again, and compare every digit."""
    done = [job for job in jobs if (job.cell, job.seed) in results.rows]
    if not done:
        raise ConfigError(
            f"{results.path} has no row of these runs: there is nothing to check"
        )
    configs = _checked_configs(reproduction, results, done)
    differ = 0
    for number, job in enumerate(done):
        with tempfile.TemporaryDirectory() as elsewhere:
            try:
                place = _place(job, number, len(done))
                folder, result = _run(configs[job], Path(elsewhere), place)
            except RunFailedError as error:
                print(f"fedrobust: {error}", file=sys.stderr)
                differ += 1
                continue
            for name, measure in reproduction.measures.items():
                row = results.rows[job.cell, job.seed]
                old, new = row[name], as_text(measured(measure, folder, result))
                if not old and not new:
                    continue  # some runs do not have this number
                same = old == new
                differ += not same
                outcome = "to the bit" if same else "DIFFERS"
                old_cpu, new_cpu = row["processor"], processor(result.environment)
                if not same and new_cpu != old_cpu:
                    outcome += f" (the row is of {old_cpu}, this run of {new_cpu}"
                    outcome += f"{_vector_advice(old_cpu, new_cpu)})"
                print(f"{'/'.join(job.cell)} seed={job.seed}: {name} was {old}, is "
                      f"{new}: {outcome}")  # fmt: skip
    return int(differ > 0)


def _vector_advice(old: str, new: str) -> str:
    """Return how a CPU with AVX-512 computes the bits of the same CPU without it."""
    if old.replace("(AVX2)", "(AVX-512)") == new != old:
        return f"; with {VARIABLE}=AVX2 it computes the same bits"
    return ""
