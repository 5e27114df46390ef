"""Tables: in the terminal, as Markdown and as CSV."""

import csv
from pathlib import Path

from rich.table import Table

from fedrobust.report.collect import Cell, Runs

MISSING = "–"


def percent(mean: float | None, std: float | None) -> str:
    """Write an accuracy in percent, with its spread over seeds where there is one."""
    if mean is None:
        return MISSING
    return f"{100 * mean:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")


def header(runs: Runs) -> list[str]:
    """Name the columns."""
    seeds = ["seeds"] if any(len(cell.seeds) > 1 for cell in runs.cells) else []
    epsilons = [f"ε={float(epsilon):.4g}" for epsilon in runs.epsilons]
    return [*runs.columns, *seeds, "clean", *epsilons, "checks", "MB/round", "s"]


def row(cell: Cell, runs: Runs) -> list[str]:
    """Write one cell: accuracies in percent, worst over attacks at each epsilon."""
    seeds = [str(len(cell.seeds))] if "seeds" in header(runs) else []
    robust = [
        percent(
            cell.mean("worst_robust_accuracy", epsilon),
            cell.std("worst_robust_accuracy", epsilon),
        )
        for epsilon in runs.epsilons
    ]
    rounds = cell.results[0]["num_rounds"]
    sent = (cell.mean("bytes_down") or 0.0) + (cell.mean("bytes_up") or 0.0)
    return [
        *(cell.labels[column] for column in runs.columns),
        *seeds,
        percent(cell.mean("clean_accuracy"), cell.std("clean_accuracy")),
        *robust,
        checks(cell),
        f"{sent / rounds / 1e6:.2f}",
        f"{cell.mean('wall_seconds') or 0.0:.1f}",
    ]


def checks(cell: Cell) -> str:
    """Name the failed checks, or count the passed; not_run is never passed."""
    found = [
        (name, check["status"])
        for result in cell.results
        for name, check in result.get("checks", {}).items()
    ]
    failed = sorted({name for name, status in found if status == "fail"})
    if failed:
        return "FAILED: " + ", ".join(failed)
    passed = sum(status == "pass" for _, status in found)
    return f"{passed} of {len(found)}" if found else MISSING


def terminal_table(runs: Runs) -> Table:
    """Make the table that a multirun ends with."""
    table = Table(caption=note(runs), caption_justify="left")
    for name in header(runs):
        is_label = name in runs.columns
        table.add_column(name, justify="left" if is_label else "right")
    for cell in runs.cells:
        values = row(cell, runs)
        red = [f"[red]{v}[/red]" if v.startswith("FAILED") else v for v in values]
        table.add_row(*red)
    return table


def note(runs: Runs) -> str:
    """Say what the numbers are, and what keeps them from being compared."""
    worst = "; at each ε the worst over the attacks" if runs.epsilons else ""
    lines = [f"Accuracy in percent{worst}."]
    if any(checks(cell) != MISSING for cell in runs.cells):
        lines.append("Checks: passed, of all; others were not run unless named.")
    if any(len(cell.seeds) > 1 for cell in runs.cells):
        lines.append("Mean ± standard deviation (n - 1) over seeds.")
    if not runs.same_seeds:
        lines.append("The cells have different seeds: their means do not compare.")
    if runs.unfinished:
        lines.append(f"{len(runs.unfinished)} runs are not finished.")
    return " ".join(lines)


def markdown(runs: Runs) -> str:
    """Write the table as Markdown."""
    names = header(runs)
    lines = [
        "| " + " | ".join(names) + " |",
        "|" + "|".join("---" if n in runs.columns else "---:" for n in names) + "|",
        *("| " + " | ".join(row(cell, runs)) + " |" for cell in runs.cells),
    ]
    return "\n".join(lines) + f"\n\n{note(runs)}\n"


def write_csv(runs: Runs, path: Path) -> None:
    """Write a row a run, accuracies as they are in result.json."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        epsilons = [f"robust_{epsilon}" for epsilon in runs.epsilons]
        writer.writerow([*runs.columns, "seed", "clean", *epsilons, "config_digest"])
        for cell in runs.cells:
            for result in cell.results:
                worst = result["worst_robust_accuracy"]
                writer.writerow(
                    [
                        *(cell.labels[column] for column in runs.columns),
                        result["seed"],
                        result["clean_accuracy"],
                        *(worst.get(epsilon, "") for epsilon in runs.epsilons),
                        result["config_digest"],
                    ]
                )
