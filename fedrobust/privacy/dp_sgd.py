"""Example-level differential privacy: DP-SGD within each client's local training."""

from dataclasses import dataclass

from fedrobust.privacy.mechanism import DifferentialPrivacy


@dataclass(frozen=True, kw_only=True)
class DPSGD(DifferentialPrivacy):
    """Clip each example's gradient, and add noise to the sum over a Poisson batch.

    Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar, Zhang: Deep Learning with
    Differential Privacy, CCS 2016. ``training.batch_size`` is the expected batch.
    """
