"""model_card.md: what a model is, how robust it is, and what that does not tell."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fedrobust.config import Config
from fedrobust.record.escape import escape_markdown
from fedrobust.record.result import Result

TEMPLATE = "model_card.md.jinja"
# The name of the row of all attacks together.
WORST = "all together"


def model_card(config: Config, result: Result) -> str:
    """Return a short description of a trained model as Markdown.

    Parameters
    ----------
    config
        The experiment.
    result
        Its result.
    """
    by_status = {
        status: [(n, c.meaning) for n, c in result.checks.items() if c.status == status]
        for status in ("pass", "fail", "not_run")
    }
    backdoor = result.backdoor_success
    text: str = _template().render(
        version=result.environment.get("fedrobust", "of an unknown version"),
        centralised=config.centralised,
        clients=config.num_clients,
        training=list(_training(config, result)),
        num_evaluated=result.num_evaluated,
        clean=_percent(result.clean_accuracy),
        attacked=list(_attacked(config, result)),
        backdoor=None if backdoor is None else _percent(backdoor),
        failed=by_status["fail"],
        passed=len(by_status["pass"]),
        not_run=len(by_status["not_run"]),
        warnings=result.warnings,
    )
    return text


def _template() -> Any:
    """Return the template, which shows every value literally."""
    # Imported late, as a command that is refused needs no template.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: escape_markdown(str(value)),
    )
    return environment.get_template(TEMPLATE)


def _training(config: Config, result: Result) -> Iterator[tuple[str, Any]]:
    """Yield what the training depends on, by the words for it."""
    choices = config.choices
    named = {"data set": "dataset", "model": "model", "local training": "training"}
    if not config.centralised:
        named["partition"] = "partition"
    for words, group in named.items():
        yield words, choices.get(group, "not named")
    if config.training.objective.get("epsilon") is not None:
        yield "training epsilon", config.training.objective["epsilon"]
    yield "rounds", result.num_rounds
    if not config.centralised:
        yield from _federation(config)
    yield "seed", config.seed
    yield "digest of the configuration", config.digest
    yield "digest of the data", result.data_digest or "not recorded"


def _federation(config: Config) -> Iterator[tuple[str, Any]]:
    attack = config.choices.get("byzantine", "not named")
    count = f"{config.num_byzantine} of {config.num_clients} clients"
    yield "Byzantine clients", f"{count} ({attack})" if config.num_byzantine else "none"
    yield "clients in a round", config.num_sampled
    if config.preaggregator:
        yield "pre-aggregators", ", ".join(config.preaggregator)
    yield "aggregation rule", config.choices.get("strategy", "not named")
    yield "f of the strategy", config.strategy.f


def _attacked(config: Config, result: Result) -> Iterator[dict[str, Any]]:
    """Yield the accuracy under each attack, then under all of them together."""
    curves = dict(result.robust_accuracy)
    if len(curves) > 1:
        curves[WORST] = result.worst_robust_accuracy
    for name, curve in curves.items():
        node = config.attack.methods.get(name, {})
        norm = node.get("norm", config.attack.norm)
        for epsilon, accuracy in curve.items():
            yield {
                "attack": name,
                "norm": norm,
                "epsilon": epsilon,
                "accuracy": _percent(accuracy),
            }


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
