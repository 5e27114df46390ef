"""A headless Chromium, and the pages that it opens."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fedrobust.report.content import Content
from fedrobust.report.page import render
from tests.fedrobust.report.page.contents import (
    content,
    hostile_content,
    large_content,
)

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
REPORTS: dict[str, Callable[[], Content]] = {
    "plain": content,
    "hostile": hostile_content,
    "large": large_content,
}


@dataclass
class Opened:
    """A page in the browser, with what it asked for and complained about."""

    page: Any
    address: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def rows(self, column: int = 0) -> list[str]:
        """Return the texts of a column of the run table, of the rows that are seen."""
        cells = self.page.locator(f"#runs tbody tr td:nth-child({column + 1}):visible")
        return [text.strip() for text in cells.all_inner_texts()]

    @property
    def count(self) -> str:
        """What the page says of how many runs it shows."""
        return self.page.locator("#runs [role=status]").inner_text()


# Not for the whole session, as Playwright's event loop would run in all other tests.
@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium, chromium-browser or google-chrome on the path")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Write the page of a report, once."""
    folder = tmp_path_factory.mktemp("pages")

    def write(name: str) -> Path:
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(render(REPORTS[name]()), encoding="utf-8")
        return path

    return write


@pytest.fixture
def visit(
    browser: Any, files: Callable[[str], Path]
) -> Iterator[Callable[..., Opened]]:
    """Open the page of a report in a browser of its own."""
    contexts = []

    def visit(name: str = "plain", width: int = 1280, **options: Any) -> Opened:
        size = {"width": width, "height": 800}
        context = browser.new_context(viewport=size, **options)
        contexts.append(context)
        page = context.new_page()
        opened = Opened(page, files(name).as_uri())
        page.on("request", lambda request: opened.requests.append(request.url))
        page.on("console", lambda message: opened.complaints.append(message.text))
        page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
        page.goto(opened.address)
        return opened

    yield visit
    for context in contexts:
        context.close()
