"""What somebody changed in the account since the last apply: here the arrow points from what was applied to what is."""

import itertools
from collections.abc import Mapping
from typing import Any

from reconciler.render import blocks, escape, fields, values
from reconciler.render.rows import Page, Row, head, labelled

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
            for known, group in itertools.groupby(theirs, key=_is_known):
                some = list(group)
                rows += fields.all_rows(map(_turned, some), page, indent=4) if known else map(_unknown, some)
            restored = blocks.documents(files, page)
            rows += labelled("", "To restore its documents, apply would do this:", page, indent=4) if restored else []
            rows += restored
            address = escape.line(str(change.get("address")))
            found.append(blocks.Block("~", "", address, blocks.position(change.get("source")), tuple(rows)))
    return found


def conclusion(count: int) -> str:
    """One line that sums up."""
    if count:
        verb = "differs" if count == 1 else "differ"
        return f"Drift: {values.plural(count, 'resource')} {verb} from what was last applied."
    return "No drift: everything in the account is as it was last applied."


def _is_known(field: Mapping[str, Any]) -> bool:
    """Whether it can be told what was last applied."""
    return field.get("cause") != "both" or field.get("last_applied") is not None


def _unknown(field: Mapping[str, Any]) -> Row:
    live = values.inline(field["before"]) if "before" in field else "nothing"
    name, extent = values.path(field.get("path", ())), f"now {live}; what the last apply set is not available"
    return head(f"{name}:", extent, indent=4, sign="~", style="drift")


def _turned(field: Mapping[str, Any]) -> dict[str, Any]:
    """From last applied to live; where nobody changed the manifest, the manifest is what was last applied."""
    turned: dict[str, Any] = {"path": field.get("path", ())}
    if field.get("cause") == "both":
        turned["before"] = field["last_applied"]
    elif "after" in field:
        turned["before"] = field["after"]
    return turned | ({"after": field["before"]} if "before" in field else {})
