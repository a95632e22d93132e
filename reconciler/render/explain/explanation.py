"""An explanation of one address in sentences: what is to be done, why, in which order, for whom.

Everything is said in the same order: what happens, why, each field with what the manifest says (and where), what is
live and what was last applied, then what others filled in, who is referred to and who refers to it, and what waits.
"""

from collections.abc import Iterator

from reconciler.kinds import compiled_into
from reconciler.model.reasons import ReasonCode
from reconciler.render import blocks, escape, text, values
from reconciler.render.diff.words import Budget
from reconciler.render.explain import documents, fields
from reconciler.render.explain.lines import BY, INDENT, Body, at, headed, known, labelled, notices, titled
from reconciler.render.rows import Page, Row, prose

_WHY = {
    "manifest": "The manifest changed since the last apply.",
    "drift": "It was changed in the account since the last apply; the manifest is the same. Apply restores it.",
    "both": "The manifest and the account both changed since the last apply. Apply makes it what the manifest says.",
    "reference": "Its manifest is the same, but something that it refers to is not the same object any more.",
    "tool": "Nobody changed it: this version of reconciler writes the same manifest differently.",
}
_ACTION_WHY = {
    "create": "The manifest asks for it, and nothing in the account stands for it yet.",
    "delete": "It is in the account and carries the tags of this stack, but no manifest speaks of it any more.",
    "adopt": "The manifest takes over an object that is in the account already.",
    "forget": "No manifest speaks of it any more, and `on_delete: retain` keeps it: only our tags go.",
}


def render_explanation(body: Body, *, color: bool = False, width: int = 80, context: int = 3) -> str:
    """The JSON form of an explanation as text that ends with a line break.

    `width` is in columns, `context` the number of unchanged lines around each change of a text.
    """
    page = Page(max(width, 40), context, color, Budget())
    document = body.get("document")
    sections = [documents.explained(body, document, page)] if document else [_resource(body, page)]
    if not document:
        sections += [fields.of_change(body, change, page) for change in body["changes"]]
        sections += [
            titled("Documents", blocks.documents(change["files"] or {}, page), page) for change in body["changes"]
        ]
        sections.append(titled("Filled in", _filled(body, page), page))
        sections.append(titled("Refers to", _references(body, page), page))
        sections.append(titled("Used by", _used_by(body, page), page))
    if not document or document["actions"]:
        sections.append(titled("Order", _order(body, page), page))
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def _resource(body: Body, page: Page) -> list[str]:
    """What happens to the resource, what it is in the account, and why; one paragraph for each change."""
    found: list[str] = []
    for place, change in enumerate(body["changes"] or [{}]):
        sign, does = _does(change, body)
        rows = list(_facts(body, change, page)) if place == 0 else []
        rows += [row for sentence in _why(body, change) for row in prose(sentence, page, indent=INDENT, hang=0)]
        found += headed(body, sign, does, rows, page)
    return found + text.lines(notices(body, page), color=page.color)


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
        yield from labelled("object", known(body), page)
        if body["object"].get("applied"):
            yield from labelled("last apply", f"at commit {body['object']['applied']['revision']}", page)
    if change.get("moved_from"):
        yield from labelled("was", blocks.was(change), page)
    if change.get("replaces_kind"):
        yield from labelled("becomes", str(change["resource"]), page)
    if change.get("version") is not None:
        yield from labelled("version", f"the pointer moves to version {change['version']}", page)


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


# --- around it --------------------------------------------------------------------------------------------------------


def _filled(body: Body, page: Page) -> Iterator[Row]:
    for item in body["filled"]:
        where = f" ({at(item['source'])})" if item["source"] else ""
        told = f"{values.path(item['path'])}: {values.inline(item['value'])}, {escape.line(BY[item['by']] + where)}"
        yield from prose(told, page, indent=INDENT)


def _references(body: Body, page: Page) -> Iterator[Row]:
    for item in body["references"]:
        where = f" ({at(item['source'])})" if item["source"] else ""
        yield from prose(escape.line(f"{item['address']}: {_stands_for(item)}{where}"), page, indent=INDENT)


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
        yield from prose(f"{told}, because of {because}" if because else told, page, indent=INDENT)


def _order(body: Body, page: Page) -> Iterator[Row]:
    """Each step with what must be done before it, and what waits for it."""
    for step in (step for change in body["changes"] for step in change["steps"]):
        name = str(step["step"])
        yield from prose(escape.line(name), page, indent=INDENT, style="strong")
        edges = [("after", str(other), _needs(name, str(other))) for other in step["needs"]]
        edges += [("before", str(other), _needs(str(other), name)) for other in step["needed_by"]]
        for label, other, why in edges:
            yield from labelled(label, f"{other}{f' ({why})' if why else ''}", page, indent=INDENT + 4)
        if not edges:
            yield from prose("waits for nothing, and nothing waits for it", page, indent=INDENT + 4)


def _needs(step: str, first: str) -> str:
    """Why a step waits for another one: references alone make edges."""
    verb, _, address = step.partition(" ")
    before, _, other = first.partition(" ")
    if verb in {"delete", "forget"}:
        same = address.partition(" #")[0] == other
        return "the new one has to be there first" if same and before == "create" else f"{other} uses it until then"
    return "its new id is needed" if before == "create" else ""
