"""The page of a report in a real browser."""

import re

import pytest

from tests.fedrobust.report.page.contents import HOSTILE

pytestmark = pytest.mark.filterwarnings("ignore:Glyph")
NAMES = ("plain", "hostile", "large")
CLEAN = 3  # the column of the clean accuracy

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
ADD_SCRIPT = """
code => document.body.append(
  Object.assign(document.createElement("script"), { textContent: code })
)
"""

# The contrast of every element that has a text of its own, by WCAG 2; and its words.
CONTRASTS = """
() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const parts = rgb.slice(0, 3).map((v) => v / 255);
    const curve = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const [r, g, b] = parts.map(curve);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const found = parse(getComputedStyle(element).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const isText = (node) => node.nodeType === 3 && node.data.trim();
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.checkVisibility() && !e.closest("svg, script, :disabled"))
    .filter((e) => [...e.childNodes].some(isText))
    .map((e) => {
      const pair = [parse(getComputedStyle(e).color), behind(e)].map(light);
      return [(Math.max(...pair) + .05) / (Math.min(...pair) + .05), e.textContent];
    });
}
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_page_asks_for_nothing_and_complains_of_nothing(visit, name):
    opened = visit(name)
    opened.page.wait_for_load_state("networkidle")
    assert [r for r in opened.requests if not r.startswith("data:")] == [opened.address]
    assert opened.complaints == []


def test_the_policy_stops_a_script_that_is_not_the_pages_own(visit):
    opened = visit()
    opened.page.evaluate(ADD_SCRIPT, "document.title = 'broken'")
    assert "broken" not in opened.page.title()
    assert "Content Security Policy" in " ".join(opened.complaints)


def test_figures_are_seen(visit):
    page = visit().page
    for box in [svg.bounding_box() for svg in page.locator("figure svg").all()]:
        assert box["width"] > 300
        assert box["height"] > 100
    assert page.locator("figure svg text", has_text="round").is_visible()


def press(page, name, times, key=None):
    button = page.locator("#runs th button", has_text=name)
    for _ in range(times):
        if key:
            button.focus()
            page.keyboard.press(key)
        else:
            button.click()
    return button.locator("xpath=..").get_attribute("aria-sort")


@pytest.mark.parametrize("key", [None, "Enter", "Space"])
def test_a_click_or_a_key_sorts_by_number_with_missing_ones_last(visit, key):
    opened = visit()
    before = opened.rows(CLEAN)
    known = sorted((text for text in before if text != "–"), key=float)
    assert known != sorted(known)  # as texts they have another order
    assert press(opened.page, "clean", 1, key) == "ascending"
    assert opened.rows(CLEAN) == [*known, "–"]
    assert press(opened.page, "clean", 1, key) == "descending"
    assert opened.rows(CLEAN) == [*reversed(known), "–"]
    assert press(opened.page, "clean", 1, key) is None
    assert opened.rows(CLEAN) == before


def test_one_column_is_sorted_at_a_time(visit):
    page = visit().page
    press(page, "clean", 1)
    press(page, "strategy", 1)
    heads = [th.get_attribute("aria-sort") for th in page.locator("#runs th").all()]
    assert heads == ["ascending", None, None, None, None]


def test_words_and_choices_filter_the_runs(visit):
    opened = visit()
    assert opened.count == "12 runs"
    opened.page.get_by_label("Filter").fill("KRUM sign")
    assert opened.rows() == ["krum"] * 2
    assert opened.rows(1) == ["sign_flip"] * 2
    assert opened.count == "2 of 12 runs"
    opened.page.locator("#runs select").first.select_option("fedavg")
    assert (opened.rows(), opened.count) == ([], "0 of 12 runs")
    opened.page.get_by_label("Filter").fill("")
    assert (opened.rows(), opened.count) == (["fedavg"] * 4, "4 of 12 runs")
    opened.page.locator("#runs select").first.select_option("all")
    assert opened.count == "12 runs"


def test_a_choice_lists_the_values_of_each_key_that_varies(visit):
    page = visit().page
    labels = [label.inner_text().split()[0] for label in
              page.locator("#runs .tools label:has(select)").all()]  # fmt: skip
    assert labels == ["strategy", "byzantine"]
    first = page.locator("#runs select").first.locator("option").all_inner_texts()
    assert first == ["all", "fedavg", "krum", "median"]


def test_many_runs_are_paged_and_sorted_as_a_whole(visit):
    opened = visit("large")
    assert (len(opened.rows()), opened.count) == (50, "754 runs")
    opened.page.get_by_role("button", name="Next").click()
    assert "Page 2 of 16" in opened.page.locator("#runs .pager").inner_text()
    press(opened.page, "clean b", 2)
    assert opened.rows(8)[0] == "99.9"
    assert "Page 1 of 16" in opened.page.locator("#runs .pager").inner_text()
    for _ in range(15):
        opened.page.get_by_role("button", name="Next").click()
    assert len(opened.rows()) == 4
    assert opened.page.get_by_role("button", name="Next").is_disabled()
    opened.page.get_by_label("Filter").fill("median")
    assert (len(opened.rows()), opened.count) == (50, "251 of 754 runs")


# How many elements end beyond the window, other than in a box that scrolls.
CUT_OFF = """
() => [...document.querySelectorAll("body *:not(.skip)")]
  .filter((e) => !e.closest(".box, .plot") && e.checkVisibility())
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).length
"""


@pytest.mark.parametrize("name", NAMES)
def test_the_page_itself_never_scrolls_sideways(visit, name):
    page = visit(name).page
    page.evaluate("document.querySelectorAll('details').forEach(d => (d.open = true))")
    for width in (320, 380, 800, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate(CUT_OFF) == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_legible_in_light_and_dark(visit, scheme):
    page = visit(color_scheme=scheme).page
    found = page.evaluate(CONTRASTS)
    assert len(found) > 80
    assert [words for contrast, words in found if contrast < 4.5] == []


def test_figures_follow_the_colours_of_the_page(visit):
    ink = "e => getComputedStyle(e).fill"
    seen = {}
    for scheme in ("light", "dark"):
        page = visit(color_scheme=scheme).page
        text = page.locator("figure svg text", has_text="round").evaluate(ink)
        body = page.evaluate("getComputedStyle(document.body).color")
        assert text == body
        seen[scheme] = body, page.evaluate(BACKGROUND)
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][1] != seen["dark"][1]


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_a_small_report_prints_on_few_pages_and_in_dark_ink(visit):
    page = visit(color_scheme="dark").page
    assert 1 < pages(page.pdf(prefer_css_page_size=True)) <= 4
    page.emulate_media(media="print")
    assert page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()


def test_print_has_every_run_that_matches_the_filter(visit):
    opened = visit("large")
    opened.page.get_by_label("Filter").fill("median")
    opened.page.emulate_media(media="print")
    assert len(opened.rows()) == 251


def test_no_figure_is_broken_over_two_printed_pages(visit):
    page = visit().page
    page.emulate_media(media="print")
    breaks = page.locator("figure").evaluate_all(
        "all => all.map((e) => getComputedStyle(e).breakInside)"
    )
    assert set(breaks) == {"avoid"}


def test_markup_in_names_changes_nothing(visit):
    opened = visit("hostile")
    page = opened.page
    title = page.title()
    assert HOSTILE[0] in title
    assert HOSTILE[1] in page.locator("h1").inner_text()
    assert page.locator("script").count() == 1
    assert page.locator("img, iframe, object, embed").count() == 0
    cells = page.locator("#runs tbody tr").first.locator("td").all_inner_texts()
    last = r"bell\x07 and \ud800 surrogate"
    assert cells == [*HOSTILE[:3], "two lines", *HOSTILE[4:6], last]
    schemes = {link.evaluate("e => e.protocol") for link in page.locator("a").all()}
    assert schemes == {"file:"}
    press(page, HOSTILE[0], 2)
    page.get_by_label("Filter").last.fill(HOSTILE[0])
    assert opened.count == "3 runs"
    assert page.title() == title
    assert opened.complaints == []


def test_without_scripts_everything_is_there(visit):
    opened = visit("large", java_script_enabled=False)
    assert len(opened.rows()) == 754
    for control in (".tools", ".copy", ".pager button", "th button"):
        assert opened.page.locator(f"{control}:visible").count() == 0


def test_the_first_key_skips_to_the_results_and_focus_is_seen(visit):
    page = visit().page
    page.keyboard.press("Tab")
    skip = page.locator(":focus")
    assert skip.inner_text() == "Skip to the results"
    assert skip.bounding_box()["x"] >= 0
    assert skip.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "results"


def test_every_control_is_reached_by_the_keyboard(visit):
    page = visit("plain").page
    controls = "a[href], button:enabled, input, select, summary, .box"
    number = page.locator(f":is({controls}):visible").count()
    reached = set()
    for _ in range(number + 1):
        page.keyboard.press("Tab")
        reached.add(page.evaluate(
            f"[...document.querySelectorAll('{controls}')].indexOf(document.activeElement)"
        ))  # fmt: skip
    assert len(reached - {-1}) == number


def test_numbers_with_marks_and_spreads_are_aligned_at_their_points(visit):
    tails = visit().page.locator("#table-1 td:nth-child(3) span")
    assert tails.all_inner_texts() == [".5 ± 0.4ᵃ,ᵇ", ".25"]
    assert len({round(tail.bounding_box()["x"], 1) for tail in tails.all()}) == 1
    assert tails.evaluate_all("all => all.every((e) => e.scrollWidth <= e.offsetWidth)")


def test_a_footnote_leads_there_and_back(visit):
    page = visit().page
    page.locator("figcaption").get_by_label("Footnote a").click()
    assert page.url.endswith("#note-a")
    page.locator("#note-a a").click()
    assert page.url.endswith("#figure-2")


def test_a_button_copies_the_command_as_it_is(visit):
    page = visit("hostile", permissions=["clipboard-read", "clipboard-write"]).page
    button = page.locator("#setup .copy")
    button.click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#setup code").last.text_content()
    assert "two\nlines" in copied
