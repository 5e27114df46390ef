"""Who is who: the partition id of each node, on which all that repeats is keyed."""

import logging
from collections.abc import Callable, Collection, Mapping
from logging import WARNING

from flwr.serverapp import Grid

from fedrobust.errors import RunFailedError
from strategies.round_report import Event
from strategies.transport.identity import identified, partitions_of
from strategies.transport.nodes import wait_for_nodes

log = logging.getLogger("flwr").log

# Seconds to wait for nodes to connect and identify themselves without runtime.timeout.
QUERY_TIMEOUT = 600.0


def identify_clients(
    grid: Grid,
    num_clients: int,
    on_event: Callable[[Event], None],
    trusted: int | None = None,
    timeout: float = QUERY_TIMEOUT,
) -> dict[int, int]:
    """Ask every node for its partition id.

    Node ids are drawn anew for every run, but partition ids are not. Everything that
    must be reproducible is therefore keyed by partition ids.

    If several nodes claim the same id, one keeps it and the others get unclaimed ids,
    so that a node that lies displaces at most one client. No node gets the id of the
    trusted client if several claim it. An attacker with more nodes than there are
    clients can still take the places of others; Flower's node authentication prevents
    that.

    Returns
    -------
    Partition id of each node. Nodes that claim no id, or for which no id is left, are
    left out and reported, and so are clients without a node.

    Raises
    ------
    RunFailedError
        When no node connects within ``timeout`` seconds, no node names its id, or no
        node can be the trusted client, without which every round would be skipped.
    """
    nodes = _nodes_of(grid, num_clients, on_event, timeout)
    replies = partitions_of(grid, nodes, num_clients, timeout)
    answers = {node: claim for node, claim in replies.items() if claim is not None}
    for node in nodes:
        if node not in answers:
            reason = f"node {node} claims no partition id below {num_clients}"
            on_event(unidentified(None, reason))
    # Only nodes with an answer take part.
    clients = identified(answers, answers, None, trusted, num_clients).clients
    for node, answer in sorted(answers.items()):
        client = clients.get(node)
        if client != answer:
            outcome = "is left out" if client is None else f"becomes client {client}"
            reason = (
                f"node {node} claims partition {answer}, as another node does, and "
                f"{outcome}"
            )
            on_event(unidentified(None, reason))
    if not clients:
        raise RunFailedError(
            "no node replied with its partition id: start the nodes with the ClientApp "
            "of fedrobust"
        )
    for client in sorted(set(range(num_clients)) - set(clients.values())):
        on_event(unidentified(client, "no node is known to be this client"))
    if trusted is not None:
        _require_trusted(trusted, answers, clients.values())
    return clients


def _nodes_of(
    grid: Grid, num_clients: int, on_event: Callable[[Event], None], timeout: float
) -> list[int]:
    """Wait for the nodes, and return those that came; RunFailedError if none came."""
    try:
        return wait_for_nodes(grid, num_clients, timeout)
    except TimeoutError as error:
        nodes = sorted(grid.get_node_ids())
        if not nodes:
            raise RunFailedError(str(error)) from error
        log(WARNING, "going on without them: %s", error)
        on_event(unidentified(None, str(error)))
        return nodes


def _require_trusted(
    trusted: int, answers: Mapping[int, int], known: Collection[int]
) -> None:
    """Raise RunFailedError unless a node is known to be the trusted client.

    Parameters
    ----------
    trusted
        Its id.
    answers
        The id that each node claims.
    known
        The ids of the clients that nodes are known to be.
    """
    if trusted in known:
        return
    claiming = sorted(node for node in answers if answers[node] == trusted)
    claim = f"nodes {claiming} all claim" if claiming else "no node claims"
    remedy = "stop those that lie" if claiming else "start its node"
    raise RunFailedError(
        f"{claim} to be client {trusted}, which the rule trusts, so every round would "
        f"be skipped: {remedy}, or set the rule's key trusted to another client"
    )


def unidentified(client: int | None, reason: str) -> Event:
    """Return the event of a client, or of a node (None), that nobody identified."""
    return {"event": "unidentified", "round": 0, "client": client, "reason": reason}
