"""The names of figures and their files."""

import re

from hypothesis import given
from hypothesis import strategies as st

from fedrobust.report.drawing import LONGEST, file_name, unique_names


def test_a_plain_text_has_a_plain_name():
    assert file_name("Accuracy at ε = 0.15") == "accuracy-at-epsilon-0-15"


def test_texts_that_are_cut_or_lose_letters_keep_names_of_their_own():
    names = [
        file_name(text) for text in ("模型", "数据", "x" * 120, "x" * 121, "é", "e")
    ]
    assert len({*names}) == 6
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
    assert names == [file_name(text) for text in ("模型", "数据", "x" * 120, "x" * 121,
                                                  "é", "e")]  # fmt: skip


@given(st.text())
def test_every_text_has_a_name_for_any_file_system(text):
    name = file_name(text)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name)
    assert len(name) <= LONGEST


@given(st.lists(st.sampled_from(["a", "a-2", "a-3", "b"])))
def test_names_become_unique_and_unique_ones_stay(names):
    found = unique_names(names)
    assert len({*found}) == len(found) == len(names)
    for name, new in zip(names, found, strict=True):
        assert names.count(name) > 1 or new == name
