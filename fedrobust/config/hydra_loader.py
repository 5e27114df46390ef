"""Hydra's loader, with files read once and parts of compositions reused.

A *leaf* is a choice whose file has neither a defaults list nor a package of its own. It
changes one top-level node of the composed configuration and nothing else. So jobs of a
multirun that differ in leaves alone are assembled from earlier compositions: the node
of each leaf from one, everything else from another. Hydra composes all other jobs.
"""

import copy
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, flag_override

from fedrobust.config.conf_folder import config_dir

SEARCH_PATH = "hydra.searchpath"
# Number of compositions kept for reuse: one for each combination of swept values.
KEPT = 64


class Shared(NamedTuple):
    """The parts from which compositions that differ only in leaves are assembled."""

    whole: DictConfig
    # Top-level nodes, by key and leaves.
    nodes: dict[Any, Any]


class Files(CachingConfigRepository):
    """The configuration files, each read once."""

    def load_config(self, config_path: str) -> ConfigResult | None:
        """Return a file's content, which the caller may modify."""
        found = super().load_config(config_path)
        if found is not None:
            found = copy.copy(found)
            found.config = copy.deepcopy(found.config)
        return found

    @property
    def has_interpolations(self) -> bool:
        """Whether a defaults list that was read depends on other choices."""
        read = (found for found in self.cache.values() if found is not None)
        entries = (entry for found in read for entry in found.defaults_list or [])
        return any("${" in str(vars(entry)) for entry in entries)


class Loader(ConfigLoaderImpl):
    """Hydra's loader of conf/ and of a folder of the user."""

    def __init__(self, config_search_path: ConfigSearchPath) -> None:
        super().__init__(config_search_path)
        self._files = Files(self.repository)
        self.parser = OverridesParser.create(config_loader=self)
        self._overrides: dict[str, Override] = {}
        self._leaves: dict[tuple[str, Any], bool] = {}
        self._shared: OrderedDict[Any, Shared] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """Leave earlier compositions behind when a launcher sends it elsewhere.

        Nothing is built again there: Hydra unpickles before it has loaded the plugins
        that read configuration files.
        """
        return {**self.__dict__, "_shared": OrderedDict()}

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Compose a configuration, the node ``hydra`` included, as Hydra does."""

        def compose() -> DictConfig:
            return ConfigLoaderImpl.load_configuration(
                self,
                config_name,
                overrides,
                run_mode,
                from_shell,
                validate_sweep_overrides,
            )

        parsed = self._parsed(overrides)
        leaves = self._leaf_choices(parsed)
        if run_mode != RunMode.RUN or not leaves:
            return compose()
        others = tuple(o.input_line for o in parsed if o.key_or_group not in leaves)
        names = config_name, tuple(leaves), others
        parts: dict[str, tuple[str, ...]] = {}
        for group, choice in leaves.items():
            key = group.partition("/")[0]
            parts[key] = (*parts.get(key, ()), choice)
        shared = self._shared.get(names)
        if shared is None or any(part not in shared.nodes for part in parts.items()):
            composed = compose()
            if not self._files.has_interpolations:
                self._keep(names, parts, composed)
            return composed
        self._shared.move_to_end(names)
        return _assembled(shared, parts, leaves, parsed)

    def _keep(
        self, names: Any, parts: dict[str, tuple[str, ...]], composed: DictConfig
    ) -> None:
        if names not in self._shared:
            self._shared[names] = Shared(copy.deepcopy(composed), {})
            if len(self._shared) > KEPT:
                self._shared.popitem(last=False)
        for key, choices in parts.items():
            node: Any = copy.deepcopy(composed._get_node(key))
            node._set_parent(None)  # or the node would keep its parent alive
            self._shared[names].nodes[key, choices] = node

    def _parsed(self, overrides: list[str]) -> list[Override]:
        """Parse overrides, each once, as jobs of a multirun repeat most of them."""
        for word in overrides:
            if word not in self._overrides:
                (self._overrides[word],) = self.parser.parse_overrides([word])
        return [self._overrides[word] for word in overrides]

    def _leaf_choices(self, overrides: list[Override]) -> dict[str, str]:
        """Return the leaves among overrides, by group.

        Empty if an override may depend on the value of another.
        """
        found: dict[str, str] = {}
        for override in overrides:
            key, value = override.key_or_group, override.value()
            if override.type != OverrideType.CHANGE or key == SEARCH_PATH:
                return {}
            if self._is_leaf(key, value, override.package):
                if key in found:
                    return {}
                found[key] = str(value)
        return found

    def _is_leaf(self, group: str, choice: Any, package: str | None) -> bool:
        if type(choice) is not str or package is not None:
            return False
        if (group, choice) not in self._leaves:
            self._leaves[group, choice] = self._looks_as_leaf(group, choice)
        return self._leaves[group, choice]

    def _looks_as_leaf(self, group: str, choice: str) -> bool:
        if group.startswith("hydra") or not self._files.group_exists(group):
            return False
        file = self._files.load_config(f"{group}/{choice}")
        if file is None or not OmegaConf.is_dict(file.config):
            return False
        return not file.defaults_list and file.header.get("package") is None

    def _parse_overrides_and_create_caching_repo(
        self, config_name: str | None, overrides: list[str]
    ) -> tuple[list[Override], CachingConfigRepository]:
        """Return parsed overrides, and the files, which are read once."""
        parsed = self.parser.parse_overrides(overrides)
        if any(o.key_or_group == SEARCH_PATH for o in parsed):
            return super()._parse_overrides_and_create_caching_repo(
                config_name, overrides
            )
        return parsed, self._files


def _assembled(
    shared: Shared,
    parts: dict[str, tuple[str, ...]],
    leaves: dict[str, str],
    overrides: list[Override],
) -> DictConfig:
    """Return an assembled configuration, with Hydra's record of its overrides."""
    composed = copy.deepcopy(shared.whole)
    with flag_override(composed, ["struct", "no_deepcopy_set_nodes"], [False, True]):
        for part in parts.items():
            composed[part[0]] = copy.deepcopy(shared.nodes[part])
    hydra = composed.hydra
    hydra.runtime.choices.update(leaves)
    task = [o for o in overrides if not o.is_hydra_override()]
    hydra.overrides.task = [o.input_line for o in task]
    settings = hydra.job.config.override_dirname
    hydra.job.override_dirname = get_overrides_dirname(
        task, settings.exclude_keys, settings.item_sep, settings.kv_sep
    )
    return composed


def loader_for(folder: Path | None = None) -> Loader:
    """Return a loader of conf/ and, if given, of a folder of the user."""
    path = create_config_search_path(str(config_dir()))
    if folder is not None:
        path.prepend(
            provider="command-line",
            path=f"file://{folder}",
            anchor=SearchPathQuery(provider="schema"),
        )
    version.setbase("1.3")
    return Loader(path)
