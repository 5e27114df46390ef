"""One run, top to bottom: read this and you know the system.

    data, model  ->  rounds over a grid (or without a federation)  ->  a trained model
    trained model  ->  clean and robust accuracy, with checks  ->  result.json

A finished run returns its result at once; asked for other epsilons, it evaluates the
model it has and trains nothing.
"""

import platform
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

import fedrobust
from fedrobust import backend, resources
from fedrobust.centralised import train_centralised
from fedrobust.config import Config, warnings_about
from fedrobust.errors import ConfigError, RunFailedError
from fedrobust.evaluation import Evaluator, Scores
from fedrobust.network import Arrays, save_model
from fedrobust.record import Json, RunFolder
from strategies.threads import num_cores

if TYPE_CHECKING:
    from flwr.serverapp import Grid

    from strategies.report import RoundReport

# Called after each round with its row of metrics.jsonl.
OnRow = Callable[[Json], None]
Train = Callable[["Training"], None]
# What the kernel calls the vectors of x86, the widest first.
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}


def run(config: Config, folder: Path, on_row: OnRow = lambda row: None) -> Json:
    """Run an experiment on the runtime that it names, or return what it gave before.

    Parameters
    ----------
    config
        A validated experiment.
    folder
        Its run directory.
    on_row
        Called after each round, to show progress.

    Returns
    -------
    What result.json holds.

    Raises
    ------
    ConfigError
        When the folder belongs to another run, or something cannot be made.
    """

    def train(training: "Training") -> None:
        from fedrobust.client import client_app
        from fedrobust.cohort import Cohort
        from fedrobust.runtime.flower import quiet
        from fedrobust.server import serve

        quiet()
        runtime = resources.make(config.runtime, "runtime")
        cohort = Cohort(config) if config.cohort > 1 else None

        def server(grid: "Grid") -> None:
            serve(grid, config, training.after_round, training.on_event, cohort)

        runtime.run(server, client_app(config, cohort), config.num_clients)

    return _run(config, RunFolder(folder, config), train, on_row, config.runtime)


def run_on_grid(
    grid: "Grid", config: Config, folder: Path, on_row: OnRow = lambda row: None
) -> Json:
    """Run an experiment over a grid that is there already, as under ``flwr run``.

    Raises
    ------
    ConfigError
        As ``run``, and when clients shall train together.
    """
    from fedrobust.server import serve

    if config.cohort > 1:
        raise ConfigError(
            f"runtime.cohort={config.cohort}: must be 1 under flwr run, where clients "
            "of other processes cannot be trained together"
        )

    def train(training: "Training") -> None:
        serve(grid, config, training.after_round, training.on_event)

    kind = f"{type(grid).__module__}.{type(grid).__qualname__}"
    runtime = {**config.runtime, "_target_": kind}
    return _run(config, RunFolder(folder, config), train, on_row, runtime)


def _run(
    config: Config, folder: RunFolder, train: Train, on_row: OnRow, runtime: Json
) -> Json:
    # Jobs of a sweep that differ only in the evaluation have one folder.
    with folder.lock():
        return _run_alone(config, folder, train, on_row, runtime)


def _run_alone(
    config: Config, folder: RunFolder, train: Train, on_row: OnRow, runtime: Json
) -> Json:
    folder.check()
    result = folder.result()
    if result is not None:
        folder.write_result(result)
        return result
    trained_before = folder.is_trained
    # Of a run that was killed in its last evaluation, not of another one.
    is_first = folder.training().get("evaluation_digest") == config.evaluation_digest
    started = time.perf_counter()
    # The order in which BLAS sums depends on its threads.
    with (
        threadpool_limits(limits=1, user_api="blas"),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        # Everything that can be wrong with data and model is, before a round is lost.
        resources.split_of(config)
        if not config.centralised:
            resources.partition_of(config)
        resources.trainer_for(config)
        resources.check_poisoning(config)
        made = len(caught)
        evaluator = resources.evaluator_for(config)
        # What is wrong with the attacks is no matter of the training.
        of_attacks = slice(made, len(caught))
        folder.open()
        here = environment(runtime)
        if folder.is_trained:
            network = resources.network_for(config)
            network.model.load_weights(folder.model_path)
            began = time.perf_counter()
            scores = evaluator(network.arrays())
            if is_first:
                row = _scored(scores, time.perf_counter() - began)
                folder.score_last_metrics(row)
        else:
            training = Training(
                config, folder, evaluator, on_row, here, caught, of_attacks
            )
            if config.centralised:
                train_centralised(config, training.after_round)
            else:
                train(training)
            scores = training.finish()
    seconds = time.perf_counter() - started
    messages = {*_messages(caught), *folder.training().get("warnings", [])}
    skipped = sum(row["skipped"] is not None for row in folder.metrics())
    if skipped:
        messages.add(f"{skipped} of {config.num_rounds} rounds were skipped")
    events = folder.events()
    absent = {
        event["client"] for event in events if event["event"] == "unidentified"
    } - {None}
    if absent:
        messages.add(f"{len(absent)} of {config.num_clients} clients never took part")
    lowered = {event["round"] for event in events if event["event"] == "f lowered"}
    if lowered:
        messages.add(
            f"in {len(lowered)} of {config.num_rounds} rounds clients were missing and "
            "f was lowered"
        )
    honest = sum(event["event"] == "no collusion" for event in events)
    if honest:
        messages.add(f"in {honest} of {config.num_rounds} rounds nobody attacked")
    result = _result(config, folder, scores, seconds, here, sorted(messages))
    if trained_before and not is_first:
        # The clients evaluated while they trained, and under other attacks.
        result["federated"] = None
    folder.write_result(result)
    return result


class Training:
    """Follows the rounds: evaluates the global model and records what happened."""

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        evaluator: Evaluator,
        on_row: OnRow,
        here: Json,
        caught: Sequence[warnings.WarningMessage],
        of_attacks: slice,
    ) -> None:
        self._config = config
        self._here = here
        self._caught = caught
        self._of_attacks = of_attacks
        self._folder = folder
        self._on_row = on_row
        self._evaluate = evaluator
        self._skipped: list[str] = []
        self._first_event: Json | None = None
        self._final: Scores | None = None

    def on_event(self, event: Json) -> None:
        """Record a quarantine, a failure or a skipped round."""
        self._first_event = self._first_event or event
        self._folder.add_event(event)

    def after_round(self, report: "RoundReport", arrays: Arrays) -> None:
        """Evaluate the new global model, if this round is evaluated, and record."""
        is_last = report.round == self._config.num_rounds
        if report.skipped is not None:
            self._skipped.append(report.skipped)
        row = _row(report, resources.dishonest_ids(self._config, report.round))
        if is_last:
            # Before the evaluation, in which a run is killed most likely.
            self._folder.add_metrics(row)
            self._save(arrays)
        started = time.perf_counter()
        scores = None
        if self._config.is_evaluated(report.round):
            checks = self._config.checks if is_last else "none"
            scores = replace(self._evaluate, checks=checks)(arrays)
        row |= _scored(scores, time.perf_counter() - started)
        if is_last:
            self._folder.score_last_metrics(row)
            self._final = scores
        else:
            self._folder.add_metrics(row)
        self._on_row(row)

    def finish(self) -> Scores:
        """Give the scores of the last round's model."""
        if self._final is None:
            raise RunFailedError("the runtime ended before the last round")
        return self._final

    def _save(self, arrays: Arrays) -> None:
        """Save the trained model before anything else can go wrong with it."""
        if len(self._skipped) == self._config.num_rounds:
            first = str((self._first_event or {}).get("reason")).partition("\n")[0]
            raise RunFailedError(
                f"no round was aggregated, so there is no trained model: "
                f"{self._skipped[-1]}; it began with {first!r}, and "
                f"{self._folder.events_path} tells the rest"
            )
        network = resources.network_for(self._config)
        network.assign(arrays)
        self._folder.save_model(
            lambda path: save_model(network.model, path),
            {
                "environment": self._here,
                "evaluation_digest": self._config.evaluation_digest,
                "warnings": self._messages(),
            },
        )

    def _messages(self) -> list[str]:
        """Give what was warned of, but for what is wrong with the attacks."""
        caught = list(self._caught)
        del caught[self._of_attacks]
        return _messages(caught)


def _messages(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Give the texts of what was warned of for the user."""
    texts = {str(w.message) for w in caught if issubclass(w.category, UserWarning)}
    return sorted(texts)


def _scored(scores: Scores | None, seconds: float) -> Json:
    """Make what an evaluation adds to a row of metrics.jsonl."""
    return {
        "clean_accuracy": scores.clean if scores else None,
        "robust_accuracy": scores.robust if scores else None,
        "backdoor_success": scores.backdoor_success if scores else None,
        "evaluate_seconds": seconds,
    }


def _row(report: "RoundReport", byzantine: list[int]) -> Json:
    """Make a row of metrics.jsonl, before the evaluation."""
    return {
        "round": report.round,
        **_scored(None, 0.0),
        "train_seconds": report.train_seconds,
        "aggregate_seconds": report.aggregate_seconds,
        "bytes_down": report.bytes_down,
        "bytes_up": report.bytes_up,
        "sampled": report.sampled,
        "accepted": report.accepted,
        "selected": report.selected,
        "excluded": report.excluded,
        "byzantine": [client for client in report.sampled if client in byzantine],
        "detection": _detection(report, byzantine),
        "quarantined": len(report.quarantined),
        "failed": len(report.failed),
        "skipped": report.skipped,
        "federated": _federated(report),
        "train_metrics": report.metrics,
    }


def _detection(report: "RoundReport", byzantine: list[int]) -> Json | None:
    """Hold whom the rule left out or down-weighted against who is Byzantine.

    Precision is None when nobody was left out. There is neither for a rule that does
    not choose, nor where nobody who was accepted is Byzantine.
    """
    if report.excluded is None or not set(report.accepted) & set(byzantine):
        return None
    excluded = set(report.excluded)
    dishonest = set(report.accepted) & set(byzantine)
    caught = len(excluded & dishonest)
    return {
        "precision": caught / len(excluded) if excluded else None,
        "recall": caught / len(dishonest),
    }


def _federated(report: "RoundReport") -> Json | None:
    """Make what the clients' own evaluation says: average, median, worst, spread.

    The average is weighted by the examples that clients declare, as FedAvg's is: one
    client can own it, and the worst, but not the median. The worst client is that of
    each figure; the spread is the standard deviation over clients (n), each counted
    alike.
    """
    if report.evaluation is None:
        return None
    clients = report.client_evaluation
    by_figure = {
        name: [metrics[name] for metrics in clients.values() if name in metrics]
        for name in report.evaluation
        if name != "clients"
    }
    return {
        **_nested(report.evaluation),
        "clients": report.evaluation["clients"],
        "median_client": _nested({n: median(v) for n, v in by_figure.items()}),
        "worst_client": _nested({n: min(v) for n, v in by_figure.items()}),
        "spread": _nested({n: pstdev(v) for n, v in by_figure.items()}),
        "by_client": {
            str(client): _nested({n: m[n] for n in by_figure if n in m})
            for client, m in clients.items()
        },
    }


def _nested(flat: dict[str, float]) -> Json:
    """Give the clients' figures the form of the central ones."""
    nested: Json = {"clean_accuracy": flat.get("clean_accuracy"), "robust_accuracy": {}}
    for key, value in flat.items():
        head, _, rest = key.partition("/")
        if head == "robust_accuracy":
            name, _, epsilon = rest.rpartition("/")
            nested["robust_accuracy"].setdefault(name, {})[epsilon] = value
    return nested


def _result(
    config: Config,
    folder: RunFolder,
    scores: Scores,
    seconds: float,
    here: Json,
    messages: list[str],
) -> Json:
    """Make what result.json holds."""
    rows = folder.metrics()
    trained_in = folder.training().get("environment", here)
    both = here["deterministic"] and trained_in["deterministic"]
    return {
        "config_digest": config.digest,
        "evaluation_digest": config.evaluation_digest,
        "attack": asdict(config.attack),
        "choices": config.choices,
        "seed": config.seed,
        "num_rounds": config.num_rounds,
        "clean_accuracy": scores.clean,
        "robust_accuracy": scores.robust,
        "worst_robust_accuracy": scores.worst,
        "backdoor_success": scores.backdoor_success,
        "num_evaluated": scores.num_examples,
        "hyperparameters": scores.hyperparameters,
        "checks": {name: vars(check) for name, check in scores.checks.items()},
        "federated": rows[-1]["federated"] if rows else None,
        "objective_clients": (
            resources.objective_ids(config) if config.training.fraction < 1 else None
        ),
        "byzantine_clients": (
            None if config.byzantine_redraw else resources.byzantine_ids(config)
        ),
        "detection": _average_detection(rows),
        "bytes_down": sum(row["bytes_down"] for row in rows),
        "bytes_up": sum(row["bytes_up"] for row in rows),
        "train_seconds": sum(row["train_seconds"] for row in rows),
        "quarantined": sum(row["quarantined"] for row in rows),
        "failed": sum(row["failed"] for row in rows),
        "skipped_rounds": sum(row["skipped"] is not None for row in rows),
        "warnings": sorted({*warnings_about(config), *messages}),
        "wall_seconds": seconds,
        "environment": {**trained_in, "deterministic": both},
        "evaluation_environment": here,
    }


def _average_detection(rows: list[Json]) -> Json | None:
    """Average precision and recall over the rounds that have them."""
    found = [row["detection"] for row in rows if row["detection"] is not None]
    if not found:
        return None
    averages: Json = {}
    for name in ("precision", "recall"):
        values = [round[name] for round in found if round[name] is not None]
        averages[name] = fmean(values) if values else None
    return averages


def environment(runtime: Json) -> Json:
    """Describe what the bits of a result may depend on, and what carried messages."""
    packages = ("flwr", "tensorflow", "keras", "hydra-core", "numpy", "scipy")
    return {
        "fedrobust": fedrobust.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": num_cores(),
        "intra_op_threads": backend.intra_op_threads(backend.tf),
        "onednn": backend.uses_onednn(),
        "deterministic": backend.is_deterministic(backend.tf),
        "runtime": runtime,
        **{name: version(name) for name in packages},
    }


def processor() -> str:
    """Name the CPU and, where Linux tells them, its widest vectors.

    Machines that hide them from their guests have CPUs of one name and other bits: how
    many values an instruction adds up decides the order of sums.
    """
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return platform.processor()
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    flags = found.get("flags", "").split()
    widest = next((name for flag, name in VECTORS.items() if flag in flags), None)
    model = found.get("model name", platform.processor())
    return model if widest is None else f"{model} ({widest})"
