"""Configurations in blocks are what YAML makes of the whole file."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fedrobust.errors import FileError
from fedrobust.record.config_text import read_config

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
KEYS = st.from_regex(r"[A-Za-z_]\w*", fullmatch=True) | st.text()


@given(st.dictionaries(KEYS, VALUES), st.booleans())
def test_any_configuration_is_read_back(tmp_path_factory, config, flow):
    path = tmp_path_factory.mktemp("c") / "config.yaml"
    text = yaml.safe_dump(config, default_flow_style=flow, allow_unicode=True)
    path.write_text(text, encoding="utf-8", newline="")
    assert read_config(path, "restore it") == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: [1,\nb: 2]\n",
        "a: [1,\n2]\nb: 3\n",
        "a: 'x\nb: y'\n",
        "a: &shared {x: 1}\nb: *shared\n",
        "a: |\n  text\n  b: 1\nb: 2\n",
        "a: 1\n? b\n: 2\nc: 3\n",
        "a: 1\na: 2\n",
        "# first\na: 1\n# between\nb:\n- 1\n- 2\n",
        "a:\n\nb: 1\n",
        "- a\n- b\n",
        "",
    ],
)
def test_what_goes_on_beyond_a_block_is_read_as_a_whole(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError:
        with pytest.raises(FileError, match=r"config\.yaml cannot be read"):
            read_config(path, "restore it")
    else:
        assert read_config(path, "restore it") == whole


def test_a_value_that_is_a_part_of_itself_is_refused(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: &a [*a]\nb: 1\n")
    with pytest.raises(FileError, match="cannot be read"):
        read_config(path, "restore it")
