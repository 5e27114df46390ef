"""FLANDERS: forecast the local models, and drop the clients furthest from the forecast.

    X_t ~ A X_(t-1) B'  (matrix autoregression over clients x parameters, fitted by
    ridge-regularised alternating least squares to the previous rounds)
    drop the f clients with the largest |x_i - forecast_i|^2

Gabrielli, Belli, Matrullo, Miori, Tolomei: Protecting Federated Learning from Extreme
Model Poisoning Attacks via Multidimensional Time Series Anomaly Detection, 2023 (arXiv:
2303.16668), Algorithm 1, with the sampled parameters and ridge terms of its Flower
baseline. Bound: f < n, provided that the first rounds are honest and that the sampled
parameters reveal the attack. A client with a huge value in a parameter that is not
sampled is kept, and enters the mean. Clip the updates first, or choose a ``rule`` that
tolerates one client.
For a client that was dropped or not sampled in a round, the history holds the global
model that the round led to.
``variant="baseline"`` repeats three oddities of the Flower baseline. It forecasts the
first round of its history from the last, so that a window of one round is fitted to
itself. It fits scaled models, X = (models - min) / max, but forecasts from unscaled
ones. It drops clients from the second round on, yet keeps in its history what they sent
in that round. ``variant="paper"`` never fits a round to a later one, and fits and
forecasts on the same scale.
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

# The fit has converged when no value of the (scaled) forecast moves by this much.
TOLERANCE = 1e-6

# Rounds in which the baseline considers all clients honest.
HONEST_ROUNDS = 2


@dataclass(frozen=True, kw_only=True)
class FLANDERS(RobustRule):
    """Drop the f least predictable clients, then apply another rule.

    Parameters
    ----------
    variant
        ``paper`` or ``baseline``; see the module's description.
    window
        Rounds of the history that the forecast is fitted to, at least 2. The baseline
        needs at least 1, which is its own setting.
    sample
        Number of parameters that are drawn once and forecast, at least 1.
    iterations
        Maximum number of alternating least squares steps, at least 1; the fit stops
        earlier when the forecast has converged.
    ridge
        Weight of the regularisation, at least 1e-12.
    rule
        The rule that aggregates the n - f updates that are kept.
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
        """Smallest number of rounds that a forecast can be fitted to."""
        return 2 if self.variant == "paper" else 1

    @property
    def needs(self) -> tuple[str, ...]:
        """The global parameters, and what the inner rule needs."""
        return ("parameters", *self.rule.needs)

    @property
    def needs_clients(self) -> bool:
        """True: each time series belongs to one client."""
        return True

    @property
    def min_clients(self) -> int:
        """The minimum of the inner rule plus f, but at least f + 1."""
        return self.f + max(1, self.rule.min_clients)

    def check(self, n: int) -> None:
        """Raise ValueError when the inner rule is undefined for the n - f kept rows."""
        super().check(n)
        self.rule.check(n - self.f)

    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Keep all clients until the history suffices; then forecast and filter."""
        n, d = updates.shape
        ids = context.ids(n)
        rng = server_generator(context.seed, Draw.FLANDERS)
        columns = np.sort(rng.choice(d, min(d, self.sample), replace=False))
        before = np.asarray(context.parameters, np.float64)[columns]
        models = before + updates[:, columns]
        history, sent, inner = state or ([], None, None)
        if sent is not None:
            # The global model that the previous round led to is known only now.
            history = [*history, (sent, before)][-self.window :]
        kept, diagnostics = np.arange(n), {}
        if len(history) >= self._fewest:
            series = np.stack([_models_of(ids, *entry) for entry in history])
            fit = forecast_next if self.variant == "paper" else forecast_as_baseline
            forecast = fit(series, self.iterations, self.ridge, rng)
            scores = ((models - forecast) ** 2).sum(axis=1)
            kept, diagnostics = lowest(scores, n - self.f), {"scores": scores}
        rest = aggregate_rest(self.rule, updates, kept, inner, context)
        keeps_all = self.variant == "baseline" and context.round <= HONEST_ROUNDS
        sent = {ids[row]: models[row] for row in (range(n) if keeps_all else kept)}
        return Aggregate(
            vector=rest.vector,
            weights=rest.weights,
            selected=rest.selected,
            state=(history, sent, rest.state),
            diagnostics=diagnostics,
        )


def _models_of(ids: list[int], sent: dict[int, Float], otherwise: Float) -> Float:
    """Stack the models of one round, with ``otherwise`` for absent clients."""
    return np.stack([sent.get(client, otherwise) for client in ids])


def forecast_next(
    series: Float, iterations: int, ridge: float, rng: np.random.Generator
) -> Float:
    """Forecast the next matrix of a time series.

    Parameters
    ----------
    series
        (t, m, k) matrices, t >= 2; they are scaled to [0, 1] for the fit.
    iterations
        Maximum number of alternating least squares steps.
    ridge
        Weight of |A|^2 and |B|^2.
    rng
        Generator of the initial B.

    Returns
    -------
    (m, k) forecast
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
    """Forecast as the baseline does; the arguments are those of ``forecast_next``."""
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
    a = _ridge(_side_by_side(new), _side_by_side(old @ b.T), ridge)
    # A fitted B maps the span of the rows of ``old`` to that of the rows of ``new``. It
    # is fitted in coordinates of these spans, which have fewer than k dimensions when
    # there are fewer than k rows.
    source, target = _basis(old), _basis(new)
    last = new[-1] @ source
    old, new = old @ source, new @ target
    forecast = last
    for step in range(iterations):
        if step:
            a = _ridge(_side_by_side(new), _side_by_side(old @ b.T), ridge)
        b = _ridge(_stacked(new).T, _stacked(a @ old).T, ridge)
        before, forecast = forecast, a @ last @ b.T @ target.T
        if step and np.abs(forecast - before).max() < TOLERANCE:
            break
    return a, target @ b @ source.T


def _basis(series: Float) -> Float:
    """Return orthonormal columns that span the rows of (t, m, k) matrices."""
    return np.asarray(np.linalg.qr(_stacked(series).T)[0])


def _ridge(new: Float, old: Float, ridge: float) -> Float:
    """Return the X that minimises |new - X old|^2 + ridge |X|^2.

    Each column of ``new`` and ``old`` is one equation.
    """
    if len(old) <= old.shape[1]:
        regular = old @ old.T + ridge * np.eye(len(old))
        return np.asarray(np.linalg.solve(regular, old @ new.T).T)
    # With fewer equations than unknowns this smaller system has the same solution.
    regular = old.T @ old + ridge * np.eye(old.shape[1])
    return np.asarray(new @ np.linalg.solve(regular, old.T))


def _side_by_side(series: Float) -> Float:
    """Write (t, m, k) matrices side by side: (m, t k)."""
    return np.asarray(series.transpose(1, 0, 2).reshape(series.shape[1], -1))


def _stacked(series: Float) -> Float:
    """Write (t, m, k) matrices below each other: (t m, k)."""
    return np.asarray(series.reshape(-1, series.shape[2]))
