"""Five data owners, one of whose tables has a hole, train a model over syft-flwr.

`python examples/syft/run.py FOLDER` makes their data, runs one process for each party
on this machine, and prints result.json. It needs the environment of `make syft`, and
`strategies` on the PYTHONPATH.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

APP = Path(__file__).parent / "app"
SCIENTIST = "scientist@example.org"
OWNERS = [f"owner{i}@example.org" for i in range(1, 6)]
BROKEN = OWNERS[3]


def make_data(folder: Path) -> dict[str, Path]:
    """Write a table for each owner; the folder of each, by e-mail."""
    truth = np.random.default_rng(0).normal(size=(8, 3))
    folders = {}
    for i, owner in enumerate(OWNERS):
        rng = np.random.default_rng([1, i])
        x = rng.normal(size=(100 + 20 * i, 8)).astype(np.float32)
        y = (x @ truth + rng.normal(size=(len(x), 3))).argmax(axis=1)
        if owner == BROKEN:
            x[17, 2] = np.nan
        folders[owner] = folder / "data" / owner
        folders[owner].mkdir(parents=True)
        np.savez(folders[owner] / "table.npz", x=x, y=y)
    return folders


def run_federation(folder: Path, data: dict[str, Path]) -> Path:
    """Run all parties until the scientist is done; the path of result.json.

    Raises
    ------
    RuntimeError
        When there is no result, whatever syft-flwr says.
    """
    # syft-flwr keeps its shared folder and keys in the temporary directory, under the
    # project's name: two runs there would disturb each other.
    temporary = folder / "tmp"
    temporary.mkdir()
    tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)
    os.environ["OUTPUT_DIR"] = str(folder)
    # So that the bits do not depend on how many cores there are.
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
    from syft_flwr.bootstrap import bootstrap
    from syft_flwr.run import run

    project = folder / APP.name
    shutil.copytree(APP, project, ignore=shutil.ignore_patterns("__pycache__"))
    bootstrap(project, SCIENTIST, list(data), transport="syftbox")
    run(project, list(data.values()))
    result = folder / "result.json"
    if not result.is_file():
        log = project / "simulation_logs" / f"{SCIENTIST}.log"
        raise RuntimeError(f"the scientist's app left no {result}: read {log}")
    return result


def main() -> None:
    """Run the federation in the folder of the command line, which must not exist."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER")
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True)
    print(run_federation(folder, make_data(folder)).read_text())


if __name__ == "__main__":
    main()
