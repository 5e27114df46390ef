"""Which clients are Byzantine."""

from fedrobust.randomness import Purpose, generator


def byzantine_clients(
    seed: int, num_clients: int, num_byzantine: int, round: int = 0
) -> list[int]:
    """Draw which clients are Byzantine, by the seed of the run.

    Parameters
    ----------
    round
        0 draws the fixed set; the round draws a set for each round anew.

    Returns
    -------
    Sorted client ids.
    """
    rng = generator(seed, Purpose.BYZANTINE_CLIENTS, round)
    chosen = rng.choice(num_clients, size=num_byzantine, replace=False)
    return sorted(int(client) for client in chosen)
