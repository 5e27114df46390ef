"""The members of a group, and what the server does for them in every stage."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from strategies.secagg.errors import AbortError, ProtocolError
from strategies.secagg.graph import holders_of, threshold_of
from strategies.secagg.keys import new_secret
from strategies.secagg.payload import Payload


@dataclass
class Members:
    """The members of one group in one round; each is known by its place in ``members``.

    Parameters
    ----------
    members
        Client ids, in the random order of the ring.
    threshold, neighbors
        As in :class:`strategies.secagg.GroupGrid`.
    session
        What tells this group in this round from all others.

    Attributes
    ----------
    left
        Why members dropped out, by number.
    accused
        The members that sent or dealt a wrong share, and what is wrong.
    complaints
        Pairs of a dealer and the holder that says that its share is wrong.
    ring
        The members that share secrets, in the order of the ring.

    Raises
    ------
    AbortError
        When the group has too few members for the threshold.
    """

    members: Sequence[int]
    threshold: int | None = None
    neighbors: int | None = None
    session: bytes = field(default_factory=new_secret)
    left: dict[int, str] = field(default_factory=dict, init=False)
    accused: list[tuple[int, str]] = field(default_factory=list, init=False)
    complaints: set[tuple[int, int]] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        n = len(self.members)
        self.ring = list(range(n))
        self.needed = threshold_of(n, self.neighbors, self.threshold)
        most = len(self.holders(0))
        if not 2 <= self.needed <= most:
            raise AbortError(
                f"{n} clients hold {most} shares of each secret, and threshold="
                f"{self.needed} of them, at least 2, are needed"
            )

    @property
    def alive(self) -> list[int]:
        """The members that have not dropped out, ascending."""
        return [i for i in range(len(self.members)) if i not in self.left]

    def name(self, index: int) -> str:
        """Return what a member is called in reasons."""
        return f"client {self.members[index]}"

    def holders(self, index: int) -> list[int]:
        """Return the members that hold shares of a member's secrets."""
        return holders_of(index, self.ring, self.neighbors)

    def drop(self, index: int, reason: str) -> None:
        """Go on without a member."""
        self.left[index] = reason

    def accuse(self, index: int, reason: str) -> None:
        """Note that a member sent or dealt a wrong share."""
        self.accused.append((index, reason))

    def requests(
        self, stage: str, requests: Mapping[int, Mapping[str, Any]]
    ) -> dict[int, dict[str, Any]]:
        """Return requests with the stage and the session in each."""
        shared = {"stage": stage, "session": self.session}
        return {index: {**shared, **request} for index, request in requests.items()}

    def take(
        self, answers: Mapping[int, Payload], take: Callable[[int, Payload], None]
    ) -> None:
        """Take the answer of each member; drop those without a well-formed one."""
        for index in self.alive:
            if index not in answers:
                self.drop(index, "no reply in time")
                continue
            try:
                take(index, answers[index])
            except ProtocolError as error:
                self.drop(index, f"malformed answer: {error}")

    def require(self, dealers: Iterable[int]) -> None:
        """Raise AbortError unless those left can reconstruct the dealers' secrets."""
        alive = set(self.alive)
        for index in dealers:
            held = sum(
                holder in alive and (index, holder) not in self.complaints
                for holder in self.holders(index)
            )
            if held < self.needed:
                raise AbortError(
                    f"{len(alive)} of {len(self.members)} clients are left, and {held} "
                    f"of the {self.needed} that must hold shares of {self.name(index)}"
                )
        if not alive:
            raise AbortError(f"none of {len(self.members)} clients is left")
