"""Reports to render: a plain one, one with markup everywhere, and a large one."""

import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.column import Texts
from fedrobust.report.content import Content, Table
from fedrobust.report.drawing import SECTIONS, Drawing
from fedrobust.report.style import INK, look, styled

HOSTILE = [
    "<script>document.title='broken'</script>",
    "</script></style></title><img src=x onerror=alert(1)>",
    "a|b [/x] $x_1$ 50 % num_byzantine",
    "two\nlines",
    "\"quoted\" 'twice' {{ 7*7 }} {% raw %}",
    "javascript:alert(1)",
    "bell\x07 and \ud800 surrogate",
]
RULES = ("fedavg", "median", "krum")
ATTACKS = ("none", "sign_flip")
MARKED = Texts(
    ["strategy", "tax", "sign_flip"],
    [["fedavgᵃ", "0.0", "9.5 ± 0.4ᵃ,ᵇ"], ["krum", "12.5ᵃ", "87.25"]],
    ["strategy"],
)


@styled
def curves(title: str = "accuracy", width: float = 3.3, lines: int = 3) -> Figure:
    """Draw a few lines with a band."""
    figure = Figure(figsize=(width, 2.4), layout="constrained")
    axes = figure.subplots()
    x = np.arange(1, 11)
    for number in range(lines):
        y = 90 - 40 * np.exp(-x / (2 + number))
        axes.plot(x, y, label=f"rule {number}", **look(number))
        axes.fill_between(x, y - 3, y + 3, color=look(number)["color"], alpha=0.2)
    axes.axhline(60, color=INK, linewidth=0.5)
    axes.set_title(title)
    axes.set_xlabel("round")
    axes.legend()
    return figure


@styled
def heat_map(rows: int = 3, columns: int = 3) -> Figure:
    """Draw a matrix with its numbers."""
    values = np.random.default_rng(0).random((rows, columns))
    figure = Figure(figsize=(6.6, 1 + 0.2 * rows), layout="constrained")
    axes = figure.subplots()
    axes.imshow(values, aspect="auto", vmin=0, vmax=1)
    for (y, x), value in np.ndenumerate(values):
        colour = "white" if value < 0.6 else "black"
        text = axes.text(x, y, f"{100 * value:.0f}", color=colour, ha="center")
        text.set_in_layout(False)
    return figure


def runs(number: int) -> Table:
    """List runs of every rule under every attack, with a link each."""
    texts, keys, links = [], [], []
    for i in range(number):
        rule, attack = RULES[i % 3], ATTACKS[i // 3 % 2]
        accuracy = (37 * i % 1000) / 10
        shown = "–" if i % 11 == 10 else f"{accuracy:.1f}"
        texts.append([rule, attack, str(i // 6), shown, f"{accuracy * 2:.1f} ± 0.4"])
        key = None if i % 11 == 10 else accuracy
        keys.append([rule, attack, i // 6, key, accuracy * 2])
        links.append(f"runs/{i}")
    names = ["strategy", "byzantine", "seed", "clean", "robust"]
    left = ["strategy", "byzantine"]
    return Table(
        "runs", "Runs", Texts(names, texts, left), "All runs.", "", keys, links
    )


def content(num_runs: int = 12) -> Content:
    """Build a report with something of everything."""
    return Content(
        title="sweep",
        head=[("data set", "digits"), ("clients", "10"), ("seeds", "0, 1")],
        varies=[("strategy", ", ".join(RULES)), ("byzantine", ", ".join(ATTACKS))],
        runs=runs(num_runs),
        tables=[Table("grid", "Rules against attacks", MARKED)],
        summary=["Krum loses least.", "Nothing else can be told apart."],
        problems=["sweep/abc failed: no memory"],
        drawings=[
            Drawing("rounds", "Accuracy by round", "learning", curves(),
                    caption="Mean of the seeds.", command="fedrobust report sweep",
                    digests=["0123456789abcdef", "fedcba9876543210"], seeds=(2, 2),
                    footnotes=["a"]),
            Drawing("grid", "Rules against attacks", "robustness", heat_map(),
                    seeds=(1, 1)),
            Drawing("classes", "Accuracy by class", "classes",
                    reason="The runs recorded no classes."),
        ],
        footnotes={"a": "ALIE with z = 0 is no attack.", "b": "2 rounds skipped."},
        command="fedrobust report sweep",
    )  # fmt: skip


def hostile_content() -> Content:
    """Build a report whose every text is markup of some language."""
    text = " ".join(HOSTILE)
    texts = Texts([f"{h} {i}" for i, h in enumerate(HOSTILE)], [HOSTILE] * 3, [])
    table = Table(text, text, texts, text, "", [HOSTILE[::-1]] * 3, HOSTILE[3:6])
    drawn = curves(title="<script>document.title='drawn'</script>\x07")
    return Content(
        title=text,
        head=[(text, text)],
        varies=[(name, text) for name in texts.names],
        runs=table,
        tables=[table],
        summary=[text],
        problems=[text],
        drawings=[
            Drawing(text, text, "learning", drawn, "", text, text, [text], (1, 3), "a"),
            Drawing(text, text, "classes", reason=text),
        ],
        footnotes={"a": text},
        command=text,
    )


def large_content() -> Content:
    """Build a report of 754 runs with 25 figures."""
    drawings = [
        Drawing(f"drawn-{i}", f"Figure of {SECTIONS[i % 6]}", SECTIONS[i % 6], figure,
                caption="Mean of the seeds and its interval.", seeds=(2, 3),
                command="fedrobust report byzantine --x num_byzantine --hue strategy",
                digests=[f"{i:016x}"] * 29)
        for i, figure in enumerate([heat_map(29, 26), *(curves() for _ in range(24))])
    ]  # fmt: skip
    table = runs(754)
    wide = Texts(
        [f"{name} {part}" for part in ("", "b", "c") for name in table.texts.names],
        [row * 3 for row in table.texts.rows],
        [f"{name} {part}" for part in ("", "b", "c") for name in table.texts.left],
    )
    keys = [[*row] * 3 for row in table.sort_keys]
    every = Table("runs", "Runs", wide, "All runs.", "", keys, table.links)
    return Content("byzantine", [("data set", "mnist")], [], every, drawings=drawings)
