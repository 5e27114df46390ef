"""``fedrobust epsilon``: which training epsilon to choose, from the runs of a sweep."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from fedrobust.commands.report import (
    COPY_IT,
    MOST_ROWS,
    console,
    print_some,
    runs_in,
)
from fedrobust.errors import ConfigError
from fedrobust.files import write_atomically, writing
from fedrobust.report.epsilon.arrange import (
    NoChoiceError,
    epsilon_matrices,
    find_epsilon,
)
from fedrobust.report.epsilon.choice import recommend
from fedrobust.report.epsilon.figures import draw_epsilon_figures
from fedrobust.report.epsilon.page import (
    epsilon_markdown,
    epsilon_note,
    epsilon_problems,
    epsilon_tables,
    write_epsilon_csv,
)
from fedrobust.report.markup import rich_text
from strategies.transport.text import printable

HELP = """usage: fedrobust epsilon FOLDER [--at EPSILON]

  FOLDER         the folder of a sweep over training.epsilon, such as
                 fedrobust run -m experiment=epsilon
  --at EPSILON   recommend for this evaluated epsilon only

  The command prints accuracies by training and test epsilon, the cost and the gain of
  each training, and a recommendation. It writes epsilon.md, epsilon.csv and two
  figures, as PNG and PDF, into FOLDER.
"""


def command(arguments: Sequence[str]) -> int:
    """Print and write the matrix and the recommendation."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.error = _refuse  # type: ignore[method-assign]
    parser.add_argument("folder", type=Path)
    parser.add_argument("--at")
    options = parser.parse_intermixed_args(arguments)
    folder = options.folder
    runs = runs_in([folder])
    try:
        matrices = epsilon_matrices(runs)
    except NoChoiceError as error:
        raise ConfigError(f"{folder}: {error}") from error
    at = None if options.at is None else find_epsilon(options.at, matrices)
    advice = [
        [recommend(matrix, e) for e in ([at] if at else [*matrix.epsilons, None])]
        for matrix in matrices
    ]
    terminal = console()
    is_short = sum(len(matrix.rows) for matrix in matrices) <= MOST_ROWS
    for matrix, recommendations in zip(matrices, advice, strict=True):
        for part in epsilon_tables(matrix) if is_short else [rich_text(matrix.title)]:
            terminal.print(part)
        for line in recommendations:
            print(printable(line.text))
    print(epsilon_note(runs, matrices))
    print_some(epsilon_problems(runs, matrices), "lines", "epsilon.md")
    page, table = folder / "epsilon.md", folder / "epsilon.csv"
    with writing(folder, COPY_IT):
        write_atomically(page, epsilon_markdown(runs, matrices, advice))
        write_epsilon_csv(matrices, table)
        figures = draw_epsilon_figures(matrices, at, folder)
    for path in [page, table, *figures]:
        print(path)
    return 0


def _refuse(message: str) -> NoReturn:
    raise ConfigError(f"epsilon: {message}; see fedrobust epsilon --help")
