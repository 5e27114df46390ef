"""What the bits of a result may depend on."""

from pathlib import Path

import pytest

from fedrobust.one_run import run
from fedrobust.record.environment import processor
from tests.fedrobust.runs import SMALL, Configure


def test_a_stored_model_keeps_where_it_was_trained(
    configure: Configure, tmp_path, monkeypatch
):
    from fedrobust import backend

    with monkeypatch.context() as patched:
        patched.setattr(backend, "is_deterministic", lambda tensorflow: False)
        patched.setattr(
            "fedrobust.record.environment.processor",
            lambda: "the one it was trained on",
        )
        first = run(configure(*SMALL), tmp_path / "r")
    assert first.environment == first.evaluation_environment
    again = run(configure(*SMALL, "attack.epsilon=0.3"), tmp_path / "r")
    assert again.environment["processor"] == "the one it was trained on"
    assert again.environment["deterministic"] is False
    assert again.evaluation_environment["processor"] == processor()
    assert again.evaluation_environment["deterministic"] is True


def test_the_digest_of_our_code_is_of_what_decides_a_number(tmp_path):
    from fedrobust.record.environment import _code

    package = tmp_path / "rules"
    (package / "report").mkdir(parents=True)
    (package / "mean.py").write_text("def mean(x):\n    return x.mean(0)\n")
    (package / "report" / "page.py").write_text("TITLE = 1\n")
    digest = _code(package)
    commented = "# Sums.\n\ndef mean(x):\n    # Of rows.\n    return x.mean(0)\n"
    (package / "mean.py").write_text(commented)
    (package / "report" / "page.py").write_text("TITLE = 2\n")
    assert _code(package) == digest
    (package / "mean.py").write_text("def mean(x):\n    return x.mean(1)\n")
    assert _code(package) != digest


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("model name : A CPU\nflags : fpu avx avx2 avx512f", "A CPU (AVX-512)"),
        ("model name : A CPU\nflags : fpu avx avx2\nmodel name : B", "A CPU (AVX2)"),
        ("model name : A CPU\nflags : fpu avx", "A CPU (AVX)"),
        ("model name : A CPU\nflags : fpu", "A CPU"),
    ],
)
def test_a_processor_is_named_by_its_widest_vectors(monkeypatch, lines, name):
    monkeypatch.delenv("FEDROBUST_VECTORS", raising=False)
    monkeypatch.setattr("fedrobust.vectors._CAPPED", False)
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    monkeypatch.setattr(Path, "read_text", lambda path: lines)
    assert processor() == name
