"""Secure aggregation in random groups, with a robust rule across them."""

from dataclasses import dataclass

from fedrobust.privacy.secagg import SecAgg
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class GroupSecAgg(SecAgg):
    """SHARE: secure sums in random groups, and the rule across their means.

    Velicheti, Xia, Koyejo: Secure Byzantine-Robust Distributed Learning via Clustering,
    arXiv 2110.02940, 2021.

    Parameters
    ----------
    group_size
        Clients in a group, at least 2; some groups have more. With the protocol
        ``ideal`` it may be 1, which compares the rules on equal terms.
    """

    group_size: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        least = 1 if self.protocol == "ideal" else 2
        require_between("group_size", self.group_size, least)
