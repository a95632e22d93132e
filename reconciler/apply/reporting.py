"""What is said of a run as it goes: an event for whatever happens, and with it the exit code."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass

from reconciler.account.failures import stop_for
from reconciler.account.port import Failure
from reconciler.apply.options import Conclusion
from reconciler.apply.run import Emit
from reconciler.model.errors import Exit, Stop
from reconciler.model.events import Event, Outcome
from reconciler.model.plan import Step

NOT_DONE = frozenset({Outcome.FAILED, Outcome.SKIPPED, Outcome.IN_DOUBT})
"""Outcomes of a step after which nothing that needs it can be done."""


@dataclass(frozen=True, slots=True)
class Report:
    """Every step is reported once."""

    conclusion: Conclusion
    emit: Emit

    def step(
        self,
        step: Step,
        outcome: Outcome,
        *,
        object_id: str | None = None,
        seconds: float | None = None,
        summary: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:
        """How a step ended; `summary` and `lines` say why it failed."""
        self.conclusion.outcomes[str(step)] = outcome
        if outcome in NOT_DONE:
            self.conclusion.worsen(Exit.INCOMPLETE)
        data: dict[str, object] = {"step": str(step), "outcome": outcome.value}
        if object_id is not None:
            data["id"] = object_id
        if seconds is not None:
            data["seconds"] = round(seconds, 2)
        if summary:
            data["summary"] = summary
        if lines:
            data["lines"] = list(lines)
        self.emit(Event("step", data))

    def warn(self, summary: str) -> None:
        """Something that people should know, and that is no step."""
        self.emit(Event("warning", {"summary": summary}))

    async def guard(self, what: str, doing: Awaitable[None]) -> None:
        """Do something after the steps, which were reported: if it fails the exit code gets worse, and that is said."""
        try:
            await doing
        except Failure as failure:
            stop = stop_for(failure)
        except Stop as stopped:
            stop = stopped
        else:
            return
        self.conclusion.worsen(stop.code)
        self.conclusion.worsen(Exit.INCOMPLETE)
        self.warn(f"{what}: {stop.summary} {stop.detail}".strip())

    def summary(self, seconds: float) -> Event:
        """The last event."""
        counts = {outcome.value: self.conclusion.count(outcome) for outcome in Outcome}
        return Event("summary", {**counts, "seconds": round(seconds, 2), "exit_code": int(self.conclusion.exit)})
