"""Federated robustness experiments: dishonest clients and adversarial inputs."""

__version__ = "0.1.0"

# Before anything that reads, while it loads, which vectors it may use.
from fedrobust import vectors as vectors

# Packages of this project: their classes are known, and checked by constructing them.
OURS = ("fedrobust.", "strategies.")
