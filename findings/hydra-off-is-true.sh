#!/usr/bin/env bash
# hydra-core 1.3.8: `flag: off` in a configuration file is False, as YAML 1.1 has it, and
# OmegaConf's own dot lists agree; but `flag=off` on Hydra's command line is the string
# "off", which is true in `if cfg.flag`. The same holds for on, yes and no.
# It matters here because a defence that is switched off on the command line stays on:
# write false, and check the type of flags.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet hydra-core==1.3.8
"$folder/venv/bin/python" - <<'END'
import pathlib
import sys
from importlib.metadata import version

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

folder = pathlib.Path(sys.prefix).parent / "conf"
folder.mkdir()
(folder / "config.yaml").write_text("flag: off\n")
with initialize_config_dir(str(folder), version_base="1.3"):
    in_file = compose("config").flag
    on_command_line = compose("config", overrides=["flag=off"]).flag
print("hydra-core", version("hydra-core"))
print("expected", repr(in_file), "(from the file)")
print("seen    ", repr(on_command_line), "which is", bool(on_command_line))
dots = OmegaConf.from_dotlist(["flag=off"]).flag
if (in_file, dots, on_command_line) != (False, False, "off"):
    sys.exit("changed: flag=off no longer differs from `flag: off`")
END
