"""A page as a notebook: prose and shown blocks as text, Python as cells to run."""

import json
from pathlib import Path
from typing import Any

from tests.docs.blocks import FENCE, blocks_of


def notebook_of(page: Path) -> str:
    """Return the notebook of a page, without outputs."""
    text, cells, end = page.read_text("utf-8"), list[Any](), 0
    for match, block in zip(FENCE.finditer(text), blocks_of(page), strict=True):
        if block.language != "python":
            continue
        cells.append(("markdown", text[end : match.start()]))
        written = f"%%writefile {block.title}\n" if block.title else ""
        cells.append(("code", written + block.text))
        end = match.end()
    cells.append(("markdown", text[end:]))
    document = {
        "cells": [_cell(n, kind, text.strip()) for n, (kind, text) in enumerate(cells)],
        "metadata": {
            "kernelspec": {
                "display_name": "Python 3",
                "language": "python",
                "name": "python3",
            },
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _cell(number: int, kind: str, text: str) -> dict[str, Any]:
    outputs = {"execution_count": None, "outputs": []} if kind == "code" else {}
    shown = "\n".join(
        line for line in text.splitlines() if not line.startswith("<!-- test:")
    )
    return {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        **outputs,
        "source": shown.splitlines(keepends=True),
    }
