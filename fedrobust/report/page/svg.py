"""Turn a figure of matplotlib into SVG that is part of an HTML page.

Text stays text, so that it is small, sharp and can be searched. What is drawn in
``INK`` takes the colour of the page's text, and is readable in light, dark and print.
"""

import io
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fedrobust.report.style import INK, saving

# Points of a figure are drawn as so many pixels of the page.
PIXELS_A_POINT = 1.45
# Resolution of images within a figure.
IMAGE_DPI = 144
# Characters that XML cannot hold, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"url\(#([^)]*)\)")
_FONT = re.compile(r"font-family: [^;]*;? ?")
# The coordinates of shapes; the factors of a transform need all of their digits.
_COORDINATES = ("d", "x", "y", "points", "width", "height")


def inline_svg(figure: Figure, name: str, label: str) -> str:
    """Return a figure as an ``svg`` element; equal figures give equal texts.

    Parameters
    ----------
    figure
        The figure.
    name
        A name that no other figure of the page has, of letters, digits and hyphens.
        The ids of the element begin with it.
    label
        What the figure shows, for people who do not see it.
    """
    text = io.StringIO()
    with saving(), mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        # savefig would draw twice, the first time without a result.
        canvas, dpi = figure.canvas, figure.dpi
        try:
            figure.dpi = IMAGE_DPI
            svg = FigureCanvasSVG(figure)
            svg.print_svg(text, metadata={"Date": None})  # type: ignore[no-untyped-call]
        finally:
            figure.dpi = dpi
            figure.set_canvas(canvas)
    root = ET.fromstring(_NOT_XML.sub("�", text.getvalue()))
    _simplify(root)
    _rename(root, name)
    for element in root.iter():
        _restyle(element)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    root.attrib = {
        "viewBox": f"0 0 {width:g} {height:g}",
        "role": "img",
        "aria-label": label,
        "style": f"--width: {PIXELS_A_POINT * width:.0f}px",
    }
    return ET.tostring(root, encoding="unicode")


def _simplify(element: ET.Element) -> None:
    """Leave out namespaces, metadata, the global style, and space between elements."""
    element.tag = _local(element.tag)
    element.attrib = {_local(key): value for key, value in element.items()}
    element.tail = None
    for child in [*element]:
        _simplify(child)
        is_empty = child.tag == "defs" and not len(child)
        if is_empty or child.tag in ("metadata", "style"):
            element.remove(child)
    if len(element):
        element.text = None


def _local(name: str) -> str:
    """Return a name without its namespace; inline SVG has none."""
    return name.rpartition("}")[2]


def _rename(root: ET.Element, name: str) -> None:
    """Keep only the ids that something refers to, and begin them with a name."""
    used = {element.get("href", "").removeprefix("#") for element in root.iter()}
    for element in root.iter():
        for value in element.attrib.values():
            used.update(_REFERENCE.findall(value))
    for element in root.iter():
        known = element.attrib.pop("id", "")
        if known in used and known:
            element.set("id", f"{name}-{known}")
        for key, value in element.items():
            if key == "href" and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, _REFERENCE.sub(rf"url(#{name}-\1)", value))


def _restyle(element: ET.Element) -> None:
    """Take colour and font from the page, and leave out digits that nobody sees."""
    for key in _COORDINATES:
        if key in element.attrib:
            short = _LONG_NUMBER.sub(_rounded, element.attrib[key])
            element.set(key, " ".join(short.split()))
    if "style" in element.attrib:
        style = _FONT.sub("", element.attrib["style"].replace(INK, "currentColor"))
        element.set("style", style.rstrip("; "))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
