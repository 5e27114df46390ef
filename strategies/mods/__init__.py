"""Flower mods for any ClientApp: what a client does before its reply leaves it."""

from strategies.mods.local_dp import local_dp_mod

__all__ = ["local_dp_mod"]
