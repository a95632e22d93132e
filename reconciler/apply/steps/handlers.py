"""Which function does what a step says: by the way in which its kind keeps our tags, and by its verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from reconciler.apply.run import Run
from reconciler.apply.steps.tagged import deleting as tagged_deleting
from reconciler.apply.steps.tagged import making
from reconciler.apply.steps.versioned import deleting as versioned_deleting
from reconciler.apply.steps.versioned import releasing
from reconciler.kinds.kind import TagPlace
from reconciler.model.events import Outcome
from reconciler.model.plan import Step, Verb

Handler = Callable[[Run, Step], Awaitable[tuple[Outcome, str]]]

HANDLERS: Mapping[tuple[TagPlace, Verb], Handler] = {
    (TagPlace.METADATA, Verb.CREATE): making.create,
    (TagPlace.METADATA, Verb.UPDATE): making.update,
    (TagPlace.METADATA, Verb.ADOPT): making.adopt,
    (TagPlace.METADATA, Verb.DELETE): tagged_deleting.delete,
    (TagPlace.METADATA, Verb.FORGET): tagged_deleting.forget,
    (TagPlace.VERSIONS, Verb.CREATE): releasing.create,
    (TagPlace.VERSIONS, Verb.UPDATE): releasing.update,
    (TagPlace.VERSIONS, Verb.ADOPT): releasing.adopt,
    (TagPlace.VERSIONS, Verb.DELETE): versioned_deleting.delete,
    (TagPlace.VERSIONS, Verb.FORGET): versioned_deleting.forget,
}
