"""A graph (reconciler.review.graph) as an indented listing, as a Mermaid flowchart, for Graphviz, and as a picture.

Names of nodes are counted (`n0`, `n1`, …), so that nothing of a manifest or a plan is ever an identifier of the target
language; labels are made visible first (`escape.line`), and then quoted as the language wants it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.cells import cell_len

from reconciler.kinds import FORMS, documents_of
from reconciler.kinds.form import Shape
from reconciler.render import escape, values
from reconciler.render.blocks import SYMBOL, position
from reconciler.render.colour import paint
from reconciler.render.graph import svg as graph_svg
from reconciler.render.rows import SIGN_STYLE
from reconciler.review.graph import FOREIGN

Node = Mapping[str, Any]
Graph = Mapping[str, Any]

_DEEPEST = 8
"""Levels of the listing; what lies deeper is listed at the margin (manifests have three levels)."""
_GUTTER = 3
_MERMAID = {Shape.BOX: ('["', '"]'), Shape.PART: ('(["', '"])'), Shape.STORE: ('[("', '")]')}
_DOT = {Shape.BOX: "box", Shape.PART: "hexagon", Shape.STORE: "cylinder"}
_COLOURS = {
    "create": "#1a7f37",
    "update": "#9a6700",
    "replace": "#8250df",
    "delete": "#cf222e",
    "adopt": "#0969da",
    "forget": "#6e7781",
    "blocked": "#cf222e",
}
"""Of lines and frames only: what is written keeps the reader's own colours, light or dark."""


def render_text(graph: Graph, *, color: bool = False, width: int = 80) -> str:
    """A listing that ends with a line break: users at the margin, below each what it uses.

    `width` is in columns; positions in the manifests stand at the right edge where there is room for them. What was
    listed with all that it uses is not unfolded again. Where a plan was looked up, its signs stand in front.
    """
    listing = _Listing(graph, max(width, 40), color=color)
    lines = [paint(_title(graph), "strong", color=color)]
    idle = [node for node in graph["nodes"] if listing.is_idle(node)]
    users = [line for node in graph["nodes"] if listing.is_user(node) for line in listing.unfolded(node)]
    rest = [line for node in graph["nodes"] if not listing.is_idle(node) for line in listing.unfolded(node)]
    lines += ["", *users, *rest] if users or rest else []
    lines += ["", "Used by no manifest:"] if idle else []
    lines += [line for node in idle for line in listing.unfolded(node)]
    lines += ["", paint(_counts(graph), "strong", color=color)]
    legend = _legend(graph)
    return "\n".join(lines + ([legend] if legend else [])) + "\n"


def render_mermaid(graph: Graph) -> str:
    """A flowchart for GitHub, GitLab and editors, that ends with a line break."""
    names = _names(graph)
    lines = [f"%% {_mermaid(_title(graph))}", "flowchart LR"]
    for node in graph["nodes"]:
        opening, closing = _MERMAID[_shape(node)]
        lines.append(f"    {names[node['address']]}{opening}{_mermaid(label(node))}{closing}")
    lines += [f"    {names[edge['from']]} --> {names[edge['to']]}" for edge in graph["edges"]]
    for style, members in _by_style(graph).items():
        how = f"stroke:{_COLOURS[style]},stroke-width:3px" if style in _COLOURS else "stroke-dasharray:4"
        lines += [f"    classDef {style} {how}", f"    class {','.join(names[name] for name in members)} {style}"]
    return "\n".join(lines) + "\n"


def render_dot(graph: Graph) -> str:
    """A digraph for Graphviz, that ends with a line break."""
    names = _names(graph)
    lines = [f"digraph {_dot(_title(graph))} {{", "    rankdir=LR;", '    node [shape=box, fontname="Helvetica"];']
    for node in graph["nodes"]:
        attributes = [f"label={_dot(label(node))}"]
        shape = "plaintext" if node["kind"] == FOREIGN else _DOT[_shape(node)]
        attributes += [f"shape={shape}"] if shape != "box" else []
        style = node_style(node)
        attributes += [f'color="{_COLOURS[style]}", penwidth=3'] if style in _COLOURS else []
        lines.append(f"    {names[node['address']]} [{', '.join(attributes)}];")
    lines += [f"    {names[edge['from']]} -> {names[edge['to']]};" for edge in graph["edges"]]
    return "\n".join([*lines, "}"]) + "\n"


def render_svg(graph: Graph) -> str:
    """A picture in a file of its own, without script, that ends with a line break."""
    names = {node["address"]: _told(node) for node in graph["nodes"]}
    nodes = [(names[node["address"]], _sign(node)) for node in graph["nodes"]]
    return graph_svg.render_svg(nodes, [(names[edge["from"]], names[edge["to"]]) for edge in graph["edges"]])


def label(node: Node) -> str:
    """`VectorStore/product-docs · 27 documents · ~ update`, visible but not quoted for any language yet."""
    return " · ".join([_named(node), *([f"{_sign(node)} {_does(node)}"] if _does(node) else [])])


def node_style(node: Node) -> str:
    """The action of the plan, `blocked`, `foreign`, or `none`: a class for a style sheet."""
    if node["blocked"]:
        return "blocked"
    if node["action"] in _COLOURS:
        return str(node["action"])
    return "none" if node["managed"] else "foreign"


# --- words ------------------------------------------------------------------------------------------------------------


def _title(graph: Graph) -> str:
    environment = graph.get("environment")
    return escape.line(f"{graph['stack']}/{environment}" if environment else str(graph["stack"]))


def _named(node: Node) -> str:
    return escape.line(_told(node))


def _told(node: Node) -> str:
    """The address, how many documents belong to it, and whose it is; not escaped."""
    parts = [str(node["address"])]
    if node["documents"] is not None:
        documents = documents_of(node["kind"])
        parts.append(values.plural(node["documents"], documents.title if documents else "file"))
    parts += [] if node["managed"] else ["of somebody else"]
    return " · ".join(parts)


def _does(node: Node) -> str:
    return escape.line(f"{'blocked: ' if node['blocked'] else ''}{node['action'] or ''}").rstrip(" :")


def _sign(node: Node) -> str:
    return "!" if node["blocked"] else SYMBOL.get(str(node["action"]), "?") if node["action"] else ""


def _counts(graph: Graph) -> str:
    """`3 assistants, 2 vector stores with 41 documents; 4 uses.`."""
    counted = Counter(node["kind"] for node in graph["nodes"])
    stored: Counter[str] = Counter()
    for node in graph["nodes"]:
        stored[node["kind"]] += node["documents"] or 0
    parts = []
    for kind in sorted(counted, key=lambda kind: (kind not in FORMS, kind != FOREIGN, kind)):
        text, documents = _number_of(kind, counted[kind]), documents_of(kind)
        if documents is not None and documents.attached and stored[kind]:
            text += f" with {values.plural(stored[kind], documents.title)}"
        parts.append(text)
    return f"{', '.join(parts) or 'No resources'}; {values.plural(len(graph['edges']), 'use')}."


def _number_of(kind: str, count: int) -> str:
    """`2 vector stores`."""
    form = FORMS.get(kind)
    if form is not None:
        return f"{values.number(count)} {form.title if count == 1 else form.plural}"
    if kind == FOREIGN:
        return f"{values.plural(count, 'object')} of somebody else"
    return values.plural(count, escape.line(kind))


def _shape(node: Node) -> Shape:
    form = FORMS.get(node["kind"])
    return form.drawn_as if form else Shape.BOX


def _legend(graph: Graph) -> str:
    """What the plan does, with the signs that occur."""
    if not graph["planned"]:
        return ""
    counted = Counter((_sign(node), _does(node)) for node in graph["nodes"] if _does(node))
    parts = [
        f"{sign} {values.number(counted[sign, does])} {'' if sign == '!' else 'to '}{does}"
        for sign, does in sorted(counted, key=_by_action)
    ]
    return f"The plan: {', '.join(parts)}." if parts else "The plan changes nothing."


def _by_action(pair: tuple[str, str]) -> tuple[bool, int, str]:
    known = list(_COLOURS)
    return (not pair[1].startswith("blocked"), known.index(pair[1]) if pair[1] in known else len(known), pair[1])


# --- the listing ------------------------------------------------------------------------------------------------------


class _Listing:
    """Lines of nodes, each unfolded once."""

    def __init__(self, graph: Graph, width: int, *, color: bool) -> None:
        self.nodes = {node["address"]: node for node in graph["nodes"]}
        self.below: dict[str, list[str]] = {}
        self.used: set[str] = set()
        for edge in graph["edges"]:
            self.below.setdefault(edge["from"], []).append(edge["to"])
            self.used.add(edge["to"])
        self.seen: set[str] = set()
        self.width, self.color, self.planned = width, color, graph["planned"]

    def is_idle(self, node: Node) -> bool:
        """Whether it is there to be used and nothing uses it."""
        form = FORMS.get(node["kind"])
        shared = form.shared if form else node["kind"] == FOREIGN
        return shared and node["address"] not in self.used and node["address"] not in self.below

    def is_user(self, node: Node) -> bool:
        """Whether it stands at the margin: nothing uses it, and it is there for its own sake or uses others."""
        return node["address"] not in self.used and not self.is_idle(node)

    def unfolded(self, node: Node) -> Iterator[str]:
        """A node and what it uses, as lines; nothing if it was listed before."""
        if node["address"] in self.seen:
            return
        waiting: list[tuple[str, str, str, int]] = [(node["address"], "", "", 0)]
        while waiting:
            address, branch, indent, depth = waiting.pop()
            below = self.below.get(address, [])
            again = address in self.seen or (depth >= _DEEPEST and bool(below))
            yield self.line(self.nodes[address], branch, again=again and bool(below))
            if again:
                continue
            self.seen.add(address)
            last = len(below) - 1
            children = [
                (child, indent + ("└─ " if place == last else "├─ "), indent + ("   " if place == last else "│  "))
                for place, child in enumerate(below)
            ]
            waiting += [(*child, depth + 1) for child in reversed(children)]

    def line(self, node: Node, branch: str, *, again: bool) -> str:
        """One node: its sign, its place in the tree, its name, its position at the right edge."""
        sign = _sign(node)
        gutter = " " * (_GUTTER - len(sign)) + paint(sign, SIGN_STYLE.get(sign, ""), color=self.color) + " "
        named = _named(node) + (" (unfolded elsewhere)" if again else "")
        margin = gutter if self.planned else "  "
        used = (_GUTTER + 1 if self.planned else 2) + len(branch) + cell_len(named)
        where = "" if node["address"] in self.seen else position(node["source"])
        room = self.width - used - cell_len(where)
        tail = " " * room + paint(where, "quiet", color=self.color) if where and room >= 2 else ""
        style = "" if branch else "strong"
        return f"{margin}{paint(branch, 'quiet', color=self.color)}{paint(named, style, color=self.color)}{tail}"


# --- other languages --------------------------------------------------------------------------------------------------


def _names(graph: Graph) -> dict[str, str]:
    return {node["address"]: f"n{number}" for number, node in enumerate(graph["nodes"])}


def _by_style(graph: Graph) -> dict[str, list[str]]:
    """The addresses of each style that says something."""
    found: dict[str, list[str]] = {}
    for node in graph["nodes"]:
        if node_style(node) != "none":
            found.setdefault(node_style(node), []).append(node["address"])
    return dict(sorted(found.items()))


def _mermaid(text: str) -> str:
    """Letters, digits and a few harmless signs as they are, everything else as an entity code.

    Quotes and brackets would end a label, backquotes make it Markdown, `<` HTML, `#` an entity, `%%{` a directive.
    """
    return re.sub(r"[^\w ./~·:,!»…+-]", lambda match: f"#{ord(match[0])};", text)


def _dot(text: str) -> str:
    r"""A quoted string: Graphviz reads `\n` and `\N` and also HTML's entities in labels."""
    return '"' + text.replace("\\", "\\\\").replace("&", "&amp;").replace('"', '\\"') + '"'
