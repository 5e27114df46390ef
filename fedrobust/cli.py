"""The command line: ``fedrobust run | attack | ...``, a module of ``commands`` each."""

import errno
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from fedrobust import __version__, vectors
from fedrobust.commands.faults import describe
from fedrobust.commands.streams import outlive_readers
from fedrobust.errors import REFUSED, ConfigError, RunFailedError, nearest, tell
from fedrobust.signals import Signals

COMMANDS = ("run", "attack", "list", "report", "epsilon", "reproduce")
GOES_ON = (
    "; run the same command again to continue: finished runs are kept, unfinished "
    "ones start over"
)
# What to do after an interrupt, for the commands that keep what they finished.
AGAIN = {"run": GOES_ON, "reproduce": GOES_ON}
# What the system says of a path that can be no file's, so that the user mistyped it.
NAMES_REFUSED = (errno.ENAMETOOLONG, errno.ELOOP)
USAGE = """usage: fedrobust COMMAND ...

  run [overrides] [-m]   run one experiment, or with -m every combination of them
  attack --model FILE    attack any Keras model
  list [group]           list the groups of conf/, or the choices of one
  report FOLDER          table and figures of the runs in a folder
  epsilon FOLDER         which training epsilon to choose, from the runs of a sweep
  reproduce NAME         run a published table again, cell by cell, with a verdict

  fedrobust run --help says more. Examples:

  fedrobust run strategy=krum num_byzantine=2 byzantine=sign_flip attack=pgd
  fedrobust run -m strategy=fedavg,krum seed=0,1 num_byzantine=2 byzantine=sign_flip
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments
        The command and its arguments; None takes those of this process, which then
        also listens to signals.

    Returns
    -------
    The exit status: 0; 1 when something failed; 2 for a mistake of the user's; 130
    after Ctrl-C and 143 after SIGTERM. Each but 0 has one sentence on standard error.
    A reader that leaves, such as ``head``, changes neither the work nor the status.
    """
    is_process = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    signals = Signals(AGAIN.get(arguments[0], "") if arguments else "")
    if is_process:
        signals.watch()
        outlive_readers()
    try:
        status = _run(arguments)
        # Of a full disk Python would tell in words of its own when it ends.
        print(end="", flush=True)
        return status
    except KeyboardInterrupt as error:
        return signals.end(error)
    except SystemExit as stop:
        if stop.code in (None, 0, 1, REFUSED):
            return int(stop.code or 0)
        tell(str(stop.code))
        return 1
    except ConfigError as error:
        tell(str(error))
        return REFUSED
    except RunFailedError as error:
        tell(str(error))
    except Exception as error:
        tell(describe(error))
        if isinstance(error, OSError) and error.errno in NAMES_REFUSED:
            return REFUSED
    return 1


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if arguments else REFUSED
    if arguments[0] in ("-V", "--version"):
        print(__version__)
        return 0
    _search_here_last()
    vectors.in_use()
    if arguments[0] not in COMMANDS:
        raise ConfigError(
            f"{arguments[0]}: there is no such command, "
            f"{nearest(arguments[0], COMMANDS)}"
        )
    module = importlib.import_module(f"fedrobust.commands.{arguments[0]}")
    status: int = module.command(arguments[1:])
    return status


def _search_here_last() -> None:
    """Let a ``_target_`` name a module of the current folder, which hides no other.

    Whatever is installed wins, in this process and in those that it starts with its
    path. ``strategies`` is always the one beside ``fedrobust``.

    Raises
    ------
    ConfigError
        When the current folder no longer exists.
    """
    home = str(Path(__file__).resolve().parents[1])
    try:
        here = str(Path.cwd())
    except FileNotFoundError as error:
        raise ConfigError(
            "the current folder no longer exists: change to another one"
        ) from error
    sys.path.insert(0, home)
    try:
        importlib.import_module("strategies.validation")
    except ImportError as error:
        hiding = getattr(sys.modules["strategies"], "__file__", None)
        raise ConfigError(
            f"{hiding} hides the package strategies of {home}: rename it, or start "
            "fedrobust in another folder"
        ) from error
    finally:
        sys.path.remove(home)
    if here != home:
        sys.path[:] = [path for path in sys.path if path not in ("", here)] + [here]


if __name__ == "__main__":
    sys.exit(main())
