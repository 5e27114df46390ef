"""The partition: how many images of each class a client holds."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fedrobust.report.drawing import Drawing
from fedrobust.report.finished_run import FinishedRun
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.portraits.choice import (
    Chosen,
    Kind,
    Portrait,
    byzantine_of,
    each_of,
    evenly,
    shortened,
)
from fedrobust.report.style import COLUMN, HEAT, INK, PAGE, PALETTE, styled
from strategies.transport.text import printable

KIND = Kind("partition", "Images of each class at each client", "clients")

# With more clients or classes, dots would be too small to compare.
MOST_DOTS, MOST_ROWS = 60, 20
# A heat map with more columns would be finer than print.
MOST_COLUMNS = 300
MOST_TICKS = 20
MOST_PANELS = 3
ROW = 0.18  # inches of a class

NOT_RECORDED = (
    "No run recorded which client holds which classes: runs of earlier versions, or "
    "without clients, did not."
)

Counts = NDArray[np.int64]


@styled
def partition_figure(
    counts: Counts, classes: Sequence[str], byzantine: Collection[int] = ()
) -> Figure:
    """Draw a partition, with the number of images of each client above it.

    Up to 60 clients are dots, whose area is the number of images. More clients are the
    columns of a heat map, sorted by their most frequent class.

    Parameters
    ----------
    counts
        (clients, classes) numbers of images.
    classes
        Names of the classes.
    byzantine
        Ids of the Byzantine clients.
    """
    num_clients, num_classes = counts.shape
    has_dots = num_clients <= MOST_DOTS and num_classes <= MOST_ROWS
    width = COLUMN if has_dots and num_clients <= 15 else PAGE
    rows = ROW * min(num_classes, MOST_ROWS)
    figure = Figure(figsize=(width, 1.35 + rows), layout="constrained")
    above, below = figure.subplots(2, sharex=True, height_ratios=[0.4, rows])
    if has_dots:
        _dots(above, below, counts, byzantine, width)
    else:
        _heat_map(figure, above, below, counts, byzantine)
    step = -(-num_classes // MOST_TICKS)
    names = [shortened(name) for name in classes]
    below.set_yticks(range(0, num_classes, step), names[::step])
    below.set_ylim(num_classes - 0.5, -0.5)
    below.set_ylabel("class")
    above.set_ylabel("images")
    above.tick_params(bottom=False, labelbottom=False)
    above.locator_params(axis="y", nbins=2)
    return figure


def _dots(
    above: Any, below: Any, counts: Counts, byzantine: Collection[int], width: float
) -> None:
    num_clients = len(counts)
    # Points of the largest dot: it fits into a row, and may cover half a neighbour.
    cell = min(72 * 1.4 * (width - 0.9) / num_clients, 72 * 0.92 * ROW)
    areas = cell**2 * counts / max(counts.max(), 1)
    hostile = np.isin(np.arange(num_clients), list(byzantine))
    kinds = [
        ("honest", ~hostile, PALETTE[0], "o"),
        ("Byzantine", hostile, PALETTE[1], "s"),
    ]
    for _, chosen, colour, marker in kinds:
        client, held = np.nonzero(np.where(chosen[:, None], counts, 0))
        below.scatter(
            client, held, areas[client, held], colour, marker=marker, linewidths=0
        )
        above.bar(np.flatnonzero(chosen), counts.sum(1)[chosen], color=colour)
    _sizes(below, int(counts.max()), cell, kinds if hostile.any() else kinds[:1])
    step = -(-num_clients // MOST_TICKS)
    below.set_xticks(range(0, num_clients, step))
    below.set_xlim(-0.6, num_clients - 0.4)
    below.set_xlabel("client")


def _sizes(axes: Any, largest: int, cell: float, kinds: Sequence[Any]) -> None:
    """Add a legend of areas, and of the kinds of clients if there are two."""
    shown = [largest, max(largest // 4, 1)] if largest > 1 else [largest]
    handles = [
        axes.scatter([], [], cell**2 * n / max(largest, 1), PALETTE[0], marker="o",
                     linewidths=0, label=f"{n} images") for n in shown
    ]  # fmt: skip
    if len(kinds) > 1:
        handles += [axes.scatter([], [], 25, colour, marker=marker, linewidths=0,
                                 label=label)
                    for label, _, colour, marker in kinds]  # fmt: skip
    axes.figure.legend(handles=handles, loc="outside lower center",
                       ncols=2 if axes.figure.get_figwidth() == COLUMN else 4,
                       columnspacing=1.0, handletextpad=0.5)  # fmt: skip


def _heat_map(
    figure: Figure, above: Any, below: Any, counts: Counts, byzantine: Collection[int]
) -> None:
    num_clients = len(counts)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    order = np.lexsort((-share.max(1), share.argmax(1)))
    blocks = np.array_split(order, min(num_clients, MOST_COLUMNS))
    values = np.array([counts[block].mean(0) for block in blocks])
    drawn = below.imshow(
        values.T, cmap=HEAT, aspect="auto", vmin=0, interpolation="nearest"
    )
    is_averaged = len(blocks) < num_clients
    figure.colorbar(drawn, ax=below, pad=0.01,
                    label="images (mean)" if is_averaged else "images")  # fmt: skip
    columns = np.arange(len(blocks))
    above.bar(columns, values.sum(1), width=1.0, color=PALETTE[0])
    below.set_xticks([])
    note = f"{num_clients} clients, sorted by their most frequent class"
    marks = columns[np.isin(order, list(byzantine))] if not is_averaged else columns[:0]
    below.plot(marks, np.full(len(marks), -0.02), "^", color=INK, markersize=3,
               clip_on=False, transform=below.get_xaxis_transform())  # fmt: skip
    below.set_xlabel(f"{note}; ▲ Byzantine" if len(marks) else note, labelpad=9)


def drawings(runs: Runs) -> list[Drawing]:
    """Draw the partitions of at most three experiments with different partitions."""
    kept: dict[str, SeedGroup] = {}
    for group in runs.groups:
        run = group.runs[0]
        if run.folder.partition_path.is_file():
            digest = run.result.partition_digest or str(run.folder.path)
            kept.setdefault(digest, group)
    if not kept:
        return [KIND.missing(NOT_RECORDED)]
    groups = [*kept.values()]
    drawn = [groups[place] for place in evenly(len(groups), MOST_PANELS)]
    place = "" if len(drawn) == len(groups) else f", one of {len(groups)} partitions"
    return each_of(
        KIND, runs.marks, [Chosen(g, _label(g), place) for g in drawn], _portrait
    )


def _label(group: SeedGroup) -> str:
    """Return the keys of the partition, and the number of clients."""
    keys = {
        "partition": group.choices.get("partition"),
        "alpha": group.config.get("partition.alpha"),
        "num_clients": group.config.get("num_clients"),
    }
    return printable(" ".join(f"{k}={v}" for k, v in keys.items() if v is not None))


def _portrait(run: FinishedRun) -> Portrait:
    found = run.folder.partition()
    assert found is not None
    byzantine = byzantine_of(run) or ()
    counts = np.array(found["counts"])
    held = counts.sum(1)
    caption = (
        f"{len(counts)} clients hold {_span(held)} images each, of "
        f"{_span((counts > 0).sum(1))} classes."
    )
    return partition_figure(counts, found["classes"], byzantine), caption


def _span(counts: np.ndarray) -> str:
    """Return the least and the greatest count; one number if they agree."""
    least, most = counts.min(), counts.max()
    return str(least) if least == most else f"{least} to {most}"
