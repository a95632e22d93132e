"""Multipart forms into the same nested values that a JSON body gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File, FormParser, parse_options_header

from reconciler.emulator.errors import bad_request

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded file: its name as the client gave it, and its bytes."""

    filename: str
    content: bytes = field(repr=False)


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
    ends: list[bool] = []

    def file(part: File) -> None:
        part.file_object.seek(0)
        found.append((_text(part.field_name), Part(_text(part.file_name), part.file_object.read())))

    try:
        parser = FormParser(
            "multipart/form-data",
            on_field=lambda part: found.append((_text(part.field_name), _text(part.value))),
            on_file=file,
            on_end=lambda: ends.append(True),
            boundary=boundary,
            config={"MAX_MEMORY_FILE_SIZE": float("inf")},
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise bad_request(f"Invalid multipart body: {error}.") from error
    if not ends:
        raise bad_request("Invalid multipart body: it ends before its closing boundary.")
    return found


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")


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
