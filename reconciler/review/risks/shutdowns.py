"""Models that are shut down soon, or were (R202)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind
from reconciler.model.address import Address, Span
from reconciler.model.json import Json
from reconciler.model.plan import Notice, Step
from reconciler.review.lookalikes import plain
from reconciler.review.risks.facts import Facts
from reconciler.review.risks.words import counted, listed
from reconciler.review.successors import SUCCESSORS

NOTICE_DAYS = 90
"""A model's shutdown is a risk from so many days before on."""


def shutdowns(steps: Sequence[Step], facts: Facts) -> Iterator[Notice]:
    """One for each model, with all that run it once the plan is applied."""
    users: dict[str, list[tuple[Address, Span | None]]] = {}
    for address, (kind, spec) in sorted(_running(steps, facts).items()):
        wanted = facts.wanted.get(address)
        for model in dict.fromkeys(kind.models(spec)):
            users.setdefault(model, []).append((address, wanted.span if wanted else None))
    today = dt.date.fromisoformat(facts.as_of)
    for model, used in users.items():
        day = _date(facts.models.get(model))
        if day is not None and (day - today).days <= NOTICE_DAYS:
            names = [str(address) for address, _ in used]
            yield Notice("R202", _shutdown(model, day, (day - today).days, names), *used[0])


def _running(steps: Sequence[Step], facts: Facts) -> dict[Address, tuple[Kind, Mapping[str, Json]]]:
    """The values of every object as they are once the plan is applied, by address."""
    gone = {item.id for step in steps for item in step.objects}
    running: dict[Address, tuple[Kind, Mapping[str, Json]]] = {}
    for item in facts.objects:
        tags = item.tags
        if tags is None or not tags.current or item.id in gone:
            continue
        wanted = facts.wanted.get(tags.address)
        spec = wanted.spec if wanted is not None and not item.complete else item.spec
        running[tags.address] = (KINDS[item.kind], spec)
    for step in steps:
        if step.desired is not None:
            held = step.observed is not None and step.version is not None
            spec = step.observed.spec if step.observed is not None and held else step.desired.spec
            running[step.address] = (KINDS[step.kind], spec)
    return running


def _date(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text or "")
    except ValueError:
        return None


def _shutdown(model: str, day: dt.date, days: int, users: Sequence[str]) -> str:
    when = f"is shut down on {day}, {counted(days, 'day')} from now" if days > 0 else f"is shut down today, {day}"
    if days < 0:
        when = f"was shut down on {day}, {counted(-days, 'day')} ago"
    after = SUCCESSORS.get(model)
    advice = f". OpenAI names {after} in its place" if after else ""
    return f"the model {plain(model)} of {listed(users)} {when}{advice}"
