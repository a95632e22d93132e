"""An explanation of one address in sentences: what is to be done, why, in which order, for whom.

Everything is said in the same order: what happens, why, each field with what the manifest says (and where), what is
live and what was last applied, then what others filled in, who is referred to and who refers to it, and what waits.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from reconciler.kinds import compiled_into
from reconciler.model.reasons import ReasonCode
from reconciler.render import blocks, escape, fields, text, values
from reconciler.render.colour import paint
from reconciler.render.diff.words import Budget
from reconciler.render.rows import SIGN_STYLE, Page, Row, prose

Body = Mapping[str, Any]
Side = Mapping[str, Any]

_LABEL = 11
_INDENT = 4

_WHY = {
    "manifest": "The manifest changed since the last apply.",
    "drift": "It was changed in the account since the last apply; the manifest is the same. Apply restores it.",
    "both": "The manifest and the account both changed since the last apply. Apply makes it what the manifest says.",
    "reference": "Its manifest is the same, but something that it refers to is not the same object any more.",
    "tool": "Nobody changed it: this version of reconciler writes the same manifest differently.",
}
_FIELD_WHY = {
    "manifest": "The manifest changed it since the last apply; in the account it is as that left it.",
    "drift": "Somebody changed it in the account since the last apply; the manifest is the same. Apply restores it.",
    "both": "Since the last apply the manifest and the account both changed it. Apply overwrites what is live now.",
    "reference": "The manifest is the same; what it refers to gets another id, and only apply will know it.",
    "tool": "Nobody changed it: this version of reconciler writes the same manifest differently.",
    "new": "",
}
_ACTION_WHY = {
    "create": "The manifest asks for it, and nothing in the account stands for it yet.",
    "delete": "It is in the account and carries the tags of this stack, but no manifest speaks of it any more.",
    "adopt": "The manifest takes over an object that is in the account already.",
    "forget": "No manifest speaks of it any more, and `on_delete: retain` keeps it: only our tags go.",
}
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
_BY = {
    "stack": "from the defaults of the stack",
    "environment": "from a patch of the environment",
    "name": "the name of the manifest, which gives no other",
    "reconciler": "reconciler's own default",
    "api": "what the API fills in",
}


def render_explanation(body: Body, *, color: bool = False, width: int = 80, context: int = 3) -> str:
    """The JSON form of an explanation as text that ends with a line break.

    `width` is in columns, `context` the number of unchanged lines around each change of a text.
    """
    page = Page(max(width, 40), context, color, Budget())
    document = body.get("document")
    sections = [_document(body, document, page)] if document else [_resource(body, page)]
    if not document:
        sections += [_fields(body, change, page) for change in body["changes"]]
        sections += [_documents(change, page) for change in body["changes"]]
        sections.append(_titled("Filled in", _filled(body, page), page))
        sections.append(_titled("Refers to", _references(body, page), page))
        sections.append(_titled("Used by", _used_by(body, page), page))
    if not document or document["actions"]:
        sections.append(_titled("Order", _order(body, page), page))
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


# --- what happens, and why --------------------------------------------------------------------------------------------


def _resource(body: Body, page: Page) -> list[str]:
    """What happens to the resource, what it is in the account, and why; one paragraph for each change."""
    found: list[str] = []
    for place, change in enumerate(body["changes"] or [{}]):
        sign, does = _does(change, body)
        rows = list(_facts(body, change, page)) if place == 0 else []
        rows += [row for sentence in _why(body, change) for row in prose(sentence, page, indent=_INDENT, hang=0)]
        found += _head(body, sign, does, rows, page)
    return found + text.lines(_notices(body, page), color=page.color)


def _head(body: Body, sign: str, does: str, rows: Sequence[Row], page: Page) -> list[str]:
    """`~ update Assistant/helper` and its rows; the manifest's position at the right edge, or below."""
    title = escape.line(f"{does} {body['address']}".strip())
    where = blocks.position(body["source"])
    lead = f"{sign} " if sign else ""
    space = page.width - cell_len(lead) - cell_len(title) - cell_len(where)
    start = f"{paint(sign, SIGN_STYLE.get(sign, ''), color=page.color)} " if sign else ""
    head = f"{start}{paint(title, 'strong', color=page.color)}"
    if where and space >= 2:
        return [head + " " * space + paint(where, "quiet", color=page.color), *text.lines(rows, color=page.color)]
    below = [*([Row(_INDENT, "", f"{'at':<{_LABEL}}{where}")] if where else []), *rows]
    return [head, *text.lines(below, color=page.color)]


def _does(change: Body, body: Body) -> tuple[str, str]:
    if not change:
        return "", "" if compiled_into(body["address"]) else "nothing to do for"
    action = str(change["action"])
    if change.get("blocked"):
        return "!", "blocked:" if action == "none" else f"blocked: {action}"
    return blocks.SYMBOL.get(action, "?").strip(), "nothing to do for" if action == "none" else action


def _facts(body: Body, change: Body, page: Page) -> Iterator[Row]:
    """What it is in the account."""
    if body["object"] is not None:
        yield from _labelled("object", _known(body), page)
        if body["object"].get("applied"):
            yield from _labelled("last apply", f"at commit {body['object']['applied']['revision']}", page)
    if change.get("moved_from"):
        yield from _labelled("was", blocks.was(change), page)
    if change.get("replaces_kind"):
        yield from _labelled("becomes", str(change["resource"]), page)
    if change.get("version") is not None:
        yield from _labelled("version", f"the pointer moves to version {change['version']}", page)


def _known(body: Body) -> str:
    """`release skill_1, version 2`."""
    live = body["object"]
    version = f", version {live['version']}" if live.get("version") else ""
    return f"{live['resource']} {live['id']}{version}"


def _why(body: Body, change: Body) -> Iterator[str]:
    """The reasons for one change in sentences, escaped."""
    if not change:
        yield from _nothing(body)
        return
    if change.get("blocked"):
        rule = change["blocked"]
        yield escape.line(f"Blocked by {rule['rule']}: {rule['summary']} Apply refuses the whole plan (exit code 4).")
    action, reason = str(change["action"]), str(change.get("reason") or "")
    if action == "replace":
        yield from _replacement(change, reason)
    elif action == "none":
        yield escape.line(blocks.sentence(reason or "nothing is to be done"))
    elif action in _ACTION_WHY:
        known = [item["code"] for item in change["reasons"]] in ([ReasonCode.NO_MANIFEST], [ReasonCode.ADOPTED])
        stated = _ACTION_WHY[action] if change.get("cause") != "drift" else "It is in the manifests, but it is gone."
        yield f"{stated} {'' if known else escape.line(blocks.sentence(reason))}".strip()
    else:
        yield f"{_WHY.get(str(change['cause']), '')} {escape.line(blocks.sentence(reason))}".strip()


def _nothing(body: Body) -> Iterator[str]:
    live = body["object"]
    if users := compiled_into(body["address"]):
        kind = body["address"].partition("/")[0]
        yield f"A {kind} stands for nothing of its own in the account: it is compiled into the {users} that use it."
    elif body["left_out"]:
        yield "It is left out: --only restricts the plan to other addresses."
    elif live is None:
        yield "The plan does not mention it: when it was made, there was nothing to do here."
    elif live["checked"] == "tag":
        yield (
            "The account is as the manifest says, by the word of the tag that the last apply left on it. "
            "`--refresh full` reads everything instead."
        )
    else:
        yield "The account is as the manifest says. It was read and compared."
    if body["stale"]:
        yield "The manifests changed since this plan was made."


def _replacement(change: Body, reason: str) -> Iterator[str]:
    """Why it cannot stay the same object, and what that means."""
    yield escape.line(blocks.sentence(f"it has to be replaced: {reason}" if reason else "it has to be replaced"))
    if change["replacing"]:
        names = ", ".join(dict.fromkeys(values.path(path) for path in change["replacing"]))
        yield f"What cannot be changed in place: {names}."
    yield "Its id changes: the new one is made, then everything that uses it is moved, then the old one is deleted."


def _notices(body: Body, page: Page) -> Iterator[Row]:
    for word, notices, style in (("Risk", body["risks"], "alarm"), ("Warning", body["warnings"], "change")):
        for notice in notices:
            told = escape.line(f"{word} {notice['code']}: {blocks.sentence(str(notice['summary']))}")
            yield from prose(told, page, indent=_INDENT, style=style)
    if body["stale"] and body["changes"]:
        told = "The manifests changed since this plan was made: positions and defaults are those of now."
        yield from prose(told, page, indent=_INDENT, style="change")


# --- fields -----------------------------------------------------------------------------------------------------------


def _fields(body: Body, change: Body, page: Page) -> list[str]:
    if not change["fields"]:
        return []
    whole = change["action"] in {"create", "delete"}
    title = "What it will be" if change["action"] == "create" else "What differs"
    rows: list[Row] = []
    for field in change["fields"]:
        rows += _new_field(field, page) if whole else _field(body, change, field, page)
    return _titled(title, rows, page)


def _new_field(field: Body, page: Page) -> Iterator[Row]:
    """A field of something new: its value and where it was written."""
    plain = {"path": field["path"], "cause": field["cause"], **_as("after", field["manifest"])}
    rows = fields.rows(plain, page, indent=_INDENT, cause=field["cause"], preview=True)
    where = escape.line(_written(field["manifest"]))
    head = rows[0]
    room = page.width - head.indent - 2 - cell_len(head.text) - cell_len(where)
    if where and room >= 2:
        rows[0] = head._replace(text=f"{head.text}{' ' * room}{where}", cells=())
    yield from rows
    if where and room < 2:
        yield from prose(where, page, indent=_INDENT + 4, hang=0, style="quiet")


def _field(body: Body, change: Body, field: Body, page: Page) -> Iterator[Row]:
    """One differing field: a long one as a diff, a short one as its three values, and who changed it."""
    wanted, live, last = field["manifest"], field["live"], field["last_applied"]
    short = not any(_is_long(side, page) for side in (wanted, live or {}))
    if short:
        sign = "+" if not live or "value" not in live else "~" if "value" in wanted else "-"
        yield Row(_INDENT, sign, values.path(field["path"]), SIGN_STYLE[sign])
    else:
        both = {"path": field["path"], **_as("before", live or {}), **_as("after", wanted)}
        yield from fields.rows(both, page, indent=_INDENT, cause="", preview=False)
    said = _value(wanted) if short or "value" not in wanted else "the lines with +"
    where = _written(wanted)
    yield from _labelled("manifest", f"{said}{f' ({where})' if where else ''}", page, indent=_INDENT + 4)
    if live is not None:
        yield from _labelled("live", _value(live) if short else "the lines with -", page, indent=_INDENT + 4)
    yield from _labelled("last apply", _last(body, field, short=short), page, indent=_INDENT + 4)
    for sentence in _field_why(change, field):
        yield from prose(sentence, page, indent=_INDENT + 4, hang=0, style="drift" if _is_theirs(field) else "")
    if last is not None and not short and field["cause"] == "both":
        yield from prose("What the account changed since the last apply, and will lose:", page, indent=_INDENT + 4)
        lost = {"path": field["path"], **_as("before", last), **_as("after", live or {})}
        yield from fields.rows(lost, page, indent=_INDENT + 4)


def _is_theirs(field: Body) -> bool:
    return field["cause"] in {"drift", "both"}


def _last(body: Body, field: Body, *, short: bool) -> str:
    """What the last apply set, and at which commit."""
    last = field["last_applied"]
    applied = (body["object"] or {}).get("applied")
    commit = f", at commit {applied['revision']}" if applied else ""
    if last is None:
        return f"not known{commit}"
    if short:
        return f"{_value(last)}{commit}"
    for side, word in (("live", "live now"), ("manifest", "in the manifest")):
        if field[side] is not None and _as("value", field[side]) == _as("value", last):
            return f"what is {word}{commit}"
    return f"shown below{commit}"


def _field_why(change: Body, field: Body) -> Iterator[str]:
    cause = str(field["cause"])
    wanted, live, last = field["manifest"], field["live"] or {}, field["last_applied"]
    if cause == "manifest" and last == {} and "value" in live:
        yield "No apply has set it before; from now on the manifest says what it is."
    elif cause == "manifest" and last is None:
        yield "The manifest is not what was last applied."
    elif cause == "manifest" and "value" not in wanted:
        yield "The manifest does not speak of it any more, so it goes."
    elif _FIELD_WHY.get(cause):
        yield _FIELD_WHY[cause]
    if field["path"] in change["replacing"]:
        yield "It cannot be changed in place."


def _is_long(side: Side, page: Page) -> bool:
    if "value" not in side:
        return False
    return values.is_text(side["value"]) or cell_len(values.inline(side["value"])) > page.width


def _value(side: Side) -> str:
    return values.inline(side["value"]) if "value" in side else "nothing"


def _as(name: str, side: Side) -> dict[str, Any]:
    return {name: side["value"]} if "value" in side else {}


def _written(origin: Side) -> str:
    """`assistants/helper.yaml:14:17, the file prompts/helper.md`: where a value comes from."""
    parts = [_at(origin["source"])] if origin.get("source") else []
    parts += [f"the file {origin['file']}"] if origin.get("file") else []
    parts += [f"in {origin['tool']}"] if origin.get("tool") else []
    parts += [_BY[origin["by"]]] if origin.get("by") in _BY else []
    return ", ".join(parts)


def _at(source: Body) -> str:
    return f"{source['file']}:{source['line']}:{source['column']}"


# --- documents --------------------------------------------------------------------------------------------------------


def _documents(change: Body, page: Page) -> list[str]:
    rows = blocks.documents(change["files"] or {}, page)
    return _titled("Documents", rows, page)


def _document(body: Body, document: Body, page: Page) -> list[str]:
    """One document: what happens to it, why, what is wanted and what is there."""
    actions = document["actions"]
    first = (
        _DOCUMENT.get(str(actions[0]["action"]), ("", "nothing to do for")) if actions else ("", "nothing to do for")
    )
    gone = not actions and any(change["action"] in {"delete", "forget"} for change in body["changes"])
    sign, does = ("-", "goes with its store:") if gone else first
    rows: list[Row] = []
    for action in actions:
        rows += prose(_document_why(body, document, action), page, indent=_INDENT, hang=0)
    if not actions:
        rows += prose(_unchanged(body, document, gone=gone), page, indent=_INDENT, hang=0)
    for item in document["differs"]:
        sides = [_told(item[side], item["what"]) for side in ("live", "wanted")]
        rows += _labelled(item["what"], " → ".join(sides), page)
    rows += _wanted(document["wanted"], {item["what"] for item in document["differs"]}, page)
    for item in document["live"] or ():
        rows += _labelled("live", _attached(item), page)
    if body["object"] is not None:
        applied = body["object"].get("applied")
        commit = f", last apply at commit {applied['revision']}" if applied else ""
        rows += _labelled("part of", f"{_known(body)}{commit}", page)
    rows += _notices(body, page)
    written = document["wanted"] is not None and document["wanted"]["source"]
    return _head({**body, "source": None if written else body["source"]}, sign, does, rows, page)


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
    yield from _labelled("file", f"{wanted['file']}, {size}, sha256 {wanted['sha256'][:12]}…", page)
    if "name" not in said:
        yield from _labelled("name", str(wanted["name"]), page)
    if "attributes" not in said and wanted["attributes"]:
        yield from _labelled("attributes", values.inline(wanted["attributes"]), page)
    if "chunking" not in said:
        chunks = wanted["chunking"]
        yield from _labelled("chunking", values.inline(chunks) if chunks else "auto, what the API does by itself", page)
    if wanted["source"]:
        yield from _labelled("taken by", _at(wanted["source"]), page)


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


# --- around it --------------------------------------------------------------------------------------------------------


def _filled(body: Body, page: Page) -> Iterator[Row]:
    for item in body["filled"]:
        where = f" ({_at(item['source'])})" if item["source"] else ""
        told = f"{values.path(item['path'])}: {values.inline(item['value'])}, {escape.line(_BY[item['by']] + where)}"
        yield from prose(told, page, indent=_INDENT)


def _references(body: Body, page: Page) -> Iterator[Row]:
    for item in body["references"]:
        where = f" ({_at(item['source'])})" if item["source"] else ""
        yield from prose(escape.line(f"{item['address']}: {_stands_for(item)}{where}"), page, indent=_INDENT)


def _stands_for(item: Body) -> str:
    if compiled_into(item["address"]):
        return "compiled in"
    if item["action"] in {"create", "replace"}:
        old = f", now {item['old']}" if item["old"] else ""
        return f"its id is known after apply, because the plan {item['action']}s it{old}"
    fate = {None: "which stays as it is", "update": "which the plan updates"}.get(item["action"], "")
    known = item["id"] or "its id, which a saved plan does not say"
    return ", ".join(filter(None, (known, fate)))


def _used_by(body: Body, page: Page) -> Iterator[Row]:
    for item in body["used_by"]:
        via = f" by way of {item['via']}" if item["via"] else ""
        does = "" if compiled_into(item["address"]) else ": nothing to do there"
        does = f": the plan {item['action']}s it" if item["action"] else does
        told = escape.line(f"{item['address']}{via}{does}")
        because = ", ".join(map(values.path, item["because"]))
        yield from prose(f"{told}, because of {because}" if because else told, page, indent=_INDENT)


def _order(body: Body, page: Page) -> Iterator[Row]:
    """Each step with what must be done before it, and what waits for it."""
    for step in (step for change in body["changes"] for step in change["steps"]):
        name = str(step["step"])
        yield from prose(escape.line(name), page, indent=_INDENT, style="strong")
        edges = [("after", str(other), _needs(name, str(other))) for other in step["needs"]]
        edges += [("before", str(other), _needs(str(other), name)) for other in step["needed_by"]]
        for label, other, why in edges:
            yield from _labelled(label, f"{other}{f' ({why})' if why else ''}", page, indent=_INDENT + 4)
        if not edges:
            yield from prose("waits for nothing, and nothing waits for it", page, indent=_INDENT + 4)


def _needs(step: str, first: str) -> str:
    """Why a step waits for another one: references alone make edges."""
    verb, _, address = step.partition(" ")
    before, _, other = first.partition(" ")
    if verb in {"delete", "forget"}:
        same = address.partition(" #")[0] == other
        return "the new one has to be there first" if same and before == "create" else f"{other} uses it until then"
    return "its new id is needed" if before == "create" else ""


# --- layout -----------------------------------------------------------------------------------------------------------


def _titled(title: str, rows: Sequence[Row] | Iterator[Row], page: Page) -> list[str]:
    found = text.lines(rows, color=page.color)
    return [paint(title, "strong", color=page.color), *found] if found else []


def _labelled(label: str, told: str, page: Page, *, indent: int = _INDENT) -> list[Row]:
    """`label      text`, escaped, with the text in a column of its own."""
    return prose(f"{label:<{_LABEL}}{escape.line(told)}", page, indent=indent, hang=_LABEL)
