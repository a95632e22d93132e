"""What a reviewer has to see before anything else: every risk of a plan, the gravest first.

A risk is about what a plan does to what people use; it forbids nothing. What was so before and stays so is none, but
for a model that will be shut down: that is about what runs, whether it changes or not. Nothing here depends on a clock:
days are counted from the plan's own date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind
from reconciler.model.address import Address, Span
from reconciler.model.desired import Desired
from reconciler.model.json import Json
from reconciler.model.observed import Observed
from reconciler.model.plan import Action, Change, Notice, Step, Verb
from reconciler.review.lookalikes import Finding, new, plain
from reconciler.review.reach import Reached, place, reached, texts, widened
from reconciler.review.successors import SUCCESSORS

NOTICE_DAYS = 90
"""A model's shutdown is a risk from so many days before on."""

_NAMED = 20
"""Users, or unusual characters of one text, that are named; the others are counted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What risks are judged by, beside the changes and their steps.

    `wanted` and `objects` are everything that is desired and everything of ours that is live; `models` says when each
    model is shut down (ISO date, or None), as far as that is known; `as_of` is the plan's own date.
    """

    as_of: str
    wanted: Mapping[Address, Desired] = field(default_factory=dict)
    objects: Sequence[Observed] = ()
    models: Mapping[str, str | None] = field(default_factory=dict)


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
    found += _shutdowns(steps, facts)
    return tuple(sorted(dict.fromkeys(found), key=lambda risk: (risk.code, str(risk.address), risk.summary)))


def _of_change(change: Change, steps: Sequence[Step], facts: Facts) -> Iterator[Notice]:
    if change.action is Action.DELETE:
        yield _notice(change, "R101", _deletion(change, steps, facts))
    elif change.action is Action.REPLACE:
        yield _notice(change, "R102", _replacement(change, steps))
    elif change.action is Action.ADOPT:
        yield _notice(change, "R103", _adoption(change))
    for step in steps:
        if step.desired is not None:
            yield from _of_values(_Values.of(step, step.desired))
            yield from _unprotected(step, step.desired)


def _notice(change: Change, code: str, summary: str) -> Notice:
    return Notice(code, summary, change.address, change.span)


# --- what goes, and what changes hands --------------------------------------------------------------------------------


def _deletion(change: Change, steps: Sequence[Step], facts: Facts) -> str:
    live = [item for step in steps for item in step.objects]
    more = f" and {_listed([item.id for item in live[1:]])}" if len(live) > 1 else ""
    held = _documents(live[0]) if len(live) == 1 else ""
    ids = {item.id for item in live}
    still = [user for user in change.affects if ids & _mentioned(facts.wanted.get(Address.parse(user)))]
    moved = [user for user in change.affects if user not in still]
    users = [f"used by {_listed(moved)} until now"] if moved else []
    users += [f"still used by {_listed(still)}"] if still else []
    return "; ".join([f"deletes {change.id}{more}{held}", *users])


def _replacement(change: Change, steps: Sequence[Step]) -> str:
    users = f"; used by {_listed(change.affects)}" if change.affects else ""
    if not any(step.verb is Verb.CREATE for step in steps):
        return f"deletes {change.id}, which an interrupted run has replaced{users}"
    return f"replaces {change.id}: its id changes{users}"


def _adoption(change: Change) -> str:
    names = sorted({delta.field for delta in change.fields})
    overwritten = f"; overwrites its {', '.join(names)}" if names else ""
    return f"takes over {change.id}, which was made by somebody else{overwritten}"


def _documents(item: Observed) -> str:
    """How many documents go with an object, where that is known; nothing for what has none."""
    if KINDS[item.kind].documents is None:
        return ""
    said = item.tags.files.partition(":")[0] if item.tags else ""
    count = len(item.documents) if item.documents is not None else int(said) if said.isdecimal() else 0
    return f" with {_counted(count, 'document')}" if count else ""


def _mentioned(desired: Desired | None) -> set[str]:
    """The texts of a spec, among them ids that stand there as such."""
    return {text for _, text in texts(KINDS[desired.kind], desired.spec)} if desired else set()


def _unprotected(step: Step, desired: Desired) -> Iterator[Notice]:
    live = step.observed
    if live is None or live.tags is None or desired.lifecycle.protect:
        return
    if live.tags.protect and live.tags.confirmed:
        summary = f"takes `protect` off {live.id}: later plans may delete or replace it"
        yield Notice("R401", summary, step.address, desired.span)


# --- what an object says ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Values:
    """The two sides of one step: the values that it sets, and the live ones they take the place of.

    `before` is None when nobody used the object so far. An old object that was not read counts as one without values:
    what the new one holds is new to the reviewer.
    """

    step: Step
    desired: Desired
    kind: Kind
    after: Mapping[str, Json]
    old: Kind
    before: Mapping[str, Json] | None

    @classmethod
    def of(cls, step: Step, desired: Desired) -> _Values:
        kind = KINDS[step.kind]
        live = step.replaces if step.verb is Verb.CREATE else step.observed
        if live is None or step.verb is Verb.CREATE:
            before = None if live is None else {**live.spec, "labels": live.labels}
            return cls(step, desired, kind, _content(desired), KINDS[live.kind] if live else kind, before)
        touched = {delta.field for delta in step.fields}
        after = {name: value for name, value in _content(desired).items() if name in touched}
        before = {name: value for name, value in live.spec.items() if name in touched} | {"labels": live.labels}
        return cls(step, desired, kind, after, kind, before)

    def notice(self, code: str, summary: str, name: str) -> Notice:
        """A risk of one field, where the manifest sets it."""
        span: Span | None = self.desired.spans.get((name,), self.desired.span)
        return Notice(code, summary, self.step.address, span)


def _content(desired: Desired) -> dict[str, Json]:
    return {**desired.spec, "labels": dict(desired.labels)}


def _of_values(values: _Values) -> Iterator[Notice]:
    yield from _other_models(values)
    hosts = list(_new_hosts(values))
    yield from (values.notice("R301", _outside(host), "tools") for host in hosts)
    if values.before is not None:
        for tool, what in widened(values.old, values.before, values.kind, values.after):
            yield values.notice("R302", f"{tool} {what}", "tools")
    yield from _unusual(values)


def _other_models(values: _Values) -> Iterator[Notice]:
    if values.before is None:
        return
    before, after = values.old.models(values.before)[:1], values.kind.models(values.after)[:1]
    if before and after and before != after:
        summary = f"changes the model from {plain(before[0])} to {plain(after[0])}"
        yield values.notice("R201", summary, "model")


def _new_hosts(values: _Values) -> Iterator[Reached]:
    known = {(item.role, item.target) for item in reached(values.old, values.before or {})}
    return (item for item in reached(values.kind, values.after) if (item.role, item.target) not in known)


def _outside(host: Reached) -> str:
    return f"reaches {host.told}, which is new ({host.place})"


def _unusual(values: _Values) -> Iterator[Notice]:
    before = dict(texts(values.old, values.before or {}))
    for path, text in texts(values.kind, values.after):
        found = new(before.get(path, ""), text)
        if found:
            summary = f"unusual characters in {place(path)}: {_characters(found)}"
            yield values.notice("R402", summary, str(path[0]))


def _characters(found: Sequence[Finding]) -> str:
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    return ", ".join(str(item) for item in found[:_NAMED]) + more


# --- models that are shut down ----------------------------------------------------------------------------------------


def _shutdowns(steps: Sequence[Step], facts: Facts) -> Iterator[Notice]:
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
    when = f"is shut down on {day}, {_counted(days, 'day')} from now" if days > 0 else f"is shut down today, {day}"
    if days < 0:
        when = f"was shut down on {day}, {_counted(-days, 'day')} ago"
    after = SUCCESSORS.get(model)
    advice = f". OpenAI names {after} in its place" if after else ""
    return f"the model {plain(model)} of {_listed(users)} {when}{advice}"


# --- words ------------------------------------------------------------------------------------------------------------


def _listed(names: Sequence[str]) -> str:
    """Names with commas; what is too many is counted."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
