"""Collecting finished runs: which differ only in their seed, and in what the others."""

import copy
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import yaml

from fedrobust.config.digests import drop_later

Json = dict[str, Any]

# The training epsilon of an objective that uses none.
NO_EPSILON = "none"

# Customary order of the choices in tables and figures; others follow by name.
ORDER = {
    "strategy": [
        *("fedavg", "mean", "sfat", "median", "trimmed_mean", "meamed", "phocas"),
        *("geometric_median", "rfa", "krum", "multi_krum", "bulyan", "mda", "smea"),
        *("caf", "cge", "monna", "dnc", "centered_clipping", "norm_clipping"),
        *("sign_majority", "rlr", "fltrust", "sign_guard", "foolsgold", "lasa"),
        *("flame", "fldetector", "flanders"),
    ],
    "byzantine": [
        *("none", "zero", "free_rider", "infinity", "not_a_number", "gaussian"),
        *("label_flip", "label_flip_one", "sign_flip", "mean_sign_flip", "inflation"),
        *("ipm", "optimal_ipm", "alie", "optimal_alie", "min_max", "min_sum"),
        *("fang_krum", "fang_trim", "mimic", "backdoor", "dba", "edge_case"),
        *("neurotoxin", "robustness_poisoning", "masked_robustness"),
    ],
    "training": [
        *("standard", "fedprox", "scaffold", "noise", "fat", "pgd", "feddynat"),
        *("free", "fast", "trades", "mart", "alp", "avmixup", "calfat", "dbfat"),
        "fedrbn",
    ],
}


def rank(column: str, label: str) -> tuple[int, float, str]:
    """Rank a label in its column: in the customary order, then by number, by name."""
    known = ORDER.get(column, [])
    try:
        number = float(label)
    except ValueError:
        number = float("inf")
    return (known.index(label) if label in known else len(known), number, label)


class MissingResultsError(FileNotFoundError):
    """A folder holds no finished run."""


@dataclass(frozen=True)
class Cell:
    """Runs that differ only in their seed.

    Attributes
    ----------
    labels
        What sets these runs apart from the others, by column.
    choices
        The choice made in each group.
    results
        Their results, in the order of the seeds.
    training_epsilon
        As the objective has it, "none" where it uses none.
    num_classes
        Of the data set; None where its configuration does not tell.
    """

    labels: Mapping[str, str]
    choices: Mapping[str, str]
    results: list[Json]
    training_epsilon: str = NO_EPSILON
    num_classes: int | None = None

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs."""
        return [result["seed"] for result in self.results]

    @property
    def checks(self) -> list[tuple[str, str]]:
        """Name and status of each check of each run."""
        return [
            (name, check["status"])
            for result in self.results
            for name, check in result.get("checks", {}).items()
        ]

    @property
    def failed_checks(self) -> list[str]:
        """Names of the checks that a run failed: its numbers cannot be believed."""
        return sorted({name for name, status in self.checks if status == "fail"})

    def values(self, *path: str) -> list[float]:
        """Read a figure from each run that has it."""
        found = []
        for result in self.results:
            value: Any = result
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                found.append(float(value))
        return found

    def mean(self, *path: str) -> float | None:
        """Average a figure over seeds; None where a run does not have it."""
        values = self.values(*path)
        return fmean(values) if len(values) == len(self.results) else None

    def std(self, *path: str) -> float | None:
        """Spread of a figure over seeds (n - 1); None for a single one."""
        values = self.values(*path)
        return stdev(values) if len(values) == len(self.results) > 1 else None


@dataclass(frozen=True)
class Runs:
    """The finished runs of a folder.

    Attributes
    ----------
    cells
        In the order of their labels as the runs were found.
    columns
        Names of the labels.
    epsilons
        Every epsilon that some run was attacked at, ascending, as in result.json.
    unfinished
        Folders of runs that have no result.
    """

    cells: list[Cell]
    columns: list[str]
    epsilons: list[str]
    unfinished: list[Path]

    @property
    def same_seeds(self) -> bool:
        """Tell whether every cell has the same seeds, so that means compare."""
        return len({tuple(cell.seeds) for cell in self.cells}) == 1


def collect(folder: Path, digests: Collection[str] | None = None) -> Runs:
    """Read every run below a folder, and each evaluation of it.

    Of evaluations by the same attacks, such as one with other checks, the one that was
    asked for last counts.

    Parameters
    ----------
    folder
        Of a run, or of many.
    digests
        Count only runs of these experiments.

    Raises
    ------
    MissingResultsError
        When there is none that finished.
    """
    found: list[tuple[Json, Json]] = []
    seen = set()
    unfinished = []
    for path in sorted(folder.rglob("config.yaml")):
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        digest = config.get("config_digest") if isinstance(config, dict) else None
        if digest is None or (digests is not None and digest not in digests):
            continue
        results = _evaluations(path.parent)
        for result in results:
            # A copy of a run, in another folder, is no other seed of it.
            key = (digest, json.dumps(result["attack"], sort_keys=True))
            if key in seen:
                continue
            seen.add(key)
            evaluated = {name: result[name] for name in ("attack", "choices")}
            found.append((_with_one_epsilon({**config, **evaluated}), result))
        if not results:
            unfinished.append(path.parent)
    if not found:
        raise MissingResultsError(
            f"no finished run in {folder}: give the folder of a run or of a multirun"
        )
    configs = [dict(_flat(_labels(config))) for config, _ in found]
    columns = _columns(configs)
    cells: dict[tuple[str, ...], list[tuple[Json, Json]]] = {}
    for flat, (config, result) in zip(configs, found, strict=True):
        label = tuple(str(flat.get(column, "")) for column in columns)
        cells.setdefault(label, []).append((config, result))
    names = [column.removeprefix("choices.") for column in columns]
    epsilons = {e for _, r in found for e in r.get("worst_robust_accuracy", {})}
    return Runs(
        cells=[
            Cell(
                labels=dict(zip(names, label, strict=True)),
                choices=runs[0][0].get("choices", {}),
                results=sorted((r for _, r in runs), key=lambda r: int(r["seed"])),
                training_epsilon=str(runs[0][0]["training"]["epsilon"]),
                num_classes=runs[0][0].get("dataset", {}).get("num_classes"),
            )
            for label, runs in sorted(
                cells.items(),
                key=lambda item: [*map(rank, names, item[0])],
            )
        ],
        columns=names,
        epsilons=sorted(epsilons, key=float),
        unfinished=unfinished,
    )


def _evaluations(run: Path) -> list[Json]:
    """Read the results of a run, that which was asked for last first."""
    paths = sorted(run.glob("evaluations/*.json"))
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    last_path = run / "result.json"
    if last_path.is_file():
        last = json.loads(last_path.read_text(encoding="utf-8"))
        results.sort(key=lambda r: r != last)
    return results


def _labels(config: Json) -> Json:
    """Leave out what differs between repetitions of an experiment, or decides nothing.

    That are the seeds, where a run was carried out, and keys that later versions added.
    """
    kept = {k: v for k, v in config.items() if k not in ("config_digest", "seed")}
    kept["runtime"] = {"cohort": config.get("runtime", {}).get("cohort", 1)}
    dropped = {"partition": "seed", "dataset": "download", "choices": "runtime"}
    for group, name in dropped.items():
        kept[group] = {k: v for k, v in config.get(group, {}).items() if k != name}
    kept = copy.deepcopy(kept)
    drop_later(kept)
    return kept


def _with_one_epsilon(config: Json) -> Json:
    """Give the training the epsilon of its objective, and that one only.

    ``training.epsilon`` has no effect but through the objective, and is not part of the
    digest: one run serves a sweep's standard training at every epsilon.
    """
    training = config["training"]
    objective = training.get("objective")
    if not isinstance(objective, dict):
        return config
    epsilon = objective.get("epsilon")
    rest = {k: v for k, v in objective.items() if k != "epsilon"}
    known = NO_EPSILON if epsilon is None else epsilon
    return {**config, "training": {**training, "epsilon": known, "objective": rest}}


def _flat(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Flatten nested dictionaries to dotted keys."""
    if isinstance(node, dict) and node:
        for key, value in node.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, str(node)


def _columns(configs: list[Json]) -> list[str]:
    """Name what the runs differ in: choices first, then what no choice explains."""

    def varying(group: list[Json]) -> set[str]:
        keys = {key for config in group for key in config}
        return {key for key in keys if len({c.get(key, "") for c in group}) > 1}

    every = varying(configs)
    # What was trained without a federation is no row of a strategy's.
    choices = sorted(
        key for key in every if key.startswith("choices.") or key == "centralised"
    )
    order = ["dataset", "model", "partition", "training", "byzantine", "strategy"]
    choices.sort(key=lambda k: order.index(k[8:]) if k[8:] in order else len(order))
    alike: dict[tuple[str, ...], list[Json]] = {}
    for config in configs:
        made = tuple(config.get(choice, "") for choice in choices)
        alike.setdefault(made, []).append(config)
    others = {key for group in alike.values() for key in varying(group)}
    # A key that another one is interpolated from says the same twice.
    plain = sorted(others, key=lambda key: (key.count("."), key))
    kept: list[str] = []
    for key in plain:
        same = [[c.get(key, "") for c in configs] == [c.get(k, "") for c in configs]
                for k in kept]  # fmt: skip
        if not any(same):
            kept.append(key)
    return choices + kept
