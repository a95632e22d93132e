"""An explained document: what happens to it, why, what is wanted and what is there."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.model.reasons import ReasonCode
from reconciler.render import blocks, escape, values
from reconciler.render.explain.lines import (
    INDENT,
    Body,
    at,
    headed,
    known,
    labelled,
    notices,
)
from reconciler.render.rows import Page, Row, prose

_DOCUMENT = {
    "added": ("+", "add"),
    "changed": ("~", "upload again"),
    "updated": ("~", "change in place"),
    "removed": ("-", "remove"),
    "unmanaged": ("", "leave alone"),
}
_DOCUMENT_WHY: Mapping[str, str] = {
    ReasonCode.NEW: "The manifest takes it in, and the store has no document of this path yet.",
    ReasonCode.CONTENT: "Its bytes are not those that were uploaded. A changed file is uploaded anew, and the old one "
    "goes when the new one is ready.",
    ReasonCode.NAME: "It is to have another name. A name cannot be changed in place, so it is uploaded anew.",
    ReasonCode.CHUNKING: "It is to be cut into other chunks. That cannot be changed in place, so it is uploaded anew.",
    ReasonCode.ATTRIBUTES: "Only its attributes differ. They are changed in place; nothing is uploaded.",
    ReasonCode.FAILED: "The account could not process it when it was uploaded before. It is uploaded anew.",
    ReasonCode.MISSING: "Its File is gone from the account. It is uploaded anew.",
    ReasonCode.ATTACHED_TWICE: "It is attached twice, and one of the two goes.",
    ReasonCode.UNMANAGED: "It carries no tag of ours: somebody else added it. It stays.",
}
_NOT_TAKEN = "No entry of the manifest takes it in any more, or its file is gone."


def explained(body: Body, document: Body, page: Page) -> list[str]:
    """One document: what happens to it, why, what is wanted and what is there."""
    actions = document["actions"]
    first = (
        _DOCUMENT.get(str(actions[0]["action"]), ("", "nothing to do for")) if actions else ("", "nothing to do for")
    )
    gone = not actions and any(change["action"] in {"delete", "forget"} for change in body["changes"])
    sign, does = ("-", "goes with its store:") if gone else first
    rows: list[Row] = []
    for action in actions:
        rows += prose(_document_why(body, document, action), page, indent=INDENT, hang=0)
    if not actions:
        rows += prose(_unchanged(body, document, gone=gone), page, indent=INDENT, hang=0)
    for item in document["differs"]:
        sides = [_told(item[side], item["what"]) for side in ("live", "wanted")]
        rows += labelled(item["what"], " → ".join(sides), page)
    rows += _wanted(document["wanted"], {item["what"] for item in document["differs"]}, page)
    for item in document["live"] or ():
        rows += labelled("live", _attached(item), page)
    if body["object"] is not None:
        applied = body["object"].get("applied")
        commit = f", last apply at commit {applied['revision']}" if applied else ""
        rows += labelled("part of", f"{known(body)}{commit}", page)
    rows += notices(body, page)
    written = document["wanted"] is not None and document["wanted"]["source"]
    return headed({**body, "source": None if written else body["source"]}, sign, does, rows, page)


def _document_why(body: Body, document: Body, action: Body) -> str:
    code, reason = str(action["code"]), str(action["reason"])
    if any(change["action"] in {"create", "replace"} for change in body["changes"]) and code == ReasonCode.NEW:
        return "Its store is new, so every document of it is uploaded."
    if code in _DOCUMENT_WHY:
        told = f"{_DOCUMENT_WHY[code]} {blocks.sentence(reason.partition('; ')[2])}"
    else:
        told = blocks.sentence(reason or ("" if document["wanted"] else _NOT_TAKEN))
    return escape.line(told.strip())


def _unchanged(body: Body, document: Body, *, gone: bool) -> str:
    if gone:
        return "No manifest speaks of its store any more."
    if body["left_out"]:
        return "It is left out: --only restricts the plan to other addresses."
    if document["live"] is None and body["saved"]:
        return "The plan does not mention it: when it was made, there was nothing to do for it."
    if document["live"] is None:
        return (
            "The tag that the last apply left on its store says that its documents are settled, so they were not "
            "compared one by one. `--refresh full` does."
        )
    return "It is in the account as the manifest wants it."


def _wanted(wanted: Body | None, said: set[str], page: Page) -> Iterator[Row]:
    """What the manifest says of the document; `said` are the parts that were shown already."""
    if wanted is None:
        return
    size = values.size(wanted["bytes"])
    yield from labelled("file", f"{wanted['file']}, {size}, sha256 {wanted['sha256'][:12]}…", page)
    if "name" not in said:
        yield from labelled("name", str(wanted["name"]), page)
    if "attributes" not in said and wanted["attributes"]:
        yield from labelled("attributes", values.inline(wanted["attributes"]), page)
    if "chunking" not in said:
        chunks = wanted["chunking"]
        yield from labelled("chunking", values.inline(chunks) if chunks else "auto, what the API does by itself", page)
    if wanted["source"]:
        yield from labelled("taken by", at(wanted["source"]), page)


def _attached(item: Body) -> str:
    parts = [f"{item['file_id']}, {item['status']}"]
    parts += [f"sha256 {item['sha256'][:12]}…"] if item["sha256"] else []
    parts += [str(item["error"])] if item["error"] else []
    return ", ".join(parts)


def _told(value: Any, what: str) -> str:
    """A digest cut, anything else as JSON; no chunking is the API's own."""
    if value is None and what == "chunking":
        return "auto"
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}…"
    return "nothing" if value is None else values.inline(value)
