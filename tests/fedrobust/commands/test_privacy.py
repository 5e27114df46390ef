"""The command `fedrobust privacy`."""

import pytest

from fedrobust.assembly import Experiment
from fedrobust.cli import main
from fedrobust.privacy import epsilon_of, noise_multiplier_for


@pytest.fixture
def table(capsys):
    """Return the words above the table, and its cells by row."""

    def read(*arguments):
        assert main(["privacy", *map(str, arguments)]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        words, _, lines = captured.out.partition("\n\n")
        head, *rows = lines.splitlines()
        cells = {row.split()[0]: [*map(float, row.split()[1:])] for row in rows}
        return words, head, cells

    return read


def test_client_level(table):
    words, head, cells = table(
        *("--clients", 1000, "--participation", 0.1, "--rounds", 1, 100),
        *("--noise", 1, 2.5),
    )
    assert "samples of 100 of 1000 clients" in words
    assert "neighbours: one client, replaced by any other" in words
    assert head.split() == ["noise", "1", "round", "100", "rounds"]
    assert list(cells) == ["1", "2.5"]
    run = {"sampling_rate": 0.1, "delta": 1e-5, "sampling": "fixed"}
    expected = [epsilon_of(noise_multiplier=2.5, steps=n, **run) for n in (1, 100)]
    assert cells["2.5"] == pytest.approx(expected, rel=1e-3)


def test_poisson_samples_and_everybody(table):
    words, _, cells = table(
        *("--clients", 50, "--participation", 0.1, "--sampling", "poisson"),
        *("--rounds", 10, "--epsilon", 2, "--delta", 1e-3),
    )
    assert "noise multiplier at delta=0.001 by rdp, Poisson samples of 0.1" in words
    assert "one client, added or removed" in words
    noise = noise_multiplier_for(2, sampling_rate=0.1, steps=10, delta=1e-3)
    assert cells == {"2": [pytest.approx(noise, rel=1e-3)]}
    words, _, cells = table("--clients", 50, "--rounds", 1, "--noise", 2)
    assert "all 50 clients in every round" in words
    assert cells == {"2": [2.166]}


def test_example_level(table):
    words, head, cells = table(
        *("--examples", 60000, "--batch", 256, "--epochs", 15, "--noise", 1.3),
    )
    assert "Poisson batches of 256 of 60000 examples" in words
    assert head.split() == ["noise", "15", "epochs"]
    assert cells["1.3"] == [pytest.approx(0.955, abs=2e-3)]
    _, _, steps = table(
        *("--examples", 60000, "--batch", 256, "--steps", 3525, "--noise", 1.3),
    )
    assert steps == cells, "an epoch has 235 batches, of which the last is smaller"


def test_local(table):
    words, _, cells = table("--local", "--rounds", 5, "--noise", 1, "--accountant=pld")
    assert "the data of one client, replaced by any other" in words
    run = {"sampling": "none", "accountant": "pld", "delta": 1e-5}
    found = epsilon_of(noise_multiplier=1, steps=5, **run)
    assert cells == {"1": [pytest.approx(found, rel=1e-3)]}


def test_the_command_accounts_as_a_run_does(table, configure):
    for overrides in (
        (),
        ("privacy.sampling=poisson",),
        ("privacy.accountant=pld",),
        ("privacy.sampling=poisson", "privacy.accountant=pld"),
    ):
        run = ("privacy=client_dp", "num_clients=9", "participation=0.5", *overrides)
        ledger = Experiment(configure(*run, "strategy=mean")).ledger()
        for round in (1, 2, 3):
            ledger.record(round, range(9))
        options = [part.replace("privacy.", "--").split("=") for part in overrides]
        words, _, cells = table(
            *("--clients", 9, "--participation", 0.5, "--rounds", 3, "--noise", 1),
            *(word for option in options for word in option),
        )
        assert cells == {"1": [pytest.approx(ledger.epsilon(), rel=1e-3)]}
        assert ("rounds that sample the client" in words) != ledger.tariff.is_hidden


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--rounds 3", "has no level: must have one of --clients"),
        ("--local --clients 3 --rounds 1", "has --clients and --local: must have one"),
        ("--clients 3", "--clients needs --rounds"),
        ("--examples 3 --epochs 1", "--examples needs --batch"),
        ("--examples 3 --batch 1", "--examples needs --epochs or --steps"),
        ("--local --rounds 1 --participation 0.1", "--participation must be left out"),
        ("--examples 9 --batch 3 --steps 1 --rounds 3", "--rounds must be left out"),
        ("--clients 3 --rounds 1 --noise 1 --epsilon 1", "--noise must be left out"),
        ("--clients 0 --rounds 1", "--clients=0: must be at least 1"),
        ("--clients 3 --rounds 0", "--rounds=0: must be an integer in [1, 1e+09]"),
        ("--clients 3 --rounds 1 --noise 0", "--noise=0.0: must be above 0"),
        (
            "--clients 3 --rounds 1 --epsilon inf",
            "--epsilon=inf: must be in [0.001, 100000]",
        ),
        ("--clients 3 --rounds 1 --participation 0", "--participation=0.0: must be a"),
        ("--clients 3 --rounds 1 --delta 1", "--delta=1.0: must be above 0 and below"),
        ("--clients 3 --rounds 1 --accountant prd", "--accountant=prd: did you mean"),
        ("--clients 3 --rounds 1 --sampling some", "--sampling=some: choose from"),
        ("--clients 3 --rounds 1 --noise 1e-155", "--noise=1e-155: must be 0 or in [0"),
        ("--local --rounds 1 --noise nan", "--noise=nan: must be a finite number"),
        ("--local --rounds 1 --epsilon 1e-9", "--epsilon=1e-09: must be in [0.001, "),
        (
            "--local --rounds 1 --epsilon 1e5",
            "epsilon=100000.0: must be at most 2.211e+04, which",
        ),
        (
            "--local --rounds 1 --delta 1e-15 --accountant pld",
            "--delta=1e-15: must be at least 1e-10 with accountant=pld, or use",
        ),
        (
            "--local --rounds 99999999 --noise 0.1 --accountant pld",
            "accountant='pld': must be rdp for an epsilon as large as",
        ),
        ("--examples 9 --batch 3 --epochs 1e300", "--epochs=1e+300: must be in [0.0"),
        ("--examples 9 --batch 3 --epochs 1e-300", "--epochs=1e-300: must be in [0.0"),
        ("--clients three --rounds 1", "invalid int value: 'three'"),
        ("--client 3", "unrecognized arguments: --client 3"),
    ],
)
def test_the_refusals(arguments, message, capsys):
    assert main(["privacy", *arguments.split()]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
