"""Multipart forms into the same nested values that a JSON body gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from reconciler.emulator.errors import bad_request

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded file: its name as the client gave it, and its bytes."""

    filename: str
    content: bytes = field(repr=False)


@dataclass(slots=True)
class _Open:
    """The part that is being read."""

    header: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)
    disposition: bytes = b""
    content: list[bytes] = field(default_factory=list)


def parse(content_type: str, body: bytes) -> dict[str, Any]:
    """Read a form; `a[b]` nests, `a[]` and repeated names make arrays, parts with a file name become `Part`.

    Raises ApiError (400) when the body is no well-formed form.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise bad_request("Invalid multipart body: the Content-Type has no boundary.")
    form: dict[str, Any] = {}
    for name, value in _parts(boundary, body):
        _put(form, name, value)
    return form


def _parts(boundary: bytes, body: bytes) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    current = _Open()
    closed = False

    def begin() -> None:
        nonlocal current
        current = _Open()

    def header_end() -> None:
        if bytes(current.header).lower() == b"content-disposition":
            current.disposition = bytes(current.value)
        current.header.clear()
        current.value.clear()

    def end() -> None:
        found.append(_named(current))

    def finish() -> None:
        nonlocal closed
        closed = True

    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin,
                "on_header_field": lambda data, start, stop: current.header.extend(data[start:stop]),
                "on_header_value": lambda data, start, stop: current.value.extend(data[start:stop]),
                "on_header_end": header_end,
                "on_part_data": lambda data, start, stop: current.content.append(data[start:stop]),
                "on_part_end": end,
                "on_end": finish,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise bad_request(f"Invalid multipart body: {error}.") from error
    if not closed:
        raise bad_request("Invalid multipart body: it ends before its closing boundary.")
    return found


def _named(part: _Open) -> tuple[str, Any]:
    options = parse_options_header(part.disposition)[1]
    name = options.get(b"name", b"").decode("utf-8", "replace")
    content = b"".join(part.content)
    if b"filename" in options:
        return name, Part(options[b"filename"].decode("utf-8", "replace"), content)
    return name, content.decode("utf-8", "replace")


def _put(form: dict[str, Any], name: str, value: Any) -> None:
    match = _NAME.fullmatch(name)
    inner_keys = re.findall(r"\[(.*?)\]", match[2]) if match else []
    as_item = bool(inner_keys) and (inner_keys[-1] == "" or inner_keys[-1].isdigit())
    path = [match[1] if match else name, *(key for key in (inner_keys[:-1] if as_item else inner_keys) if key)]
    target = form
    for key in path[:-1]:
        inner = target.setdefault(key, {})
        if not isinstance(inner, dict):
            raise bad_request(f"Invalid multipart body: '{name}' is given twice with different shapes.", param=name)
        target = inner
    last = path[-1]
    if last not in target:
        target[last] = [value] if as_item else value
    elif isinstance(target[last], list):
        target[last].append(value)
    else:
        target[last] = [target[last], value]
