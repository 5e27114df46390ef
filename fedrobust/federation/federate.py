"""Run a federation, on the configured runtime or on a given grid."""

from typing import TYPE_CHECKING

from fedrobust.assembly import Experiment
from fedrobust.config import Config
from fedrobust.errors import ConfigError, exits_refused
from fedrobust.files import Json

if TYPE_CHECKING:
    from collections.abc import Callable

    from flwr.serverapp import Grid

    from fedrobust.federation.server import AfterRound
    from fedrobust.privacy.ledger import Ledger
    from strategies.round_report import Event


def carrier(config: Config, grid: "Grid | None") -> Json:
    """Describe what carries the messages: the runtime, or the given grid.

    Raises
    ------
    ConfigError
        When ``runtime.cohort`` is above 1 with a given grid, whose clients may run in
        other processes.
    """
    if grid is None:
        return config.runtime
    if config.cohort > 1:
        raise ConfigError(
            f"runtime.cohort={config.cohort}: must be 1 under flwr run, where clients "
            "of other processes cannot be trained together"
        )
    kind = f"{type(grid).__module__}.{type(grid).__qualname__}"
    return {**config.runtime, "_target_": kind}


def federate(
    experiment: Experiment,
    after_round: "AfterRound",
    on_event: "Callable[[Event], None]",
    grid: "Grid | None" = None,
    ledger: "Ledger | None" = None,
) -> None:
    """Run all rounds over a grid, or on the runtime of the experiment; see ``serve``.

    Flower is imported late, as a centralised run does not need it.
    """
    from fedrobust.federation.client import client_app
    from fedrobust.federation.cohort import Cohort
    from fedrobust.federation.server import serve
    from fedrobust.runtime.flower import quiet

    if grid is not None:
        serve(grid, experiment, after_round, on_event, ledger=ledger)
        return
    quiet()
    config = experiment.config
    cohort = Cohort(experiment) if config.cohort > 1 else None

    def server(grid: "Grid") -> None:
        # Some runtimes run the server in a thread, which an exit would end silently.
        with exits_refused():
            serve(grid, experiment, after_round, on_event, cohort, ledger)

    application = client_app(experiment, cohort)
    experiment.runtime.run(server, application, config.num_clients)
