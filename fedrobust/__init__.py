"""Federated robustness experiments: dishonest clients and adversarial inputs."""

__version__ = "0.1.0"

# Imported first: NumPy and TensorFlow read while they load which vectors they may use.
from fedrobust import vectors as vectors

# Packages of this project, whose classes may be constructed to check a configuration.
OURS = ("fedrobust.", "strategies.")
