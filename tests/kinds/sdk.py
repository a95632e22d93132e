"""JSON values held against the request types of OpenAI's own SDK: unknown, missing and ill-typed members."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typing_extensions

_REQUIRED = (typing.Required, typing_extensions.Required)
_SCALARS: Mapping[Any, tuple[type, ...]] = {str: (str,), int: (int,), float: (int, float), bool: (bool,)}


def request_type(name: str) -> Any:
    """A type by its module and name below `openai.types`."""
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(f"openai.types.{module}"), attribute)


def misfits(value: Any, hint: Any, path: str = "") -> list[str]:
    """Everything in which a value is not of a type, as `path: what`."""
    while get_origin(hint) in (Annotated, *_REQUIRED):
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        found = [misfits(value, option, path) for option in get_args(hint)]
        return min(found, key=len) if all(found) else []
    if typing_extensions.is_typeddict(hint):
        return _members(value, hint, path)
    if get_origin(hint) is Literal:
        return [] if value in get_args(hint) else [f"{path}: {value!r}"]
    if get_origin(hint) is dict:
        return [] if isinstance(value, dict) else [f"{path}: no object"]
    if hint is type(None) or value is None:
        return [] if hint is type(None) and value is None else [f"{path}: null"]
    if hint in _SCALARS:
        right = isinstance(value, _SCALARS[hint]) and (hint is bool or not isinstance(value, bool))
        return [] if right else [f"{path}: {value!r}"]
    if hint is object:
        return []
    if isinstance(value, list):
        items: Iterable[tuple[int, Any]] = enumerate(value)
        return [found for number, item in items for found in misfits(item, get_args(hint)[0], f"{path}[{number}]")]
    return [f"{path}: {value!r}"]


def _members(value: Any, hint: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: no object"]
    hints = {_wire_name(name): item for name, item in typing.get_type_hints(hint, include_extras=True).items()}
    found = [f"{path}.{name}: unknown" for name in sorted(value.keys() - hints.keys())]
    required = {name for name, item in hints.items() if _is_required(item)}
    found += [f"{path}.{name}: missing" for name in sorted(required - value.keys())]
    for name in sorted(value.keys() & hints.keys()):
        found += misfits(value[name], hints[name], f"{path}.{name}")
    return found


def _wire_name(name: str) -> str:
    return name.removesuffix("_")


def _is_required(hint: Any) -> bool:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return get_origin(hint) in _REQUIRED
