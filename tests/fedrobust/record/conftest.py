"""A finished run, and a copy of it to damage."""

import shutil
from pathlib import Path

import pytest

from fedrobust.one_run import run
from tests.fedrobust.record.tiny import TINY, configured


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "r"
    run(configured(*TINY), folder)
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to damage."""
    return Path(shutil.copytree(finished, tmp_path / "r"))
