"""Fixtures that tests of several folders share."""

from pathlib import Path

import pytest
import yaml

from tests.fedrobust.reproduce.toy import TOY
from tests.pdf_fonts import _quick_pdf_fonts, pdf_fonts_of_users  # noqa: F401


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Create a folder of experiments with one small reproduction."""
    folder = tmp_path / "experiments" / "demo"
    folder.mkdir(parents=True)
    (tmp_path / "experiments" / "README.md").write_text(
        "before\n<!-- written by fedrobust reproduce -->\n<!-- end -->\nafter\n"
    )
    definition = {
        "title": "A toy",
        "paper": "Nobody: Nothing, 2026.",
        "verdict": "seeds",
        "minutes": 0.1,
        "columns": {
            "rule": {
                "avg": ["strategy=mean", *TOY],
                "cm": ["strategy=median", "num_byzantine=1", *TOY],
            }
        },
        "measures": {"accuracy": {"of": "clean", "over": "last 2", "scale": 100}},
        "plan": [{"rule": ["avg", "cm"], "seeds": [0, 1]}],
        "orderings": [
            {
                "claim": "the mean is better",
                "source": "nowhere",
                "higher": {"rule": "avg"},
                "lower": {"rule": "cm"},
            }
        ],
    }
    (folder / "reproduction.yaml").write_text(yaml.safe_dump(definition))
    (folder / "published.csv").write_text(
        "rule,measure,value,sd,n,source\navg,accuracy,50,30,3,nowhere\n"
    )
    return tmp_path / "experiments"
