"""How the parts of an explanation are laid out, and how it says where a value was written."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from reconciler.render import blocks, escape, text
from reconciler.render.colour import paint
from reconciler.render.rows import SIGN_STYLE, Page, Row, prose

Body = Mapping[str, Any]

INDENT = 4
LABEL = 11
BY = {
    "stack": "from the defaults of the stack",
    "environment": "from a patch of the environment",
    "name": "the name of the manifest, which gives no other",
    "reconciler": "reconciler's own default",
    "api": "what the API fills in",
}


def titled(title: str, rows: Sequence[Row] | Iterator[Row], page: Page) -> list[str]:
    """Rows under a title; nothing where there are none."""
    found = text.lines(rows, color=page.color)
    return [paint(title, "strong", color=page.color), *found] if found else []


def labelled(label: str, told: str, page: Page, *, indent: int = INDENT) -> list[Row]:
    """`label      text`, escaped, with the text in a column of its own."""
    return prose(f"{label:<{LABEL}}{escape.line(told)}", page, indent=indent, hang=LABEL)


def written(origin: Body) -> str:
    """`assistants/helper.yaml:14:17, the file prompts/helper.md`: where a value comes from."""
    parts = [at(origin["source"])] if origin.get("source") else []
    parts += [f"the file {origin['file']}"] if origin.get("file") else []
    parts += [f"in {origin['tool']}"] if origin.get("tool") else []
    parts += [BY[origin["by"]]] if origin.get("by") in BY else []
    return ", ".join(parts)


def at(source: Body) -> str:
    """`assistants/helper.yaml:14:17`."""
    return f"{source['file']}:{source['line']}:{source['column']}"


def headed(body: Body, sign: str, does: str, rows: Sequence[Row], page: Page) -> list[str]:
    """`~ update Assistant/helper` and its rows; the manifest's position at the right edge, or below."""
    title = escape.line(f"{does} {body['address']}".strip())
    where = blocks.position(body["source"])
    lead = f"{sign} " if sign else ""
    space = page.width - cell_len(lead) - cell_len(title) - cell_len(where)
    start = f"{paint(sign, SIGN_STYLE.get(sign, ''), color=page.color)} " if sign else ""
    head = f"{start}{paint(title, 'strong', color=page.color)}"
    if where and space >= 2:
        return [head + " " * space + paint(where, "quiet", color=page.color), *text.lines(rows, color=page.color)]
    below = [*([Row(INDENT, "", f"{'at':<{LABEL}}{where}")] if where else []), *rows]
    return [head, *text.lines(below, color=page.color)]


def known(body: Body) -> str:
    """`release skill_1, version 2`."""
    live = body["object"]
    version = f", version {live['version']}" if live.get("version") else ""
    return f"{live['resource']} {live['id']}{version}"


def notices(body: Body, page: Page) -> Iterator[Row]:
    """Risks and warnings of the address, and whether the plan is older than the manifests."""
    for word, notices, style in (("Risk", body["risks"], "alarm"), ("Warning", body["warnings"], "change")):
        for notice in notices:
            told = escape.line(f"{word} {notice['code']}: {blocks.sentence(str(notice['summary']))}")
            yield from prose(told, page, indent=INDENT, style=style)
    if body["stale"] and body["changes"]:
        told = "The manifests changed since this plan was made: positions and defaults are those of now."
        yield from prose(told, page, indent=INDENT, style="change")
