"""The head of a report: what was run, and what varies between the runs."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from fedrobust.report.groups import Runs
from fedrobust.report.labels import CHOICE, NO_EPSILON
from fedrobust.report.measures import short
from fedrobust.report.order import rank

# More values than this are counted instead.
MOST_VALUES = 12
# Packages whose versions the numbers depend on first.
PACKAGES = ("fedrobust", "tensorflow", "keras", "flwr", "numpy", "python")


def head(runs: Runs) -> list[tuple[str, str]]:
    """Return names and values of what was run; values that vary are joined."""
    results = [result for group in runs.groups for result in group.results]
    every = [run.config for group in runs.groups for run in group.runs]

    def key(name: str) -> str:
        values = (group.config.get(name, "") for group in runs.groups)
        return _joined(values, name.removeprefix(CHOICE))

    lines = [
        ("data set", key(CHOICE + "dataset")),
        ("model", key(CHOICE + "model")),
        ("clients", _with(key("num_clients"), "Byzantine", key("num_byzantine"))),
        (
            "partition",
            _with(key(CHOICE + "partition"), "alpha", key("partition.alpha")),
        ),
        ("rounds", key("num_rounds")),
        ("aggregation", key(CHOICE + "strategy")),
        ("Byzantine attack", key(CHOICE + "byzantine")),
        ("training", _with(key(CHOICE + "training"), "ε", _training_epsilons(runs))),
        ("evasion attack", _joined(r.choices.get("attack", "none") for r in results)),
        ("ε of the evaluation", ", ".join(map(short, runs.epsilons))),
        ("norm", _joined(norm for config in every for norm in _norms(config))),
        ("test images", _joined(str(r.num_evaluated or "") for r in results)),
        ("runs", str(len(results))),
        ("seeds", _joined(str(r.seed) for r in results)),
        ("versions", _versions([r.environment for r in results])),
        ("machines", _joined(_machine(r.environment) for r in results)),
        ("wall time", _wall_time([r.wall_seconds for r in results if r.wall_seconds])),
    ]
    return [(name, value) for name, value in lines if value]


def varies(runs: Runs) -> list[tuple[str, str]]:
    """Return the keys that distinguish the runs, with their values."""
    return [
        (name, _joined((group.labels[name] for group in runs.groups), name))
        for name in runs.columns
    ]


def _training_epsilons(runs: Runs) -> str:
    """Join the epsilons of the objectives that use one."""
    every = (group.config.get("training.epsilon", "") for group in runs.groups)
    return _joined(short(epsilon) for epsilon in every if epsilon != NO_EPSILON)


def _joined(values: Iterable[str], group: str = "") -> str:
    """Join different values, or count them if there are many."""
    found = sorted({value for value in values if value not in ("", "None")},
                   key=lambda value: rank(group, value))  # fmt: skip
    if len(found) > MOST_VALUES:
        return f"{len(found)} values: {', '.join(found[:MOST_VALUES])}, ..."
    return ", ".join(found)


def _with(main: str, name: str, value: str) -> str:
    is_shown = main and value not in ("", "0")
    return f"{main} ({name} {value})" if is_shown else main


def _norms(config: Mapping[str, object]) -> list[str]:
    attack = config.get("attack")
    methods = attack.get("methods") if isinstance(attack, dict) else None
    nodes = methods.values() if isinstance(methods, dict) else []
    return [str(node["norm"]) for node in nodes
            if isinstance(node, dict) and "norm" in node]  # fmt: skip


def _versions(environments: Sequence[Mapping[str, object]]) -> str:
    every = {
        package: _joined(str(e[package]) for e in environments if e.get(package))
        for package in PACKAGES
    }
    return ", ".join(f"{name} {version}" for name, version in every.items() if version)


def _machine(environment: Mapping[str, object]) -> str:
    words = [str(environment[k]) for k in ("processor", "machine") if k in environment]
    cores = environment.get("cores")
    return ", ".join([*words, *([f"{cores} cores"] if cores else [])])


def _wall_time(seconds: list[float]) -> str:
    if not seconds:
        return ""
    total = sum(seconds)
    amount = (
        f"{total / 3600:.1f} hours" if total > 5400 else f"{total / 60:.1f} minutes"
    )
    return f"{amount} in all, {median(seconds):.1f} s a run (median)"
