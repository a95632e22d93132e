"""Which function does what a step says: by the way in which its kind keeps our tags, and by its verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from reconciler.apply.run import Run
from reconciler.apply.steps.tagged import deleting as tagged_deleting
from reconciler.apply.steps.tagged import making
from reconciler.apply.steps.versioned import deleting as versioned_deleting
from reconciler.apply.steps.versioned import releasing
from reconciler.kinds.kind import Keeping
from reconciler.model import Outcome, Step, Verb

Handler = Callable[[Run, Step], Awaitable[tuple[Outcome, str]]]

HANDLERS: Mapping[tuple[Keeping, Verb], Handler] = {
    (Keeping.METADATA, Verb.CREATE): making.create,
    (Keeping.METADATA, Verb.UPDATE): making.update,
    (Keeping.METADATA, Verb.ADOPT): making.adopt,
    (Keeping.METADATA, Verb.DELETE): tagged_deleting.delete,
    (Keeping.METADATA, Verb.FORGET): tagged_deleting.forget,
    (Keeping.VERSIONS, Verb.CREATE): releasing.create,
    (Keeping.VERSIONS, Verb.UPDATE): releasing.update,
    (Keeping.VERSIONS, Verb.ADOPT): releasing.adopt,
    (Keeping.VERSIONS, Verb.DELETE): versioned_deleting.delete,
    (Keeping.VERSIONS, Verb.FORGET): versioned_deleting.forget,
}
