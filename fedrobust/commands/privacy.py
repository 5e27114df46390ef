"""``fedrobust privacy``: what a run would spend, and which noise a target needs."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from fedrobust.config.keys import require
from fedrobust.errors import ConfigError, nearest, summary_of
from fedrobust.privacy import epsilon_of, noise_multiplier_for
from fedrobust.privacy.client_dp import client_level
from fedrobust.privacy.release import require_noise
from fedrobust.privacy.terms import require_delta, require_steps, require_target
from strategies.sampling import sample_size

HELP = """usage: fedrobust privacy --clients N --rounds R ... [--participation Q]
       fedrobust privacy --local --rounds R ...
       fedrobust privacy --examples N --batch B (--epochs E ... | --steps T ...)

  Each prints a table of epsilon, before a run, with a row for each noise multiplier and
  a column for each number of rounds, epochs or steps.

  --clients N        client-level: the number of clients (privacy=client_dp)
  --participation Q  share of the clients in a round, 1 if it is left out
  --sampling HOW     fixed (default) or poisson, as privacy.sampling
  --rounds R ...     numbers of rounds; with --local, and with fixed samples and pld,
                     of those that a client is in
  --local            local privacy: each client protects itself (privacy=local_dp)
  --examples N       example-level: examples of a client (privacy=dp_sgd)
  --batch B          expected examples of a batch, as training.batch_size
  --epochs E ...     passes over the examples, of all rounds together
  --steps T ...      or the numbers of batches
  --noise Z ...      noise multipliers, as privacy.noise_multiplier
  --epsilon E ...    instead of --noise: print the noise multiplier that each target
                     epsilon needs
  --delta D          as privacy.delta, 1e-5 if it is left out
  --accountant NAME  rdp (default) or pld, as privacy.accountant
"""
# Passes over the examples that can be asked about.
EPOCHS = (0.001, 1e6)
NOISES = (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
# Significant digits of the numbers in a table.
DIGITS = 4


@dataclass(frozen=True)
class Plan:
    """What the table is about.

    Attributes
    ----------
    words
        What is released, in words.
    relation
        What neighbouring data sets differ in.
    of_epsilon
        Keywords for ``epsilon_of`` and ``noise_multiplier_for``.
    columns
        Number of releases by heading.
    """

    words: str
    relation: str
    of_epsilon: dict[str, Any]
    columns: dict[str, int]


def command(arguments: Sequence[str]) -> int:
    """Print a table of epsilons, or of noise multipliers."""
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    options = _parser().parse_args(arguments)
    delta = options.delta
    _check(options)
    plan = _plan_of(options)
    same = {"delta": delta, "accountant": options.accountant, **plan.of_epsilon}
    targets = options.epsilon
    rows = targets or options.noise or NOISES
    ask = noise_multiplier_for if targets else _epsilon_of
    try:
        cells = [
            [f"{row:g}", *(_shown(ask(row, steps=n, **same)) for n in counts)]
            for counts in [plan.columns.values()]
            for row in rows
        ]
    except ValueError as error:
        raise ConfigError(f"privacy: {summary_of(error)}") from error
    what = "noise multiplier" if targets else "epsilon"
    print(f"{what} at delta={delta:g} by {options.accountant}, {plan.words}")
    print(f"neighbours: {plan.relation}\n")
    head = ["epsilon" if targets else "noise", *plan.columns]
    for line in _aligned([head, *cells]):
        print(line)
    return 0


def _epsilon_of(noise: float, **keywords: Any) -> float:
    return epsilon_of(noise_multiplier=noise, **keywords)


def _plan_of(options: argparse.Namespace) -> Plan:
    """Return the plan of one of the three levels, whose options are checked."""
    rounds = {_counted(n, "round"): n for n in options.rounds or ()}
    if options.local:
        return Plan(
            "local privacy, rounds that sample the client",
            "the data of one client, replaced by any other",
            {"sampling": "none"},
            rounds,
        )
    if options.clients is not None:
        return _client_level(options.clients, options, rounds)
    size, batch = options.examples, options.batch
    rate = min(1.0, batch / size)
    per_epoch = math.ceil(size / batch)
    columns = {
        _counted(n, "epoch"): math.ceil(n * per_epoch) for n in options.epochs or ()
    }
    columns |= {_counted(n, "step"): n for n in options.steps or ()}
    return Plan(
        f"Poisson batches of {batch} of {size} examples",
        "one example, added or removed",
        {"sampling": "poisson", "sampling_rate": rate},
        columns,
    )


def _client_level(
    clients: int, options: argparse.Namespace, rounds: dict[str, int]
) -> Plan:
    """Return the plan of client-level privacy."""
    share = options.participation or 1.0
    sampling = options.sampling or "fixed"
    release, is_hidden = client_level(1.0, clients, share, sampling, options.accountant)
    relation = "one client, replaced by any other"
    if release.sampling == "poisson":
        relation = "one client, added or removed"
        words = f"all {clients} clients in every round"
        if release.sampling_rate < 1:
            words = f"Poisson samples of {share:g} of {clients} clients"
    else:
        words = f"samples of {sample_size(clients, share)} of {clients} clients"
    if not is_hidden:
        # So that --rounds means what the ledger of a run counts.
        words += ", rounds that sample the client"
    terms = {"sampling": release.sampling, "sampling_rate": release.sampling_rate}
    return Plan(words, relation, terms, rounds)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that are out of range or do not belong together."""
    levels = {
        "--clients": options.clients is not None,
        "--local": options.local,
        "--examples": options.examples is not None,
    }
    chosen = [name for name, is_there in levels.items() if is_there]
    if len(chosen) != 1:
        raise ConfigError(
            f"privacy: has {' and '.join(chosen) or 'no level'}: must have one of "
            "--clients (client-level), --local and --examples (example-level)"
        )
    (level,) = chosen
    needed = {"--examples": ("batch",)}.get(level, ("rounds",))
    allowed = {
        "--clients": {"clients", "rounds", "participation", "sampling"},
        "--local": {"local", "rounds"},
        "--examples": {"examples", "batch", "epochs", "steps"},
    }[level]
    for name in needed:
        if getattr(options, name) is None:
            raise ConfigError(f"privacy: {level} needs --{name}")
    if level == "--examples" and not (options.epochs or options.steps):
        raise ConfigError("privacy: --examples needs --epochs or --steps")
    common = {"noise", "epsilon", "delta", "accountant"}
    for name, value in vars(options).items():
        if value and name not in allowed | common:
            raise ConfigError(f"privacy: --{name} must be left out with {level}")
    if options.noise and options.epsilon:
        raise ConfigError("privacy: --noise must be left out with --epsilon")
    try:
        _check_ranges(options)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _check_ranges(options: argparse.Namespace) -> None:
    for name in ("clients", "examples", "batch"):
        value = getattr(options, name)
        require(value is None or value >= 1, f"--{name}", value, "at least 1")
    for name in ("rounds", "steps"):
        for value in getattr(options, name) or ():
            require_steps(f"--{name}", value, 1)
    for value in options.epochs or ():
        least, most = EPOCHS
        require(least <= value <= most, "--epochs", value, f"in [{least}, {most:g}]")
    for value in options.epsilon or ():
        require_target("--epsilon", value, or_infinite=False)
    for value in options.noise or ():
        require(value != 0, "--noise", value, "above 0")
        require_noise("--noise", value)
    share = options.participation
    require(
        share is None or 0 < share <= 1, "--participation", share, "above 0, at most 1"
    )
    for name, choices in (
        ("sampling", ("fixed", "poisson")),
        ("accountant", ("rdp", "pld")),
    ):
        value = getattr(options, name)
        if value is not None and value not in choices:
            raise ConfigError(f"--{name}={value}: {nearest(value, choices)}")
    require_delta(options.delta, options.accountant, "--delta")


def _counted(number: float, noun: str) -> str:
    return f"{number:g} {noun}{'' if number == 1 else 's'}"


def _shown(value: float) -> str:
    return f"{value:.{DIGITS}g}"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of cells as text, aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.error = _refuse  # type: ignore[method-assign]
    for name in ("--clients", "--examples", "--batch"):
        parser.add_argument(name, type=int)
    for name in ("--rounds", "--steps"):
        parser.add_argument(name, type=int, nargs="+")
    for name in ("--epochs", "--noise", "--epsilon"):
        parser.add_argument(name, type=float, nargs="+")
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--participation", type=float)
    parser.add_argument("--sampling")
    parser.add_argument("--accountant", default="rdp")
    parser.add_argument("--delta", type=float, default=1e-5)
    return parser


def _refuse(message: str) -> NoReturn:
    raise ConfigError(f"privacy: {message}; see fedrobust privacy --help")
