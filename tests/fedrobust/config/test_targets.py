"""What a `_target_` names, and the source of the user's own modules."""

import ast
import hashlib

import pytest

from fedrobust.errors import ConfigError


def test_an_attack_of_ones_own_is_another_when_it_was_edited(
    configure, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    own = ("attack=pgd", "attack.methods.pgd._target_=attack_of_mine.Mine")
    module = tmp_path / "attack_of_mine.py"
    seen = []
    for text in ("class Mine: steps = 1", "class Mine: steps = 2"):
        module.write_text(text)
        config = configure(*own)
        seen.append((config.evaluation_digest, config.digest))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] == seen[1][1]


def test_a_model_is_another_when_a_module_that_it_imports_was_edited(
    configure, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "net_of_mine").mkdir()
    (tmp_path / "net_of_mine/__init__.py").write_text("from .net import build")
    (tmp_path / "net_of_mine/net.py").write_text(
        "import ast, numpy\nfrom width_of_mine import WIDTH\ndef build(): ..."
    )
    seen = []
    for width in (1, 2):
        (tmp_path / "width_of_mine.py").write_text(f"WIDTH = {width}")
        config = configure("model._target_=net_of_mine.build")
        seen.append(config.science["model"]["_code_"])
    assert seen[0] != seen[1]
    (tmp_path / "net_of_mine/net.py").write_text("def build(: ...")
    with pytest.raises(ConfigError, match=r"net\.py cannot be read: invalid syntax"):
        configure("model._target_=net_of_mine.build").science  # noqa: B018


def test_comments_and_layout_make_no_other_experiment(configure, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "layout_of_mine.py"
    own = (
        *("model._target_=layout_of_mine.build", "attack=pgd"),
        "attack.methods.pgd._target_=layout_of_mine.Mine",
    )

    def names(text: str) -> tuple[str, str]:
        module.write_text(text)
        config = configure(*own)
        return config.digest, config.evaluation_digest

    before = names("def build(): return f(1, u'a')\nclass Mine: steps = [1]\n")
    laid_out = (
        "# Mine.\n\ndef build():  # two\n    return f(\n 1, 'a',\n)\n\n"
        "class Mine:\n  steps = [1]"
    )
    assert names(laid_out) == before
    for old, new in (("1, 'a'", "1, 'b'"), ("[1]", "(1,)"), ("[1]", "[1.0]")):
        other = names(laid_out.replace(old, new))
        assert all(a != b for a, b in zip(other, before, strict=True))


def test_a_syntax_tree_has_one_digest_under_every_version_of_python(tmp_path):
    """A literal: of 3.11, which 3.12 and 3.13 must give, too."""
    from fedrobust.config.user_code import _shape

    tree = ast.parse("def f(x, *, y=1):\n    return f'{x:>3}' if y else None")
    text = repr(_shape(tree))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "09f5970b6e306452"


def test_modules_in_other_encodings_and_such_that_are_no_text(
    configure, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    module = tmp_path / "latin_of_mine.py"
    module.write_bytes("# coding: latin-1\ndef build(): 'é'\n".encode("latin-1"))
    assert configure("model._target_=latin_of_mine.build").digest
    module.write_bytes(b"def build(): '\xe9'\n")
    with pytest.raises(ConfigError, match=r"latin_of_mine\.py cannot be read"):
        configure("model._target_=latin_of_mine.build").digest  # noqa: B018
