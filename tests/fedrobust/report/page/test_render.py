"""The page is one file, valid, the same for the same report, and literal."""

import hashlib
import re
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from fedrobust.report.column import Texts
from fedrobust.report.content import Table
from fedrobust.report.page import render
from fedrobust.report.style import INK
from tests.fedrobust.report.page.contents import (
    content,
    curves,
    hostile_content,
    large_content,
    runs,
)

pytestmark = pytest.mark.filterwarnings("ignore:Glyph")
VOID = {"meta", "link", "input", "img", "br"}


class Reader(HTMLParser):
    """Reads the elements of a page, and holds every end to its beginning."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def values(self, name: str) -> list[str]:
        return [found[name] for _, found in self.elements if name in found]


@pytest.fixture(scope="module")
def page() -> str:
    return render(content())


@pytest.fixture(scope="module", params=[content, hostile_content])
def reader(request) -> Reader:
    return Reader(render(request.param()))


def test_the_page_has_a_language_one_heading_and_one_script(reader):
    counts = Counter(tag for tag, _ in reader.elements)
    assert counts["h1"] == counts["script"] == counts["style"] == counts["title"] == 1
    assert counts["img"] == 0
    assert reader.elements[0] == ("html", {"lang": "en"})


def test_ids_are_unique_and_every_link_within_the_page_has_its_target(reader):
    ids = Counter(reader.values("id"))
    assert set(ids.values()) == {1}
    targets = {link[1:] for link in reader.values("href") if link.startswith("#")}
    assert targets <= ids.keys()
    assert {"results", "setup", "runs", "figure-1", "note-a"} <= targets


def test_nothing_is_loaded_from_elsewhere(reader):
    names = {name for _, found in reader.elements for name in found}
    assert not any(name.startswith("on") for name in names)
    addresses = [*reader.values("href"), *reader.values("src")]
    assert all(not re.match("[a-z]+:|//", link, re.I) for link in addresses
               if not link.startswith("data:"))  # fmt: skip


def test_the_policy_names_the_script_of_the_page(page):
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'; img-src data:" in page
    assert "default-src 'none'; style-src 'unsafe-inline'; script-src" in page


def test_the_same_report_gives_the_same_page():
    assert render(content()) == render(content())


def test_every_part_of_a_report_is_on_the_page(page):
    for text in (
        "<h1>sweep</h1>", "12 runs, which vary in", "digits", "Krum loses least.",
        "sweep/abc failed: no memory", "is not drawn. The runs recorded no classes.",
        "<b>Figure 2.</b> Mean of the seeds.", "2 seeds.<sup><a href=\"#note-a\"",
        "One seed, so no interval is shown.",
        "Digests of 2 runs", "fedcba9876543210", "ALIE with z = 0 is no attack.",
        "↩ Figure 2", 'href="runs/3"',
    ):  # fmt: skip
        assert text in page
    assert INK not in page.partition("</style>")[2]


def test_figures_are_numbered_in_the_order_of_the_sections(page):
    headings = re.findall(r"<h3>(.*?)</h3>", page)
    names = ["Rules against attacks", "Accuracy by round", "Accuracy by class"]
    assert [heading for heading in headings if heading in names][:3] == names
    assert page.index('id="figure-1"') < page.index('id="figure-2"')


def test_a_table_without_numbers_says_why():
    empty = Table("e", "Empty", Texts([], [], []), reason="No run has an attack.")
    page = render(replace(content(), tables=[empty]))
    assert "<b>Table 1</b> has no numbers. No run has an attack." in page


def test_a_report_of_runs_alone_is_a_page():
    bare = replace(content(), head=[], varies=[], tables=[], summary=[], problems=[],
                   drawings=[], footnotes={}, command="")  # fmt: skip
    page = render(bare)
    Reader(page)
    assert "12 runs.</p>" in page
    assert not {"#problems", "#summary", "#notes", "#tables"} & set(
        re.findall('href="(#[a-z]+)"', page)
    )


def test_a_marked_number_links_to_its_footnotes(page):
    links = re.findall("<td[^>]*>(.*?)</td>", page)
    assert links[2] == (
        '9<span style="width:8.6ch">.5 ± 0.4<a href="#note-a" aria-label="Footnote a">ᵃ'
        '</a>,<a href="#note-b" aria-label="Footnote b">ᵇ</a></span>'
    )
    assert links[0] == "fedavgᵃ"


def test_one_run_is_counted_in_the_singular():
    page = render(replace(content(), runs=runs(1), varies=[]))
    assert "1 run.</p>" in page


def test_a_command_keeps_its_words_and_lines():
    page = render(replace(content(), command="fedrobust report 'a\nb'  --x <k>"))
    (code,) = re.findall("<code>(<span>.*?&lt;k.*?)</code>", page, re.DOTALL)
    text = re.sub("</?span>", "", code)
    assert text == "fedrobust report &#39;a\nb&#39;  --x &lt;k&gt;"


def test_the_text_of_a_report_is_no_template():
    assert "{{ 7*7 }} {% raw %}" in render(hostile_content())


def test_a_page_of_a_large_report_stays_small():
    page = render(large_content())
    assert page.count("<tr>") == 755
    assert page.count('role="img"') == 25
    assert len(page.encode()) < 5_000_000


def test_a_figure_wider_than_a_column_takes_the_whole_width():
    given = content()
    wide = replace(given.drawings[0], figure=curves(width=6.6))
    assert '<figure id="figure-1" class="wide ">' in render(
        replace(given, drawings=[wide])
    )
