"""Secure aggregation: parameters of ``strategies.secagg``."""

from dataclasses import dataclass

from fedrobust.privacy.mechanism import Mechanism
from strategies.validation import require, require_between

PROTOCOLS = ("full", "ideal")


@dataclass(frozen=True, kw_only=True)
class SecAgg(Mechanism):
    """SecAgg+ for the mean: the server learns the sum of the updates alone.

    Bell, Bonawitz, Gascón, Lepoint, Raykova: Secure Single-Server Aggregation with
    (Poly)Logarithmic Overhead, CCS 2020.

    Parameters
    ----------
    clip
        Largest absolute value of a coordinate of an update, in [1e-6, 1e6]; values
        beyond are clipped by the client and counted.
    threshold
        Number of shares that reconstruct a secret, at least 2; None means a majority of
        those that hold one.
    neighbors
        Number of clients that each shares its secrets with, at least 2; None means all.
    protocol
        ``full`` sends keys, shares and masks. ``ideal`` computes the same sums, bit for
        bit, without them, for simulations that need no secrecy.
    """

    clip: float = 8.0
    threshold: int | None = None
    neighbors: int | None = None
    protocol: str = "full"

    def __post_init__(self) -> None:
        require_between("clip", self.clip, 1e-6, 1e6)
        if self.threshold is not None:
            require_between("threshold", self.threshold, 2)
        if self.neighbors is not None:
            require_between("neighbors", self.neighbors, 2)
        require(self.protocol in PROTOCOLS, "protocol", self.protocol, "full or ideal")

    @property
    def is_masked(self) -> bool:
        """Whether updates leave the clients masked, so that nobody sees one."""
        return self.protocol == "full"
