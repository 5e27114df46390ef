"""Robust aggregation for any Flower ServerApp; nothing here needs fedrobust.

The rules are NumPy and SciPy only, so ``strategies.rules`` costs no Flower import;
``RobustStrategy``, which is a Flower strategy, is loaded at first use. It works on
Flower 1.21 and newer; older versions have no strategies over messages. The versions
that it was tried on are in docs/results/compat.md.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strategies.robust import RobustStrategy

__all__ = ["RobustStrategy"]


def __getattr__(name: str) -> Any:
    if name == "RobustStrategy":
        from strategies.robust import RobustStrategy

        return RobustStrategy
    raise AttributeError(f"module 'strategies' has no attribute {name!r}")
