"""Who the clients are, and which of them are asked in a round."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import count

from flwr.app import Message, MessageType, RecordDict
from flwr.serverapp import Grid

from strategies.nodes import wait_for_nodes
from strategies.sampling import sample_clients, sample_size

# Nodes that are asked first: where none of them answers, their ClientApp has no answer.
PROBES = 3
# Seconds in which a node is to say which partition it holds.
TIMEOUT = 60.0


class Roster:
    """The clients of a federation.

    Parameters
    ----------
    client_ids
        Stable id of each node. Without it a client is the partition that its node says
        it holds; nodes that say nothing are numbered as they come, by node id.
    num_clients
        How many there should be; None means as many as there are.
    min_available_nodes
        Nodes to wait for before the first round when ``client_ids`` is not given; the
        later ones go on with whoever is still there.
    trusted
        A client that a node becomes only if it alone says so.
    tell
        Called with a client id and the reason if its node gave another one.
    """

    def __init__(
        self,
        client_ids: Mapping[int, int] | None,
        num_clients: int | None,
        min_available_nodes: int,
        trusted: int | None = None,
        tell: Callable[[int, str], None] = lambda client, reason: None,
    ) -> None:
        self.client_ids = client_ids
        self.num_clients = num_clients
        self.min_available_nodes = min_available_nodes
        self._trusted = trusted
        self._tell = tell
        self._known: dict[int, int] = {}
        self._answers = True

    def sample(
        self, grid: Grid, round: int, fraction: float, seed: int, minimum: int = 1
    ) -> dict[int, int]:
        """Sample clients, by the key of round and seed.

        Parameters
        ----------
        fraction, minimum
            Share of the clients, and how many there are at least.

        Returns
        -------
        The client id of each sampled node, in the order of the ids.
        """
        ids = (
            self._connected(grid, minimum)
            if self.client_ids is None
            else (self.client_ids)
        )
        nodes = {client: node for node, client in ids.items()}
        sampled = sample_clients(list(nodes), fraction, seed, round, minimum)
        return {nodes[client]: client for client in sampled}

    @property
    def known(self) -> dict[int, int]:
        """The client id of each node that was there so far."""
        return dict(self._known if self.client_ids is None else self.client_ids)

    def expected(self, fraction: float, num_sampled: int, minimum: int = 1) -> int:
        """Count who should reply in a round that has sampled so many."""
        if self.num_clients is None:
            return num_sampled
        return max(num_sampled, sample_size(self.num_clients, fraction, minimum))

    def _connected(self, grid: Grid, minimum: int) -> dict[int, int]:
        """Return the client id of each node that is there, having asked new ones."""
        needed = max(self.min_available_nodes, minimum)
        connected = wait_for_nodes(grid, 1 if self._known else needed)
        new = [node for node in connected if node not in self._known]
        answers = self._ask(grid, new)
        found = identified(new, answers, self._known.values(), self._trusted)
        for node, answer in sorted(answers.items()):
            if found[node] != answer:
                self._tell(
                    found[node],
                    f"node {node} says partition {answer}, as another does",
                )
        self._known |= found
        return {node: self._known[node] for node in connected}

    def _ask(self, grid: Grid, nodes: Sequence[int]) -> dict[int, int]:
        """Ask nodes for their partitions, unless the first of all had no answer."""
        first = nodes if self._known else nodes[:PROBES]
        if not self._answers:
            return {}
        answers = partitions_of(grid, first, self.num_clients)
        if not self._known:
            self._answers = bool(answers)
            rest = nodes[PROBES:] if answers else []
            answers |= partitions_of(grid, rest, self.num_clients)
        return answers


def partitions_of(
    grid: Grid, nodes: Sequence[int], num_clients: int | None = None
) -> dict[int, int]:
    """Ask nodes which partition they hold.

    A ClientApp answers a query with a MetricRecord that has ``partition-id``.

    Returns
    -------
    The answers of the nodes that give an integer in [0, num_clients).
    """
    limit = 2**63 if num_clients is None else num_clients
    questions = [Message(RecordDict(), node, MessageType.QUERY) for node in nodes]
    found = {}
    for reply in grid.send_and_receive(questions, timeout=TIMEOUT) if questions else ():
        if reply.has_content():
            for record in reply.content.metric_records.values():
                answer = record.get("partition-id")
                if type(answer) is int and 0 <= answer < limit:
                    found[reply.metadata.src_node_id] = answer
    return found


def identified(
    nodes: Sequence[int],
    answers: Mapping[int, int],
    taken: Collection[int] = (),
    trusted: int | None = None,
) -> dict[int, int]:
    """Return a client id for each node: its answer, or a number that no node gives.

    If several nodes give the same answer, the first keeps it. If that is the trusted
    client, none does, so that no liar is trusted; nor does a node become the trusted
    client that did not say so, unless no node answers at all.
    """
    claims = Counter(answers.values())
    found: dict[int, int] = {}
    others = []
    for node in sorted(nodes):
        answer = answers.get(node)
        is_taken = answer in taken or answer in found.values()
        if answer is None or is_taken or (answer == trusted and claims[answer] > 1):
            others.append(node)
        else:
            found[node] = answer
    kept = {*taken, *claims} | ({trusted} if claims or taken else set())
    free = (number for number in count() if number not in kept)
    return found | dict(zip(others, free, strict=False))
