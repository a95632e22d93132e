"""What a manifest must not hold, whatever its kind: invisible characters, credentials, private addresses.

The checks go by the shape of values and by the names of keys, so that they also reach what `raw` passes through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from reconciler.manifest.check.urls import domain_problem, url_problem
from reconciler.manifest.text import source
from reconciler.manifest.text.secrets import find_secrets, shown
from reconciler.manifest.text.written import Written
from reconciler.model import unicode
from reconciler.model.address import Address, Span
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json, Path

_MOST = 5
"""Findings of one text that are told."""
_CREDENTIAL_KEYS = frozenset(
    ("authorization", "domain_secrets", "api_key", "password", "access_token", "client_secret")
)
_CREDENTIAL_HEADER = re.compile(r"authorization|cookie|token|secret|password|credential|api-?key|auth\Z", re.IGNORECASE)


def check_text(text: str, file: str, problems: Problems) -> None:
    """The text of a whole file; positions are in it."""
    for offset, code, name in unicode.hidden(text)[:_MOST]:
        _note_character(code, name, source.position(text, offset, file), problems)
    for found in find_secrets(text)[:_MOST]:
        _note_secret(found.kind, found.length, source.position(text, found.offset, file), problems)


def check_values(written: Written, problems: Problems) -> None:
    """Every text and every key of a document, as written."""
    for path, span in written.keys.items():
        _check(str(path[-1]), span, problems)
    for path, text in texts_in(written.value):
        _check(text, written.span(path), problems)


def _check(text: str, span: Span | None, problems: Problems) -> None:
    for _, code, name in unicode.hidden(text)[:1]:
        _note_character(code, name, span, problems)
    for found in find_secrets(text)[:1]:
        _note_secret(found.kind, found.length, span, problems)


def _note_character(code: int, name: str, span: Span | None, problems: Problems) -> None:
    detail = f"{name}. A reader does not see what a model reads. Remove it."
    problems.add("E603", f"Invisible or reordering character U+{code:04X}", detail, span)


def _note_secret(kind: str, length: int, span: Span | None, problems: Problems) -> None:
    detail = f"It is {length} characters long. Remove it here and revoke it; no manifest holds a credential."
    problems.add("E602", f"This looks like a secret: {kind}", detail, span)


def texts_in(value: Json, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text with its path; keys are not among them."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from texts_in(item, (*path, number))


# --- addresses and credentials, by key --------------------------------------------------------------------------------


def check_keys(spec: Json, written: Written, problems: Problems, address: Address | None) -> None:
    """URLs, domains and fields for credentials, anywhere in a spec as it is meant."""
    for path, value in _members(spec, ("spec",)):
        for code, summary, detail in _complaints(path, value):
            problems.add(code, summary, detail, written.span(path), address=address)


def _complaints(path: Path, value: Json) -> Iterator[tuple[str, str, str]]:
    key, above = path[-1], path[-2]
    if isinstance(value, str):
        for code, applies, check in _ADDRESSES:
            problem = check(value) if applies(key, above) else None
            if problem is not None:
                yield code, f"{key if isinstance(key, str) else above} is {shown(value)}", problem
    if value in ("", None, [], {}) or not isinstance(key, str):
        return
    if key.lower() in _CREDENTIAL_KEYS:
        yield "E602", f"{shown(key)} would hold a credential", _BY_REFERENCE
    elif above == "headers" and _CREDENTIAL_HEADER.search(key):
        yield "E602", f"The header {shown(key)} would hold a credential", _BY_REFERENCE


_BY_REFERENCE = (
    "No manifest holds one: remove it, and name a stored credential (`credential_id`) or let the application add it."
)
_ADDRESSES: tuple[tuple[str, Callable[[str | int, str | int], bool], Callable[[str], str | None]], ...] = (
    ("E604", lambda key, _: key == "server_url", url_problem),
    ("E605", lambda key, above: above == "allowed_domains" and isinstance(key, int), domain_problem),
)
"""Code, which keys (with the key above), and what may be wrong."""


def _members(value: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    """Everything inside a value with its path, but for the inside of JSON Schemas, which only look like it."""
    if isinstance(value, Mapping):
        items: list[tuple[str | int, Json]] = list(value.items())
    else:
        items = list(enumerate(value)) if isinstance(value, list) else []
    for key, item in items:
        yield (*path, key), item
        if not (key in {"parameters", "schema"} and isinstance(item, Mapping)):
            yield from _members(item, (*path, key))
