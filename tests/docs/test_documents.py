"""The README, the pages and the files beside them: complete, linked and up to date."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fedrobust import __version__
from fedrobust.config.conf_folder import groups
from tests.conftest import REPOSITORY
from tests.docs.blocks import blocks_of, pages
from tests.docs.write import written

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_written_pages_are_up_to_date():
    stale = [
        path.relative_to(REPOSITORY).as_posix()
        for path, text in written().items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "type `make catalogues`"


def test_no_page_is_left_of_a_group_that_is_gone():
    folder = REPOSITORY / "docs" / "reference" / "catalogue"
    found = {path.stem for path in folder.glob("*.md")}
    assert found == {group.replace("/", "-") for group in groups()}


@pytest.mark.parametrize("group", sorted(groups()))
def test_every_choice_and_key_is_in_the_catalogue(group):
    """Read by YAML's own reader, which the catalogue does not use."""
    from tests.docs.keys import keys_of

    page = REPOSITORY / "docs" / "reference" / "catalogue"
    text = (page / f"{group.replace('/', '-')}.md").read_text(encoding="utf-8")
    for choice in groups()[group]:
        assert f"\n## `{choice}`\n" in text
        section = text.split(f"\n## `{choice}`\n")[1].split("\n## `")[0]
        for key in keys_of(group, choice):
            assert f"| `{key}` |" in section, (choice, key)


def test_the_readme_can_be_read_in_one_sitting():
    assert len(README.splitlines()) <= 200


def test_pages_link_to_files_that_exist():
    for path in pages():
        text = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.M | re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not target.startswith(("http", "#")):
                there = (path.parent / target.split("#")[0]).resolve()
                assert there.exists(), (path, target)


def test_the_site_builds_without_a_broken_link(tmp_path):
    pytest.importorskip("mkdocs")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", tmp_path]
    done = subprocess.run(build, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        tags = re.findall(r"<(?:link|script|img)[^>]*>", page.read_text("utf-8"))
        fetched = [tag for tag in tags if re.search(r'(?:src|href)="https?:', tag)]
        assert not fetched, (page.name, fetched)


@pytest.mark.parametrize("page", sorted((REPOSITORY / "docs").glob("how-to/own-*.md")))
def test_an_example_of_ones_own_fits_on_a_screen(page):
    files = [block.text for block in blocks_of(page) if block.title]
    assert files
    assert sum(len(text.splitlines()) for text in files) <= 30, page.name


def test_examples_in_pages_are_those_of_the_folder():
    blocks = [block for page in pages() for block in blocks_of(page)]
    shown = [block for block in blocks if block.title.startswith("examples/")]
    assert len(shown) >= 2
    for block in shown:
        assert block.text == (REPOSITORY / block.title).read_text("utf-8"), block.title


def test_every_example_is_run_by_its_page():
    commands = "".join(b.text for b in blocks_of(REPOSITORY / "examples" / "README.md"))
    for path in (REPOSITORY / "examples").glob("*.py"):
        assert f"{path.name}" in commands


def test_copied_pictures_are_those_that_were_measured():
    original = REPOSITORY / "experiments" / "benchmarks" / "scale.png"
    copy = REPOSITORY / "docs" / "results" / "speed" / "scale.png"
    assert copy.read_bytes() == original.read_bytes()


def test_the_citation_names_this_version_and_license():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= citation.keys()
    assert str(citation["version"]) == __version__
    pyproject = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    assert f'license = "{citation["license"]}"' in pyproject
    assert "Apache License" in (REPOSITORY / "LICENSE").read_text("utf-8")
    assert f"## {__version__}" in (REPOSITORY / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.parametrize(
    "command", ["flower-superlink", "flower-supernode", "flwr run"]
)
def test_flower_has_the_flags_that_pages_show(command):
    text = "".join(
        block.text.replace("\\\n", " ")
        for page in ("supernodes.md", "ray-cluster.md")
        for block in blocks_of(REPOSITORY / "docs" / "how-to" / page)
    )
    shown = {
        flag
        for line in text.splitlines()
        if line.startswith(command)
        for flag in re.findall(r" (--[a-z-]+)", line)
    }
    script, *rest = command.split()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    asked = [shutil.which(script, path=path), *rest, "--help"]
    helped = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert shown
    assert shown <= set(re.findall(r"--[a-z-]+", helped))
