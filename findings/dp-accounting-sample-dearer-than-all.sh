#!/usr/bin/env bash
# dp-accounting 0.6.0: by its RDP accountant a release on a sample without replacement may
# cost more than the same release on everybody. One would expect a sample of 9 of 10 to
# cost no more than all 10; its bound for fixed-size samples is loose at high rates, and
# returns to the plain one only where the sample is everybody.
# It matters to whoever draws a fixed number of clients: account for the smaller of the two.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet dp-accounting==0.6.0 numpy==2.4.6 scipy==1.17.1
cat > "$folder/seen.py" <<'PY'
import dp_accounting
from dp_accounting.rdp import RdpAccountant


def epsilon(event):
    accountant = RdpAccountant(
        neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE
    )
    accountant.compose(event, 10)
    return accountant.get_epsilon(1e-5)


gaussian = dp_accounting.GaussianDpEvent(0.5)
for size in (1, 5, 9, 10):
    event = dp_accounting.SampledWithoutReplacementDpEvent(10, size, gaussian)
    print(f"{size} of 10: {epsilon(event):.2f}")
print(f"everybody: {epsilon(gaussian):.2f}")
PY
"$folder/venv/bin/python" "$folder/seen.py" 2> "$folder/log" | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
1 of 10: 17.51
5 of 10: 43.55
9 of 10: 55.06
10 of 10: 48.80
everybody: 48.80
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
