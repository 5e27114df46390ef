"""The command line ``fedrobust COMMAND``; each command is a module of ``commands``."""

import errno
import importlib
import sys
from collections.abc import Sequence

from fedrobust import __version__, vectors
from fedrobust.commands.faults import describe
from fedrobust.commands.streams import outlive_readers
from fedrobust.errors import REFUSED, ConfigError, RunFailedError, nearest, tell
from fedrobust.search_path import import_strategies, search_current_folder_last
from fedrobust.signals import Signals

COMMANDS = (
    *("run", "watch", "attack", "list", "report", "epsilon", "privacy", "reproduce"),
)
CONTINUES = (
    "; run the same command again to continue: finished runs are kept, unfinished "
    "ones start over"
)
# Advice after an interrupt, for the commands that keep finished results.
ADVICE = {"run": CONTINUES, "reproduce": CONTINUES}
# Errors of the system about invalid paths, which are a mistake of the user.
NAMES_REFUSED = (errno.ENAMETOOLONG, errno.ELOOP)
USAGE = """usage: fedrobust COMMAND ...

  run [overrides] [-m]   run one experiment, or with -m every combination of them
  watch FOLDER           show how far the runs in a folder are
  attack --model FILE    attack any Keras model
  list [group]           list the groups of conf/, or the choices of one
  report FOLDER          table and figures of the runs in a folder
  epsilon FOLDER         recommend a training epsilon, from the runs of a sweep
  privacy                table of the privacy budget that a run would spend
  reproduce NAME         run a published table again, with a verdict on each cell

  See fedrobust run --help for more. Examples:

  fedrobust run strategy=krum num_byzantine=2 byzantine=sign_flip attack=pgd
  fedrobust run -m strategy=fedavg,krum seed=0,1 num_byzantine=2 byzantine=sign_flip
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments
        The command and its arguments; None means those of this process, which then also
        handles signals.

    Returns
    -------
    The exit status: 0 for success, 1 for a failure, 2 for a mistake of the user, 130
    after Ctrl-C and 143 after SIGTERM. Each status other than 0 comes with one sentence
    on standard error. A reader that closes the pipe, such as ``head``, changes neither
    the work nor the status.
    """
    is_process = arguments is None
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    signals = Signals(ADVICE.get(arguments[0], "") if arguments else "")
    if is_process:
        signals.watch()
        outlive_readers()
    try:
        status = _run(arguments)
        # Flush now, because Python reports a full disk at its exit in its own words.
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
    import_strategies()
    search_current_folder_last()
    vectors.widest()
    if arguments[0] not in COMMANDS:
        raise ConfigError(
            f"{arguments[0]}: there is no such command, "
            f"{nearest(arguments[0], COMMANDS)}"
        )
    module = importlib.import_module(f"fedrobust.commands.{arguments[0]}")
    status: int = module.command(arguments[1:])
    return status


if __name__ == "__main__":
    sys.exit(main())
