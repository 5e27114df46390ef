"""What a run has spent of its privacy: who was charged for which releases."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from fedrobust.privacy.accounting import epsilon_spent, largest_epsilon
from fedrobust.privacy.release import Release


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """What taking part in a round costs.

    Parameters
    ----------
    releases
        The release that each client is in, by client id.
    count
        Returns how many of its releases a client is in, given the client and a round
        that samples it.
    is_hidden
        Whether nobody learns who is sampled. The sampling is then part of the release,
        and a round costs every client the same, sampled or not.
    """

    releases: Mapping[int, Release]
    count: Callable[[int, int], int]
    is_hidden: bool = False

    def charge(
        self, counts: Mapping[int, int], round: int, sampled: Iterable[int]
    ) -> dict[int, int]:
        """Return the numbers of releases after a round that sampled these clients."""
        charged = self.releases if self.is_hidden else sampled
        after = dict(counts)
        for client in charged:
            if client in self.releases:
                after[client] = after.get(client, 0) + self.count(client, round)
        return after


class Ledger:
    """Counts releases round by round, and says what they cost together.

    Parameters
    ----------
    tariff
        What a round costs.
    delta, accountant
        As in ``fedrobust.privacy.epsilon_of``.
    max_epsilon
        What the client that spends most may spend; None for no limit.

    Attributes
    ----------
    round, counts
        The last round that was charged, 0 before the first, and the number of releases
        that each client is in, by client id: the whole state.
    """

    def __init__(
        self,
        tariff: Tariff,
        delta: float,
        accountant: str = "rdp",
        max_epsilon: float | None = None,
    ) -> None:
        self.tariff = tariff
        self.delta = delta
        self.accountant = accountant
        self.max_epsilon = max_epsilon
        self.round = 0
        self.counts: dict[int, int] = {}

    def record(self, round: int, sampled: Collection[int]) -> None:
        """Charge the clients that a round sampled, whether or not they replied.

        A round that was charged before is not charged again.
        """
        if round <= self.round:
            return
        self.round = round
        self.counts = self.tariff.charge(self.counts, round, sampled)

    def restore(self, round: int, counts: Mapping[int, int]) -> None:
        """Go on after a round, with the counts after it."""
        self.round, self.counts = round, dict(counts)

    def epsilon(self, conversion: str = "improved") -> float:
        """Return the epsilon of the client that has spent most."""
        return self._largest(self.counts, conversion)

    def epsilon_after_next(self) -> float:
        """Return the epsilon after one more round that samples whoever spends most.

        Who will be sampled is not looked up, since nodes may come and go.
        """
        everyone = self.tariff.releases
        after = self.tariff.charge(self.counts, self.round + 1, everyone)
        return self._largest(after)

    @property
    def is_spent(self) -> bool:
        """Return whether one more round could exceed the limit for some client."""
        if self.max_epsilon is None:
            return False
        return self.epsilon_after_next() > self.max_epsilon

    def epsilon_by_client(self) -> dict[int, float]:
        """Return the epsilon of each client, by its id."""
        terms = (self.delta, self.accountant)
        return {
            client: epsilon_spent(release, self.counts.get(client, 0), *terms)
            for client, release in sorted(self.tariff.releases.items())
        }

    def _largest(
        self, counts: Mapping[int, int], conversion: str = "improved"
    ) -> float:
        releases = self.tariff.releases
        spent = {(releases[client], count) for client, count in counts.items()}
        return largest_epsilon(spent, self.delta, self.accountant, conversion)
