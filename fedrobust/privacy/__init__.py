"""Privacy: what protects the clients' data, what it costs, and what may be claimed.

The mechanisms that ``privacy=`` chooses are small classes of parameters here. What they
do lives where it happens: ``strategies.postprocessors`` (client-level DP),
``strategies.mods`` (local DP), ``fedrobust.training`` (example-level DP), and
``strategies.secagg``.
"""

from fedrobust.privacy.accounting import epsilon_of, noise_multiplier_for
from fedrobust.privacy.client_dp import ClientDP
from fedrobust.privacy.client_dp_adaptive import AdaptiveClientDP
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.group_secagg import GroupSecAgg
from fedrobust.privacy.local_dp import LocalDP
from fedrobust.privacy.mechanism import DifferentialPrivacy, Mechanism
from fedrobust.privacy.secagg import SecAgg

__all__ = [
    "DPSGD",
    "AdaptiveClientDP",
    "ClientDP",
    "DifferentialPrivacy",
    "GroupSecAgg",
    "LocalDP",
    "Mechanism",
    "SecAgg",
    "epsilon_of",
    "noise_multiplier_for",
]
