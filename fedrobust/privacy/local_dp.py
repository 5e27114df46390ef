"""Local differential privacy: each client adds noise to its own update."""

from dataclasses import dataclass

from fedrobust.privacy.mechanism import DifferentialPrivacy


@dataclass(frozen=True, kw_only=True)
class LocalDP(DifferentialPrivacy):
    """Clip and noise on the client, which trusts nobody; see ``strategies.mods``."""
