"""What a member of the protocol, or the server of a group, gives up for."""


class ProtocolError(ValueError):
    """A message that breaks the protocol; the message says how, on one line."""


class AbortError(Exception):
    """A group cannot be aggregated; the message is the reason."""
