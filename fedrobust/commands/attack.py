"""``fedrobust attack``: any Keras model file against the attacks of conf/attack."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from fedrobust.commands.attack_view import AttackProgress, print_scores
from fedrobust.config import Config, load_config
from fedrobust.config.compose import compose_run
from fedrobust.errors import ConfigError, exits_refused
from fedrobust.files import writing
from fedrobust.record.attack_folder import (
    OTHER_OUT,
    check_attack_folder,
    write_attack,
)
from fedrobust.record.attack_result import attack_result, identity_of

if TYPE_CHECKING:
    from fedrobust.evaluation.assessment import Assessment

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
    """Attack a model, and print and write its robust accuracy.

    Raises
    ------
    ConfigError
        When an option, the configuration or the model is wrong.
    """
    if any(a in ("-h", "--help") for a in arguments):
        print(HELP, end="")
        return 0
    options = _parse(arguments)
    config = _config(options)
    model = Path(options.model)
    if not model.exists():
        raise ConfigError(f"--model {model}: there is no such file")
    identity = identity_of(model, config, options.range)
    folder = identity.folder if options.out is None else Path(options.out)
    check_attack_folder(folder, identity)
    # Refuse inputs that cannot be drawn now, not after hours of attacks.
    shape = _drawn_shape(config) if options.picture else None
    started = time.perf_counter()
    assessment = _assess(model, config, options)
    for note in assessment.notes:
        print(f"fedrobust: note: {note}", file=sys.stderr)
    print_scores(assessment.scores)
    seconds = time.perf_counter() - started
    result = attack_result(model, identity, config, assessment, seconds)
    with writing(folder, OTHER_OUT):
        for path in write_attack(folder, result, assessment, options.save):
            print(path)
        if shape is not None:
            from fedrobust.report.portraits.examples import draw_assessment

            print(draw_assessment(assessment, folder / "adversarial.png", shape))
    return 0


def _assess(path: Path, config: Config, options: argparse.Namespace) -> "Assessment":
    """Load the model and attack it."""
    # Imported late, as TensorFlow takes seconds to load.
    from fedrobust.assembly import Experiment
    from fedrobust.evaluation.assessment import assess
    from fedrobust.network.classifier import load_model, modules_beside

    experiment = Experiment(config)
    split, attacks = experiment.split, experiment.attacks
    n = min(config.attack.samples or len(split.x_test), len(split.x_test))
    with AttackProgress(n) as watch:
        try:
            beside = modules_beside(path)
            return assess(
                load_model(path, options.modules, options.trust, beside),
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
    """Compose and check the configuration of the data and the attacks."""
    overrides = list(options.overrides)
    for override in overrides:
        group = override.lstrip("+~").partition("=")[0].partition(".")[0]
        if group not in EFFECTIVE:
            raise ConfigError(
                f"{override}: has no effect on a trained model; "
                f"fedrobust attack takes {', '.join(EFFECTIVE)}"
            )
    if options.dataset is not None:
        overrides.append(f"dataset={options.dataset}")
    if options.samples is not None:
        overrides.append(f"attack.samples={options.samples}")
    config = load_config(compose_run(overrides, options.config_dir))
    if not config.attack.methods:
        raise ConfigError(
            "attack=none: must be an attack, such as attack=autoattack; `fedrobust "
            "list attack` shows all"
        )
    return config


def _drawn_shape(config: Config) -> tuple[int, ...]:
    """Return the shape in which the inputs of the data are drawn."""
    from fedrobust.assembly import Experiment
    from fedrobust.report.portraits.example_images import image_shape

    try:
        return image_shape(Experiment(config).split.x_test.shape[1:])
    except ValueError as error:
        raise ConfigError(f"--picture: {error}") from error
