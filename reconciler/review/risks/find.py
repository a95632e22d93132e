"""All risks of a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.model.plan import Change, Notice, Step
from reconciler.review.risks.characters import unusual_characters
from reconciler.review.risks.endings import endings
from reconciler.review.risks.facts import Facts
from reconciler.review.risks.hosts import new_hosts, widened_tools
from reconciler.review.risks.models import other_models
from reconciler.review.risks.protection import unprotected
from reconciler.review.risks.shutdowns import shutdowns
from reconciler.review.risks.values import Values

_OF_VALUES = (other_models, new_hosts, widened_tools, unusual_characters)


def find_risks(changes: Sequence[Change], steps: Sequence[Step], facts: Facts) -> tuple[Notice, ...]:
    """Every risk of a plan, by code (which is the order of severity), address and text; each once."""
    own: dict[int, list[Step]] = {}
    for step in steps:
        own.setdefault(step.change, []).append(step)
    found = [
        risk
        for number, change in enumerate(changes)
        if not change.blocked
        for risk in _of_change(change, own.get(number, []), facts)
    ]
    found += shutdowns(steps, facts)
    return tuple(sorted(dict.fromkeys(found), key=lambda risk: (risk.code, str(risk.address), risk.summary)))


def _of_change(change: Change, steps: Sequence[Step], facts: Facts) -> Iterator[Notice]:
    yield from endings(change, steps, facts)
    for step in steps:
        if step.desired is not None:
            values = Values.of(step, step.desired)
            yield from (risk for family in _OF_VALUES for risk in family(values))
            yield from unprotected(step, step.desired)
