"""``fedrobust attack``: any Keras model file against the attacks of conf/attack."""

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from fedrobust.config import Config, load_config
from fedrobust.config.compose import compose_run
from fedrobust.config.targets import file_digest
from fedrobust.errors import ConfigError, exits_refused
from fedrobust.files import read_json
from fedrobust.record.folder import (
    check_writable,
    replacing,
    to_json,
    write_atomically,
    writing,
)

HELP = """usage: fedrobust attack --model FILE [--dataset NAME] attack=NAME [overrides]

  --model FILE        a Keras model (.keras, .h5, ...), ours or anybody's
  --dataset NAME      data set whose test images are attacked (default: digits)
  --import MODULE     import a module first, whose layers the model uses; the model of a
                      run finds its own module if that can be imported; may be repeated
  --trust             run Python code that the model file holds, such as a lambda
  --samples N         attack the first N test images only
  --range LOW HIGH    inputs the model was trained on; epsilon stays in units of [0, 1]
  --out FOLDER        where result.json goes (default: attacks/<digest>)
  --save              also keep the adversarial examples, as adversarial.npz
  --picture           also draw some of them, as adversarial.png

  Overrides are those of `fedrobust run`; attack, attack.epsilon (one or a list),
  attack.norm, checks (fast or full) and seed have an effect. Examples:

  fedrobust attack --model m.keras --dataset mnist attack=autoattack attack.epsilon=0.3
  fedrobust attack --model m.keras 'attack=[fgsm,pgd]' attack.epsilon=[0.1,0.2]
"""
EFFECTIVE = ("attack", "checks", "seed", "dataset")


@exits_refused()
def command(arguments: Sequence[str]) -> int:
    """Attack a model; print and write what it withstands.

    Raises
    ------
    ConfigError
        With one sentence, when something is wrong.
    """
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    options = _parse(arguments)
    config = _config(options)
    path = Path(options.model)
    if not path.exists():
        raise ConfigError(f"--model {path}: there is no such file")
    folder = _folder(options, config, path)
    identity = {
        "model_digest": file_digest(path)[:16],
        "evaluation_digest": config.evaluation_digest,
        "seed": config.seed,
        "dataset": _of_images(config),
        "range": list(options.range),
    }
    _check_folder(folder, identity)
    # Only now: TensorFlow takes seconds to load.
    from fedrobust.assembly import Experiment
    from fedrobust.evaluation.assessment import assess
    from fedrobust.network.classifier import load_model, modules_beside
    from fedrobust.record.environment import environment

    split = Experiment(config).split
    # What cannot be drawn is told before hours are spent.
    shape = _drawn_shape(split.x_test.shape[1:]) if options.picture else None
    n = min(config.attack.samples or len(split.x_test), len(split.x_test))
    attacks = Experiment(config).attacks
    started = time.perf_counter()
    with _Watcher(n) as watch:
        try:
            beside = modules_beside(path)
            model = load_model(path, options.modules, options.trust, beside)
            found = assess(
                model,
                split.x_test[:n],
                split.y_test[:n],
                attacks,
                config.attack.epsilons,
                seed=config.seed,
                checks=config.checks,
                model_range=options.range,
                split=split,
                watch=watch,
            )
        except ValueError as error:
            raise ConfigError(f"--model {path}: {error}") from error
    scores = found.scores
    for note in found.notes:
        print(f"fedrobust: note: {note}", file=sys.stderr)
    _print(scores, n)
    result = {
        "model": str(path),
        **identity,
        "attack": asdict(config.attack),
        "choices": config.choices,
        "clean_accuracy": scores.clean,
        "robust_accuracy": scores.robust,
        "worst_robust_accuracy": scores.worst,
        "num_evaluated": scores.num_examples,
        "hyperparameters": scores.hyperparameters,
        "checks": {name: vars(check) for name, check in scores.checks.items()},
        "stages": watch.stages,
        "notes": found.notes,
        "wall_seconds": time.perf_counter() - started,
        "environment": environment(config.runtime),
    }
    with writing(folder, "choose another --out"):
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder, result, found, options, shape)
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"attack: {message}; see fedrobust attack --help")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(prog="fedrobust attack", add_help=False)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dataset")
    parser.add_argument("--import", dest="modules", action="append", default=[])
    parser.add_argument("--trust", action="store_true")
    parser.add_argument("--samples", type=int)
    parser.add_argument("--range", type=float, nargs=2, default=(0.0, 1.0))
    parser.add_argument("--out")
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--picture", action="store_true")
    parser.add_argument("--config-dir")
    parser.add_argument("overrides", nargs="*")
    return parser.parse_intermixed_args(list(arguments))


def _config(options: argparse.Namespace) -> Config:
    """Compose and check what is to be attacked and how."""
    overrides = list(options.overrides)
    for override in overrides:
        group = override.lstrip("+~").partition("=")[0].partition(".")[0]
        if group not in EFFECTIVE:
            raise ConfigError(
                f"{override}: has no effect on a model that is trained; "
                f"fedrobust attack takes {', '.join(EFFECTIVE)}"
            )
    if options.dataset is not None:
        overrides.append(f"dataset={options.dataset}")
    if options.samples is not None:
        overrides.append(f"attack.samples={options.samples}")
    config = load_config(compose_run(overrides, options.config_dir))
    if not config.attack.methods:
        raise ConfigError(
            "attack=none: say which attack, such as attack=autoattack; `fedrobust list "
            "attack` shows them"
        )
    return config


def _folder(options: argparse.Namespace, config: Config, model: Path) -> Path:
    if options.out is not None:
        return Path(options.out)
    parts = [file_digest(model)[:16], config.evaluation_digest, str(options.range)]
    parts += [str(_of_images(config)), str(config.seed)]
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return Path("attacks") / name


def _check_folder(folder: Path, identity: dict[str, Any]) -> None:
    """Refuse, before hours are spent, where the result could not be written."""
    check_writable(folder, "--out")
    path = folder / "result.json"
    if not path.exists():
        return
    found = read_json(path, "choose another --out")
    # Older results tell fewer of them.
    said = {key: found[key] for key in identity if key in found}
    known = json.loads(to_json({key: identity[key] for key in said}))
    if "model_digest" not in said or said != known:
        raise ConfigError(f"{path} is of something else: choose another --out")


def _of_images(config: Config) -> dict[str, Any]:
    """Give what the images depend on: not on how they come here."""
    return {k: v for k, v in config.dataset.items() if k not in ("download", "epsilon")}


class _Watcher:
    """Shows what an attack is at, and keeps how many examples each stage began with."""

    def __init__(self, num_examples: int) -> None:
        self.stages: list[dict[str, Any]] = []
        self._num_examples = num_examples
        console = Console(stderr=True)
        self._live = console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("loading", total=num_examples)

    def __enter__(self) -> "_Watcher":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, name: str, epsilon: float, done: int, total: int) -> None:
        """Take note of a batch; batches of one stage come from several threads."""
        stage = {"stage": name, "epsilon": epsilon, "standing": total}
        if self.stages[-1:] != [stage]:
            self.stages.append(stage)
            line = (
                f"{name} at ε={epsilon:.4g}: {total} of {self._num_examples} examples "
                "to break"
            )
            self._bar.reset(self._task, total=total, description=line)
            if not self._live:
                print(line, file=sys.stderr, flush=True)
        self._bar.update(self._task, advance=done)


def _print(scores: Any, n: int) -> None:
    """Print accuracies, and the checks with the failed ones in red."""
    from fedrobust.report.markup import rich_text

    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    table = Table(title=f"Accuracy in percent on {n} examples")
    table.add_column("attack")
    for epsilon in scores.worst:
        table.add_column(f"ε={float(epsilon):.4g}", justify="right")
    table.add_row("none (clean)", *[f"{100 * scores.clean:.2f}"] * len(scores.worst))
    for name, curve in scores.robust.items():
        table.add_row(rich_text(name), *(f"{100 * v:.2f}" for v in curve.values()))
    if len(scores.robust) > 1:
        worst = (f"{100 * v:.2f}" for v in scores.worst.values())
        table.add_row("worst case", *worst)
    console.print(table)
    colours = {"pass": "green", "fail": "red", "not_run": "dim"}
    for name, check in scores.checks.items():
        figure = "" if check.figure is None else f" {check.figure:.4g}"
        status = rich_text(f"{check.status:8}", colours[check.status])
        said = rich_text(f"{name}:{figure} ({check.meaning})")
        console.print(status + said, highlight=False)


def _drawn_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Give the shape in which the data's inputs are drawn."""
    from fedrobust.report.pictures import image_shape

    try:
        return image_shape(shape)
    except ValueError as error:
        raise ConfigError(f"--picture: {error}") from error


def _write(
    folder: Path,
    result: dict[str, Any],
    found: Any,
    options: argparse.Namespace,
    shape: tuple[int, ...] | None,
) -> None:
    """Write what was asked for; a picture where images have a shape to be drawn in."""
    write_atomically(folder / "result.json", to_json(result, indent=2) + "\n")
    print(folder / "result.json")
    if options.save:
        arrays = {f"{name}_{e}": x for (name, e), x in found.adversarial.items()}
        saved = folder / "adversarial.npz"
        with replacing(saved) as file:
            np.savez_compressed(file, x=found.x, y=found.y, **arrays)
        print(saved)
    if shape is not None:
        from fedrobust.report.pictures import draw_adversarial

        print(draw_adversarial(found, folder / "adversarial.png", shape))
