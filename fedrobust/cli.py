"""The command line: ``fedrobust run | attack | ...``, a module of ``commands`` each."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from fedrobust import __version__, vectors
from fedrobust.errors import REFUSED, ConfigError, nearest

COMMANDS = ("run", "attack", "list", "report", "epsilon", "reproduce")
GOES_ON = "; typed again, it goes on, and what was unfinished starts over"
# What to do after an interrupt, of the commands that keep what they finished.
AGAIN = {"run": GOES_ON, "reproduce": GOES_ON}
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
    """Run a command; give the exit status.

    A mistake of the user's is one sentence on standard error, and status 2.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # As with python -m: a _target_ of the user's is looked for where they are.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0 if arguments else REFUSED
    if arguments[0] in ("-V", "--version"):
        print(__version__)
        return 0
    try:
        vectors.in_use()
        if arguments[0] not in COMMANDS:
            raise ConfigError(
                f"{arguments[0]}: there is no such command, "
                f"{nearest(arguments[0], COMMANDS)}"
            )
        module = importlib.import_module(f"fedrobust.commands.{arguments[0]}")
        status: int = module.command(arguments[1:])
        return status
    except ConfigError as error:
        print(f"fedrobust: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("fedrobust: interrupted" + AGAIN.get(arguments[0], ""), file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
