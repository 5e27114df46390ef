"""Notes that explain the tables of a folder's runs."""

from collections import Counter

from fedrobust.record.environment import different_versions
from fedrobust.report.columns import MISSING, checks, worst_client
from fedrobust.report.groups import Runs
from fedrobust.report.marks import raised

REPEATS = "Runs of one seed, which partition.seed sets apart, are averaged first."


def note(runs: Runs) -> str:
    """Return an explanation of the numbers."""
    worst = "; at each ε the worst over the attacks" if runs.epsilons else ""
    lines = [f"Accuracy in percent{worst}."]
    if any(checks(group.results) != MISSING for group in runs.groups):
        lines.append("Checks: passed, of all; others were not run unless named.")
    if any(group.values(worst_client) for group in runs.groups):
        lines.append(
            "Worst client, and standard deviation over clients, of the clean accuracy "
            "on the images that they hold out."
        )
    if any(len(group.seeds) > 1 for group in runs.groups):
        lines.append("Mean ± standard deviation (n - 1) over seeds.")
    if runs.has_repeats:
        lines.append(REPEATS)
    return " ".join(lines)


def problems(runs: Runs) -> list[str]:
    """List what is missing from the tables, and reasons not to compare their rows."""
    lines = []
    if not runs.same_seeds:
        lines.append("The rows have different seeds: their means do not compare.")
    if runs.unfinished:
        names = ", ".join(path.name for path in runs.unfinished[:5])
        more = ", ..." if len(runs.unfinished) > 5 else ""
        number = len(runs.unfinished)
        many = f"{number} runs are" if number > 1 else "1 run is"
        lines.append(f"{many} not finished: {names}{more}.")
    lines += [f"Failed: {attempt}." for attempt in runs.failed]
    lines += [f"Left out: {sentence}." for sentence in runs.unreadable]
    lines += [
        f"{', '.join(digests)} agree in every key and in the seed, so their code or a "
        "version differs: they are not averaged."
        for digests in runs.clashing
    ]
    results = [result for group in runs.groups for result in group.results]
    return lines + different_versions([result.environment for result in results])


def everywhere(runs: Runs) -> list[str]:
    """Return a sentence for each thing to know that holds for every run."""
    return [f"All runs: {sentence}." for sentence in runs.marks.common]


def footnotes(runs: Runs) -> list[str]:
    """Return the words of each mark, with the number of runs that carry it."""
    counts = Counter(letter for each in runs.marks.by_run.values() for letter in each)
    total = sum(len(group.runs) for group in runs.groups)
    return [
        *everywhere(runs),
        *(
            f"{raised([letter])} {sentence} ({counts[letter]} of {total} runs)"
            for letter, sentence in runs.marks.footnotes.items()
        ),
    ]
