"""From screened replies to the next global arrays, and what an attacker makes of it.

updates -> bounds -> pre-aggregators -> rule -> postprocessors -> server optimiser

The first and the last but one are the two sides of a postprocessor.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from flwr.app import ArrayRecord
from numpy.typing import NDArray

from strategies.linalg.rows import Matrix, Vector
from strategies.postprocessors.base import PostprocessorContext, bound, postprocess
from strategies.replies import take_updates
from strategies.round_report import RoundReport
from strategies.rounds.round import Round
from strategies.rounds.settings import Settings
from strategies.rules.base import UNDEFINED, Aggregate, RuleContext
from strategies.screening import Reply
from strategies.state import ServerState
from strategies.transport.arrays import pack_all
from strategies.transport.text import plain
from strategies.updates import add, difference, num_values


class Aggregation(Settings):
    """Apply the pipeline, the postprocessors and the server optimiser."""

    def _aggregate(
        self, round: Round, accepted: dict[int, Reply]
    ) -> ArrayRecord | None:
        """Apply everything from the pre-aggregators on to screened replies.

        ``accepted`` is empty afterwards.
        """
        report, state = round.report, self._state
        if not accepted:
            return self._release_nothing(round)
        replies = list(accepted.values())
        examples = [reply.num_examples for reply in replies]
        losses = [r.metrics.get(self.loss_metric, math.inf) for r in replies]
        statistics = self._statistics.stack(list(round.specs), replies)
        del replies
        learned = self._statistics.learned(round.specs)
        updates = take_updates(accepted, round.old, learned)

        def lowered(reason: str) -> None:
            self._event("f lowered", report.round, None, reason)

        try:
            context = self._context(round, report.accepted, examples, losses)
            missing = self._missing(round, len(updates))
            updates, seen = bound(self.postprocessors, state.postprocessors, updates)
            aggregate = self.pipeline(updates, state.rule, context, missing, lowered)
            vector, kept = self._postprocess(round, aggregate, missing, seen)
        except UNDEFINED as error:
            # The pipeline is undefined for these replies: the model stays as it is.
            return self._skip(report, str(error) or type(error).__name__)
        state = replace(state, rule=aggregate.state, postprocessors=kept)
        return self._step(round, vector, aggregate, statistics, state)

    def _release_nothing(self, round: Round) -> ArrayRecord | None:
        """Skip a round without updates, or release what hides that there are none."""
        report, state = round.report, self._state
        if not any(part.is_private for part in self.postprocessors):
            nobody = "no client was sampled"
            return self._skip(report, "no update is left" if report.sampled else nobody)
        learned = self._statistics.learned(round.specs)
        zeros = np.zeros(num_values(round.old, learned), np.float32)
        aggregate = Aggregate(vector=zeros, state=state.rule)
        try:
            missing = self._missing(round, 0)
            vector, kept = self._postprocess(round, aggregate, missing)
        except UNDEFINED as error:
            return self._skip(report, str(error) or type(error).__name__)
        return self._step(
            round, vector, aggregate, {}, replace(state, postprocessors=kept)
        )

    def _postprocess(
        self,
        round: Round,
        aggregate: Aggregate,
        missing: int,
        seen: Sequence[Any] = (),
    ) -> tuple[Vector, tuple[Any, ...]]:
        """Apply the postprocessors; return the vector and their states."""
        report = round.report
        known = PostprocessorContext(
            aggregate=aggregate,
            clients=tuple(report.accepted),
            expected=len(report.accepted) + missing,
            round=report.round,
            seed=self.seed,
        )
        vector, kept, report.postprocessed = postprocess(
            self.postprocessors, self._state.postprocessors, known, seen
        )
        return vector, kept

    def _step(
        self,
        round: Round,
        vector: Vector,
        aggregate: Aggregate,
        statistics: Mapping[str, NDArray[Any]],
        state: ServerState,
    ) -> ArrayRecord | None:
        """Step the global arrays, and keep the state if the step is finite."""
        assert self.server_optimizer is not None
        step, optimizer_state = self.server_optimizer(vector, state.server_optimizer)
        new = add(round.old, step, self._statistics.learned(round.specs))
        new |= self._statistics.combine(statistics, round.old, aggregate, self.pipeline)
        if not all(np.isfinite(new[name]).all() for name in new):
            return self._skip(round.report, "the server step would not be finite")
        self._state = replace(state, server_optimizer=optimizer_state)
        report = round.report
        report.selected, report.excluded = self.pipeline.choice(
            aggregate, report.accepted
        )
        return pack_all({name: new[name] for name in round.specs})

    def _context(
        self,
        round: Round,
        clients: Sequence[int],
        num_examples: Sequence[float],
        losses: Sequence[float],
    ) -> RuleContext:
        """Return what the rule may know beside the updates."""
        old, learned = round.old, self._statistics.learned(round.specs)
        train = self.train_on_root if "root_update" in self.rule.needs else None
        if train is not None and round.root_update is None:
            round.root_update = difference(train(round.number, old), old, learned)
        return RuleContext(
            clients=tuple(clients),
            num_examples=np.array(num_examples),
            round=round.number,
            seed=self.seed,
            root_update=round.root_update,
            parameters=np.concatenate([old[name].reshape(-1) for name in learned]),
            layers=[old[name].size for name in learned],
            losses=np.array(losses, np.float64),
            sampled=tuple(round.report.sampled),
        )

    def _missing(self, round: Round, replies: int) -> int:
        """Count the clients that should have replied in this round and did not."""
        sampled = len(round.report.sampled)
        if self.sampling == "poisson":
            # How many the lot would have drawn of those that are absent is unknown.
            return sampled - replies
        share, minimum = self.fraction_train, self.min_train_nodes
        return self.roster.expected(share, sampled, minimum) - replies

    def preview(
        self,
        updates: Matrix,
        clients: Sequence[int],
        num_examples: Sequence[float],
        losses: Sequence[float] | None = None,
    ) -> Vector:
        """Return what the pipeline makes of these updates in the round under way.

        It is what an attacker who knows pre-aggregators and rule computes; no state
        changes. Updates are bounded as postprocessors bound them; what these make of
        the aggregate is left out, as no attacker knows their noise.

        Parameters
        ----------
        updates
            (n, d), in the order of the client ids.
        clients, num_examples, losses
            Client id, declared examples and reported loss of each row; without losses
            nobody reports any.

        Raises
        ------
        ValueError
            When the rule is undefined for them.
        RuntimeError
            When no round is under way.
        """
        round = self._under_way()
        losses = [math.inf] * len(updates) if losses is None else losses
        context = self._context(round, clients, num_examples, losses)
        missing = self._missing(round, len(updates))
        state = self._state
        updates, _ = bound(self.postprocessors, state.postprocessors, updates)
        return self.pipeline(updates, state.rule, context, missing).vector

    def _skip(self, report: RoundReport, reason: str) -> ArrayRecord | None:
        """Keep the global arrays, which Flower does when it is given none."""
        report.skipped = plain(reason)
        self._event("round skipped", report.round, None, reason)
        return None
