"""SFAT: up-weight the clients whose adversarial loss is least.

    weights proportional to  p n_k  for the k clients of least reported loss,
                             n_k    for the others,     p = (1 + alpha) / (1 - alpha)

Zhu, Yao, Liu, Yao, Xu, Han: Combating exacerbated heterogeneity for robust
models in federated learning, ICLR 2023, the alpha-slack; n_k = 1 as in the authors'
code, which averages plainly in the first round. Its divisor counts the first client as
up-weighted whether it is or not: where it is not, the new global *model*, not only the
update, is scaled by (n - k + k p) / (n - k - 1 + (k + 1) p), 0.93 for n = 5, k = 1, p =
1.4. ``variant="code"`` does so too.

Danger: it believes what clients say. A client that reports a tiny loss, at no cost, is
among the k; n clients of which b lie have b p / (n - k + k p) of the weight with b <= k
instead of b / n. It tolerates no Byzantine client, less even than the mean.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Matrix, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class SFAT(Rule):
    """Average the updates with a slack for clients of small loss.

    Parameters
    ----------
    alpha
        The slack, in [0, 1); at 0 it is the mean. 1/6 makes p = 1.4.
    k
        Clients that are up-weighted, at least 1.
    weighted
        Weight clients by the examples they declare as well.
    variant
        ``paper``, or ``code`` with the divisor of the authors' code.
    """

    alpha: float = 1 / 6
    k: int = 1
    weighted: bool = False
    variant: str = "paper"

    def __post_init__(self) -> None:
        require(0 <= self.alpha < 1, "alpha", self.alpha, "in [0, 1)")
        require_between("k", self.k, 1)
        known = ("paper", "code")
        require(self.variant in known, "variant", self.variant, "paper or code")
        require(
            not self.weighted or self.variant == "paper",
            "weighted",
            self.weighted,
            "false with variant=code, which counts clients alike",
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """The losses that clients report, and the global model for its shrinking."""
        sizes = ("num_examples",) if self.weighted else ()
        model = ("parameters",) if self.variant == "code" else ()
        return ("losses", *sizes, *model)

    @property
    def needs_clients(self) -> bool:
        """Losses are clients'."""
        return True

    @property
    def min_clients(self) -> int:
        """As many as are up-weighted."""
        return self.k

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Rank the losses and weight the updates; a missing loss ranks last."""
        losses = np.asarray(context.losses, np.float64)
        if losses.shape != (len(updates),):
            raise ValueError(f"{self!r} needs a loss for each of {len(updates)} rows")
        p = (1 + self.alpha) / (1 - self.alpha) if context.round > 1 else 1.0
        slack = np.ones(len(updates))
        ids = context.ids(len(updates))
        ranks = np.lexsort((np.array(ids), np.nan_to_num(losses, nan=np.inf)))
        slack[ranks[: self.k]] = p
        sizes = slack
        if self.weighted:
            sizes = slack * context.counts(self)
        weights = sizes / sizes.sum()
        vector = weighted_sum(updates, weights)
        if self.variant == "code":
            # The model that this divides by too much is the old one plus the update.
            shrunk = slack.sum() / (slack.sum() - slack[np.argmin(ids)] + p)
            model = np.asarray(context.parameters, np.float64)
            vector = (shrunk * vector + (shrunk - 1) * model).astype(np.float32)
        return Aggregate(vector=vector, weights=weights, diagnostics={"slack": slack})
