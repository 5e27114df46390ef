"""Every command and every snippet of the README and of docs/ is run, or checked.

``tests/docs/blocks.py`` says how a page marks what takes minutes or needs a cluster.
"""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fedrobust import cli
from fedrobust.assembly import forget
from tests.conftest import REPOSITORY
from tests.docs.blocks import Block, blocks_of, commands_of, pages


def name_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


# Its blocks are the cells of the notebook, which test_notebook.py runs in a kernel.
NOTEBOOK = REPOSITORY / "docs" / "notebook.md"
PAGES = [p for p in pages() if p != NOTEBOOK and any(b.is_run for b in blocks_of(p))]
SLOW_PAGES = [p for p in PAGES if any(b.is_slow and b.is_run for b in blocks_of(p))]

# A backslash does not continue a comment, so that the next line would be a command.
CONTINUED_COMMENT = re.compile(r"(?:^|\s)#.*\\$", re.MULTILINE)


@pytest.fixture
def reader(tmp_path, monkeypatch, capsys):
    """A reader of a page, in an empty folder, who types what it says."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(REPOSITORY / "examples", "examples")
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield Reader(capsys)
    for name in set(sys.modules) - known:
        origin = getattr(sys.modules[name], "__file__", None) or ""
        if origin.startswith(str(tmp_path)):
            del sys.modules[name]
    # The next page has a module of the same name, as another reader would.
    forget()


class Reader:
    """Types the blocks of one page, one after the other."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._printed = ""
        self._was_run = True

    def read(self, block: Block, run_slow: bool = False) -> None:
        if block.title:
            path = Path(block.title)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.note == "prints":
            if self._was_run:
                assert masked(block.text) in masked(self._printed), self._printed
        elif block.text.startswith("$ fedrobust"):
            self._refused(block)
        elif block.language == "python":
            self._python(block, run_slow)
        elif block.language == "sh":
            self._shell(block, run_slow)

    def _python(self, block: Block, run_slow: bool) -> None:
        code = compile("\n" * (block.line - 1) + block.text, block.page, "exec")
        self._was_run = not is_only_checked(block, run_slow)
        if not self._was_run:
            return
        self._search_here()
        self._capsys.readouterr()
        exec(code, self._names)
        self._printed = self._capsys.readouterr().out

    def _shell(self, block: Block, run_slow: bool) -> None:
        assert not CONTINUED_COMMENT.search(block.text), (block.page, block.line)
        subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
        self._was_run = not is_only_checked(block, run_slow)
        self._printed = ""
        for command in commands_of(block):
            words = shlex.split(command, comments=True)
            if words[0] == "make":
                assert f"\n{words[1]}:" in (REPOSITORY / "Makefile").read_text()
            elif words[0] == "fedrobust" and not re.search(r"\$|[|>]", command):
                self._fedrobust(words[1:])
            elif self._was_run:
                self._printed += in_shell(command)

    def _fedrobust(self, words: list[str]) -> None:
        if not self._was_run:
            check(words)
            if words[0] != "run":
                return
            words = one_configuration(words)
        self._search_here()
        self._capsys.readouterr()
        status = cli.main(words)
        printed = self._capsys.readouterr()
        assert status == 0, (words, printed.err)
        self._printed += printed.out

    def _refused(self, block: Block) -> None:
        """Type a command that is refused, and hear the sentence that is shown."""
        command, _, sentence = block.text.partition("\n")
        self._capsys.readouterr()
        assert cli.main(shlex.split(command)[2:]) == 2
        assert masked(self._capsys.readouterr().err) == masked(sentence)

    @staticmethod
    def _search_here() -> None:
        if sys.path[-1] != str(Path.cwd()):
            sys.path.append(str(Path.cwd()))


def is_only_checked(block: Block, run_slow: bool) -> bool:
    """Whether it is not run: it takes minutes, or needs what is not installed."""
    if block.is_slow:
        return not run_slow
    return bool(block.needs) and not is_installed(block.needs)


def is_installed(module: str) -> bool:
    """Whether a module, and each package that it is in, can be found."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def check(words: list[str]) -> None:
    """Check a command that is not run: it exists, and so does what it reproduces."""
    assert words[0] in cli.COMMANDS
    if words[0] == "reproduce":
        assert (REPOSITORY / "experiments" / words[1] / "published.csv").is_file()


def one_configuration(words: list[str]) -> list[str]:
    """Ask for the configuration of the first run of a sweep, which checks it.

    Launchers are left out, which may not be installed, and data need not be there.
    """
    kept = [w for w in words if w != "-m" and not re.match(r"hydra[/.]launcher", w)]
    first = [re.sub(r"^([\w.]+=)([\w.]+),.*", r"\1\2", w) for w in kept]
    return [*first, "dataset.download=true", "--cfg", "job"]


def in_shell(command: str) -> str:
    """Run a command as typed, in an environment that has this project's scripts."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", command],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, (command, done.stderr[-2000:])
    return done.stdout


def masked(text: str) -> str:
    """Replace numbers and paths, which differ from machine to machine."""
    text = re.sub(r"\S*/\S*", "/", text)
    return re.sub(r"[-–—\s]+", " ", re.sub(r"\d+(\.\d+)?", "#", text)).strip()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_what_a_page_says_to_type_works(path, reader):
    for block in blocks_of(path):
        reader.read(block)


@pytest.mark.slow
@pytest.mark.parametrize("path", SLOW_PAGES, ids=name_of)
def test_what_takes_minutes_works(path, reader):
    for block in blocks_of(path):
        reader.read(block, run_slow=True)


def test_a_block_that_fails_fails_the_test(reader):
    wrong = {
        "python": "assert 1 == 2\n",
        "sh": "fedrobust run strategy=krum num_byzantine=4\n",
    }
    for language, text in wrong.items():
        with pytest.raises(AssertionError):
            reader.read(Block("page.md", 1, language, "", "", text))
    with pytest.raises(AssertionError):
        reader.read(Block("page.md", 1, "text", "", "prints", "not printed\n"))


def test_a_comment_that_ends_in_a_backslash_fails_the_test(reader):
    right = "# A comment with \\ in it.\nprintf '%s\\n' \\\n  a#b\n"
    reader.read(Block("page.md", 1, "sh", "", "", right))
    for comment in ("true # two \\\n  lines\n", "# two \\\n  lines\n"):
        with pytest.raises(AssertionError):
            reader.read(Block("page.md", 1, "sh", "", "needs slurm", comment))


def test_what_is_only_checked_is_still_checked(reader):
    wrong = "fedrobust run strategy=krum num_byzantine=4\n"
    with pytest.raises(AssertionError):
        reader.read(Block("page.md", 1, "sh", "", "needs slurm", wrong))
    with pytest.raises(SyntaxError):
        reader.read(Block("page.md", 1, "python", "", "slow", "def\n"))
