"""The entities of an RO-Crate that stand for files, formats and programs."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from fedrobust.files import Json
from fedrobust.record.result import Result

MODEL, CARD = "model.keras", "model_card.md"
KERAS_FORMAT = "https://keras.io/guides/serialization_and_saving/"
PROGRAM = "#fedrobust"
# What the program builds on, by its name in the environment: its name and its page.
PARTS = {
    "flwr": ("Flower", "https://flower.ai"),
    "tensorflow": ("TensorFlow", "https://www.tensorflow.org"),
    "keras": ("Keras", "https://keras.io"),
    "numpy": ("NumPy", "https://numpy.org"),
    "python": ("Python", "https://www.python.org"),
}
# The files of a run with their type and content. Those that a run lacks are left out.
FILES = {
    "model.keras": ("application/zip", "the trained model"),
    "model_card.md": ("text/markdown", "a description of the model for people"),
    "config.yaml": ("application/yaml", "the resolved configuration"),
    "metrics.jsonl": ("application/jsonl", "the figures of each round"),
    "events.jsonl": ("application/jsonl", "quarantined and failed clients"),
    "training.json": ("application/json", "versions and warnings of the training"),
    "partition.json": ("application/json", "the classes that each client holds"),
    "result.json": ("application/json", "accuracies, checks and warnings"),
    "evaluations/*.json": ("application/json", "the result of one evaluation"),
    "confusion/*.json": ("application/json", "confusion matrices of one evaluation"),
    "examples/*.npz": ("application/zip", "attacked images of one evaluation"),
}


def reference(name: str) -> Json:
    """Return a reference to an entity."""
    return {"@id": name}


def formats() -> list[Json]:
    """Return the formats that have a page of their own."""
    return [{"@id": KERAS_FORMAT, "@type": "WebPage", "name": "Keras model format"}]


def file_entities(folder: Path) -> Iterator[Json]:
    """Yield an entity for each file of the run."""
    for pattern, (encoding, content) in FILES.items():
        for path in sorted(folder.glob(pattern)):
            name = path.relative_to(folder).as_posix()
            entity: Json = {
                "@id": quote(name),
                "@type": "File",
                "name": name,
                "description": content,
                "encodingFormat": encoding,
                **_content(path),
            }
            if name == MODEL:
                entity["encodingFormat"] = [encoding, reference(KERAS_FORMAT)]
                if (folder / CARD).is_file():
                    entity["subjectOf"] = reference(CARD)
            yield entity


def _content(path: Path) -> Json:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"contentSize": str(path.stat().st_size), "sha256": digest}


def programs(result: Result) -> list[Json]:
    """Return this program, and what it builds on, with the versions of the run."""
    versions = result.environment
    parts = [
        {
            "@id": f"#{key}",
            "@type": "SoftwareApplication",
            "name": name,
            "url": url,
            "softwareVersion": str(versions[key]),
        }
        for key, (name, url) in PARTS.items()
        if key in versions
    ]
    program = {
        "@id": PROGRAM,
        "@type": "SoftwareApplication",
        "name": "fedrobust",
        "description": "Federated robustness experiments on Flower, Keras and Hydra.",
        "softwareVersion": str(versions.get("fedrobust", "unknown")),
        "softwareRequirements": [reference(part["@id"]) for part in parts],
    }
    return [program, *parts]
