"""What a plan does, resource by resource: a block of rows for each, destruction first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len

from reconciler.model.reasons import ReasonCode
from reconciler.render import escape, fields, values
from reconciler.render.rows import SIGN_STYLE, Kind, Page, Row, labelled, prose

SYMBOL = {"create": "+", "update": "~", "replace": "-/+", "delete": "-", "adopt": "»", "forget": "…", "none": " "}
"""The sign of each action."""

ORDER = ("delete", "replace", "forget", "adopt", "update", "create", "none")
_RANK = {action: position for position, action in enumerate(ORDER)}
NAMES_SHOWN = 20

_WHY = {
    "manifest": "The manifest changed.",
    "drift": "It was changed in the account since the last apply. Apply restores it.",
    "both": "The manifest and the account both changed since the last apply.",
    "removed": "It is no longer in the manifests.",
    "reference": "A resource that it refers to gets a new id.",
    "tool": "Nobody changed it: this version of reconciler writes it differently.",
}
_WHY_DOCUMENTS = {
    "manifest": "Its documents changed.",
    "drift": "Its documents were changed in the account since the last apply. Apply restores them.",
}
_MOST_SESSIONS = 100
"""As far as a plan counts the sessions of an agent."""
_UNCONFIRMED = "Nobody has an unconfirmed object's id: the answer to its creation was lost."
_VERIFIED = {"tag": "recognised by its tag; its documents were not compared one by one"}


class Block(NamedTuple):
    """What happens to one resource: its headline (with the position in the manifests) and the rows below."""

    sign: str
    verb: str
    address: str
    position: str
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """The headline in words."""
        return " ".join(filter(None, (self.verb, self.address)))


def blocks(plan: Mapping[str, Any], page: Page) -> list[Block]:
    """One block per resource that changes; destruction first, then by address as the plan has it."""
    steps: dict[Any, list[Mapping[str, Any]]] = {}
    for step in plan.get("steps") or ():
        steps.setdefault(step.get("change"), []).append(step)
    return [
        _block(change, steps.get(index, []), page)
        for index, change in ordered(plan)
        if change.get("action") != "none" or change.get("blocked")
    ]


def ordered(plan: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any]]]:
    """The changes with their positions in the plan: what is blocked, then what destroys, then the rest."""
    return sorted(
        enumerate(plan.get("changes") or ()),
        key=lambda item: (not item[1].get("blocked"), _RANK.get(str(item[1].get("action")), len(_RANK))),
    )


def _block(change: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], page: Page) -> Block:
    action = str(change.get("action"))
    address = escape.line(str(change.get("address")))
    blocked = change.get("blocked")
    verb = f"{'blocked: ' if blocked else ''}{escape.line(action)}"
    rows = [row for label, text in _facts(change, blocked) for row in labelled(label, text, page, indent=4)]
    for label, text in zip(("order", "", ""), _moves(change, steps), strict=False):
        rows += labelled(label, text, page, indent=4)
    preview = action in {"create", "delete"}
    shown = sorted(change.get("fields") or (), key=lambda field: ("after" in field, not fields.is_short(field)))
    rows += fields.all_rows(shown, page, indent=4, cause=str(change.get("cause")), preview=preview)
    rows += documents(change.get("files") or {}, page, restored=change.get("cause") == "drift")
    sign = "!" if blocked else SYMBOL.get(action, "?")
    return Block(sign, verb, address, position(change.get("source")), tuple(rows))


def was(change: Mapping[str, Any]) -> str:
    """The address that a change renames. A replacement is another object, and its change says so itself."""
    kept = "" if change["action"] == "replace" else "; the live object stays the same"
    return f"{change['moved_from']}{kept}"


def _facts(change: Mapping[str, Any], blocked: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """Everything about a change but its fields, as label and text."""
    if blocked:
        yield "blocked", escape.line(f"by {blocked.get('rule')}: {blocked.get('summary')}")
    why = _why(change)
    if why:
        yield "why", escape.line(why)
    if change.get("moved_from"):
        yield "was", escape.line(was(change))
    if change.get("id"):
        verified = _VERIFIED.get(str(change.get("verified")))
        kind = str(change.get("replaces_kind") or change.get("resource")).replace("_", " ")
        yield "object", escape.line(f"{kind} {change['id']}") + (f", {verified}" if verified else "")
    if change.get("applied"):
        yield "applied", f"last at commit {escape.line(change['applied']['revision'])}"
    if change.get("replaces_kind") and not why:
        yield "becomes", escape.line(f"{change.get('resource')}")
    if change.get("version") is not None:
        yield "version", escape.line(f"moves the pointer to version {change['version']}")
    if change.get("affects") and change.get("action") != "replace":
        yield "used by", escape.line(", ".join(map(str, change["affects"])))
    if change.get("sessions") is not None:
        keep = ", with the agent as it was when they began" if change["sessions"] else ""
        yield "sessions", f"{sessions(change['sessions'])}{keep}"


def sessions(count: int) -> str:
    """How many sessions use an agent; from a hundred on nobody counts."""
    if count >= _MOST_SESSIONS:
        return f"{_MOST_SESSIONS} or more use it"
    return f"{values.number(count)} {'uses' if count == 1 else 'use'} it" if count else "none"


def _why(change: Mapping[str, Any]) -> str:
    cause, reason = str(change.get("cause")), str(change.get("reason") or "")
    codes = [item.get("code") for item in change.get("reasons") or ()]
    if change.get("moved_from") and ReasonCode.RENAMED in codes[:1]:  # its old address has a line of its own
        reason = reason.partition("; ")[2]
    if ReasonCode.UNCONFIRMED_DOUBLE in codes:
        reason = f"{reason}. {_UNCONFIRMED}"
    if reason and change.get("action") not in {"update", "none"}:
        return sentence(reason)
    if reason and cause == "tool" and not change.get("fields"):
        return sentence(reason)
    only_documents = change.get("files") and not change.get("fields")
    why = (_WHY_DOCUMENTS.get(cause) if only_documents else None) or _WHY.get(cause, "")
    return f"{why} {sentence(reason)}".strip()


def sentence(reason: str) -> str:
    """A reason with a capital and a full stop."""
    if not reason:
        return ""
    return reason[0].upper() + reason[1:] + ("" if reason.endswith((".", "!", "?")) else ".")


def _moves(change: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """The order in which a replacement happens, read from the plan's own steps for it: create, move users, delete."""
    if change.get("action") != "replace":
        return []
    ours = {str(step.get("step")) for step in steps}
    needs = {str(step.get("step")).partition(" ")[0]: list(map(str, step.get("needs") or ())) for step in steps}
    users = [need for need in needs.get("delete", []) if need not in {*ours, *needs.get("create", [])}]
    order = [f"create the new {change.get('address')}"]
    order += [_together(users)] if users else []
    order.append(f"delete the old one, {change.get('id')}")
    return [f"{number}. {escape.line(text)}" for number, text in enumerate(order, 1)]


def _together(steps: Sequence[str]) -> str:
    """`update A/a, A/b`: steps with their shared verbs said once."""
    by_verb: dict[str, list[str]] = {}
    for step in steps:
        verb, _, address = step.partition(" ")
        by_verb.setdefault(verb, []).append(address)
    return "; ".join(f"{verb} {', '.join(addresses)}" for verb, addresses in by_verb.items())


# --- documents --------------------------------------------------------------------------------------------------------


def documents(files: Mapping[str, Any], page: Page, *, restored: bool = False) -> list[Row]:
    """Documents as one unit, then their names; removed ones are never left out.

    `restored`: what is added was there, and somebody took it away in the account.
    """
    added, removed = _explained(files, restored=restored), _sorted(files, "removed")
    changed = _sorted(files, "changed") + _sorted(files, "updated")
    upload = sum(item.get("bytes") or 0 for item in [*_sorted(files, "added"), *_sorted(files, "changed")])
    rows: list[Row] = []
    surplus = len(doubles(files))
    counted = tally(len(added), len(changed), len(removed) - surplus, surplus)
    if counted:
        rows.append(Row(4, "", f"{counted}, {values.size(upload) if upload else 'nothing'} to upload", "strong"))
        shown = [*removed, *changed[: page.names], *added[: page.names]]
        column = min(max((cell_len(_name(item)) for item in shown), default=0), page.width - 40)
        rows += _names("-", removed, column, page)
        rows += _names("~", changed[: page.names], column, page)
        rows += _names("+", added[: page.names], column, page)
        hidden = [
            f"{values.number(len(items) - page.names)} more {what}"
            for items, what in ((changed, "changed"), (added, "added"))
            if len(items) > page.names
        ]
        rows += [Row(6, "", f"and {', '.join(hidden)}")] if hidden else []
    unmanaged = _sorted(files, "unmanaged")
    if unmanaged:
        names = ", ".join(_name(item) for item in unmanaged[:NAMES_SHOWN])
        more = f" and {values.number(len(unmanaged) - NAMES_SHOWN)} more" if len(unmanaged) > NAMES_SHOWN else ""
        stay = "stays" if len(unmanaged) == 1 else "stay"
        text = f"{values.plural(len(unmanaged), 'document')} of somebody else {stay}: {names}{more}"
        rows += prose(text, page, indent=4, style="quiet")
    return rows


def doubles(files: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Attachments that go although their documents stay."""
    return [item for item in files.get("removed") or () if item.get("code") == ReasonCode.ATTACHED_TWICE]


def _sorted(files: Mapping[str, Any], what: str) -> list[Mapping[str, Any]]:
    return sorted(files.get(what) or (), key=lambda item: str(item.get("path")))


def _name(item: Mapping[str, Any]) -> str:
    return escape.line(str(item.get("path") or "(without a path)"))


def _explained(files: Mapping[str, Any], *, restored: bool) -> list[Mapping[str, Any]]:
    """Added documents, with a better reason than that they are new, or none."""
    gone = {item.get("sha256"): item.get("path") for item in files.get("removed") or () if item.get("sha256")}
    found = []
    for item in _sorted(files, "added"):
        old = gone.pop(item.get("sha256"), None)
        reason = f"; renamed from {old}" if old else "missing in the account" if restored else ""
        found.append({**item, "reason": reason} if item.get("code") == ReasonCode.NEW else item)
    return found


def _names(sign: str, items: Sequence[Mapping[str, Any]], column: int, page: Page) -> Iterator[Row]:
    """Paths, sizes and reasons in columns; a path is never cut."""
    for item in items:
        name = _name(item)
        size = "" if item.get("bytes") is None else values.size(item["bytes"])
        reason, _, more = escape.line(str(item.get("reason") or "")).partition("; ")
        text = f"{name}{' ' * max(0, column - cell_len(name))}  {size:>6}  {reason}".rstrip()
        cells = (name, size, reason)
        yield Row(6, sign, text, SIGN_STYLE[sign], essential=sign == "-", cells=cells, kind=Kind.DOCUMENT)
        yield from prose(more, page, indent=10, hang=0) if more else ()


def tally(add: int, change: int, remove: int, surplus: int) -> str:
    """`+12 ~3 -1 documents, -1 surplus attachment`, or nothing."""
    counts = [f"{sign}{values.number(count)}" for sign, count in (("+", add), ("~", change), ("-", remove)) if count]
    noun = "document" if add + change + remove == 1 else "documents"
    parts = [f"{' '.join(counts)} {noun}"] if counts else []
    parts += [f"-{values.plural(surplus, 'surplus attachment')}"] if surplus else []
    return ", ".join(parts)


# --- small parts ------------------------------------------------------------------------------------------------------


def position(source: Mapping[str, Any] | None) -> str:
    """`file:line`, or nothing."""
    return escape.line(f"{source.get('file')}:{source.get('line')}") if source else ""
