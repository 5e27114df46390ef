"""Accounting of differential privacy, by dp-accounting (the extra ``dp``)."""


def epsilon_of(
    *,
    noise_multiplier: float,
    sampling_rate: float,
    steps: int,
    delta: float,
    accountant: str = "rdp",
) -> float:
    """Return the epsilon that ``steps`` Gaussian releases on Poisson samples spend."""
    raise NotImplementedError


def noise_multiplier_for(
    epsilon: float,
    *,
    sampling_rate: float,
    steps: int,
    delta: float,
    accountant: str = "rdp",
) -> float:
    """Return the smallest noise multiplier that spends no more than ``epsilon``."""
    raise NotImplementedError
