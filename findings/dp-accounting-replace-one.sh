#!/usr/bin/env bash
# dp-accounting 0.6.0: under NeighboringRelation.REPLACE_ONE the RDP accountant charges a
# plain Gaussian release as under ADD_OR_REMOVE_ONE, where the PLD accountant doubles its
# sensitivity. An RDP bound is never below the exact value if both mean the same event, yet
# for 100 releases at noise multiplier 1 it says 96.1 where PLD says 284.4.
# It matters here because swapping one accountant for the other silently changes what
# "neighbouring" means: double the sensitivity yourself, or use add-or-remove.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dp-accounting==0.6.0 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'END'
import sys
from importlib.metadata import version

from dp_accounting import GaussianDpEvent, NeighboringRelation, SelfComposedDpEvent
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

releases = SelfComposedDpEvent(GaussianDpEvent(1.0), 100)


def epsilon(accountant, relation):
    made = accountant(neighboring_relation=relation)
    return made.compose(releases).get_epsilon(1e-5)


add, replace = NeighboringRelation.ADD_OR_REMOVE_ONE, NeighboringRelation.REPLACE_ONE
exact = epsilon(PLDAccountant, replace)
seen = epsilon(RdpAccountant, replace)
print("dp-accounting", version("dp-accounting"))
print(f"expected at least {exact:.1f} (PLD, replace one)")
print(f"seen     {seen:.1f} (RDP, replace one), as for add or remove one")
if seen != epsilon(RdpAccountant, add) or not 96 < seen < 97 or exact < 284:
    sys.exit("changed: the RDP accountant no longer ignores REPLACE_ONE")
END
