"""Run the benchmarks: ``python -m experiments.benchmarks [ID ...] [--repeats 5]``.

It writes results.json and results.md beside this file, or files of another name
(``--results avx2``): each is of one machine. Rows that are not named stay as they were.
"""

import argparse
import json
import platform
import subprocess
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from experiments.benchmarks.harness import REPEATS, Outcome, Row, Side, contest

FOLDER = Path(__file__).parent
PACKAGES = (
    *(
        "numpy",
        "scipy",
        "tensorflow",
        "keras",
        "flwr",
        "ray",
        "torch",
        "byzfl",
        "opacus",
    ),
    "adversarial-robustness-toolbox",
)
OURS = "fedrobust"


def mine(target: str) -> Side:
    """Return our side of a row."""
    return Side(OURS, target)


def _aggregation(name: str, must: str, flower: bool) -> Row:
    peers = [
        Side("ByzFL, NumPy", f"aggregation:byzfl_numpy:{name}"),
        Side("ByzFL, PyTorch", f"aggregation:byzfl_torch:{name}"),
    ]
    if flower:
        peers.append(Side("Flower", f"aggregation:flower:{name}"))
    width = "0.43 M" if name == "nnm" else "11 M"
    return Row(
        name,
        f"{name}, n = 50, d = {width}, f = 10",
        mine(f"aggregation:ours:{name}"),
        tuple(peers),
        tolerance={"norm": 1e-4},
        must=must,
        stretch="5",
    )


ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"}
# Losses differ by the random weights and batches; a larger gap means other training.
ALIKE = {"loss": 0.25}
# Of a step on the same images without noise.
SAME = {"loss": 1e-4, "norm": 1e-4}
ROWS = [
    Row(
        "w1_vs_flower_ray",
        "W1: 10 clients x 600 MNIST images, batch 32, 1 epoch, ByzFL's CNN; a round",
        mine("ours:w1"),
        (
            Side("Flower, Ray, 2 actors", "flower_ray:w1:1"),
            Side("the same, 1 thread each", "flower_ray:w1:1", ONE_THREAD),
        ),
        tolerance=ALIKE,
        must="6.5",
        stretch="10",
    ),
    Row(
        "w1_vs_byzfl",
        "W1; a round",
        mine("ours:w1"),
        (Side("ByzFL", "byzfl:w1"),),
        tolerance=ALIKE,
        must="2.2",
        stretch="3",
    ),
    Row(
        "w1_vs_limit",
        "W1 against its operations at the matrix product's peak",
        mine("ours:w1"),
        (Side("limit", "limit:w1"),),
        must="0.60",
        stretch="0.75",
    ),
    Row(
        "w1_pgd_vs_torch",
        "W1 on PGD-10 examples; a round",
        mine("ours:w1_pgd"),
        (Side("eager PyTorch", "torch_pgd:w1_pgd"),),
        tolerance=ALIKE,
        must="2.5",
        stretch="4",
    ),
    Row(
        "w1_pgd_vs_limit",
        "W1 on PGD-10 examples against its operations at the peak",
        mine("ours:w1_pgd"),
        (Side("limit", "limit:w1_pgd"),),
        must="0.40",
        stretch="0.60",
    ),
    Row(
        "fedsgd_vs_byzfl",
        "25 clients, one step of 32 images a round, 13 clients a program",
        mine("ours:fedsgd"),
        (Side("ByzFL", "byzfl:fedsgd"),),
        tolerance=ALIKE,
        must="3",
        stretch="5",
    ),
    Row(
        "mlp1000_vs_sequential",
        "1,000 clients x 60 images, MLP 784-100-10, 50 clients a program; a round",
        mine("ours:mlp1000"),
        (Side("one by one, one core", "ours:mlp1000_sequential"),),
        tolerance={"loss": 1e-4},
        must="3",
        stretch="5",
    ),
    Row(
        "messages_vs_flower_ray",
        "1,000 clients that answer at once, 0.43 M values; a round",
        mine("messages:ours:1000"),
        (Side("Flower, Ray", "messages:ray:1000"),),
        must="10",
        stretch="20",
    ),
    Row(
        "message_cost_growth",
        "what a client that answers at once costs in a round of 1,000",
        mine("messages:a_client:1000"),
        (Side("in a round of 10", "messages:a_client:10"),),
        unit="us",
        must="0.67",
    ),
    Row(
        "w1_vs_own_client_on_ray",
        "W1 over runtime=local and over runtime=ray, the same compiled client; a round",
        mine("ours:w1_on:local"),
        (Side("runtime=ray, 2 actors", "ours:w1_on:ray"),),
        tolerance={"loss": 1e-6},
    ),
    _aggregation("median", "3", flower=True),
    _aggregation("trimmed_mean", "1.5", flower=True),
    _aggregation("krum", "3", flower=True),
    _aggregation("nnm", "3", flower=False),
    Row(
        "nnm_11m",
        "nnm, n = 50, d = 11 M, f = 10, where ByzFL's needs 88 GB and did not run",
        mine("aggregation:ours:nnm_11m"),
    ),
    _aggregation("geometric_median", "3", flower=False),
    Row(
        "autoattack_vs_art",
        "APGD-CE, 1,000 MNIST images, CNN of 210,618 parameters; a step and image",
        mine("apgd:ours"),
        (
            Side("ART, TensorFlow", "apgd:art_tensorflow"),
            Side("ART, PyTorch", "apgd:art_pytorch"),
        ),
        unit="us",
        tolerance={"accuracy": 0.02},
        must="2",
        stretch="4",
    ),
    Row(
        "dpsgd_vs_opacus",
        "DP-SGD, CNN of 26,010 parameters, 256 MNIST images; a step, both cores",
        mine("dpsgd:ours_by_wall"),
        (
            Side("Opacus, hooks", "opacus:steps:hooks"),
            Side("Opacus, ghost clipping", "opacus:steps:ghost"),
        ),
        unit="ms",
        tolerance=SAME,
        must="2.5",
        stretch="3.8",
    ),
    Row(
        "dpsgd_vs_vectorized_map",
        "the same step; processor time",
        mine("dpsgd:ours"),
        (Side("tf.vectorized_map of a tape", "dpsgd:vectorized_map"),),
        unit="ms",
        tolerance=SAME,
        must="3.5",
        stretch="5",
    ),
    Row(
        "dpsgd_vs_plain",
        "the same step; processor time",
        mine("dpsgd:against_plain:private:clean"),
        (Side("without privacy", "dpsgd:against_plain:plain:clean"),),
        unit="ms",
        tolerance=SAME,
        must="0.45",
        stretch="0.62",
    ),
    Row(
        "dpsgd_pgd_vs_plain",
        "the same step on PGD-10 examples; processor time",
        mine("dpsgd:against_plain:private:pgd"),
        (Side("without privacy", "dpsgd:against_plain:plain:pgd"),),
        unit="ms",
        tolerance=SAME,
        stretch="0.89",
    ),
    Row(
        "import_seconds",
        "the imports of a first run",
        mine("startup:imports"),
        fresh=True,
    ),
    Row(
        "first_round_seconds",
        "from the end of the imports to the end of round 1; digits, mlp",
        mine("startup:first_round"),
        must="2 s",
        stretch="1 s",
        fresh=True,
    ),
    Row(
        "warm_run_seconds",
        "a further run of a sweep, before and after its one round",
        mine("startup:warm_run"),
        must="0.3 s",
        stretch="0.1 s",
    ),
]


def main() -> None:
    """Run the named rows, or all rows."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks")
    parser.add_argument("ids", nargs="*", choices=[[], *(row.id for row in ROWS)])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--results", default="results")
    options = parser.parse_args()
    path = FOLDER / f"{options.results}.json"
    found: dict[str, Any] = {"rows": []}
    if path.is_file():
        found = json.loads(path.read_text())
        there, here = found["machine"]["processor"], _machine()["processor"]
        if there != here and options.ids:
            parser.error(
                f"{path.name} is of {there}, and this is {here}: measure every row, or "
                "say --results NAME for a table of its own"
            )
        if there != here:
            found = {"rows": []}
    kept = {row["id"]: row for row in found["rows"]}
    when = _when()  # before the table changes the working tree
    for row in ROWS:
        if options.ids and row.id not in options.ids:
            continue
        outcome = contest(row, options.repeats)
        kept[row.id] = {**_json(outcome), "measured": when}
        print(_line(row, kept[row.id]), flush=True)
        ordered = [kept[r.id] for r in ROWS if r.id in kept]
        document = {"machine": _machine(), "rows": ordered}
        path.write_text(json.dumps(document, indent=2) + "\n")
        path.with_suffix(".md").write_text(_markdown(document))


def _json(outcome: Outcome) -> dict[str, Any]:
    theirs = outcome.figures[outcome.fastest] if outcome.fastest else None
    return {
        "id": outcome.row.id,
        "description": outcome.row.work,
        "ratio": outcome.ratio,
        "spread": [min(outcome.ratios), max(outcome.ratios)],
        "ours": median(outcome.ours),
        "theirs": median(theirs) if theirs else None,
        "unit": outcome.row.unit,
        "peer": outcome.fastest,
        "figures": outcome.figures,
        "work": outcome.work,
    }


def _when() -> dict[str, str]:
    """Return the date, and the commit of the measured code."""
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    told = subprocess.run(git, cwd=FOLDER, capture_output=True, text=True, check=False)
    return {"day": date.today().isoformat(), "commit": told.stdout.strip()}


def _machine() -> dict[str, Any]:
    from fedrobust.record.environment import processor
    from strategies.threads import num_cores

    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return {
        "processor": processor(),
        "cores": num_cores(),
        "python": platform.python_version(),
        **versions,
    }


def _line(row: Row, found: dict[str, Any]) -> str:
    low, high = found["spread"]
    theirs = "" if found["theirs"] is None else f"{found['theirs']:.3g} {row.unit}"
    return (
        f"| `{row.id}` | {found['description']} | {found['ours']:.3g} {row.unit} | "
        f"{found['peer'] or ''} | {theirs} | {found['ratio']:.2f} | "
        f"{low:.2f} to {high:.2f} | {row.must} | {row.stretch} | "
        f"{found['measured']['day']}, {found['measured']['commit']} |"
    )


def _markdown(document: dict[str, Any]) -> str:
    by_id = {row.id: row for row in ROWS}
    machine = document["machine"]
    about = ", ".join(f"{name} {value}" for name, value in machine.items() if value)
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`: medians of repeats in turns, each side in a process "
        "of its own. The ratio is the fastest peer's time over ours, a pair of repeats "
        "each; against the limit it is the share of it that is reached. The last "
        "column is the day and the commit of the code, or where its figures came in.",
        "",
        f"Machine: {about}.",
        "",
        "| id | work | ours | peer | theirs | ratio | spread | must | stretch | of |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|---|",
        *(_line(by_id[row["id"]], row) for row in document["rows"]),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
