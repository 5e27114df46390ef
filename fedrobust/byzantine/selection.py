"""The choice of the Byzantine clients."""

from fedrobust.randomness import Purpose, generator


def byzantine_clients(
    seed: int, num_clients: int, num_byzantine: int, round: int = 0
) -> list[int]:
    """Draw the Byzantine clients, keyed by the seed of the run.

    Parameters
    ----------
    seed
        Seed of the run.
    num_clients, num_byzantine
        Number of clients, and of the Byzantine ones among them.
    round
        0 for a set that stays fixed, or the round for a set that changes each round.

    Returns
    -------
    Sorted client ids.
    """
    rng = generator(seed, Purpose.BYZANTINE_CLIENTS, round)
    chosen = rng.choice(num_clients, size=num_byzantine, replace=False)
    return sorted(int(client) for client in chosen)
