"""Figures become SVG that takes the page's colours, and clashes with no other."""

import re
import xml.etree.ElementTree as ET

import pytest
from matplotlib.figure import Figure

from fedrobust.report.page.svg import inline_svg
from fedrobust.report.style import INK, PALETTE, styled
from tests.fedrobust.report.page.contents import curves, heat_map


def elements(svg: str) -> list[ET.Element]:
    return [*ET.fromstring(svg).iter()]


def references(svg: str) -> set[str]:
    found = re.findall(r"url\(#([^)]*)\)", svg)
    found += [e.get("href")[1:] for e in elements(svg) if e.get("href", "")[:1] == "#"]
    return set(found)


def test_ink_takes_the_colour_of_the_page_and_other_colours_stay():
    svg = inline_svg(curves(), "f1", "")
    assert INK not in svg
    assert "stroke: currentColor" in svg
    assert "fill: currentColor" in svg
    assert PALETTE[0] in svg


def test_nothing_is_painted_behind_a_figure():
    figure = curves()
    width, height = (72 * inches for inches in figure.get_size_inches())
    (page, *_) = [e for e in elements(inline_svg(figure, "f1", "")) if e.tag == "path"]
    corners = (0, height), (width, height), (width, 0), (0, 0), (0, height)
    assert page.get("d") == f"M {' L '.join(f'{x:g} {y:g}' for x, y in corners)} z"
    assert page.get("style") == "fill: none"


def test_equal_figures_give_equal_texts_and_share_no_id_with_others():
    one, again, two = (inline_svg(curves(), name, "") for name in ("f1", "f1", "f2"))
    assert one == again
    ids = [{e.get("id") for e in elements(svg)} - {None} for svg in (one, two)]
    assert ids[0] == references(one) != set()
    assert ids[1] == references(two)
    assert not ids[0] & ids[1]


@styled
def named(text: str) -> Figure:
    figure = Figure(figsize=(3, 2))
    figure.text(0.5, 0.5, text)
    return figure


@pytest.mark.parametrize("text", ["<script>x</script>", "a & b", "]]>", "$x_1$", "-->"])
def test_a_text_stays_a_text(text):
    found = elements(inline_svg(named(text), "f1", ""))
    assert [e.text for e in found if e.tag == "text"] == [text]
    assert "script" not in {e.tag for e in found}


@pytest.mark.filterwarnings("ignore:Glyph")
def test_a_character_that_xml_cannot_hold_is_replaced():
    found = elements(inline_svg(named("a\x07\ufffeb"), "f1", ""))
    assert [e.text for e in found if e.tag == "text"] == ["a��b"]


def test_the_label_and_the_role_are_for_those_who_do_not_see():
    root = ET.fromstring(inline_svg(curves(), "f1", 'the "label" <b>'))
    assert root.get("aria-label") == 'the "label" <b>'
    assert root.get("role") == "img"


def test_coordinates_are_short_and_images_are_inside():
    svg = inline_svg(heat_map(), "f1", "")
    assert not re.search(r' (?:d|x|y)="[^"]*\.\d{3}', svg)
    (image,) = [e for e in elements(svg) if e.tag == "image"]
    assert image.get("href").startswith("data:image/png;base64,")
    assert "http" not in svg


def test_drawing_changes_nothing_of_the_figure():
    figure = curves()
    before = figure.canvas, figure.dpi
    inline_svg(figure, "f1", "")
    assert (figure.canvas, figure.dpi) == before
