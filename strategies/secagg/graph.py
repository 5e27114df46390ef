"""Who shares secrets with whom: a ring of the members in random order.

Each member is tied to its nearest k on the ring, which makes the graph regular: a
Harary graph, as in Bell et al. 2020. The order is random and public.

Masks cancel only between neighbours. If drop-outs cut the graph of the survivors, the
masks of each part cancel within it, and the server could read the sum of each part.
Bell et al. take k of the order of log n, with which that is improbable on a random
ring; here the parts are counted, and more than one end the round of the group.
"""

from collections.abc import Collection, Sequence

from strategies.secagg.errors import AbortError


def holders_of(index: int, ring: Sequence[int], neighbors: int | None) -> list[int]:
    """Return the members that hold shares of a member's secrets, itself among them.

    Parameters
    ----------
    index
        The member.
    ring
        All members in the order of the ring.
    neighbors
        k, the number of others; None means all of them. An odd k on a ring of odd
        length is raised by 1, because no regular graph has it.

    Returns
    -------
    Numbers of members, ascending.
    """
    n, place = len(ring), ring.index(index)
    if neighbors is None or neighbors >= n - 1:
        return sorted(ring)
    is_odd = neighbors % 2 == 1
    half = (neighbors + (is_odd and n % 2 == 1)) // 2
    offsets = set(range(-half, half + 1))
    if is_odd and n % 2 == 0:
        offsets.add(n // 2)
    return sorted({ring[(place + offset) % n] for offset in offsets})


def parts_of(
    members: Collection[int], ring: Sequence[int], neighbors: int | None
) -> list[set[int]]:
    """Return the parts of the graph of some members that no neighbours connect.

    Parameters
    ----------
    members
        Those that are left, such as the survivors.
    ring, neighbors
        As for :func:`holders_of`.
    """
    left, parts = set(members), []
    while left:
        part, reached = set(), {min(left)}
        while reached:
            part |= reached
            tied = {h for i in reached for h in holders_of(i, ring, neighbors)}
            reached = (tied & left) - part
        parts.append(part)
        left -= part
    return parts


def require_connected(
    members: Collection[int], ring: Sequence[int], neighbors: int | None
) -> None:
    """Raise AbortError if the sum of some of the members could be read alone."""
    parts = parts_of(members, ring, neighbors)
    if len(parts) > 1:
        raise AbortError(
            f"the {len(members)} clients left are {len(parts)} parts without a mask "
            f"between them, and the sum of each would be seen: raise neighbors="
            f"{neighbors}"
        )


def threshold_of(clients: int, neighbors: int | None, threshold: int | None) -> int:
    """Return the number of shares that reconstruct a secret.

    Parameters
    ----------
    clients
        Number of clients of the group, drop-outs among them.
    neighbors
        Number of others that hold shares; None means all.
    threshold
        The given number; None means a majority of the holders.
    """
    if threshold is not None:
        return threshold
    ring = range(clients)
    return len(holders_of(0, ring, neighbors)) // 2 + 1
