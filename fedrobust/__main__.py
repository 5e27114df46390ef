"""``python -m fedrobust``: the same as the command ``fedrobust``."""

import sys

from fedrobust.cli import main

if __name__ == "__main__":
    sys.exit(main())
