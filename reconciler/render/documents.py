"""What changed inside documents: a diff of each text document against what was last applied.

The texts are not part of a plan (which has their digests): whoever renders it hands them over, where they can be had.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.render import escape, fields, values
from reconciler.render.blocks import Block
from reconciler.render.rows import Page, Row, labelled, prose

Texts = Mapping[str, tuple[str | None, str]]
"""Address of a document → what was last applied (None: not to be had) and what it is now."""

_NAMES = 20


def blocks(plan: Mapping[str, Any], texts: Texts | None, page: Page) -> list[Block]:
    """One block for each changed document, in the order of the plan; those without a text are counted at the end.

    None for `texts`: nobody asked.
    """
    if texts is None:
        return []
    changed = dict(_changed(plan))
    found = [
        _block(address, *texts[address], revision, page) for address, revision in changed.items() if address in texts
    ]
    left = [address for address in changed if address not in texts]
    return [*found, *([_left_out(left, page)] if left else [])]


def counted(found: Sequence[Block]) -> list[Block]:
    """In place of blocks that there is no room for: how many they are."""
    title = f"texts of changed documents: {values.number(len(found))} left out here"
    return [Block("~", title, "", "", ())] if found else []


def _changed(plan: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The address of each document with another content, and the commit that it was last applied at."""
    for change in plan.get("changes") or ():
        revision = (change.get("applied") or {}).get("revision") or ""
        for item in (change.get("files") or {}).get("changed") or ():
            yield f"{change.get('address')}:{item.get('path')}", str(revision)


def _block(address: str, before: str | None, after: str, revision: str, page: Page) -> Block:
    rows: list[Row] = []
    if before is None:
        rows += prose("The last applied version is not in this clone.", page, indent=4, hang=0)
    else:
        rows += labelled("against", f"commit {escape.line(revision)}", page, indent=4) if revision else []
        rows += fields.document(before, after, page, indent=4)
    return Block("~", "document", escape.line(address), "", tuple(rows))


def _left_out(addresses: list[str], page: Page) -> Block:
    """Which documents are not compared; nothing of them is hidden that the plan does not count."""
    names = ", ".join(addresses[:_NAMES])
    more = f" and {values.number(len(addresses) - _NAMES)} more" if len(addresses) > _NAMES else ""
    rows = prose(escape.line(f"No text, too large, or one too many: {names}{more}"), page, indent=4, hang=0)
    verb = "is" if len(addresses) == 1 else "are"
    title = f"{values.plural(len(addresses), 'changed document')} {verb} not compared"
    return Block("~", title, "", "", tuple(rows))
