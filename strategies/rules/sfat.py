"""SFAT: up-weight the clients with the smallest adversarial loss.

    weights proportional to  p n_i  for the k clients i of smallest reported loss,
                             n_i    for the others,     p = (1 + alpha) / (1 - alpha)

Zhu, Yao, Liu, Yao, Xu, Han: Combating exacerbated heterogeneity for robust
models in federated learning, ICLR 2023, the alpha-slack. n_i = 1 by default, as in the
authors' code, which weights all clients equally in the first round. The divisor in that
code always counts the first client as up-weighted. If it is not, the code scales the
new global *model*, not only the update, by (n - k + k p) / (n - k - 1 + (k + 1) p),
which is 0.93 for n = 5, k = 1, p = 1.4. ``variant="code"`` does so too.

Bound: f = 0. The rule believes what clients report, and a client can report a tiny loss
at no cost to be among the k. Of n clients, b <= k liars get b p / (n - k + k p) of the
weight instead of b / n: SFAT is less robust even than the mean.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.linalg.rows import Matrix, weighted_sum
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class SFAT(Rule):
    """Average the updates with more weight on clients of small loss.

    Parameters
    ----------
    alpha
        The slack, in [0, 1); at 0 the rule is the mean. 1/6 makes p = 1.4.
    k
        Number of clients that are up-weighted, at least 1.
    weighted
        Also weight clients by the number of examples they declare.
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
        """The losses; also the numbers of examples or the parameters, if used."""
        sizes = ("num_examples",) if self.weighted else ()
        model = ("parameters",) if self.variant == "code" else ()
        return ("losses", *sizes, *model)

    @property
    def needs_clients(self) -> bool:
        """True: each loss belongs to one client."""
        return True

    @property
    def min_clients(self) -> int:
        """The number of clients that are up-weighted."""
        return self.k

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Weight the updates by the rank of their loss; a missing loss ranks last."""
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
            # The code shrinks the new model, which is the old model plus the update.
            shrunk = slack.sum() / (slack.sum() - slack[np.argmin(ids)] + p)
            model = np.asarray(context.parameters, np.float64)
            vector = (shrunk * vector + (shrunk - 1) * model).astype(np.float32)
        return Aggregate(vector=vector, weights=weights, diagnostics={"slack": slack})
