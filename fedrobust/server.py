"""The Flower ServerApp: who the clients are, the strategy, and the rounds."""

from collections.abc import Callable
from logging import INFO
from pathlib import Path

from flwr.app import Array, ArrayRecord, Context, Message, MessageType, RecordDict
from flwr.serverapp import Grid, ServerApp
from flwr.supercore import log

from fedrobust import resources
from fedrobust.byzantine import Collusion
from fedrobust.byzantine.adversary import Adversary
from fedrobust.config import Config
from fedrobust.network import Arrays
from strategies.nodes import wait_for_nodes
from strategies.robust import Event, RobustStrategy, RoundReport

AfterRound = Callable[[RoundReport, Arrays], None]
QUERY_TIMEOUT = 600.0


def identify_clients(
    grid: Grid, num_clients: int, on_event: Callable[[Event], None]
) -> dict[int, int]:
    """Ask every node for its partition id.

    Node ids are drawn anew for every run; partition ids are not, so everything that
    must be reproducible is keyed by them.

    Returns
    -------
    Partition id of each node. A node that gives none, or one that another node of
    lower id gave, is left out and reported.
    """
    nodes = wait_for_nodes(grid, num_clients)
    questions = [Message(RecordDict(), node, MessageType.QUERY) for node in nodes]
    replies = list(grid.send_and_receive(questions, timeout=QUERY_TIMEOUT))
    found: dict[int, int] = {}
    for reply in sorted(replies, key=lambda r: r.metadata.src_node_id):
        node = reply.metadata.src_node_id
        answer = None
        if reply.has_content():
            record = reply.content.metric_records.get("metrics")
            answer = record.get("partition-id") if record is not None else None
        if isinstance(answer, int) and answer not in found.values():
            if 0 <= answer < num_clients:
                found[node] = answer
            continue
        reason = reply.error.reason if reply.has_error() else f"it said {answer!r}"
        on_event(
            {
                "event": "unidentified",
                "round": 0,
                "client": None,
                "reason": f"node {node} has no partition id of its own: {reason}",
            }
        )
    if not found:
        raise RuntimeError("no node told its partition id: is the ClientApp ours?")
    return found


def serve(
    grid: Grid,
    config: Config,
    after_round: AfterRound,
    on_event: Callable[[Event], None],
) -> None:
    """Run all rounds of an experiment over a grid.

    Parameters
    ----------
    grid
        Carries the messages.
    config
        The experiment.
    after_round
        Called after each round with its report and the global arrays.
    on_event
        Called with each quarantine, failure and skipped round.
    """
    network = resources.network_for(config)
    client_ids = identify_clients(grid, config.num_clients, on_event)
    attack = resources.byzantine_attack(config)
    if isinstance(attack, Collusion):
        clients = resources.byzantine_ids(config)
        grid = Adversary(grid, attack, clients, client_ids, network.trainable)
    strategy = RobustStrategy(
        rule=resources.make(config.strategy.rule, "strategy.rule"),
        server_optimizer=resources.make(
            config.strategy.server_optimizer, "strategy.server_optimizer"
        ),
        fraction_train=config.participation,
        fraction_evaluate=float(config.partition["holdout"] > 0),
        evaluate_on=config.is_evaluated,
        seed=config.seed,
        client_ids=client_ids,
        statistics=network.statistics,
        max_examples=config.screening.max_examples,
        on_event=on_event,
    )

    def evaluate(round: int, arrays: ArrayRecord) -> None:
        if round > 0 and strategy.last_round is not None:
            values = {name: array.numpy() for name, array in arrays.items()}
            after_round(strategy.last_round, values)

    start = resources.initial_arrays(config)
    strategy.start(
        grid,
        ArrayRecord({name: Array(value) for name, value in start.items()}),
        num_rounds=config.num_rounds,
        evaluate_fn=evaluate,
    )


# --- flwr run -----------------------------------------------------------------------

app = ServerApp()


@app.main()
def _main(grid: Grid, context: Context) -> None:
    """Run the experiment of the run config, and record it as ``fedrobust run`` does."""
    from fedrobust.client import config_overrides
    from fedrobust.compose import compose_run
    from fedrobust.config import load_config
    from fedrobust.run import run_on_grid

    composed = compose_run(config_overrides(context).split())
    folder = Path(composed.hydra.run.dir).absolute()
    run_on_grid(grid, load_config(composed), folder)
    log(INFO, "Results in %s", folder)
