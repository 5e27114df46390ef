"""Whatever is typed or found in a file: an exit status that is known, and a sentence.

``make fuzz`` goes on for an hour, with other examples each time, and writes how many
there were to fuzz.json.
"""

import contextlib
import io
import json
import os
import shutil
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from fedrobust.cli import main
from fedrobust.config.conf_folder import config_dir, groups
from fedrobust.config.hydra_errors import _keys

# Of all properties together; 0: the few examples of CI, the same each time.
SECONDS = float(os.environ.get("FEDROBUST_FUZZ_SECONDS") or 0)
PROPERTIES = 4
COUNTS: Counter[str] = Counter()


@pytest.fixture(scope="module", autouse=True)
def _count() -> Iterator[None]:
    yield
    if SECONDS:
        text = json.dumps({"seconds": SECONDS, "examples": COUNTS}, indent=2)
        Path("fuzz.json").write_text(text + "\n")


def explore(
    strategy: st.SearchStrategy[Any], few: int, check: Callable[[Any], None]
) -> None:
    """Check a few examples, or new ones until the time is up."""
    name = check.__name__

    def counted(example: Any) -> None:
        COUNTS[name] += 1
        check(example)

    def batch(number: int, size: int) -> None:
        quiet = settings(
            max_examples=size,
            derandomize=not SECONDS,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        search = quiet(given(strategy)(counted))
        (seed(number)(search) if SECONDS else search)()

    until = time.monotonic() + SECONDS / PROPERTIES
    batch(0, few)
    number = int(time.time()) if SECONDS else 0
    while time.monotonic() < until:
        number += 1
        batch(number, 200)


def called(*arguments: str) -> tuple[int, str]:
    """Call a command in this process; its status and what it says."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(arguments)
    return status, err.getvalue()


def judge(command: tuple[str, ...], allowed: tuple[int, ...] = (0, 2)) -> str:
    """Hold a command to its statuses and to lines that are sentences of ours."""
    status, said = called(*command)
    assert status in allowed, (command, status, said)
    lines = said.splitlines()
    assert all(line.startswith("fedrobust: ") for line in lines), (command, said)
    assert "Traceback" not in said
    assert "fault of fedrobust" not in said, (command, said)
    told = [line for line in lines if not line.startswith("fedrobust: note: ")]
    assert len(told) == (status != 0), (command, said)
    return said


# What people and programs type as values, and what a fuzzer finds in between.
VALUES = st.one_of(
    st.sampled_from(
        [
            "",
            "null",
            "true",
            "no",
            "-1",
            "0",
            "1",
            "2",
            "3",
            "1e400",
            "-0.0",
            ".nan",
            "inf",
            "-.inf",
            "0.5",
            "1e-320",
            "99999",
            "8/255",
            "1/0",
            "a/b",
            "0x10",
            "1_000",
            "[]",
            "{}",
            "[1,2]",
            "[[1]]",
            "[a,[b,{c:d}]]",
            "{a:b}",
            "{_target_:x}",
            "{_target_:os.system}",
            "{_target_:strategies.rules.Krum}",
            "${seed}",
            "${nope}",
            "${.}",
            "${..}",
            "${oc.env:NO_SUCH}",
            "${nope:1}",
            "${now:%Y}",
            "${hydra:runtime.cwd}",
            "${science_digest:}",
            "${",
            "}",
            "$",
            "0,1",
            "a,b",
            "range(0,2)",
            "choice(0,1)",
            "glob(*)",
            "glob(zz*)",
            "interval(0,1)",
            "shuffle(0,1)",
            "sort(2,1)",
            "tag(a,0,1)",
            "int(3)",
            "'quoted'",
            '"quoted"',
            "'",
            '"',
            "a b",
            "ü",
            "日本",
            "\\",
            "a\\",
            "a:b",
            "\x00",
            "\x1b[31m",
            "a\nb",
            "\t",
            "../x",
            "/proc/x",
            "~",
            "@",
            "==",
        ]
    ),
    st.integers(-(10**4), 10**4).map(str),
    st.floats().map(str),
    st.text(max_size=8),
)
KEYS = [
    *_keys(),
    *groups(),
    "hydra.run.dir",
    "hydra.sweep.dir",
    "hydra.sweep.subdir",
    "hydra.output_subdir",
    "hydra/launcher",
    "hydra/job_logging",
    "hydra.job.chdir",
    "hydra.verbose",
    "hydra.searchpath",
    "hydra.mode",
    "hydra",
    "x",
    "",
]
CHOICES = [f"{group}={name}" for group, names in groups().items() for name in names]
# What takes long to check, not what is wrong: experiments are sweeps of hundreds.
SLOW = ("experiment=",)
OVERRIDES = st.one_of(
    st.builds(
        lambda sign, key, is_, value: f"{sign}{key}{is_}{value}",
        st.sampled_from(["", "", "", "", "+", "++", "~"]),
        st.sampled_from(KEYS),
        st.sampled_from(["=", "=", "=", "=", "", "=="]),
        VALUES,
    ),
    st.sampled_from([choice for choice in CHOICES if not choice.startswith(SLOW)]),
    st.text(max_size=12),
)
FLAGS = st.lists(
    st.sampled_from(["-m", "--resolve", "--cfg", "--package", "--run", "--config-dir"]),
    max_size=1,
)


def test_whatever_is_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def overrides(example: tuple[list[str], list[str]]) -> None:
        typed, flags = example
        judge(("run", "--dry-run", *flags, *typed))

    explore(st.tuples(st.lists(OVERRIDES, max_size=3), FLAGS), 60, overrides)


CONFIGURATIONS = sorted(
    (str(path.relative_to(config_dir())), path.read_bytes())
    for group in ("strategy", "attack", "model", "training", "partition", "byzantine")
    for path in (config_dir() / group).glob("*.yaml")
)
NOISE = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [
            b"\t",
            b": ",
            b"- ",
            b"${",
            b"}",
            b"&a ",
            b"*a ",
            b"!!x ",
            b"<<: ",
            b"\n",
            b"? ",
            b"---\n",
            b"%",
            b"'",
            b'"',
            b"[",
            b"{",
            b"null",
            b"defaults:\n  - mine\n",
            b"_target_: x\n",
            b"\xff",
            b"\x00",
            b"# @package x\n",
        ]
    ),
)


@st.composite
def damaged(draw: st.DrawFn, contents: st.SearchStrategy[bytes]) -> bytes:
    """Cut something out of a file and put something else in, up to three times."""
    content = draw(contents)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        end = draw(st.integers(start, min(len(content), start + 40)))
        content = content[:start] + draw(NOISE) + content[end:]
    return content


def test_whatever_a_file_of_configuration_holds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def files(example: tuple[str, bytes]) -> None:
        name, content = example
        group = Path(name).parent
        (tmp_path / "conf" / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / "conf" / group / "mine.yaml").write_bytes(content)
        judge(("run", "--dry-run", f"{group}=mine", "--config-dir", "conf"))
        judge(("list", str(group), "--config-dir", "conf"))

    explore(
        st.sampled_from(CONFIGURATIONS).flatmap(
            lambda file: st.tuples(st.just(file[0]), damaged(st.just(file[1])))
        ),
        40,
        files,
    )


RUN = ("run", "num_clients=2", "num_rounds=1", "dataset.num_train=40", "attack=fgsm",
       "attack.samples=20", "hydra.run.dir=run")  # fmt: skip
ENTRIES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip


@st.composite
def changed_json(draw: st.DrawFn, text: str) -> bytes:
    """Replace or remove one entry of a line of JSON, at any depth."""
    lines = text.splitlines() if "\n{" in text else [text]
    number = draw(st.integers(0, len(lines) - 1))
    document = json.loads(lines[number])
    node = document
    while True:
        places = list(node) if isinstance(node, dict) else range(len(node))
        place = draw(st.sampled_from(list(places)))
        if not isinstance(node[place], dict | list) or not node[place]:
            break
        if draw(st.booleans()):
            break
        node = node[place]
    if draw(st.booleans()):
        del node[place]
    else:
        node[place] = draw(ENTRIES)
    lines[number] = json.dumps(document)
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert called(*RUN)[0] == 0
    finally:
        os.chdir(before)
    return folder / "run"


def test_whatever_a_run_folder_holds(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Reading is tried here, and drawing every figure to files takes longest.
    monkeypatch.setattr("fedrobust.report.write.save", lambda figure, path: path)
    names = [p.relative_to(finished) for p in finished.rglob("*") if p.is_file()]

    def contents(name: Path) -> st.SearchStrategy[bytes]:
        content = (finished / name).read_bytes()
        torn = damaged(st.just(content))
        if name.suffix in (".json", ".jsonl") and content:
            return st.one_of(torn, changed_json(content.decode()))
        return torn

    def folders(example: tuple[Path, bytes]) -> None:
        name, content = example
        shutil.rmtree("run", ignore_errors=True)
        shutil.copytree(finished, "run")
        Path("run", name).write_bytes(content)
        judge(("report", "run"), (0, 1, 2))
        judge((*RUN, "--dry-run"), (0, 1, 2))

    explore(
        st.sampled_from(sorted(names)).flatmap(
            lambda name: st.tuples(st.just(name), contents(name))
        ),
        15,
        folders,
    )


@st.composite
def changed_model(draw: st.DrawFn, model: Path) -> bytes:
    """Damage a .keras file, or a member of it, or leave a member out."""
    if draw(st.booleans()):
        return draw(damaged(st.just(model.read_bytes())))
    out = io.BytesIO()
    with zipfile.ZipFile(model) as old, zipfile.ZipFile(out, "w") as new:
        victim = draw(st.sampled_from(old.namelist()))
        is_left_out = draw(st.booleans())
        for name in old.namelist():
            content = old.read(name)
            if name == victim:
                is_json = name.endswith(".json") and draw(st.booleans())
                content = draw(
                    changed_json(content.decode())
                    if is_json
                    else damaged(st.just(content))
                )
            if name != victim or not is_left_out:
                new.writestr(name, content)
    return out.getvalue()


def test_whatever_a_model_file_holds(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def models(content: bytes) -> None:
        Path("m.keras").write_bytes(content)
        command = ("attack", "--model", "m.keras", "attack=fgsm", "attack.samples=8")
        judge((*command, "checks=none", "--out", "out"), (0, 1, 2))

    explore(changed_model(finished / "model.keras"), 10, models)
