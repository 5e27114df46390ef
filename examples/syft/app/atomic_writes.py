"""Write the messages of syft-rpc in one step, for parties that share a local folder.

syft-rpc 0.4 writes a message into the file that the other party watches. Its watcher
then reads the file while it is still empty, and the message is lost. Whoever syncs
folders between machines, as SyftBox does, moves whole files into place instead.
"""

import os
from pathlib import Path

from syft_rpc.protocol import Base


def dump(self: Base, path: str | os.PathLike[str]) -> None:
    """Write the message beside its file, and put it into place when it is whole."""
    part = Path(f"{path}.part")
    part.write_text(self.dumps(), encoding="utf-8")
    part.replace(path)


Base.dump = dump
