"""Marks of runs: a letter at each of their numbers, whose words stand in a footnote.

A run is marked for a warning, a failed check, skipped rounds, other versions and other
data. What holds for every run marks none of them, and stands above the tables instead.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fedrobust.record.environment import PACKAGES, version_changes
from fedrobust.report.finished_run import FinishedRun

# Small raised letters; there is none for q.
PLAIN = "abcdefghijklmnoprstuvwxyz"
# What a number may depend on, by its name in an environment.
VERSIONS = ("fedrobust", "code", "python", *PACKAGES)
_NUMBER = re.compile(r"\d+(\.\d+)?")
RAISED = dict(zip(PLAIN, "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))


@dataclass(frozen=True)
class Marks:
    """The marks of the runs of a folder.

    Attributes
    ----------
    footnotes
        The words of each mark, by its letter.
    common
        What holds for every run.
    by_run
        The letters of each marked run, by its configuration's and its evaluation's
        digest.
    sentences
        All that there is to know about each run, in the words of that run.
    """

    footnotes: Mapping[str, str]
    common: Sequence[str]
    by_run: Mapping[tuple[str, str], Sequence[str]]
    sentences: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)

    def of(self, runs: Iterable[FinishedRun]) -> list[str]:
        """Return the letters of runs behind one number, in the order of footnotes."""
        found = {letter for run in runs for letter in self.by_run.get(_key(run), ())}
        return [letter for letter in self.footnotes if letter in found]

    def sentences_of(self, run: FinishedRun) -> Sequence[str]:
        """Return all that there is to know about a run."""
        return self.sentences.get(_key(run), ())


NO_MARKS = Marks({}, [], {})


def marks_of(runs: Sequence[FinishedRun]) -> Marks:
    """Assign a letter to each thing to know that only some runs have."""
    data, versions = _usual_data(runs), _usual_versions(runs)
    said: dict[str, set[str]] = {}
    words: dict[tuple[str, str], list[str]] = {}
    sentences: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        own = [*dict.fromkeys(_words(run, data))]
        others = [*_other_versions(run, versions)]
        sentences[_key(run)] = [*own, *others]
        # Sentences that differ in their numbers alone share a mark.
        patterns = [(_NUMBER.sub("#", text), text) for text in own]
        # Other versions are other numbers, but no mark is shared by two of them.
        patterns += [(text, text) for text in others]
        for pattern, sentence in patterns:
            said.setdefault(pattern, set()).add(sentence)
            words.setdefault(_key(run), []).append(pattern)
    counts = Counter(p for each in words.values() for p in dict.fromkeys(each))
    total = len({_key(run) for run in runs})
    common = [pattern for pattern, count in counts.items() if count == total > 1]
    marked = [pattern for pattern in counts if pattern not in common]
    letters = dict(zip(marked, map(_letter, range(len(marked))), strict=True))
    return Marks(
        footnotes={letters[pattern]: _told(said[pattern]) for pattern in marked},
        common=[_told(said[pattern]) for pattern in common],
        by_run={
            key: [letters[pattern] for pattern in dict.fromkeys(each)
                  if pattern in letters]
            for key, each in words.items()
        },
        sentences=sentences,
    )  # fmt: skip


def raised(letters: Sequence[str]) -> str:
    """Return letters as a small raised text, such as ``ᵃ,ᵇ``; empty for none."""
    return ",".join("".join(map(RAISED.__getitem__, word)) for word in letters)


def alphabetical(letters: Iterable[str]) -> list[str]:
    """Return different letters in the order of the footnotes, z before aa."""
    return sorted(set(letters), key=lambda letter: (len(letter), letter))


def _told(sentences: set[str]) -> str:
    """Return the words of sentences that differ in their numbers alone."""
    more = "" if len(sentences) == 1 else " (other runs: other numbers)"
    return min(sentences) + more


def _key(run: FinishedRun) -> tuple[str, str]:
    return run.result.config_digest, run.result.evaluation_digest


def _letter(number: int) -> str:
    """Return a, b, ... z, aa, ab, ... for 0, 1, ..."""
    more, last = divmod(number, len(PLAIN))
    return (_letter(more - 1) if more else "") + PLAIN[last]


def _words(run: FinishedRun, usual: Mapping[str, str]) -> Iterator[str]:
    result = run.result
    for name in result.failed_checks:
        yield f"failed the check {name}, so the robust accuracy cannot be believed"
    yield from result.warnings
    if reason := (result.privacy or {}).get("reason"):
        yield str(reason)
    told = any("skipped" in warning for warning in result.warnings)
    if result.skipped_rounds and not told:
        yield f"{result.skipped_rounds} of {result.num_rounds} rounds were skipped"
    if result.other_versions:
        yield f"trained with {version_changes(result.other_versions)}"
    if result.data_digest not in (None, usual.get(_data_set(run))):
        yield f"has other data than most runs of this data set ({result.data_digest})"


def _other_versions(run: FinishedRun, usual: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence if the run was trained with other versions than most."""
    own = run.result.environment
    others = {name: version for name, version in usual.items()
              if name in own and str(own[name]) != version}  # fmt: skip
    if others:
        changes = [
            "other code of fedrobust than most runs"
            if name == "code"
            else f"{name} {own[name]} (most runs: {version})"
            for name, version in others.items()
        ]  # fmt: skip
        yield f"trained with {', '.join(changes)}"


def _usual_versions(runs: Sequence[FinishedRun]) -> dict[str, str]:
    """Return the most frequent version of each package, or the last one by name."""
    usual = {}
    for name in VERSIONS:
        environments = [run.result.environment for run in runs]
        counts = Counter(str(e[name]) for e in environments if name in e)
        if counts:
            usual[name] = max(counts, key=lambda version: (counts[version], version))
    return usual


def _usual_data(runs: Sequence[FinishedRun]) -> dict[str, str]:
    """Return the most frequent digest of the data, by data set."""
    counts: dict[str, Counter[str]] = {}
    for run in runs:
        # Runs of early versions recorded none.
        if run.result.data_digest is not None:
            counts.setdefault(_data_set(run), Counter())[run.result.data_digest] += 1
    return {name: count.most_common(1)[0][0] for name, count in counts.items()}


def _data_set(run: FinishedRun) -> str:
    """Return what determines the data, as a text: runs with other keys differ in it."""
    keys = ("dataset.", "choices.dataset")
    return repr(sorted(kv for kv in run.labels.items() if kv[0].startswith(keys)))
