"""FLDetector: drop clients whose updates are inconsistent with their previous ones.

    g'_i = g_i(t-1) + H (w_t - w_(t-1)),     H by L-BFGS from the last ``window`` rounds
    s_i  = mean over the window of |g_i - g'_i| / sum_j |g_j - g'_j|
    if the gap statistic finds more than one cluster of scores, drop the higher one

Zhang, Cao, Jia, Gong: FLDetector: Defending Federated Learning Against Model Poisoning
Attacks via Detecting Malicious Clients, KDD 2022, Algorithms 1 to 3; the gap statistic
is Tibshirani, Walther, Hastie, JRSS B 2001. Bound: an honest majority, from round
``window`` + 2 on; before that round no client is judged, and ``rule`` alone defends.
A gradient is the negative update, and a client's previous one may be several rounds
old. The paper stops at the first detection and trains again without the detected
clients; this module drops them for the round and keeps updating their scores. A client
is judged once its window is full of scores. No client is dropped when the higher
cluster is not a minority; otherwise a single client that never moves could be the only
one left. In the gap statistic, the authors' code averages W before the logarithm.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.order import Rows
from strategies.linalg.rows import Float, Matrix, Vector, norms
from strategies.randomness import Draw, server_generator
from strategies.records.storable import storable
from strategies.rules.base import Aggregate, Rule, RuleContext
from strategies.rules.filtering import aggregate_rest
from strategies.rules.mean import Mean
from strategies.validation import require_between

# Uniform reference samples for the gap statistic.
REFERENCES = 10


@dataclass(frozen=True, kw_only=True)
class FLDetector(Rule):
    """Drop inconsistent clients, then apply another rule.

    Parameters
    ----------
    window
        Number of rounds that a score averages over, at least 1.
    rule
        The rule that aggregates the updates of the remaining clients.
    """

    keeps_order: ClassVar[bool] = True

    window: int = 10
    rule: Rule = field(default_factory=Mean)

    def __post_init__(self) -> None:
        require_between("window", self.window, 1)

    @property
    def needs(self) -> tuple[str, ...]:
        """The global parameters, and what the inner rule needs."""
        return ("parameters", *self.rule.needs)

    @property
    def needs_clients(self) -> bool:
        """True: each history belongs to one client."""
        return True

    @property
    def min_clients(self) -> int:
        """The smallest number that the inner rule accepts."""
        return self.rule.min_clients

    def check(self, n: int) -> None:
        """Raise ValueError when the inner rule is undefined for n updates."""
        self.rule.check(n)

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Score the clients, drop the inconsistent ones and aggregate the others."""
        past = state or _Past()
        ids = context.ids(len(updates))
        now = np.array(context.parameters, np.float32)
        scores = self._scores(updates, ids, now, past)
        kept = self._kept(scores, ids, context)
        rest = aggregate_rest(self.rule, updates, kept, past.inner, context)
        steps, changes = past.steps, past.changes
        if past.vector is not None and past.parameters is not None:
            steps = [*steps, now - past.parameters][-self.window :]
            # A gradient is the negative update.
            changes = [*changes, past.vector - rest.vector][-self.window :]
        return Aggregate(
            vector=rest.vector,
            weights=rest.weights,
            selected=rest.selected,
            state=_Past(
                updates={
                    **past.updates,
                    **{c: (u.copy(), now) for c, u in zip(ids, updates, strict=True)},
                },
                parameters=now,
                vector=rest.vector,
                steps=steps,
                changes=changes,
                scores=scores,
                inner=rest.state,
            ),
            diagnostics={"dropped": len(updates) - len(kept)},
        )

    def _kept(
        self, scores: dict[int, list[float]], ids: list[int], context: RuleContext
    ) -> Rows:
        """Return the rows without suspects, but enough of them for the inner rule."""
        n = len(ids)
        full = [row for row in range(n) if len(scores.get(ids[row], ())) == self.window]
        means = np.array([np.mean(scores[ids[row]]) for row in full])
        rng = server_generator(context.seed, Draw.FL_DETECTOR, context.round)
        suspects = [full[place] for place in inconsistent(means, rng)]
        if 2 * len(suspects) >= n:
            return np.arange(n)
        most = n - self.rule.min_clients
        worst_first = sorted(suspects, key=lambda row: -np.mean(scores[ids[row]]))
        return np.setdiff1d(np.arange(n), worst_first[:most])

    def _scores(
        self, updates: Matrix, ids: list[int], now: Vector, past: "_Past"
    ) -> dict[int, list[float]]:
        """Return the scores with those of this round appended.

        Only clients that sent an update in an earlier round get a new score.
        """
        rows = [i for i, client in enumerate(ids) if client in past.updates]
        if not past.steps or not rows:
            return past.scores
        away = np.zeros(len(rows))
        for place, i in enumerate(rows):
            update, start = past.updates[ids[i]]
            moved = (now - start).astype(np.float64)
            bend = hessian_times(past.steps, past.changes, moved)
            away[place] = norms(updates[[i]], origin=update - bend)[0]
        shares = away / away.sum() if away.any() else away
        scores = dict(past.scores)
        for i, share in zip(rows, shares, strict=True):
            scores[ids[i]] = [*scores.get(ids[i], ()), float(share)][-self.window :]
        return scores


@storable
@dataclass(frozen=True)
class _Past:
    """The state of FLDetector.

    Attributes
    ----------
    updates
        By client id: the client's last update, and the parameters it started from.
    parameters, vector
        Global parameters and aggregate of the previous round.
    steps, changes
        Up to ``window`` steps of the parameters, and the changes of the gradient.
    scores
        By client id: up to ``window`` scores.
    inner
        State of the inner rule.
    """

    updates: dict[int, tuple[Vector, Vector]] = field(default_factory=dict)
    parameters: Vector | None = None
    vector: Vector | None = None
    steps: list[Vector] = field(default_factory=list)
    changes: list[Vector] = field(default_factory=list)
    scores: dict[int, list[float]] = field(default_factory=dict)
    inner: Any = None


def hessian_times(steps: list[Vector], changes: list[Vector], vector: Float) -> Float:
    """Multiply a vector by the L-BFGS approximation of the Hessian.

    Byrd, Nocedal, Schnabel: Representations of Quasi-Newton Matrices, Mathematical
    Programming 1994, Equation 3.5.

    Parameters
    ----------
    steps, changes
        m (d,) steps of the parameters, and the change of the gradient in each.
    vector
        (d,) vector to multiply.

    Returns
    -------
    (d,) product
    """
    s, y = np.stack(steps).astype(np.float64), np.stack(changes).astype(np.float64)
    length = s[-1] @ s[-1]
    if length == 0:
        return np.zeros_like(vector)
    sigma = (s[-1] @ y[-1]) / length
    crossed = s @ y.T
    lower = np.tril(crossed, -1)
    middle = np.block(
        [[sigma * s @ s.T, lower], [lower.T, -np.diag(crossed.diagonal())]]
    )
    right = np.concatenate([sigma * (s @ vector), y @ vector])
    solved = np.linalg.lstsq(middle, right, rcond=None)[0]
    m = len(s)
    return np.asarray(sigma * vector - sigma * (solved[:m] @ s) - solved[m:] @ y)


def inconsistent(scores: Float, rng: np.random.Generator) -> Rows:
    """Return the rows of the higher of two clusters; none if there is one cluster."""
    no_rows = np.zeros(0, np.int64)
    if len(scores) < 3 or scores.min() == scores.max():
        return no_rows
    scaled = (scores - scores.min()) / (scores.max() - scores.min())
    draws = [np.log(_within(rng.uniform(size=len(scores)))) for _ in range(REFERENCES)]
    within = np.log(np.maximum(_within(scaled), np.finfo(float).tiny))
    gap_one, gap_two = np.mean(draws, axis=0) - within
    slack = np.sqrt(1 + 1 / REFERENCES) * np.std(draws, axis=0)[1]
    if gap_one >= gap_two - slack:
        return no_rows
    return np.flatnonzero(scaled > _split(scaled))


def _split(values: Float) -> float:
    """Return the largest value of the lower cluster in the best split into two."""
    ordered = np.sort(values)
    costs = [
        len(part) * part.var() + len(rest) * rest.var()
        for part, rest in (np.split(ordered, [i]) for i in range(1, len(ordered)))
    ]
    return float(ordered[int(np.argmin(costs))])


def _within(values: Float) -> Float:
    """Return the sums of squares within one cluster and within the best two."""
    below = values <= _split(values)
    one = len(values) * values.var()
    parts = [part for part in (values[below], values[~below]) if len(part)]
    return np.array([one, sum(len(part) * part.var() for part in parts)])
