"""What an assistant reaches that it did not reach before (R301), and what its tools may do more (R302)."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model.plan import Notice
from reconciler.review.reach import reached, widened
from reconciler.review.risks.values import Values


def new_hosts(values: Values) -> Iterator[Notice]:
    """Every host of a created assistant is new."""
    known = {(item.role, item.target) for item in reached(values.old, values.before or {})}
    for host in reached(values.kind, values.after):
        if (host.role, host.target) not in known:
            yield values.notice("R301", f"reaches {host.label}, which is new ({host.place})", "tools")


def widened_tools(values: Values) -> Iterator[Notice]:
    """Tools of a created assistant are not wider than before."""
    if values.before is not None:
        for tool, what in widened(values.old, values.before, values.kind, values.after):
            yield values.notice("R302", f"{tool} {what}", "tools")
