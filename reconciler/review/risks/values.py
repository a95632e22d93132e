"""The two sides of a step: what it sets, and what that takes the place of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind
from reconciler.model.address import Span
from reconciler.model.desired import Desired
from reconciler.model.json import Json
from reconciler.model.plan import Notice, Step, Verb


@dataclass(frozen=True, slots=True)
class Values:
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
    def of(cls, step: Step, desired: Desired) -> Values:
        """The sides of a step that makes something so."""
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
