"""What a plan costs: requests, time, storage, tokens. Estimates of a pure function of the plan and one table of prices.

Nothing is guessed. Where the account, the host or the table of prices does not say enough, the answer is None, and the
plan is silent about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.kinds import KINDS
from reconciler.kinds.kind import TagPlace
from reconciler.model.desired import Document
from reconciler.model.json import Json
from reconciler.model.observed import Attachment, Observed
from reconciler.model.plan import FileChange, FileChanges, Plan, Step, Verb
from reconciler.model.prices import (
    AS_OF,
    ATTACHED,
    ATTACHES,
    FREE_BYTES,
    GIB,
    HOST,
    MODELS,
    REHEARSAL,
    SOURCE,
    STORAGE,
    UPLOADS,
)
from reconciler.planning.documents import settled

GROUP = 24
"""So many files are attached with one request (reconciler/apply/documents/attaching.py)."""
PAGE = 100
"""So many files a list shows at once."""
JOURNAL = 40
"""So many files are detached between two notes in the anchor (reconciler/ownership/anchor.py)."""
IN_PARTS_FROM, PART = 8 * 2**20, 16 * 2**20
"""Bytes from which a file goes in parts, and bytes of a part (reconciler/apply/uploads/uploading.py and parts.py)."""
FEW = 8
"""Up to so many files are looked at one by one (reconciler/apply/documents/rollout.py)."""


def estimate(plan: Plan) -> dict[str, Json]:
    """The part of the plan's JSON form that tells what it costs, beside `requests` and `upload_bytes`."""
    stored, models = _storage(plan), _models(plan)
    files = sum(len(_sent(step.files)) for step in plan.steps)
    return {
        "files": files,
        "minutes": _minutes(plan, files),
        "storage": stored,
        "models": models,
        "prices": {"as_of": AS_OF, "source": SOURCE} if stored or models else None,
    }


def usage(objects: Iterable[Observed]) -> int | None:
    """The bytes that some live objects keep in storage that is charged; None where one of them does not say."""
    total = 0
    for item in objects:
        if KINDS[item.kind].attaches:
            used = _bytes(item.raw.get("usage_bytes"))
            if used is None:
                return None
            total += used
    return total


def _live(step: Step) -> tuple[Observed, ...]:
    return (step.observed,) if step.observed else ()


def _attached(step: Step) -> tuple[Attachment, ...]:
    return tuple(file for item in _live(step) for file in item.documents or ())


def _bytes(value: Json) -> int | None:
    """A size as a server says it; None for what can be none, as negative numbers and more than an exbibyte."""
    return value if isinstance(value, int) and 0 <= value <= 2**60 else None


def _sent(files: FileChanges | None) -> tuple[FileChange, ...]:
    return (*files.added, *files.changed) if files else ()


def _pages(count: int) -> int:
    return -(-count // PAGE)


def _groups(count: int) -> int:
    return -(-count // GROUP)


# --- requests ---------------------------------------------------------------------------------------------------------


def requests(steps: Sequence[Step], *, first_apply: bool) -> int:
    """About how many requests apply sends when nothing goes wrong and nothing is waited for.

    What counts is what the engine does: the steps' own requests, uploads, attachments in groups, removals one by one,
    the anchor, and the fresh read at the end. tests/test_cost.py measures how near it comes.
    """
    if not steps:
        return 0
    others = {step.kind for step in steps if not KINDS[step.kind].attaches}
    return _ANCHOR + first_apply + len(others) + sum(map(_requests, steps))


_ANCHOR = 8
"""To take the stack, to keep it and to give it back; the anchor is among the stores, whose list is read again."""
_WRITE = {TagPlace.METADATA: 3, TagPlace.VERSIONS: 6}
"""To create or change one object: it is read before and after; of a version, the pointer is, too."""
_DELETE = {TagPlace.METADATA: 2, TagPlace.VERSIONS: 7}
"""To delete one: it is read before; of something with versions, they are, too (two of them, about)."""


def _requests(step: Step) -> int:
    tag_place = KINDS[step.kind].tag_place
    ends = step.verb is Verb.DELETE
    total = 0 if ends else _WRITE[tag_place] + (2 if step.replaces else 0) + _documents(step)
    for item in (*(_live(step) if ends else ()), *step.surplus):
        live = len(item.documents or ())
        total += _DELETE[tag_place] + (3 + _removals(live, live) if live else 0)
    return total


def _documents(step: Step) -> int:
    """Uploads, attachments, a look at each of them, and what makes room for them."""
    uploads = sum(_upload(item.bytes or 0) for item in _sent(step.files))
    if not KINDS[step.kind].attaches:
        return uploads + len(_sent(step.files))
    total = _pages(len(step.desired.documents)) if step.desired else 0
    if not step.files:
        return total
    live = len(_attached(step))
    sent, updated = len(_sent(step.files)), len(step.files.updated)
    going = len(step.files.changed) + len(step.files.removed)
    total += uploads + 2 * _groups(sent) + _pages(sent) + _pages(live) + 1 + (live == 0)
    total += updated + (updated if updated <= FEW else _pages(live))
    return total + _removals(going, live)


def _upload(size: int) -> int:
    return 1 if size < IN_PARTS_FROM else 2 + -(-size // PART)


def _removals(count: int, live: int) -> int:
    """Detach and delete, each seen to be done; the anchor notes the Files first, and the list is read afterwards."""
    notes = -(-count // JOURNAL)
    return 4 * count + notes * (2 + _pages(live))


# --- time -------------------------------------------------------------------------------------------------------------


def _minutes(plan: Plan, files: int) -> int | None:
    """Whole minutes that the documented limits do not allow to go below; None when that is under one.

    A limit of `n` a minute lets the first `n` through at once, so one more than `n` takes at least a minute.
    """
    host = plan.account.host
    if host not in {HOST, REHEARSAL} and not host.endswith(f".{HOST}"):
        return None
    attached = [len(_sent(step.files)) for step in plan.steps if KINDS[step.kind].attaches]
    busiest = max((_groups(count) for count in attached), default=0)
    limits = ((files, UPLOADS), (sum(attached), ATTACHED), (busiest, ATTACHES))
    least = max((count - 1) // limit for count, limit in limits)
    return least if least > 0 else None


# --- storage ----------------------------------------------------------------------------------------------------------


def _storage(plan: Plan) -> dict[str, Json] | None:
    """What is stored before and after, in bytes and US dollars a day; None when nothing changes or too little is known.

    What is free is counted as if the account had nothing but this stack. What comes is taken to need as many bytes for
    each byte as the documents beside it, and one where there are none.
    """
    if plan.account.host not in {HOST, REHEARSAL} or plan.usage is None:
        return None
    before, change, concerned = plan.usage, 0, False
    for step in plan.steps:
        if not KINDS[step.kind].attaches:
            continue
        found = usage(_live(step)) if step.verb is Verb.ADOPT else 0
        more, gone = _difference(step), usage(step.surplus)
        if found is None or more is None or gone is None:
            return None
        before += found
        change += more - gone
        concerned = concerned or bool(step.files or step.surplus) or step.verb is Verb.DELETE
    if not concerned:
        return None
    sizes = [_rounded(before), _rounded(max(0, before + change))]
    days = [round(max(0, size - FREE_BYTES) / GIB * STORAGE, 4) for size in sizes]
    return {
        "before_bytes": sizes[0],
        "after_bytes": sizes[1],
        "before_usd_per_day": days[0],
        "after_usd_per_day": days[1],
    }


def _rounded(size: int) -> int:
    """Three digits are enough for an estimate, and the digest of a plan does not change with every byte."""
    unit: int = 10 ** max(0, len(str(size)) - 3)
    return (size + unit // 2) // unit * unit


def _difference(step: Step) -> int | None:
    """By how many bytes a step makes what its object stores larger; None when the account does not say enough."""
    if step.verb is Verb.DELETE:
        gone = usage(_live(step))
        return None if gone is None else -gone
    if not step.files or step.desired is None:
        return 0
    live = _attached(step)
    kept = _kept(step.desired.documents, live, step.files)
    coming, going, staying, size = step.files.upload_bytes, 0, 0, 0
    for item in live:
        document = kept.get(item.file_id)
        used = _bytes(item.usage)
        if used is None:
            return None
        if document is None:
            going += used if item.path is not None else 0
        elif used:
            staying += used
            size += document.bytes
        else:  # not processed yet
            coming += document.bytes
    return round(coming * (staying / size if size else 1)) - going


def _kept(documents: tuple[Document, ...], live: tuple[Attachment, ...], files: FileChanges) -> dict[str, Document]:
    """The documents of the live files that stay, by the ids of these."""
    current, renewed = settled(documents, live), {item.path for item in files.changed}
    return {
        current[document.path].file_id: document
        for document in documents
        if document.path in current and document.path not in renewed
    }


# --- models -----------------------------------------------------------------------------------------------------------


_USD = ("input_usd", "output_usd")


def _models(plan: Plan) -> list[Json]:
    """The prices of models that are new here, or that take the place of a model with other prices or none known."""
    if plan.account.host not in {HOST, REHEARSAL}:
        return []
    found: list[Json] = []
    for step in sorted(plan.steps, key=lambda item: (item.address, item.ordinal)):
        delta = next((item for item in step.fields if item.path == ("model",)), None)
        if delta is None:
            continue
        old = step.replaces.spec.get("model") if step.replaces else delta.before
        before, after = _priced(old), _priced(delta.after)
        if after is None or after["input_usd"] is None:
            continue
        if before is None or [before[key] for key in _USD] != [after[key] for key in _USD]:
            found.append({"address": str(step.address), "before": before, "after": after})
    return found


def _priced(model: Json) -> dict[str, Json] | None:
    """A model with its prices, which are None when the table lacks them; None for what is no model."""
    if not isinstance(model, str):
        return None
    price = MODELS.get(model)
    return {
        "model": model,
        "input_usd": price.input if price else None,
        "output_usd": price.output if price else None,
    }
