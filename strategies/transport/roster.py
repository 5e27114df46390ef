"""The roster: which client each node is, and which clients take part in a round."""

from collections.abc import Callable, Mapping, Sequence

from flwr.serverapp import Grid

from strategies.sampling import (
    Sampling,
    poisson_clients,
    sample_clients,
    sample_size,
)
from strategies.state import RosterState
from strategies.transport.identity import Identities, identified, partitions_of
from strategies.transport.nodes import wait_for_nodes

# Number of nodes that are queried first: if none can answer, their ClientApp cannot.
PROBES = 3
# Seconds to wait for nodes to answer which partition they hold: before the first round,
# when they may have to load their ClientApp, and before a later round.
FIRST_TIMEOUT, LATER_TIMEOUT = 60.0, 5.0

# Called with the round, a client id if it is about one client, and the reason.
TellIdentity = Callable[[int, int | None, str], None]


class Roster:
    """The clients of a federation.

    Parameters
    ----------
    client_ids
        Stable id of each node. If it is None, the client id of a node is the partition
        that it claims to hold; nodes that claim none are numbered as they come, in the
        order of their node ids.
    num_clients
        Number of clients that there should be; None means as many as are connected.
    min_available_nodes
        Number of nodes to wait for before the first round if ``client_ids`` is not
        given; later rounds go on with the nodes that are still connected.
    trusted
        A client id that a node gets only if no other node claims it, unless the
        ClientApp cannot answer queries.
    f
        Number of Byzantine clients: the other nodes are left unasked only if more nodes
        than these cannot answer.
    tell
        Called when a node is not the client that it claims to be, or claims none.
    """

    def __init__(
        self,
        client_ids: Mapping[int, int] | None,
        num_clients: int | None,
        min_available_nodes: int,
        trusted: int | None = None,
        f: int = 0,
        tell: TellIdentity = lambda round, client, reason: None,
    ) -> None:
        self.client_ids = client_ids
        self.num_clients = num_clients
        self.min_available_nodes = min_available_nodes
        self._trusted = trusted
        self._f = f
        self._tell = tell
        self.restore(RosterState())

    def state(self) -> RosterState:
        """Return what is carried to the next round."""
        return RosterState(
            said=dict(self._identities.said),
            numbered=dict(self._identities.numbered),
            seen=tuple(sorted(self._seen)),
            settled=tuple(sorted(self._settled)),
            has_answers=self._has_answers,
        )

    def restore(self, state: RosterState) -> None:
        """Go on from a state."""
        self._identities = Identities(state.said, state.numbered)
        self._seen = set(state.seen)
        self._settled = set(state.settled)
        self._has_answers = state.has_answers

    def sample(
        self,
        grid: Grid,
        round: int,
        fraction: float,
        seed: int,
        minimum: int = 1,
        may_ask: bool = True,
        sampling: Sampling = "fixed",
    ) -> dict[int, int]:
        """Sample clients, keyed by seed and round.

        Parameters
        ----------
        fraction, minimum
            Share of the clients to sample, and the least number of them.
        may_ask
            Whether new nodes are asked which partition they hold; otherwise they are
            left out, except before the first round.
        sampling
            ``fixed`` samples that share of them; ``poisson`` each client with
            probability ``fraction``, whatever the minimum is.

        Returns
        -------
        The client id of each sampled node, in the order of the ids.
        """
        ids = self.client_ids
        if ids is None:
            ids = self._connected(grid, round, minimum, may_ask)
        nodes = {client: node for node, client in ids.items()}
        if not nodes:
            return {}
        if sampling == "poisson":
            sampled = poisson_clients(list(nodes), fraction, seed, round)
        else:
            sampled = sample_clients(list(nodes), fraction, seed, round, minimum)
        return {nodes[client]: client for client in sampled}

    @property
    def known(self) -> dict[int, int]:
        """The client id of each node that has been connected so far.

        A node that has left counts until another node has its client id.
        """
        ids = self.client_ids
        return dict(self._identities.clients if ids is None else ids)

    def expected(self, fraction: float, num_sampled: int, minimum: int = 1) -> int:
        """Return how many clients should reply in a round that sampled so many."""
        if self.num_clients is None:
            return num_sampled
        return max(num_sampled, sample_size(self.num_clients, fraction, minimum))

    def _connected(
        self, grid: Grid, round: int, minimum: int, may_ask: bool
    ) -> dict[int, int]:
        """Return the client id of each connected node that has one."""
        needed = max(self.min_available_nodes, minimum)
        connected = wait_for_nodes(grid, 1 if self._seen else needed)
        if may_ask or not self._seen:
            self._identify(grid, round, connected)
        ids = self._identities.clients
        return {node: ids[node] for node in connected if node in ids}

    def _identify(self, grid: Grid, round: int, connected: Sequence[int]) -> None:
        """Assign a client id to each connected node."""
        is_first, before = not self._seen, self._identities
        answers = self._ask(grid, connected)
        # If no node could claim to be the trusted client, the numbering decides.
        trusted = self._trusted if self._has_answers or not is_first else None
        limit = self.num_clients
        found = identified(connected, answers, before, trusted, limit)
        self._identities = before.followed_by(found)
        for node, answer in sorted(answers.items()):
            if found.said.get(node) != answer:
                client = found.numbered.get(node)
                reason = f"node {node} claims partition {answer}, as another does"
                self._tell(round, client, reason)
        self._tell_of_numbers(round, connected, answers, found)
        self._seen.update(connected)

    def _ask(self, grid: Grid, connected: Sequence[int]) -> dict[int, int]:
        """Ask the nodes that have not answered yet, unless the ClientApp cannot."""
        if not self._has_answers:
            return {}
        is_first = not self._seen
        timeout = FIRST_TIMEOUT if is_first else LATER_TIMEOUT
        new = [node for node in connected if node not in self._settled]
        # More than f, so that Byzantine nodes alone cannot keep the rest unasked.
        probes = max(PROBES, self._f + 1)
        asked = new[:probes] if is_first and self._trusted is None else new
        replies = partitions_of(grid, asked, self.num_clients, timeout)
        if is_first and len(asked) > self._f and _have_no_answer(asked, replies):
            self._has_answers = False
        else:
            rest = new[len(asked) :]
            replies |= partitions_of(grid, rest, self.num_clients, timeout)
        answers = {node: said for node, said in replies.items() if said is not None}
        # If other nodes can answer, one that could not may have failed temporarily.
        others_can = bool(answers or self._identities.said)
        self._settled.update(answers if others_can else replies)
        return answers

    def _tell_of_numbers(
        self,
        round: int,
        connected: Sequence[int],
        answers: Mapping[int, int],
        found: Identities,
    ) -> None:
        """Report new nodes that were numbered, or for which no client id is left."""
        new = [node for node in connected if node not in self._seen | answers.keys()]
        numbered = [node for node in new if node in found.numbered]
        left_out = [node for node in new if node not in found.clients]
        if numbered:
            reason = (
                f"{len(numbered)} of {len(connected)} nodes gave no partition id and "
                "are numbered by node id, which changes from run to run (give "
                "client_ids, or a query function that replies with partition-id): "
                f"nodes {numbered}"
            )
            self._tell(round, None, reason)
        for node in numbered:
            if found.numbered[node] == self._trusted:
                reason = f"node {node} is the trusted client by its node id alone"
                self._tell(round, self._trusted, reason)
        if left_out:
            reason = f"no client id below {self.num_clients} is left for them"
            self._tell(round, None, f"nodes {left_out} take no part: {reason}")


def _have_no_answer(asked: Sequence[int], replies: Mapping[int, int | None]) -> bool:
    """Whether every node has replied, and none with its partition."""
    return all(node in replies and replies[node] is None for node in asked)
