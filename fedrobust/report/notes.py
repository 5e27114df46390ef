"""Notes that explain the tables of a folder's runs."""

from collections import Counter
from collections.abc import Sequence

from fedrobust.record.environment import different_versions, version_changes
from fedrobust.report.columns import MISSING, checks, worst_client
from fedrobust.report.groups import Runs


def note(runs: Runs) -> str:
    """Return an explanation of the numbers, and reasons not to compare them."""
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
    if not runs.same_seeds:
        lines.append("The rows have different seeds: their means do not compare.")
    if runs.unfinished:
        lines.append(f"{len(runs.unfinished)} runs are not finished.")
    return " ".join([*lines, *record_notes(runs)])


def record_notes(runs: Runs) -> list[str]:
    """Return notes about runs that failed, were unreadable or had other versions."""
    lines = []
    if runs.failed:
        lines.append(f"{len(runs.failed)} runs failed: {_some(runs.failed)}.")
    if runs.unreadable:
        some = _some(runs.unreadable)
        lines.append(f"{len(runs.unreadable)} files are left out: {some}.")
    lines += [
        f"{', '.join(digests)} agree in every key and in the seed, so their code or a "
        "version differs: they are not averaged."
        for digests in runs.clashing
    ]
    results = [result for group in runs.groups for result in group.results]
    lines += different_versions([result.environment for result in results])
    stale = [version_changes(r.other_versions) for r in results if r.other_versions]
    if stale:
        some = _some(sorted(set(stale)))
        lines.append(
            f"{len(stale)} runs were trained with other versions than those of the "
            f"latest call: {some}; --fresh trains them anew."
        )
    return lines


def _some(texts: Sequence[str], most: int = 5) -> str:
    """Join the first few texts, and count the rest."""
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return "; ".join([*texts[:most], *more])


def warnings_of(runs: Runs) -> list[str]:
    """Return each warning with the number of runs that have it, most frequent first."""
    results = [result for group in runs.groups for result in group.results]
    counts = Counter(w for result in results for w in set(result.warnings))
    return [
        f"{warning} ({count} of {len(results)} runs)"
        for warning, count in sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    ]
