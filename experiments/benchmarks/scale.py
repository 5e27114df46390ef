"""How time and memory of a round grow: ``python -m experiments.benchmarks.scale``.

It writes scale.json and scale.png beside this file. Series that are not named, if any
are, keep what they had. Each point is a federation in a process of its own; seconds are
the mean over the rounds after the first.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.benchmarks.harness import Side, once
from fedrobust.record.environment import processor

FOLDER = Path(__file__).parent
POPULATIONS = (10, 100, 1_000, 10_000)
SAMPLED = (10, 100, 1_000)
WIDTHS = (10, 100, 1_000, 4_000, 14_000)
ROUNDS = (3, 10, 30, 100)
Point = dict[str, Any]


def point(clients: int, sampled: int, hidden: int, num_rounds: int) -> Point:
    """Measure one federation."""
    target = f"scale:federation:{clients}:{sampled}:{hidden}:{num_rounds}"
    found = once(Side("fedrobust", target))
    made = {"clients": clients, "rounds": num_rounds, **found}
    print(json.dumps({k: v for k, v in made.items() if k != "seconds"}), flush=True)
    return made


SERIES: dict[str, Callable[[], list[Point]]] = {
    "clients": lambda: [
        point(clients, sampled, 100, 4)
        for sampled in SAMPLED
        for clients in POPULATIONS
        if clients >= sampled
    ],
    "values": lambda: [point(10, 10, hidden, 4) for hidden in WIDTHS],
    "rounds": lambda: [point(100, 10, 100, rounds) for rounds in ROUNDS],
    "all": lambda: [point(10_000, 10_000, 100, 2)],
}


def main() -> None:
    """Measure the named series, or all series, and draw them."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks.scale")
    parser.add_argument("series", nargs="*", choices=[[], *SERIES])
    path = FOLDER / "scale.json"
    kept: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    for name in parser.parse_args().series or SERIES:
        kept[name] = {"machine": processor(), "points": SERIES[name]()}
        path.write_text(json.dumps(kept, indent=1) + "\n")
    draw({name: series["points"] for name, series in kept.items()})


def draw(series: dict[str, list[Point]]) -> None:
    """Draw seconds above and memory below, against clients, values and rounds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(11, 6), layout="constrained")
    panels = (
        ("clients", "clients in the federation"),
        ("values", "values of the model, 10 clients a round"),
        ("rounds", "rounds, 10 of 100 clients each"),
    )
    figures = (("value", "seconds a round"), ("memory", "largest memory, MiB"))
    for row, (figure_name, label) in zip(axes, figures, strict=True):
        for ax, (name, x_label) in zip(row, panels, strict=True):
            by_line: dict[str, list[Point]] = {}
            for found in series[name]:
                key = f"{found['sampled']:,} a round" if name == "clients" else ""
                by_line.setdefault(key, []).append(found)
            for key, points in by_line.items():
                ax.plot(
                    [p[name] for p in points],
                    [p[figure_name] for p in points],
                    marker="o",
                    label=key,
                )
            ax.set(xscale="log", xlabel=x_label, ylabel=label)
            if figure_name == "value" and name != "rounds":
                ax.set_yscale("log")
            else:
                ax.set_ylim(bottom=0)
            ax.grid(alpha=0.3)
            if name == "clients":
                ax.legend()
    figure.savefig(FOLDER / "scale.png", dpi=110)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
