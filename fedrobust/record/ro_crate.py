"""ro-crate-metadata.json: the provenance of a run folder, for machines.

A folder is an RO-Crate 1.1 that follows two profiles: Process Run Crate 0.5
(https://w3id.org/ro/wfrun/process/0.5), and on top of it version 0.1, a draft, of the
Federated Learning RO-Crate Profile (Chadwick, Freitas, Hernandez, 2025). An action
describes each evaluation, and the first of them the training too: this program is its
instrument, the configuration and the data are its objects, and the model, its card and
the figures are its results.

The profiles ask for an agent and a license where they are known. A run knows neither
who started it nor under which license its model may be used, so both are left out. The
accuracies are in result.json alone, because the profile requires an identifier for each
metric, and robust accuracies have none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from fedrobust.config import Config
from fedrobust.files import Json
from fedrobust.record.result import Result
from fedrobust.record.ro_crate_entities import (
    CARD,
    MODEL,
    PROGRAM,
    file_entities,
    formats,
    programs,
    reference,
)

NAME = "ro-crate-metadata.json"
RO_CRATE = "https://w3id.org/ro/crate/1.1"
PROCESS = "https://w3id.org/ro/wfrun/process/0.5"
FEDERATED = (
    "https://esciencelab.org.uk/federated-learning-ro-crate-profile/"
    "federated-learning-profile.html"
)
PROFILES = {
    PROCESS: ("Process Run Crate", "0.5"),
    FEDERATED: ("Federated Learning RO-Crate Profile", "0.1"),
}
# The second defines sha256.
CONTEXT = [f"{RO_CRATE}/context", "https://w3id.org/ro/terms/workflow-run/context"]
# The keys of an action for the fields of ``Times``.
TIMES = ("endTime", "startTime")
COMPLETED = "http://schema.org/CompletedActionStatus"
# The results of the training, and of the latest evaluation.
TRAINED = (MODEL, "metrics.jsonl", "events.jsonl", "training.json", "partition.json")
LATEST = (CARD, "result.json")


@dataclass(frozen=True)
class Times:
    """When an evaluation, and maybe the training before it, took place.

    Attributes
    ----------
    end
        When its result was written; None if that is not known.
    start
        When it started; None if that is not known, or if an earlier call trained.
    """

    end: str | None = None
    start: str | None = None


def times_until(end: datetime, result: Result) -> Times:
    """Return the times of a call that has just written its result."""
    start = None
    if result.wall_seconds is not None and not result.earlier_seconds:
        start = _text(end - timedelta(seconds=result.wall_seconds))
    return Times(_text(end), start)


def times_in(crate: Json, config: Config) -> dict[str, Times]:
    """Return the times of the evaluations in a crate, by the evaluation's digest."""
    prefix, graph = _action_id(config, ""), crate.get("@graph")
    graph = graph if isinstance(graph, list) else []
    entities = [entity for entity in graph if isinstance(entity, dict)]
    return {
        str(entity["@id"]).removeprefix(prefix): Times(
            *(str(entity[key]) if key in entity else None for key in TIMES)
        )
        for entity in entities
        if str(entity.get("@id")).startswith(prefix)
    }


def now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def ro_crate(
    folder: Path, config: Config, result: Result, times: Mapping[str, Times]
) -> Json:
    """Return the metadata of a run folder, all of whose other files are written.

    Parameters
    ----------
    folder, config
        The run.
    result
        Its latest result.
    times
        Times by the digest of the evaluation; evaluations without a file are left out.
    """
    files = list(file_entities(folder))
    names = [entity["@id"] for entity in files]
    known = {d: t for d, t in times.items() if f"evaluations/{d}.json" in names}
    in_order = sorted(known, key=lambda digest: (known[digest].end or "", digest))
    data = _data(config, result)
    actions = []
    for digest in in_order:
        made = [name for name in names if digest in name]
        used = ["config.yaml", data["@id"]]
        if digest == in_order[0]:
            made += [name for name in TRAINED if name in names]
        else:
            used.append(MODEL)
        if digest == result.evaluation_digest:
            made += [name for name in LATEST if name in names]
        actions.append(_action(config, digest, known[digest], used, made))
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Robustness experiment {config.digest}",
        "description": _description(config),
        **_published(times.values()),
        "identifier": config.digest,
        "conformsTo": [*map(reference, PROFILES)],
        "hasPart": [*map(reference, names)],
        "mainEntity": reference(MODEL),
        "mentions": [reference(each["@id"]) for each in (*actions, data)],
    }
    context = [*programs(result), *_profiles(), *formats()]
    graph = [_descriptor(), root, *files, *actions, data, *context]
    return {"@context": CONTEXT, "@graph": graph}


def _published(times: Iterable[Times]) -> Json:
    """Return the latest time, that of a lost evaluation included; nothing if none."""
    ends = [time.end for time in times if time.end is not None]
    return {"datePublished": max(ends)} if ends else {}


def _descriptor() -> Json:
    return {
        "@id": NAME,
        "@type": "CreativeWork",
        "about": reference("./"),
        "conformsTo": reference(RO_CRATE),
    }


def _profiles() -> list[Json]:
    return [
        {"@id": uri, "@type": "CreativeWork", "name": name, "version": version}
        for uri, (name, version) in PROFILES.items()
    ]


def _action(
    config: Config, digest: str, times: Times, used: list[str], made: list[str]
) -> Json:
    """Return an evaluation, and the training before it if the model is in ``made``."""
    verb = "Training and evaluation" if MODEL in made else "Evaluation"
    when = {"startTime": times.start, "endTime": times.end}
    return {
        "@id": _action_id(config, digest),
        "@type": "CreateAction",
        "name": f"{verb} of a model",
        "description": _description(config),
        **{name: time for name, time in when.items() if time is not None},
        "actionStatus": reference(COMPLETED),
        "instrument": reference(PROGRAM),
        "object": [*map(reference, used)],
        "result": [*map(reference, made)],
    }


def _action_id(config: Config, digest: str) -> str:
    return f"#run-{config.digest}-{digest}"


def _data(config: Config, result: Result) -> Json:
    """Return the data set, which is outside the folder, by the digest of its arrays."""
    name = config.choices.get("dataset", "a data set")
    digests = {"data": result.data_digest, "partition": result.partition_digest}
    return {
        "@id": f"#data-{quote(result.data_digest or name, safe='')}",
        "@type": "Dataset",
        "name": name,
        "description": "The data set, whose training images the clients hold.",
        "identifier": [f"{kind} {value}" for kind, value in digests.items() if value],
    }


def _description(config: Config) -> str:
    """Return the main choices of the experiment."""
    groups = ("dataset", "partition", "model", "training", "byzantine", "strategy")
    words = [f"{g}={config.choices[g]}" for g in groups if g in config.choices]
    numbers = ("num_clients", "num_byzantine", "num_rounds", "seed")
    return " ".join([*words, *(f"{name}={getattr(config, name)}" for name in numbers)])


def _text(time: datetime) -> str:
    # In one length, so that texts sort like the times.
    return time.isoformat(timespec="microseconds")
