"""Federated robustness experiments: dishonest clients and adversarial inputs."""

__version__ = "0.1.0"
