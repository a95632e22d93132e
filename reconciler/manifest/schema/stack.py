"""The Stack: the file `reconciler.yaml` at the root of a tree.

It names the stack and where its manifests are. Nothing in it selects a host, a key, or a path outside the tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from reconciler.kinds import FORMS
from reconciler.kinds.words import closed, integer, text
from reconciler.model.json import Json

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
    "propertyNames": {
        "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,63}$",
        "description": "A variable's name has letters, digits and underscores, at most 64, and no digit in front.",
    },
    "additionalProperties": {"type": "string"},
    "description": "Texts that ${var.NAME} stands for in manifests, and in files included with `interpolate: true`.",
}
_ACCOUNT: Json = closed(
    {
        "organization": {**text(128), "description": "The organisation's id, org-…: sent as a header."},
        "project": {**text(128), "description": "The project's id, proj_…: sent as a header."},
        "anchor": {**text(128), "description": "The anchor's id, vs_…, as the first apply prints it."},
    },
    description="A guard, never a choice: a run against another account is refused.",
)
_LIMITS: Json = closed(
    {
        "max_deletes": {**integer(0), "description": "Deletions of one run. Default: 5."},
        "max_delete_percent": {
            **integer(0, 100),
            "description": "Deletions of one run, in percent of what is managed. Default: 20.",
        },
        "max_upload_bytes": {
            "anyOf": [
                integer(0),
                {"type": "string", "maxLength": 24, "pattern": _SIZE, "description": "A size, such as 2GiB."},
            ],
            "description": "Bytes that one run uploads: a number, or a text such as 50MiB. Default: 2GiB.",
        },
    },
    description="A plan beyond these is refused.",
)
_ENVIRONMENTS: Json = {
    "type": "object",
    "propertyNames": NAME_SCHEMA,
    "additionalProperties": closed(
        {
            "vars": _VARS,
            "account": _ACCOUNT,
            "patches": {
                "type": "array",
                "items": text(256),
                "description": "Files with partial manifests, relative to the root, applied in this order.",
            },
        }
    ),
    "description": "What `--env NAME` selects; where there are any, one has to be selected. Each may have `vars`, an "
    "`account` as above, and `patches`: files with partial manifests.",
}
_SOURCES: Json = {
    "type": "array",
    "items": text(256),
    "minItems": 1,
    "description": "Directories with manifests, relative, below the root. Default: the whole root.",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment: its variables and its account override the stack's, its patches go on the manifests in order."""

    vars: Mapping[str, str] = field(default_factory=dict)
    patches: tuple[str, ...] = ()
    account: Mapping[str, str] = field(default_factory=dict)


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

    def within(self, environment: Environment) -> Stack:
        """The stack as it is in one environment. Each environment is an owner with an anchor of its own."""
        if not self.environments:
            return self
        account = environment.account
        return replace(
            self,
            organization=account.get("organization", self.organization),
            project=account.get("project", self.project),
            anchor=account.get("anchor"),
        )


def spec_schema() -> dict[str, Json]:
    """The JSON Schema of a Stack's `spec`."""
    return closed(
        {
            "sources": _SOURCES,
            "account": _ACCOUNT,
            "defaults": _defaults(),
            "limits": _LIMITS,
            "vars": _VARS,
            "environments": _ENVIRONMENTS,
        }
    )


def _defaults() -> dict[str, Json]:
    """What the kinds let a Stack say once for all their manifests."""
    taking = [form for form in FORMS.values() if form.defaults()]
    fields = {name: schema for form in taking for name, schema in form.defaults().items()}
    users = " and ".join(form.plural for form in taking)
    return closed(fields, description=f"For {users} that do not choose for themselves.")


def read(name: str, spec: Mapping[str, Json]) -> Stack:
    """The Stack out of a spec that fits the schema."""
    account, limits, usual = spec.get("account", {}), spec.get("limits", {}), Stack(name)
    return Stack(
        name=name,
        sources=tuple(spec.get("sources", usual.sources)),
        organization=account.get("organization"),
        project=account.get("project"),
        anchor=account.get("anchor"),
        defaults=spec.get("defaults", {}),
        max_deletes=limits.get("max_deletes", usual.max_deletes),
        max_delete_percent=limits.get("max_delete_percent", usual.max_delete_percent),
        max_upload_bytes=size(limits.get("max_upload_bytes", usual.max_upload_bytes)),
        vars=spec.get("vars", {}),
        environments={
            key: Environment(value.get("vars", {}), tuple(value.get("patches", ())), value.get("account", {}))
            for key, value in sorted(spec.get("environments", {}).items())
        },
    )


def salvaged(spec: Mapping[str, Json]) -> dict[str, Json]:
    """What can be used of a faulty spec, so that the rest of the tree is checked and no problem follows from it."""
    sources, defaults = _texts(spec.get("sources")), _mapping(spec.get("defaults"))
    declared = _defaults()["properties"] if defaults else {}
    usable = {name: value for name in defaults if isinstance(value := defaults[name], str) and value}
    for name, schema in declared.items():
        if "enum" not in schema:
            usable.setdefault(name, "unknown")
        elif usable.get(name) not in schema["enum"]:
            usable.pop(name, None)
    return {
        "sources": sources or ["."],
        "defaults": usable,
        "vars": _values(spec.get("vars")),
        "environments": {
            name: {"vars": _values(_mapping(value).get("vars")), "patches": _texts(_mapping(value).get("patches"))}
            for name, value in _mapping(spec.get("environments")).items()
        },
    }


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Json) -> list[str]:
    return [item for item in value if isinstance(item, str) and item] if isinstance(value, list) else []


def _values(value: Json) -> dict[str, str]:
    return {name: item if isinstance(item, str) else "" for name, item in _mapping(value).items()}


def size(value: int | str) -> int:
    """Bytes out of a number or a text such as `2GiB`; the text fits the schema's pattern."""
    if isinstance(value, int | float):
        return int(value)
    number, unit = value.rstrip("BKMGi").strip(), value.lstrip("0123456789. ")
    return int(Decimal(number) * _UNITS[unit])
