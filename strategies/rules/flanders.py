"""FLANDERS: forecast the local models, and drop the clients that stray furthest.

    X_t ~ A X_(t-1) B'  (matrix autoregression over clients x parameters, fitted by
    ridge-regularised alternating least squares on the rounds before)
    drop the f clients with the largest |x_i - forecast_i|^2

Gabrielli, Belli, Matrullo, Miori, Tolomei: Protecting Federated Learning from Extreme
Model Poisoning Attacks via Multidimensional Time Series Anomaly Detection, 2023 (arXiv:
2303.16668), Algorithm 1, with the sampled parameters and ridge terms of its Flower
baseline. It works at any f < n, if the first rounds are honest and the sampled
parameters tell: a client with a huge value in one that is not sampled is kept, and the
mean then has it. Clip before it, or let ``rule`` withstand one client.
For a dropped client, and one that was not asked, the history has the global model that
the round led to. What the baseline does is ``variant="baseline"``: it forecasts the
first round of its history from the last, so that its window of one round fits that
round to itself; it fits scaled models, X = (models - min) / max, and forecasts the
unscaled ones; it drops clients from the second round on, in which it keeps what they
sent in the history. Here nothing is forecast from the future, and fit and forecast are
of the same scale.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from strategies.linalg.rows import Float, Matrix, lowest
from strategies.randomness import Draw, server_generator
from strategies.rules.base import Aggregate, RobustRule, Rule, RuleContext
from strategies.rules.filtering import aggregate_rest
from strategies.rules.mean import Mean
from strategies.validation import require, require_between

# Of the scaled models: a forecast that moves less stands still.
TOLERANCE = 1e-6

# Rounds in which the baseline takes all clients for honest.
HONEST_ROUNDS = 2


@dataclass(frozen=True, kw_only=True)
class FLANDERS(RobustRule):
    """Drop the f least predictable clients, then apply another rule.

    Parameters
    ----------
    variant
        ``paper`` or ``baseline``.
    window
        Rounds of the history that the forecast is fitted to, at least 2; in the
        baseline at least 1, which is what it uses.
    sample
        Parameters that are drawn once and forecast, at least 1.
    iterations
        The most alternating least squares steps, at least 1; it stops before when the
        forecast stands still.
    ridge
        Weight of the regularisation, above 0.
    rule
        Aggregates the updates of the n - f clients that are kept.
    """

    keeps_order: ClassVar[bool] = True

    variant: str = "paper"
    window: int = 10
    sample: int = 500
    iterations: int = 100
    ridge: float = 1.0
    rule: Rule = field(default_factory=Mean)

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.variant in ("paper", "baseline"),
            "variant",
            self.variant,
            "'paper' or 'baseline'",
        )
        require_between("window", self.window, self._fewest)
        require_between("sample", self.sample, 1)
        require_between("iterations", self.iterations, 1)
        require_between("ridge", self.ridge, 1e-12)

    @property
    def _fewest(self) -> int:
        """Rounds that a forecast needs."""
        return 2 if self.variant == "paper" else 1

    @property
    def needs(self) -> tuple[str, ...]:
        """The models that are forecast, and what the other rule needs."""
        return ("parameters", *self.rule.needs)

    @property
    def needs_clients(self) -> bool:
        """The series are clients'."""
        return True

    @property
    def min_clients(self) -> int:
        """At least one more than f, and f more than the other rule needs."""
        return self.f + max(1, self.rule.min_clients)

    def check(self, n: int) -> None:
        """Refuse what the other rule refuses of the n - f that are kept."""
        super().check(n)
        self.rule.check(n - self.f)

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Keep everybody until enough is known; then forecast and filter."""
        n, d = updates.shape
        ids = context.ids(n)
        rng = server_generator(context.seed, Draw.FLANDERS)
        columns = np.sort(rng.choice(d, min(d, self.sample), replace=False))
        before = np.asarray(context.parameters, np.float64)[columns]
        models = before + updates[:, columns]
        history, sent, inner = state or ([], None, None)
        if sent is not None:
            # What the server made of the round before is known by now.
            history = [*history, (sent, before)][-self.window :]
        kept, diagnostics = np.arange(n), {}
        if len(history) >= self._fewest:
            series = np.stack([_models_of(ids, *entry) for entry in history])
            fit = forecast_next if self.variant == "paper" else forecast_as_baseline
            forecast = fit(series, self.iterations, self.ridge, rng)
            scores = ((models - forecast) ** 2).sum(axis=1)
            kept, diagnostics = lowest(scores, n - self.f), {"scores": scores}
        found = aggregate_rest(self.rule, updates, kept, inner, context)
        keeps_all = self.variant == "baseline" and context.round <= HONEST_ROUNDS
        sent = {ids[row]: models[row] for row in (range(n) if keeps_all else kept)}
        return Aggregate(
            vector=found.vector,
            weights=found.weights,
            selected=found.selected,
            state=(history, sent, found.state),
            diagnostics=diagnostics,
        )


def _models_of(ids: list[int], sent: dict[int, Float], otherwise: Float) -> Float:
    """Stack the models of clients in one round."""
    return np.stack([sent.get(client, otherwise) for client in ids])


def forecast_next(
    series: Float, iterations: int, ridge: float, rng: np.random.Generator
) -> Float:
    """Forecast the next matrix of a series.

    Parameters
    ----------
    series
        (t, m, k) matrices, t >= 2; they are scaled to [0, 1] for the fit.
    iterations
        The most alternating least squares steps.
    ridge
        Weight of |A|^2 and |B|^2.
    rng
        Draws where B starts.

    Returns
    -------
    (m, k)
    """
    low, high = series.min(), series.max()
    if high == low:
        return np.asarray(series[-1])
    scaled = (series - low) / (high - low)
    a, b = _autoregression(scaled[:-1], scaled[1:], iterations, ridge, rng)
    return np.asarray(a @ scaled[-1] @ b.T * (high - low) + low)


def forecast_as_baseline(
    series: Float, iterations: int, ridge: float, rng: np.random.Generator
) -> Float:
    """Forecast the next matrix as the baseline does; the arguments as before."""
    high = series.max()
    if high == 0:
        return np.asarray(series[-1])
    scaled = (series - series.min()) / high
    a, b = _autoregression(np.roll(scaled, 1, axis=0), scaled, iterations, ridge, rng)
    return np.asarray(a @ series[-1] @ b.T)


def _autoregression(
    old: Float, new: Float, iterations: int, ridge: float, rng: np.random.Generator
) -> tuple[Float, Float]:
    """Fit new ~ A old B' to (t, m, k) matrices by alternating least squares."""
    b = rng.normal(size=(old.shape[2], old.shape[2]))
    a = _ridge(_beside(new), _beside(old @ b.T), ridge)
    # A fitted B leads from what the rows of ``old`` span to what those of ``new`` span,
    # so it is fitted in coordinates of these: fewer than k where the rows are.
    source, target = _basis(old), _basis(new)
    last = new[-1] @ source
    old, new = old @ source, new @ target
    forecast = last
    for step in range(iterations):
        if step:
            a = _ridge(_beside(new), _beside(old @ b.T), ridge)
        b = _ridge(_beneath(new).T, _beneath(a @ old).T, ridge)
        before, forecast = forecast, a @ last @ b.T @ target.T
        if step and np.abs(forecast - before).max() < TOLERANCE:
            break
    return a, target @ b @ source.T


def _basis(series: Float) -> Float:
    """Return orthonormal columns that span the rows of (t, m, k) matrices."""
    return np.asarray(np.linalg.qr(_beneath(series).T)[0])


def _ridge(new: Float, old: Float, ridge: float) -> Float:
    """Minimise |new - X old|^2 + ridge |X|^2 over X; both have a column an equation."""
    if len(old) <= old.shape[1]:
        regular = old @ old.T + ridge * np.eye(len(old))
        return np.asarray(np.linalg.solve(regular, old @ new.T).T)
    # The same X from the smaller system: there are fewer equations than unknowns.
    regular = old.T @ old + ridge * np.eye(old.shape[1])
    return np.asarray(new @ np.linalg.solve(regular, old.T))


def _beside(series: Float) -> Float:
    """Write (t, m, k) matrices side by side: (m, t k)."""
    return np.asarray(series.transpose(1, 0, 2).reshape(series.shape[1], -1))


def _beneath(series: Float) -> Float:
    """Write (t, m, k) matrices below each other: (t m, k)."""
    return np.asarray(series.reshape(-1, series.shape[2]))
