"""Who the clients are, and which of them are asked in a round."""

from collections.abc import Mapping

from flwr.serverapp import Grid

from strategies.nodes import wait_for_nodes
from strategies.sampling import sample_clients, sample_size


class Roster:
    """The clients of a federation.

    Parameters
    ----------
    client_ids
        Stable id of each node; without it clients are numbered as they come, by node
        id.
    num_clients
        How many there should be; None means as many as there are.
    min_available_nodes
        Nodes to wait for before the first round when ``client_ids`` is not given; the
        later ones go on with whoever is still there.
    """

    def __init__(
        self,
        client_ids: Mapping[int, int] | None,
        num_clients: int | None,
        min_available_nodes: int,
    ) -> None:
        self.client_ids = client_ids
        self.num_clients = num_clients
        self.min_available_nodes = min_available_nodes
        self._ranks: dict[int, int] = {}

    def sample(
        self, grid: Grid, round: int, fraction: float, seed: int
    ) -> dict[int, int]:
        """Sample clients, by the key of round and seed.

        Returns
        -------
        The client id of each sampled node, in the order of the ids.
        """
        ids = self.client_ids
        if ids is None:
            minimum = 1 if self._ranks else self.min_available_nodes
            connected = wait_for_nodes(grid, minimum)
            for node in connected:
                self._ranks.setdefault(node, len(self._ranks))
            ids = {node: self._ranks[node] for node in connected}
        nodes = {client: node for node, client in ids.items()}
        sampled = sample_clients(list(nodes), fraction, seed, round)
        return {nodes[client]: client for client in sampled}

    def expected(self, fraction: float, num_sampled: int) -> int:
        """Count who should reply in a round that has sampled so many."""
        if self.num_clients is None:
            return num_sampled
        return max(num_sampled, sample_size(self.num_clients, fraction))
