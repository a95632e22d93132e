"""What somebody changed in the account since the last apply: here the arrow points from what was applied to what is."""

from collections.abc import Mapping
from typing import Any

from reconciler.render import blocks, escape, fields, values
from reconciler.render.rows import Page, Row, labelled

_DRIFT = frozenset({"drift", "both"})


def drifted(report: Mapping[str, Any], page: Page) -> list[blocks.Block]:
    """One block for each resource of a report (in the form of a plan) that differs from what was last applied."""
    found: list[blocks.Block] = []
    for change in report.get("changes") or ():
        theirs = [field for field in change.get("fields") or () if field.get("cause") in _DRIFT]
        files = (change.get("files") or {}) if change.get("cause") in _DRIFT else {}
        if theirs or change.get("cause") in _DRIFT:
            what = f"{change.get('resource')} {change.get('id')}" if change.get("id") else str(change.get("reason"))
            rows = labelled("object", escape.line(what), page, indent=4)
            rows += [row for field in theirs for row in _field(field, page)]
            restored = blocks.documents(files, page)
            rows += labelled("", "To restore its documents, apply would do this:", page, indent=4) if restored else []
            rows += restored
            address = escape.line(str(change.get("address")))
            found.append(blocks.Block("~", address, blocks.position(change.get("source")), tuple(rows)))
    return found


def conclusion(count: int) -> str:
    """One line that sums up."""
    if count:
        verb = "differs" if count == 1 else "differ"
        return f"Drift: {values.plural(count, 'resource')} {verb} from what was last applied."
    return "No drift: everything in the account is as it was last applied."


def _field(field: Mapping[str, Any], page: Page) -> list[Row]:
    """From last applied to live; where nobody changed the manifest, the manifest is what was last applied."""
    last = {key: field[key] for key in ("after",) if key in field}
    if field.get("cause") == "both":
        last = {} if field.get("last_applied") is None else {"after": field["last_applied"]}
        if not last:
            live = values.inline(field["before"]) if "before" in field else "nothing"
            text = f"{values.path(field.get('path', ()))}: now {live}; what the last apply set is not available"
            return [Row(4, "~", text, "drift")]
    turned: dict[str, Any] = {"path": field.get("path", ())}
    turned |= {"before": last["after"]} if last else {}
    turned |= {"after": field["before"]} if "before" in field else {}
    return fields.rows(turned, page, indent=4)
