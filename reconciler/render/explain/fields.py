"""Each field of an explained resource: what the manifest says and where, what is live, what was last applied."""

from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len

from reconciler.render import escape, fields, values
from reconciler.render.explain.lines import INDENT, Body, labelled, titled, written
from reconciler.render.rows import SIGN_STYLE, Page, Row, prose

_FIELD_WHY = {
    "manifest": "The manifest changed it since the last apply; in the account it is as that left it.",
    "drift": "Somebody changed it in the account since the last apply; the manifest is the same. Apply restores it.",
    "both": "Since the last apply the manifest and the account both changed it. Apply overwrites what is live now.",
    "reference": "The manifest is the same; what it refers to gets another id, and only apply will know it.",
    "tool": "Nobody changed it: this version of reconciler writes the same manifest differently.",
    "new": "",
}


def of_change(body: Body, change: Body, page: Page) -> list[str]:
    """What differs, or what something new will be."""
    if not change["fields"]:
        return []
    whole = change["action"] in {"create", "delete"}
    title = "What it will be" if change["action"] == "create" else "What differs"
    rows: list[Row] = []
    for field in change["fields"]:
        rows += _new_field(field, page) if whole else _field(body, change, field, page)
    return titled(title, rows, page)


def _new_field(field: Body, page: Page) -> Iterator[Row]:
    """A field of something new: its value and where it was written."""
    plain = {"path": field["path"], "cause": field["cause"], **_as("after", field["manifest"])}
    rows = fields.rows(plain, page, indent=INDENT, cause=field["cause"], preview=True)
    where = escape.line(written(field["manifest"]))
    head = rows[0]
    room = page.width - head.indent - 2 - cell_len(head.text) - cell_len(where)
    if where and room >= 2:
        rows[0] = head._replace(text=f"{head.text}{' ' * room}{where}", cells=())
    yield from rows
    if where and room < 2:
        yield from prose(where, page, indent=INDENT + 4, hang=0, style="quiet")


def _field(body: Body, change: Body, field: Body, page: Page) -> Iterator[Row]:
    """One differing field: a long one as a diff, a short one as its three values, and who changed it."""
    wanted, live, last = field["manifest"], field["live"], field["last_applied"]
    short = not any(_is_long(side, page) for side in (wanted, live or {}))
    if short:
        sign = "+" if not live or "value" not in live else "~" if "value" in wanted else "-"
        yield Row(INDENT, sign, values.path(field["path"]), SIGN_STYLE[sign])
    else:
        both = {"path": field["path"], **_as("before", live or {}), **_as("after", wanted)}
        yield from fields.rows(both, page, indent=INDENT, cause="", preview=False)
    said = _value(wanted) if short or "value" not in wanted else "the lines with +"
    where = written(wanted)
    yield from labelled("manifest", f"{said}{f' ({where})' if where else ''}", page, indent=INDENT + 4)
    if live is not None:
        yield from labelled("live", _value(live) if short else "the lines with -", page, indent=INDENT + 4)
    yield from labelled("last apply", _last(body, field, short=short), page, indent=INDENT + 4)
    for sentence in _field_why(change, field):
        yield from prose(sentence, page, indent=INDENT + 4, hang=0, style="drift" if _is_theirs(field) else "")
    if last is not None and not short and field["cause"] == "both":
        yield from prose("What the account changed since the last apply, and will lose:", page, indent=INDENT + 4)
        lost = {"path": field["path"], **_as("before", last), **_as("after", live or {})}
        yield from fields.rows(lost, page, indent=INDENT + 4)


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


def _is_long(side: Body, page: Page) -> bool:
    if "value" not in side:
        return False
    return values.is_text(side["value"]) or cell_len(values.inline(side["value"])) > page.width


def _value(side: Body) -> str:
    return values.inline(side["value"]) if "value" in side else "nothing"


def _as(name: str, side: Body) -> dict[str, Any]:
    return {name: side["value"]} if "value" in side else {}
