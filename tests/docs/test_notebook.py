"""The notebook of the Python API, executed by a kernel as a reader does."""

import json
import os
import sys

import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

from tests.conftest import REPOSITORY

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

NOTEBOOK = REPOSITORY / "docs" / "notebook.ipynb"


class ThisPython(KernelManager):
    """Starts a kernel of this interpreter, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher"]
        return KernelSpec(argv=[*command, "-f", "{connection_file}"])


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(REPOSITORY))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        manager = ThisPython()
        client = nbclient.NotebookClient(
            notebook, km=manager, timeout=300, resources={"metadata": {"path": folder}}
        )
        try:
            client.execute(env=dict(os.environ))
        finally:
            # The client leaves a kernel that it did not start itself.
            manager.shutdown_kernel(now=True)
    return folder, notebook


def outputs(notebook, source):
    """Return what the one cell that begins with some words shows, by kind."""
    (cell,) = [c for c in notebook.cells if c.source.startswith(source)]
    shown = {}
    for output in cell.outputs:
        shown |= output.get("data", {output.get("name", ""): output.get("text", "")})
    return shown


def test_the_notebook_goes_from_a_run_to_a_figure(executed):
    folder, notebook = executed
    run = outputs(notebook, "import fedrobust")
    assert run["text/plain"].startswith("<Run seed=0: clean ")
    assert "must be given at least 11 clients" in outputs(notebook, "try:")["stdout"]
    frame = outputs(notebook, "sweep = fedrobust.sweep(")
    assert frame["text/html"].count("<tr>") == 9
    figure = outputs(notebook, "sweep.figure(")
    assert figure["image/png"].startswith("iVBORw0KGgo")  # a PNG, in base 64
    assert (folder / "rules" / "report.html").is_file()
    assert "<Run seed=0: clean " in outputs(notebook, "mine = ")["text/plain"]


def test_the_numbers_of_the_notebook_are_those_of_the_files(executed):
    folder, notebook = executed
    shown = outputs(notebook, "found.result")["text/plain"]
    digest = shown.split("'")[1]
    result = json.loads((folder / "outputs" / digest / "result.json").read_text())
    assert str(result["clean_accuracy"]) in shown
    assert str(result["robust_accuracy"]["pgd"]["0.15"]) in shown


def test_the_notebook_is_committed_without_outputs():
    for cell in json.loads(NOTEBOOK.read_text())["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
