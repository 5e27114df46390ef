"""Write the pages that are made from other files: ``make catalogues``."""

import importlib
import inspect
import re
from pathlib import Path

from fedrobust.config.conf_folder import groups
from fedrobust.report.catalogue import configuration_page, group_page, overview
from tests.conftest import REPOSITORY
from tests.docs.notebook import notebook_of

NOTEBOOK = REPOSITORY / "docs" / "notebook.md"
REFERENCE = REPOSITORY / "docs" / "reference"
README = REPOSITORY / "README.md"
BEGIN, END = "<!-- written by make catalogues -->\n", "<!-- end -->"

# What a user imports, by the module it is imported from: in full, or a line each.
IN_FULL = {
    "fedrobust": ["run", "sweep", "load", "Run", "Sweep", "FailedRun"],
    "strategies": ["RobustStrategy"],
    "strategies.rules": ["Aggregate", "RuleContext"],
    "fedrobust.evaluation.assessment": ["assess", "Assessment"],
    "fedrobust.one_run": ["run"],
    "fedrobust.network": ["BoundModel", "Network"],
    "fedrobust.tracking": ["TrackedRun", "Tracker", "Tracking"],
}
# Classes whose members a user reads, each with a line.
WITH_MEMBERS = ("Run", "Sweep")
BY_LINE = [
    "strategies.rules",
    "strategies.preaggregators",
    "strategies.postprocessors",
    "strategies.secagg",
    "strategies.mods",
    "fedrobust.attacks",
    "fedrobust.byzantine",
    "fedrobust.training",
    "fedrobust.data",
    "fedrobust.models",
]


def written() -> dict[Path, str]:
    """Return every page that is written, with its text."""
    readme = README.read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    _, after = rest.split(END, 1)
    pages = {
        REFERENCE / "catalogue" / f"{group.replace('/', '-')}.md": group_page(group)
        for group in groups()
    }
    link = r"| [`\1`](docs/reference/catalogue/\1.md) |"
    table = re.sub(r"^\| `([\w/]+)` \|", link, overview(), flags=re.M)
    table = re.sub(r"catalogue/(\w+)/", r"catalogue/\1-", table)
    return {
        **pages,
        REFERENCE / "configuration.md": configuration_page(),
        REFERENCE / "python-api.md": api_page(),
        NOTEBOOK.with_suffix(".ipynb"): notebook_of(NOTEBOOK),
        README: f"{before}{BEGIN}\n{table}\n{END}{after}",
    }


def api_page() -> str:
    """Return the page of what a user imports."""
    parts = [
        "# Python API",
        "Import from these modules; what is deeper may move. `import fedrobust` costs "
        "nothing: TensorFlow is loaded at first use.",
    ]
    for module in dict.fromkeys([*IN_FULL, *BY_LINE]):
        parts.append(f"## `{module}`")
        loaded = importlib.import_module(module)
        if module in BY_LINE:
            rows = [
                f"| `{name}` | {first_sentence(getattr(loaded, name))} |"
                for name in sorted(loaded.__all__, key=str.lower)
                if inspect.isclass(getattr(loaded, name))
                or inspect.isfunction(getattr(loaded, name))
            ]
            parts.append("\n".join(["| name | what it is |", "| --- | --- |", *rows]))
        for name in IN_FULL.get(module, []):
            member = getattr(loaded, name)
            parts.append(f"### `{name}`")
            parts.append(f"```text\n{inspect.getdoc(member)}\n```")
            if name in WITH_MEMBERS:
                parts.append(members_of(member))
    return "\n\n".join(parts) + "\n"


def members_of(cls: type) -> str:
    """Return a table of the public properties and methods of a class."""
    rows = []
    for name, member in vars(cls).items():
        if name.startswith("_") or not inspect.getdoc(member):
            continue
        shown = name
        if inspect.isfunction(member):
            arguments = [*inspect.signature(member).parameters][1:]
            shown = f"{name}({', '.join(arguments)})"
        rows.append(f"| `{shown}` | {first_sentence(member)} |")
    return "\n".join(["| member | what it is |", "| --- | --- |", *rows])


def first_sentence(member: object) -> str:
    """Return the first paragraph of a docstring on one line."""
    text = (inspect.getdoc(member) or "").split("\n\n")[0]
    return re.sub(r"\s+", " ", text).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    for path, text in written().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(REPOSITORY))
