"""Client ids of nodes: the partitions that they claim to hold, or numbers.

Flower draws new node ids for every run, and for every node that connects again.
Partition ids stay the same, so everything that must last is keyed by them.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

from flwr.app import Message, MessageType, RecordDict
from flwr.common.constant import ErrorCode
from flwr.serverapp import Grid

# Errors that a grid reports on behalf of a node that has not replied.
UNHEARD = (
    ErrorCode.MESSAGE_UNAVAILABLE,
    ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
    ErrorCode.NODE_UNAVAILABLE,
)


@dataclass(frozen=True)
class Identities:
    """Client ids by node.

    Attributes
    ----------
    said
        Ids of the nodes that hold the partition they claim.
    numbered
        Ids of the other nodes: numbers that no connected node claims.
    """

    said: Mapping[int, int] = field(default_factory=dict)
    numbered: Mapping[int, int] = field(default_factory=dict)

    @property
    def clients(self) -> dict[int, int]:
        """The client id of each node."""
        return {**self.said, **self.numbered}

    def followed_by(self, later: "Identities") -> "Identities":
        """Return these identities, updated by later ones.

        A node that has left is kept until another node has its client id.
        """
        now, taken = later.clients, set(later.clients.values())

        def remaining(ids: Mapping[int, int]) -> dict[int, int]:
            return {
                node: client
                for node, client in ids.items()
                if node not in now and client not in taken
            }

        return Identities(
            {**remaining(self.said), **later.said},
            {**remaining(self.numbered), **later.numbered},
        )


def partitions_of(
    grid: Grid, nodes: Iterable[int], num_clients: int | None, timeout: float
) -> dict[int, int | None]:
    """Return the partitions that nodes claim to hold when they are asked.

    A ClientApp answers a query with a MetricRecord that has ``partition-id``.

    Returns
    -------
    For each node that replied within ``timeout`` seconds, its partition, an integer in
    [0, num_clients); or None if it named none, like a ClientApp without a query
    function.
    """
    limit = 2**63 if num_clients is None else num_clients
    questions = [Message(RecordDict(), node, MessageType.QUERY) for node in nodes]
    asked = {question.metadata.dst_node_id for question in questions}
    found: dict[int, int | None] = {}
    for reply in grid.send_and_receive(questions, timeout=timeout) if questions else ():
        node = reply.metadata.src_node_id
        if node not in asked or (reply.has_error() and reply.error.code in UNHEARD):
            continue
        found[node] = None
        records = reply.content.metric_records if reply.has_content() else {}
        for record in records.values():
            answer = record.get("partition-id")
            if type(answer) is int and 0 <= answer < limit:
                found[node] = answer
    return found


def identified(
    nodes: Collection[int],
    answers: Mapping[int, int],
    before: Identities | None = None,
    trusted: int | None = None,
    num_clients: int | None = None,
) -> Identities:
    """Return a client id for each node: the partition it claims, or a number.

    Parameters
    ----------
    nodes
        All connected nodes.
    answers
        Partitions that some of them claim now.
    before
        Their client ids so far. A node keeps the id that it claimed; it keeps a number
        until another node claims that this is its partition.
    trusted
        A client id that a node gets only if no other node claims it.
    num_clients
        Upper bound of client ids. If none is left for a node, it gets none.

    Notes
    -----
    If several nodes claim the same id, the first keeps it and the others are numbered,
    so a liar displaces at most one client. A contested *trusted* id is given to none.
    """
    before = before or Identities()
    said = {node: before.said[node] for node in nodes if node in before.said}
    claims, taken = Counter(answers.values()), set(said.values())
    for node, answer in sorted(answers.items()):
        if answer not in taken and (answer != trusted or claims[answer] == 1):
            said[node] = answer
            taken.add(answer)
    taken |= claims.keys()
    others = [node for node in sorted(nodes) if node not in said]
    numbered = {}
    for node in others:
        number = before.numbered.get(node)
        if number is not None and number not in taken:
            numbered[node] = number
            taken.add(number)
    numbers = count() if num_clients is None else range(num_clients)
    free = (n for n in numbers if n not in taken and n != trusted)
    rest = [node for node in others if node not in numbered]
    return Identities(said, numbered | dict(zip(rest, free, strict=False)))
