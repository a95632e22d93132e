"""The Stack: the file `reconciler.yaml` at the root of a tree.

It names the stack and where its manifests are. Nothing in it selects a host, a key, or a path outside the tree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.kinds.base import closed, integer, text
from reconciler.kinds.form_assistant import RUNTIMES
from reconciler.model import Json

FILE = "reconciler.yaml"
NAME_SCHEMA: Json = {
    "type": "string",
    "pattern": "^[a-z0-9]+(?:-[a-z0-9]+)*$",
    "maxLength": 40,
    "description": "a-z, 0-9 and single hyphens, 1 to 40, a letter or digit at both ends.",
}
_SIZE = r"^[0-9]+(?:\.[0-9]+)?\s*(?:B|KB|MB|GB|KiB|MiB|GiB)?$"
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_VARS: Json = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$"},
    "additionalProperties": {"type": "string"},
    "description": "Values for ${var.NAME}.",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment: its variables override the stack's, its patches are applied to the manifests in order."""

    vars: Mapping[str, str] = field(default_factory=dict)
    patches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stack:
    """What `reconciler.yaml` says. `max_upload_bytes` is in bytes."""

    name: str
    sources: tuple[str, ...] = (".",)
    organization: str | None = None
    project: str | None = None
    anchor: str | None = None
    defaults: Mapping[str, Json] = field(default_factory=dict)
    max_deletes: int = 5
    max_delete_percent: int = 20
    max_upload_bytes: int = 2 * 2**30
    vars: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)


def spec_schema() -> dict[str, Json]:
    """The JSON Schema of a Stack's `spec`."""
    environment = closed(
        {"vars": _VARS, "patches": {"type": "array", "items": text(256)}},
    )
    return closed(
        {
            "sources": {
                "type": "array",
                "items": text(256),
                "minItems": 1,
                "description": "Directories with manifests, relative, below the root. Default: the whole root.",
            },
            "account": closed(
                {"organization": text(128), "project": text(128), "anchor": text(128)},
                description="A guard, never a choice: a run against another account is refused.",
            ),
            "defaults": closed(
                {"runtime": {"type": "string", "enum": sorted(RUNTIMES)}, "model": text(256)},
                description="For assistants that do not choose for themselves.",
            ),
            "limits": closed(
                {
                    "max_deletes": integer(0),
                    "max_delete_percent": integer(0, 100),
                    "max_upload_bytes": {"anyOf": [integer(0), {"type": "string", "pattern": _SIZE}]},
                },
                description="A plan beyond these is refused.",
            ),
            "vars": _VARS,
            "environments": {
                "type": "object",
                "propertyNames": {"pattern": NAME_SCHEMA["pattern"], "maxLength": 40},
                "additionalProperties": environment,
            },
        }
    )


def read(name: str, spec: Mapping[str, Json]) -> Stack:
    """The Stack out of a spec that fits the schema."""
    account, limits = spec.get("account", {}), spec.get("limits", {})
    return Stack(
        name=name,
        sources=tuple(spec.get("sources", (".",))),
        organization=account.get("organization"),
        project=account.get("project"),
        anchor=account.get("anchor"),
        defaults=spec.get("defaults", {}),
        max_deletes=limits.get("max_deletes", 5),
        max_delete_percent=limits.get("max_delete_percent", 20),
        max_upload_bytes=size(limits.get("max_upload_bytes", 2 * 2**30)),
        vars=spec.get("vars", {}),
        environments={
            key: Environment(value.get("vars", {}), tuple(value.get("patches", ())))
            for key, value in sorted(spec.get("environments", {}).items())
        },
    )


def size(value: int | str) -> int:
    """Bytes out of a number or a text such as `2GiB`; the text fits the schema's pattern."""
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"([0-9.]+)\s*([A-Za-z]*)", value)
    if match is None:
        raise ValueError(f"{value!r} is not a size")
    return int(float(match[1]) * _UNITS[match[2]])
