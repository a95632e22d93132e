"""Changing the attributes of documents that stay, and seeing that the server really changed them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from reconciler.account.port import Call, Failure
from reconciler.apply.documents.processing import UNTAGGED
from reconciler.apply.documents.rollout import Rollout
from reconciler.apply.requests.writing import Seen, write
from reconciler.apply.run import StepFailed, together
from reconciler.model.desired import Document
from reconciler.model.json import same
from reconciler.model.observed import Attachment
from reconciler.model.reasons import TEXTS, ReasonCode

LOOK_AGAIN = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each look at attributes that were changed."""


async def change_attributes(rollout: Rollout, items: Sequence[tuple[Document, Attachment]]) -> None:
    """Give files that stay other attributes, and see that they have them: some servers say yes and keep the old."""
    await together(_update_one(rollout, document, item) for document, item in items)
    rollout.check()
    different = {item.file_id: (document, "") for document, item in items if document.path not in rollout.failed}
    for pause in LOOK_AGAIN:
        if not different:
            return
        await rollout.run.clock.sleep(pause)
        shown = await rollout.anywhere(different)
        for file_id, (document, _) in list(different.items()):
            why = _unlike(rollout, document, shown.get(file_id))
            different[file_id] = (document, why)
            if not why:
                del different[file_id]
                rollout.succeed(document.path)
    for document, why in different.values():
        rollout.fail(document.path, why)


def _unlike(rollout: Rollout, document: Document, live: Attachment | None) -> str:
    """In what a file does not have the attributes that were sent; nothing if it has."""
    if live is None:
        return "the store does not show it any more"
    if live.path != document.path:
        return UNTAGGED
    code = rollout.kind.difference(document, live)
    if code is not ReasonCode.ATTRIBUTES:
        return TEXTS[code] if code else ""
    keys = sorted({*document.attributes, *live.attributes})
    kept = [key for key in keys if not same(live.attributes.get(key), document.attributes.get(key))]
    return f"attributes ({', '.join(kept)}): the server acknowledged the change and kept what it had"


async def _update_one(rollout: Rollout, document: Document, item: Attachment) -> None:
    op = rollout.run.op()
    path = f"{rollout.path}/{item.file_id}"
    body = {"attributes": rollout.kind.tags(document, op)}
    call = Call("POST", path, json=body, beta=rollout.kind.beta, once=True)

    async def seen() -> Seen:
        live = await rollout.read(item.file_id)
        if live is None:
            return Seen.OTHER
        return {op: Seen.TARGET, item.op: Seen.BEFORE}.get(live.op, Seen.OTHER)

    try:
        # A death after it leaves all attributes as they are to be; the next run sees that, and writes the others.
        await write(rollout.run, "the update", path=path, send=partial(rollout.run.account.send, call), seen=seen)
    except StepFailed as failed:
        rollout.fail(document.path, failed.summary)
    except Failure as failure:
        rollout.fail(document.path, failure)
