"""Waiting until the service has processed what was attached: within each file's deadline, and never without an end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.account.objects import is_missing
from reconciler.account.port import Failure
from reconciler.account.words import Meaning, says
from reconciler.apply.documents.attaching import attach, take_away
from reconciler.apply.documents.detaching import ENDED, detach, discard
from reconciler.apply.documents.intake import bring_in
from reconciler.apply.documents.rollout import PAGE, RETRIES, Pending, Rollout
from reconciler.apply.requests.looking import FIRST_PAUSE, LONGEST_PAUSE
from reconciler.apply.requests.refusals import is_fatal
from reconciler.apply.run import StepFailed, together
from reconciler.apply.uploads.sending import Deadline
from reconciler.model.desired import Document
from reconciler.model.observed import Attachment

UNTAGGED = "the server did not keep the attributes that say which document it is"
UNLISTED = "the server's list does not show the attributes that say which document it is"
NOT_SHOWN = "the store does not show it, although it was attached"
LAG = 0.05
"""What has been waited for long is looked at more rarely: by so much of the time a wait may last too long."""
STUCK = 2
"""So many times the time that a file may take: the run that attached it waited once, and a later one waits anew."""
PATIENT_LOOKS = 3
"""Looks at the store that may fail one after the other, each of them after the retries of reads."""
LEAST_PATIENCE = 15.0
"""Seconds in which an attachment has to be shown, however short the settle window is."""


async def wait(rollout: Rollout) -> None:
    """Until each file is processed or its deadline is over; what is stuck since an earlier run gets one more chance."""
    clock, pause = rollout.run.clock, FIRST_PAUSE
    began = clock.monotonic()
    while rollout.waiting:
        await look(rollout)
        late = {file_id: item for file_id, item in rollout.waiting.items() if item.deadline.left <= 0}
        for file_id, pending in late.items():
            del rollout.waiting[file_id]
            if pending.age is None:
                rollout.fail(pending.document.path, _too_late(file_id, pending))
        await _thaw(rollout, {file_id: pending for file_id, pending in late.items() if pending.age is not None})
        if rollout.waiting:
            await clock.sleep(pause)
            pause = min(pause * 2, max(LONGEST_PAUSE, LAG * (clock.monotonic() - began)))
    await _check_list(rollout)


async def _check_list(rollout: Rollout) -> None:
    """Take away what the list shows without its attributes: no later run could tell what it is.

    One page is enough, for a server does so with all or with none.
    """
    last = {} if rollout.telling else dict(list(rollout.ready.items())[-PAGE:])
    listed = await rollout.newest(last) if last else {}
    whole = await rollout.one_by_one([file_id for file_id, item in listed.items() if item.path is None])
    mute = [file_id for file_id, item in whole.items() if item.path is not None]
    for file_id in mute:
        rollout.fail(last[file_id], UNLISTED)
    await take_away(rollout, mute)


def _too_late(file_id: str, pending: Pending) -> str:
    """The file stays attached: the next run looks once more."""
    within = f"not processed within {pending.deadline.seconds:.0f} s ({file_id})"
    if not pending.stuck:
        return f"{within}; run again to look once more"
    return f"{within}, nor in {pending.stuck:.0f} s before it was attached anew; save it in another form, or run again"


async def look(rollout: Rollout) -> None:
    """Ask once how the files stand that are waited for. What failed for good is taken away, the rest tried again."""
    shown = await _shown(rollout)
    if shown is None:
        return
    again: dict[str, Pending] = {}
    dead: list[str] = []
    for file_id, pending in list(rollout.waiting.items()):
        why = _verdict(rollout, pending, shown.get(file_id))
        if why is None:
            continue
        del rollout.waiting[file_id]
        if not why:
            rollout.ready[file_id] = pending.document.path
            rollout.succeed(pending.document.path)
        elif pending.retries and _may_pass(why):
            again[file_id] = pending
        else:
            rollout.fail(pending.document.path, why)
            dead.append(file_id)
    await take_away(rollout, dead)
    await _try_again(rollout, again)


async def _shown(rollout: Rollout) -> dict[str, Attachment] | None:
    """What the store shows of the files; None when it cannot be read just now. Raises Failure when that goes on."""
    try:
        shown = await rollout.recent(rollout.waiting)
    except Failure as failure:
        rollout.unread += 1
        if is_fatal(failure) or is_missing(failure) or rollout.unread > PATIENT_LOOKS:
            raise
        return None
    rollout.unread = 0
    return shown


def _verdict(rollout: Rollout, pending: Pending, item: Attachment | None) -> str | None:
    """Why a file is not what it should be; nothing if it is, None while that is open."""
    if item is None:
        return _missed(rollout, pending)
    pending.shown, pending.missed = True, None
    if item.status not in ENDED:
        return None
    if item.status != "completed":
        return item.error or item.status
    return "" if item.path == pending.document.path else UNTAGGED


def _missed(rollout: Rollout, pending: Pending) -> str | None:
    """A file that was attached a moment ago may not be shown yet; within the settle window it has to be."""
    now = rollout.run.clock.monotonic()
    if pending.missed is None:
        pending.missed = now
    patience = max(rollout.run.settle, LEAST_PATIENCE) / (1 + RETRIES)
    return None if now - pending.missed < patience else NOT_SHOWN


def _may_pass(why: str) -> bool:
    """Whether a failure is the service's own: `server_error`, a File it did not know yet, an attachment it lost."""
    return why == NOT_SHOWN or says(Meaning.PASSING, why)


async def _try_again(rollout: Rollout, files: Mapping[str, Pending]) -> None:
    """Detach and attach once more; there is no other way to have a file processed again."""
    stuck = await together(_try_detach(rollout, file_id, pending) for file_id, pending in files.items())
    free = {file_id: files[file_id] for file_id, held in zip(files, stuck, strict=True) if not held}
    for pending in free.values():
        pending.retries -= 1
        pending.shown, pending.missed = False, None
    await attach(rollout, free)
    await take_away(rollout, [file_id for file_id in files if file_id not in free])
    rollout.check()


async def _try_detach(rollout: Rollout, file_id: str, pending: Pending) -> bool:
    """Whether it could not be detached."""
    try:
        # A death after it leaves a File that only `gc` finds; the next run sends the document again.
        await detach(rollout.run, rollout.path, rollout.kind, file_id, whole=False)
    except StepFailed as failed:
        rollout.fail(pending.document.path, failed.summary)
        return True
    except Failure as failure:
        rollout.fail(pending.document.path, failure)
        return True
    return False


# --- what an earlier run left -----------------------------------------------------------------------------------------


async def resume(rollout: Rollout, documents: Sequence[tuple[Document, Attachment]]) -> None:
    """Wait anew for what an earlier run attached and did not see processed; the oldest of it may be stuck."""
    if not documents:
        return
    now = await _service_time(rollout, documents[0][1])
    for document, item in documents:
        age = max(0.0, now - item.created_at) if item.created_at else 0.0
        pending = Pending(document, Deadline(rollout.run.clock, STUCK * rollout.run.file_deadline), shown=True, age=age)
        pending.deadline.begin(ago=age)
        rollout.waiting[item.file_id] = pending


async def _service_time(rollout: Rollout, item: Attachment) -> float:
    """The server's clock, in epoch seconds: what it says of ages is not to be compared with ours."""
    found = await rollout.ask(item.file_id)
    date = found[1].date if found else None
    return rollout.run.clock.now() if date is None else date


async def _thaw(rollout: Rollout, stuck: Mapping[str, Pending]) -> None:
    """Have stuck files processed once more: attached anew, or uploaded anew where they cannot even be detached."""
    stays = await together(_stays(rollout, file_id) for file_id in stuck)
    held = [file_id for file_id, stay in zip(stuck, stays, strict=True) if stay]
    free = {file_id: pending for file_id, pending in stuck.items() if file_id not in held}
    for pending in free.values():
        pending.stuck, pending.age = STUCK * rollout.run.file_deadline - pending.deadline.left, None
        pending.deadline, pending.shown = rollout.deadline(), False
        pending.deadline.begin()
    await attach(rollout, free)
    rollout.check()
    try:
        await discard(rollout.run, rollout.kind, rollout.parent, held)
    except StepFailed as failed:
        for file_id in held:
            rollout.fail(stuck[file_id].document.path, failed.summary)
    else:
        await bring_in(rollout, [stuck[file_id].document for file_id in held])


async def _stays(rollout: Rollout, file_id: str) -> bool:
    try:
        # The same here: until it is attached anew, only `gc` finds the File.
        await detach(rollout.run, rollout.path, rollout.kind, file_id, whole=False)
    except StepFailed:
        return True
    return False
