"""What an assistant can reach and may do: the hosts that its values name, and what its tools are allowed.

Both sides of a comparison may come from anywhere, a live value from a hostile server too, so nothing about their shape
is taken for granted. Where the API leaves room for two readings, the wider one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from reconciler.kinds.field import identity
from reconciler.kinds.kind import Kind
from reconciler.model.json import Json, Path
from reconciler.planning.diff import FREE_FORM
from reconciler.review.lookalikes import plain

# --- hosts ------------------------------------------------------------------------------------------------------------

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOSTS = ("server_url", "allowed_domains")
_NAMED = {"connector_id": "the connector", "tunnel_id": "the tunnel"}
"""Keys whose values name something outside that has no host of its own."""


class Reached(NamedTuple):
    """Something outside that a value names: the key that names it, its host or id, and where that stands."""

    role: str
    target: str
    place: str

    @property
    def label(self) -> str:
        """The target for people: a host in ASCII, with what hides behind it."""
        if self.role in _NAMED:
            return f"{_NAMED[self.role]} {plain(self.target)}"
        return _told(self.target)


def reached(kind: Kind, spec: Mapping[str, Json]) -> list[Reached]:
    """Everything outside that a spec names, each target once for each key that names it, in order of appearance.

    The same host is another one under another key: what may be read from is not what data is sent to.
    """
    found: dict[tuple[str, str], Reached] = {}
    for path, text in texts(kind, spec):
        if len(path) < 2 or any(step in FREE_FORM for step in path):
            continue
        key = next((step for step in reversed(path[1:]) if isinstance(step, str)), str(path[0]))
        if key in _NAMED:
            target = text
        elif key in _HOSTS or _URL.match(text):
            target = _host(text)
        else:
            continue
        found.setdefault((key, target), Reached(key, target, place(path)))
    return list(found.values())


def _host(text: str) -> str:
    """The host of a URL or of a bare domain, in lower case and in ASCII where that is possible."""
    try:
        host = urlsplit(text if _URL.match(text) else f"//{text}").hostname or text
    except ValueError:
        host = text
    host = host.lower().removesuffix(".")
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def _told(host: str) -> str:
    """A host in ASCII; letters that are none are named."""
    shown = plain(host, 260)
    try:
        written = host.encode("ascii").decode("idna") if "xn--" in host else host
    except UnicodeError:
        return f"{shown} (not ASCII, and no valid name)"
    foreign = sorted({char for char in written if not char.isascii()})
    if not foreign:
        return shown
    letters = " ".join(f"U+{ord(char):04X}" for char in foreign)
    return f"{shown} (not ASCII: {letters})"


def texts(kind: Kind, spec: Mapping[str, Json]) -> Iterator[tuple[Path, str]]:
    """Every text of a spec with its path, and every key that is not ASCII; items of lists by their identity."""
    for name in sorted(spec):
        declared = kind.field(name)
        yield from _texts(spec[name], (name,), (declared.item if declared else None) or ())


def _texts(value: Json, path: Path, keys: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key in sorted(value):
            if not key.isascii():
                yield (*path, key), key
            yield from _texts(value[key], (*path, key), ())
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _texts(item, (*path, (identity(item, keys) if keys else "") or number), ())


def place(path: Path) -> str:
    """A path for people, in ASCII: `tools.mcp:wiki.server_url`; positions in lists without identity are left out."""
    return plain(".".join(step for step in path if isinstance(step, str)), 160)


# --- permissions ------------------------------------------------------------------------------------------------------

_OUTSIDE = {
    "mcp": "may call its MCP server",
    "web_search": "may search the web",
    "computer_use": "may operate a computer",
    "computer": "may operate a computer",
    "shell": "may run commands in a shell",
    "local_shell": "may run commands in a shell",
    "automations": "may start runs of its own",
    "code_interpreter": "may use the network from its sandbox",
}
"""Tools that reach beyond the conversation, and how."""
_VARIANT = re.compile(r"_preview\w*\Z")
_MEANS = {
    "command": "runs another command",
    "args": "runs its command with other arguments",
    "credential_id": "uses another stored credential",
}
"""What an MCP tool reaches its server with, and what it means when that changes."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """Some tools of a server: those named (None: all), only those that read, or both."""

    names: frozenset[str] | None = None
    read_only: bool = False

    def covers(self, other: _Filter | None) -> bool:
        """Whether every tool of another filter is among these."""
        if other is None or other.names == frozenset():
            return True
        named = self.names is None or (other.names is not None and other.names <= self.names)
        return named and (other.read_only or not self.read_only)


_ALL = _Filter()


def widened(old: Kind, before: Mapping[str, Json], new: Kind, after: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """What the tools of a spec may do that those of its earlier form may not: the tool, and a sentence about it."""
    had, has = _tools(old, before), _tools(new, after)
    for name in sorted(has):
        tool, earlier = has[name], had.get(name, {})
        how = _outside(tool)
        if how and not _outside(earlier):
            yield plain(name), f"{how}{_freely(new, tool) if _sort(tool) == 'mcp' else ''}"
        elif how:
            for what in _more(old, earlier, new, tool):
                yield plain(name), what


def _tools(kind: Kind, spec: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """The tools of a spec by identity, defaults spelled out."""
    declared = kind.field("tools")
    keys = (declared.item if declared else None) or ()
    listed = kind.normalise(spec).get("tools")
    items = listed if isinstance(listed, list | tuple) else ()
    return {identity(item, keys): item for item in items if isinstance(item, Mapping)}


def _sort(tool: Mapping[str, Json]) -> str:
    return _VARIANT.sub("", str(tool.get("type")))


def _outside(tool: Mapping[str, Json]) -> str | None:
    """How a tool reaches outside, or None."""
    sort = _sort(tool)
    if sort == "code_interpreter" and not _network(tool):
        return None
    if sort == "web_search" and tool.get("mode") == "disabled":
        return None
    return _OUTSIDE.get(sort)


def _network(tool: Mapping[str, Json]) -> bool:
    container = tool.get("container")
    policy = container.get("network_policy") if isinstance(container, Mapping) else None
    return isinstance(policy, Mapping) and policy.get("type") != "disabled"


def _freely(kind: Kind, tool: Mapping[str, Json]) -> str:
    """How little holds a new MCP tool back."""
    free = []
    if _allowed(tool) == _ALL:
        free.append("every tool of it")
    if _approval(kind, tool)[1] is not None:
        free.append("without asking" if _approval(kind, tool)[0] is None else "some of it without asking")
    return f" ({', '.join(free)})" if free else ""


def _more(old: Kind, before: Mapping[str, Json], new: Kind, after: Mapping[str, Json]) -> Iterator[str]:
    """What one tool may do that it could not do before."""
    had, has = _allowed(before), _allowed(after)
    if not had.covers(has) and has.names is not None:
        yield f"may use more tools of its server: {_names(had, has)}"
    elif not had.covers(has):
        yield f"may use every tool of its server{' that reads' if has.read_only else ''}"
    if _asks_less(_approval(old, before), _approval(new, after)):
        yield f"asks for approval less: {_asking(old, before)} before, {_asking(new, after)} now"
    if not _live(before) and _live(after):
        yield "searches the live web and not a copy of it"
    limits, wider = _domains(before), _domains(after)
    if limits and not wider:
        yield f"is no longer limited to {_counted(limits, 'domain')}"
    elif limits and wider and not set(wider) <= set(limits):
        yield f"may use more domains: {', '.join(_told(item) for item in wider if item not in limits)}"
    for key, what in _MEANS.items():
        value = _inside(after, key)
        if value and value != _inside(before, key):
            yield what


def _allowed(tool: Mapping[str, Json]) -> _Filter:
    return _filter(tool.get("allowed_tools"))


def _filter(value: Json) -> _Filter:
    """A list of names, or a filter object; whatever else it is restricts nothing."""
    if isinstance(value, list | tuple):
        return _Filter(frozenset(str(name) for name in value))
    if isinstance(value, Mapping):
        names = value.get("tool_names")
        listed = frozenset(str(name) for name in names) if isinstance(names, list | tuple) else None
        return _Filter(listed, value.get("read_only") is True)
    return _ALL


def _names(had: _Filter, has: _Filter) -> str:
    """The tools that are new among the named ones, or all of them where they may now write."""
    names = has.names or frozenset()
    return ", ".join(plain(name) for name in sorted(names - (had.names or frozenset()) or names))


_Approval = tuple[_Filter | None, _Filter | None]
"""The tools that always need an approval, and those that never do; None: no tool."""


def _approval(kind: Kind, tool: Mapping[str, Json]) -> _Approval:
    """As the tool says; where it says nothing, every tool needs one, unless the kind never asks."""
    if not kind.asks_first():
        return None, _ALL
    said = tool.get("require_approval")
    if said == "never":
        return None, _ALL
    if isinstance(said, Mapping):
        always = _filter(said["always"]) if "always" in said else _ALL
        return always, _filter(said["never"]) if "never" in said else None
    return _ALL, None


def _asks_less(before: _Approval, after: _Approval) -> bool:
    """Whether fewer tools always need an approval, or more of them never do."""
    return not _covers(before[1], after[1]) or not _covers(after[0], before[0])


def _covers(wide: _Filter | None, narrow: _Filter | None) -> bool:
    return (wide or _Filter(frozenset())).covers(narrow)


def _asking(kind: Kind, tool: Mapping[str, Json]) -> str:
    always, never = _approval(kind, tool)
    if never is None and always == _ALL:
        return "always"
    return "never" if always is None else "for some tools"


def _live(tool: Mapping[str, Json]) -> bool:
    """Whether a web search goes out itself; so it does where nothing is said."""
    return tool.get("mode", "live") == "live" and tool.get("external_web_access") is not False


def _domains(tool: Mapping[str, Json]) -> list[str]:
    """The domains that a tool is limited to, wherever the kind keeps them; none: it is not limited."""
    found = _inside(tool, "allowed_domains")
    return [_host(str(item)) for item in found] if isinstance(found, list | tuple) else []


def _inside(value: Json, key: str) -> Json:
    """The value of a key in an object or in one inside it."""
    if not isinstance(value, Mapping):
        return None
    if key in value:
        return value[key]
    return next((found for name in sorted(value) if (found := _inside(value[name], key)) is not None), None)


def _counted(items: list[str], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
