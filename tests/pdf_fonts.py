"""Which fonts PDF files embed while tests run."""

from collections.abc import Iterator

import pytest

from fedrobust.report.style import SETTINGS

KEY = "pdf.fonttype"
OF_USERS = SETTINGS[KEY]


@pytest.fixture(autouse=True, scope="session")
def _quick_pdf_fonts() -> Iterator[None]:
    """Embed Type 3 fonts: those of users take a third of the time of a report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SETTINGS, KEY, 3)
        yield


@pytest.fixture
def pdf_fonts_of_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Embed the fonts that users get."""
    monkeypatch.setitem(SETTINGS, KEY, OF_USERS)
