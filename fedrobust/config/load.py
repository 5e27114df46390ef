"""Check a configuration that Hydra composed, and convert it to typed values."""

import warnings
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue

from fedrobust.config.components import forget_components
from fedrobust.config.keys import check_numbers
from fedrobust.config.notes import notes_about
from fedrobust.config.pairs import check_components
from fedrobust.config.schema import Config
from fedrobust.config.typed import forget_merged, typed
from fedrobust.errors import ConfigError, reason_of

# Groups with a single choice. From a list, Hydra would silently use the last one.
ONE_CHOICE = (
    "dataset", "partition", "model", "training", "byzantine", "strategy", "privacy",
    "runtime", "tracking",
)  # fmt: skip


_checked: dict[str, Config] = {}


def forget_checks() -> None:
    """Empty the caches of checks, as files that a configuration names may change."""
    _checked.clear()
    forget_components()
    forget_merged()


def load_config(
    composed: DictConfig, choices: Mapping[str, Any] | None = None
) -> Config:
    """Check a composed configuration, and return it as typed values.

    Each call reads anew the files that the configuration names.

    Parameters
    ----------
    composed
        The configuration that Hydra composed.
    choices
        The choice made in each group; None reads them from the node ``hydra``.

    Returns
    -------
    The configuration, with the notes about it.

    Raises
    ------
    ConfigError
        When a value is wrong; the message names the key, the value, the bound and the
        nearest valid choice.
    """
    forget_checks()
    return load_once(composed, choices)


def load_once(composed: DictConfig, choices: Mapping[str, Any] | None = None) -> Config:
    """Return what ``load_config`` does, which checks equal values once a command.

    Hydra's job, and the name of its folder, get the configuration that the command has
    checked. Composing forgets it, and so does ``load_config``.
    """
    values = _resolved(composed)
    if choices is None and "hydra" in composed:
        choices = OmegaConf.select(composed, "hydra.runtime.choices")
    values["choices"] = _named_choices(values, choices or {})
    text = repr(values)
    if text not in _checked:
        _checked[text] = _check(values)
    return _checked[text]


def _resolved(composed: DictConfig) -> dict[str, Any]:
    """Resolve all values except Hydra's own."""
    try:
        return {str(key): _value(composed, key) for key in composed if key != "hydra"}
    except MissingMandatoryValue as error:
        raise ConfigError(f"{error.full_key} is not set: give it a value") from error
    except InterpolationResolutionError as error:
        raise ConfigError(
            f"{error.full_key} cannot be read: {reason_of(error)}"
        ) from error


def _value(composed: DictConfig, key: Any) -> Any:
    value = composed[key]
    if not OmegaConf.is_config(value):
        return value
    return OmegaConf.to_container(value, resolve=True, throw_on_missing=True)


def _named_choices(
    values: Mapping[str, Any], choices: Mapping[str, Any]
) -> dict[str, str]:
    """Return the choice of each group; a list of several is joined by plus signs."""
    named = {
        group: str(choice)
        for group, choice in choices.items()
        if choice is not None and not str(group).startswith("hydra/")
    }
    if not named:
        return {}
    # Hydra records no choice for a group that was given a list.
    named["preaggregator"] = "+".join(map(str, values.get("preaggregator") or {}))
    named["preaggregator"] = named["preaggregator"] or "none"
    for group in ONE_CHOICE:
        if group in values and group not in named:
            raise ConfigError(
                f"{group}=[...]: must be one choice, not a list; use -m {group}=a,b "
                "for a run with each"
            )
    attack = values.get("attack")
    methods = attack.get("methods") if isinstance(attack, dict) else None
    if "attack" not in named and isinstance(methods, dict):
        named["attack"] = "+".join(map(str, methods)) or "none"
    return named


def _check(values: dict[str, Any]) -> Config:
    """Construct all components, and collect the notes about the configuration."""
    config: Config = typed(Config, values, "")
    check_numbers(config)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        config = check_components(config)
    messages = sorted({str(warning.message) for warning in caught})
    config.note([*notes_about(config), *messages])
    return config
