"""The apps that ``flwr run`` loads, for the experiment in ``hydra-overrides``.

Flower loads the ServerApp and the ClientApp in two threads at the same time. Two
threads that import the same package may each see it half loaded, so this module imports
nothing of the project; each app does so when it is called.
"""

import logging
from functools import lru_cache
from logging import INFO
from pathlib import Path

from flwr.app import Context, Message
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp

log = logging.getLogger("flwr").log

client_app = ClientApp()
server_app = ServerApp()


def _overrides(context: Context) -> str:
    return str(context.run_config.get("hydra-overrides", ""))


@lru_cache(maxsize=2)
def _client_of(overrides: str) -> ClientApp:
    """Return the ClientApp of an experiment, which is built once in each process."""
    from fedrobust.assembly import Experiment
    from fedrobust.config import load_config
    from fedrobust.config.compose import compose_run, split_overrides
    from fedrobust.federation.client import client_app as make

    return make(Experiment(load_config(compose_run(split_overrides(overrides)))))


@client_app.train()
def _train(message: Message, context: Context) -> Message:
    return _client_of(_overrides(context))(message, context)


@client_app.evaluate()
def _evaluate(message: Message, context: Context) -> Message:
    return _client_of(_overrides(context))(message, context)


@client_app.query()
def _query(message: Message, context: Context) -> Message:
    return _client_of(_overrides(context))(message, context)


@server_app.main()
def _main(grid: Grid, context: Context) -> None:
    """Run the experiment, and record it as ``fedrobust run`` does."""
    from fedrobust.config import load_config
    from fedrobust.config.compose import compose_run, split_overrides
    from fedrobust.one_run import run

    composed = compose_run(split_overrides(_overrides(context)))
    folder = Path(composed.hydra.run.dir).absolute()
    run(load_config(composed), folder, grid=grid)
    log(INFO, "Results in %s", folder)
