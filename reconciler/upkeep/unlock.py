"""Ending the lease of a run that died: who has the stack, whether it may be alive, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.account.failures import stop_for
from reconciler.account.port import Failure
from reconciler.apply.session import Session
from reconciler.model.errors import Exit, Stop
from reconciler.model.json import Json
from reconciler.observing.anchor import read_anchor
from reconciler.ownership.anchor import Anchor
from reconciler.ownership.liveness import Liveness
from reconciler.upkeep.moments import moment
from reconciler.upkeep.repair import mender

ALIVE = 60
"""Seconds: a run whose last sign of life is younger is most likely alive. It shows one every 20 seconds."""


@dataclass(frozen=True, slots=True)
class Held:
    """The stack's record, and the age in seconds of the last sign of life in it, by the server's clock.

    The age is negative when the sign is from the future; None when there is no record.
    """

    anchor: Anchor | None = None
    age: int | None = None

    @property
    def held(self) -> bool:
        """Whether a run has the stack, or had it when it died."""
        return self.anchor is not None and self.anchor.busy and self.anchor.run != ""

    @property
    def likely_alive(self) -> bool:
        """Whether the run showed a sign of life a moment ago."""
        return self.held and self.age is not None and abs(self.age) < ALIVE

    def to_json(self, stack: str, *, unlocked: bool) -> dict[str, Json]:
        """What `unlock` prints; `plan` is the start of the digest of the plan that the run carries out."""
        holder = None
        if self.held and self.anchor is not None:
            holder = {
                "run": self.anchor.run,
                "plan": self.anchor.plan or None,
                "last_sign_of_life": moment(self.anchor.beat),
                "age": self.age,
            }
        return {
            "stack": stack,
            "anchor": self.anchor.ids[0] if self.anchor else None,
            "unclean": self.anchor.busy if self.anchor else False,
            "holder": holder,
            "unlocked": unlocked,
        }


async def find_holder(session: Session) -> Held:
    """Who has the stack. GET only; raises Stop."""
    anchor = await read_anchor(session.account, session.scope())
    if anchor is None:
        return Held()
    try:
        anchor, now = await mender(session, anchor).look()
    except Failure as failure:
        raise stop_for(failure) from failure
    return Held(anchor, int(now - anchor.beat))


def check_dead(found: Held, liveness: Liveness, advice: str = "") -> None:
    """Raise Stop (exit 6) when the run that has the stack is most likely alive, and not known to have died here."""
    if found.anchor is not None and found.likely_alive and not liveness.died(found.anchor.run):
        age = max(0, found.age or 0)
        raise Stop(
            Exit.LOCKED,
            f"The run {found.anchor.run} showed a sign of life {age} s ago: it is most likely alive.",
            f"Nothing was written. Stop that run, or wait for it. {advice}".strip(),
        )


async def unlock(session: Session, found: Held) -> None:
    """Take the stack from the run that was found to have it, and see that it stays so. Raises Stop.

    A run that is alive after all notices within five seconds (`lease.STALE_AFTER`), and ends. If it happened to write
    in this very moment, its sign of life may have undone the unlocking: that is noticed here.
    """
    if found.anchor is None or not found.held:
        return
    repair = mender(session, found.anchor)
    try:
        await repair.free(found.anchor.run)
        await session.clock.sleep(session.timing.pause)
        current, _ = await repair.look()
    except Failure as failure:
        raise stop_for(failure) from failure
    if current.busy and current.run == found.anchor.run:
        raise Stop(
            Exit.LOCKED,
            f"The run {current.run} is alive: it wrote again at this moment.",
            "Stop it, or wait for it.",
        )
