"""From what Hydra composed to a checked configuration."""

import warnings
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue

from fedrobust.config.keys import check_numbers
from fedrobust.config.pairs import check_components
from fedrobust.config.schema import Config
from fedrobust.config.typed import typed
from fedrobust.errors import ConfigError, reason_of

# Groups of which a list would be the last choice, without a word and without a name.
ONE_CHOICE = (
    "dataset", "partition", "model", "training", "byzantine", "strategy", "runtime",
)  # fmt: skip


def load_config(
    composed: DictConfig, choices: Mapping[str, Any] | None = None
) -> Config:
    """Check a composed configuration and give it as typed values.

    Parameters
    ----------
    composed
        What Hydra composed.
    choices
        The choice made in each group; read from the node ``hydra`` if there is one.

    Raises
    ------
    ConfigError
        With the key, the value, the bound and the nearest valid choice.
    """
    science = OmegaConf.masked_copy(
        composed, [str(k) for k in composed if k != "hydra"]
    )
    try:
        values = OmegaConf.to_container(science, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise ConfigError(f"{error.full_key} is not set: give it a value") from error
    except InterpolationResolutionError as error:
        raise ConfigError(
            f"{error.full_key} cannot be read: {reason_of(error)}"
        ) from error
    assert isinstance(values, dict)
    if choices is None and "hydra" in composed:
        choices = OmegaConf.select(composed, "hydra.runtime.choices")
    values["choices"] = {
        group: str(choice)
        for group, choice in (choices or {}).items()
        if choice is not None and not str(group).startswith("hydra/")
    }
    if values["choices"]:
        # Hydra names no choice of a group that was given a list of them.
        names = "+".join(map(str, values.get("preaggregator") or {}))
        values["choices"]["preaggregator"] = names or "none"
        for group in ONE_CHOICE:
            if group in values and group not in values["choices"]:
                raise ConfigError(
                    f"{group}=[...]: must be one choice, not a list; say "
                    f"-m {group}=a,b for a run with each"
                )
        attack = values.get("attack")
        methods = attack.get("methods") if isinstance(attack, dict) else None
        if "attack" not in values["choices"] and isinstance(methods, dict):
            values["choices"]["attack"] = "+".join(map(str, methods)) or "none"
    config: Config = typed(Config, values, "")
    check_numbers(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings_about() tells them
        return check_components(config)
