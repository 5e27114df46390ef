"""The process of one side: it prepares, then measures once for each input line."""

import importlib
import json
import os
import sys

from experiments.benchmarks.harness import PREFIX, Measure


def main() -> None:
    """Run the side named by the first argument."""
    # Peers on TensorFlow get the same settings that fedrobust chooses for itself.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    module, function, *arguments = sys.argv[1].split(":")
    rows = importlib.import_module(f"experiments.benchmarks.rows.{module}")
    measure: Measure = getattr(rows, function)(*arguments)
    for _ in sys.stdin:
        print(PREFIX + json.dumps(dict(measure())), flush=True)


if __name__ == "__main__":
    main()
