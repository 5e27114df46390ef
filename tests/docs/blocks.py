"""The fenced blocks of a page, and what the tests do with each.

```python title="mine.py"    is a file, whatever its language: it is written
```python                    is run, after the blocks before it on the same page
```sh                        is run, line by line
```text that begins with $   is a command that is refused, and what it says then
any other                    is shown only

A comment right before a block says that it is not run as it stands:

<!-- test: slow -->          takes minutes: `make test-docs` runs it, CI checks it
<!-- test: needs torch -->   is run where such a module is installed, else checked;
                             a name that is no module's is never run, such as slurm
<!-- test: prints -->        a ```text block: what the block before it prints, where
                             numbers and the width of columns may differ
"""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

FENCE = re.compile(
    r"(?:<!-- test: (?P<note>[^>]*?) -->\n+)?"
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?[^\n`]*\n"
    r"(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes
    ----------
    page
        Path of the page within the repository.
    line
        Line of the page on which its text begins.
    language
        What stands behind the fence.
    title
        Name of the file that it is; empty for one that is run.
    note
        Of the comment before it.
    text
        Its lines.
    """

    page: str
    line: int
    language: str
    title: str
    note: str
    text: str

    @property
    def is_run(self) -> bool:
        return not self.title and self.language in ("python", "sh")

    @property
    def is_slow(self) -> bool:
        return self.note == "slow"

    @property
    def needs(self) -> str:
        """The module, or whatever else, without which it cannot be run."""
        return self.note.removeprefix("needs ") if "needs " in self.note else ""


def blocks_of(path: Path) -> list[Block]:
    """List the blocks of a page in their order."""
    page, text = path.relative_to(REPOSITORY).as_posix(), path.read_text("utf-8")
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start("text")) + 1,
            language=match["language"],
            title=match["title"] or "",
            note=match["note"] or "",
            text=match["text"],
        )
        for match in FENCE.finditer(text)
    ]


def commands_of(block: Block) -> list[str]:
    """List the commands of a block of shell, those on several lines as one."""
    joined = block.text.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def pages() -> list[Path]:
    """List the pages whose blocks are tested: all that people write."""
    written = [
        REPOSITORY / "README.md",
        REPOSITORY / "CONTRIBUTING.md",
        REPOSITORY / "experiments" / "README.md",
        *sorted((REPOSITORY / "docs").rglob("*.md")),
        *sorted((REPOSITORY / "examples").rglob("*.md")),
    ]
    return [path for path in written if "catalogue" not in path.parts]
