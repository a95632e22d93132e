"""The ownership tags: four metadata pairs, or one line in the description of an object that has no metadata.

    reconciler.stack    <stack>#<lineage>
    reconciler.address  Assistant/customer-support
    reconciler.state    ready;op=<run>.<n>;spec=<16 hex>[;refs=<8 hex>][;rev=<commit 12>];v=1
                        [;protect=1][;retain=1][;retiring=<op>][;files=…]
    reconciler.fields   model:<12 hex> instructions:<12 hex> …

A tag that does not parse is no tag: the object counts as somebody else's and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.model.address import Address
from reconciler.model.json import Json
from reconciler.model.observed import Tags

PREFIX = "reconciler."
STACK, ADDRESS, STATE, FIELDS = (f"{PREFIX}{name}" for name in ("stack", "address", "state", "fields"))
VERSION = "1"
MAX_VALUE = 512
"""Characters of a metadata value."""
MAX_LINE = 300
"""Characters of a tag line."""

STACK_NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*(?:/[a-z0-9]+(?:-[a-z0-9]+)*)?"
_OWNER = re.compile(rf"({STACK_NAME})#([0-9a-f]{{12}})")
_LINE = re.compile(rf"\[reconciler ({STACK_NAME}#[0-9a-f]{{12}}) ([A-Za-z]+/[a-z0-9-]+) ([^\s\[\]]+)\]\s*\Z")
_PART = re.compile(r"[A-Za-z0-9_.:+-]*")


class TagTooLongError(ValueError):
    """A tag would not fit into a metadata value (512 characters)."""


def encode(tags: Tags) -> dict[str, str]:
    """The four pairs; raises TagTooLongError."""
    pairs = {
        STACK: f"{tags.stack}#{tags.lineage}",
        ADDRESS: str(tags.address),
        STATE: _state(tags),
        FIELDS: " ".join(f"{name}:{digest}" for name, digest in tags.fields.items()),
    }
    for key, value in pairs.items():
        if len(value) > MAX_VALUE:
            raise TagTooLongError(
                f"the tag {key} of {tags.address} takes {len(value)} characters, {MAX_VALUE} is the limit"
            )
    return pairs


def decode(metadata: Json) -> Tags | None:
    """The tags of a live object, or None when it has none of ours."""
    if not isinstance(metadata, Mapping):
        return None
    owner = _OWNER.fullmatch(_text(metadata.get(STACK)))
    parts = _parts(_text(metadata.get(STATE)))
    address = _address(_text(metadata.get(ADDRESS)))
    if owner is None or parts is None or address is None:
        return None
    fields = dict(item.split(":", 1) for item in _text(metadata.get(FIELDS)).split() if ":" in item)
    return _tags(owner[1], owner[2], address, parts, fields)


def encode_line(tags: Tags) -> str:
    """The tag line of an object without metadata; raises TagTooLongError."""
    line = f"[reconciler {tags.stack}#{tags.lineage} {tags.address} {_state(tags)}]"
    if len(line) > MAX_LINE:
        raise TagTooLongError(f"the tag line of {tags.address} takes {len(line)} characters, {MAX_LINE} is the limit")
    return line


def decode_line(description: Json) -> Tags | None:
    """The tags at the end of a description, or None."""
    match = _LINE.search(_text(description))
    if match is None:
        return None
    stack, lineage = match[1].split("#")
    parts, address = _parts(match[3]), _address(match[2])
    if parts is None or address is None:
        return None
    return _tags(stack, lineage, address, parts, {})


def strip_line(description: str) -> str:
    """A description without the tag line."""
    return _LINE.sub("", description).rstrip()


def user_pairs(metadata: Json) -> dict[str, str]:
    """The pairs of an object that are not our tags: labels, and what servers and people put there."""
    if not isinstance(metadata, Mapping):
        return {}
    return {str(k): v for k, v in metadata.items() if not str(k).startswith(PREFIX) and isinstance(v, str)}


def _state(tags: Tags) -> str:
    parts = [tags.state, f"op={tags.op}", f"spec={tags.spec}"]
    parts += [f"{key}={value}" for key, value in (("refs", tags.refs), ("rev", tags.rev)) if value]
    parts.append(f"v={VERSION}")
    parts += [f"{key}=1" for key, value in (("protect", tags.protect), ("retain", tags.retain)) if value]
    parts += [f"{key}={value}" for key, value in (("retiring", tags.retiring), ("files", tags.files)) if value]
    return ";".join(parts)


def _parts(state: str) -> dict[str, str] | None:
    first, *rest = state.split(";")
    if first not in {"ready", "pending"}:
        return None
    parts = {"state": first}
    for item in rest:
        key, _, value = item.partition("=")
        if not _PART.fullmatch(value):
            return None
        parts[key] = value
    return parts if parts.get("v") == VERSION else None


def _tags(stack: str, lineage: str, address: Address, parts: Mapping[str, str], fields: Mapping[str, str]) -> Tags:
    return Tags(
        stack,
        lineage,
        address,
        state=parts["state"],
        op=parts.get("op", ""),
        spec=parts.get("spec", ""),
        rev=parts.get("rev", ""),
        protect=parts.get("protect") == "1",
        retain=parts.get("retain") == "1",
        retiring=parts.get("retiring", ""),
        files=parts.get("files", ""),
        refs=parts.get("refs", ""),
        fields=fields,
    )


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except ValueError:
        return None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
