"""The published JSON Schema of a plan."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.json import Json
from reconciler.model.plan import MOST_SESSIONS, Action
from reconciler.review.planfile import FORMAT_VERSION


def schema() -> dict[str, Json]:
    """The JSON Schema of a plan, draft 2020-12: `schema/plan.schema.json`."""
    text: Json = {"type": "string"}
    maybe_text: Json = {"type": ["string", "null"]}
    count: Json = {"type": "integer", "minimum": 0}
    maybe_count: Json = {"type": ["integer", "null"], "minimum": 0}
    place: Json = {"oneOf": [{"type": "null"}, _object({"file": text, "line": count, "column": count})]}
    file: Json = _object(
        {"path": text, "bytes": maybe_count, "sha256": maybe_text, "reason": text, "code": text},
        optional=("reason", "code"),
    )
    names = ("added", "changed", "updated", "removed", "unmanaged")
    field = _object(
        {
            "path": {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1},
            "before": {},
            "after": {},
            "cause": text,
            "last_applied": {},
        },
        optional=("before", "after"),
    )
    change = _object(
        {
            "address": text,
            "resource": text,
            "id": maybe_text,
            "action": {"enum": [action.value for action in Action]},
            "cause": maybe_text,
            "source": place,
            "moved_from": maybe_text,
            "fields": {"type": "array", "items": field},
            "files": _object({name: {"type": "array", "items": file} for name in names}),
            "observed": maybe_text,
            "verified": {"enum": ["tag", "full", None]},
            "blocked": {"oneOf": [{"type": "null"}, _object({"rule": text, "summary": text})]},
            "affects": {"type": "array", "items": text},
            "reason": text,
            "reasons": {"type": "array", "items": _object({"code": text, "summary": text})},
            "replaces_kind": text,
            "version": text,
            "applied": {"oneOf": [{"type": "null"}, _object({"revision": text})]},
            "sessions": {"type": ["integer", "null"], "minimum": 0, "maximum": MOST_SESSIONS},
        },
        optional=("files", "reasons", "replaces_kind", "version"),
    )
    counts = dict.fromkeys(("create", "update", "replace", "delete", "adopt", "forget", "unchanged", "blocked"), count)
    notice = _object({"code": text, "summary": text, "address": maybe_text, "source": place})
    step = _object({"step": text, "change": count, "needs": {"type": "array", "items": text}})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A plan of the reconciler",
        **_object(
            {
                "format_version": {"const": FORMAT_VERSION},
                "tool": _object({"name": text, "version": text}),
                "as_of": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
                "stack": text,
                "environment": maybe_text,
                "lineage": maybe_text,
                "serial": count,
                "first_apply": {"type": "boolean"},
                "account": _object({"host": text, "organization": maybe_text, "project": maybe_text}),
                "manifests": text,
                "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
                "summary": _object(
                    {
                        **counts,
                        "files": _object({"add": count, "change": count, "remove": count, "upload_bytes": count}),
                    }
                ),
                "risks": {"type": "array", "items": notice},
                "changes": {"type": "array", "items": change},
                "steps": {"type": "array", "items": step},
                "estimate": _estimate(),
                "warnings": {"type": "array", "items": notice},
            }
        ),
    }


def _estimate() -> dict[str, Json]:
    count: Json = {"type": "integer", "minimum": 0}
    usd: Json = {"type": "number", "minimum": 0}
    text: Json = {"type": "string"}
    maybe_usd: Json = {"type": ["number", "null"], "minimum": 0}
    stored = _object({"before_bytes": count, "after_bytes": count, "before_usd_per_day": usd, "after_usd_per_day": usd})
    before = _object({"model": text, "input_usd": maybe_usd, "output_usd": maybe_usd})
    after = _object({"model": text, "input_usd": usd, "output_usd": usd})
    model = _object({"address": text, "before": {"oneOf": [{"type": "null"}, before]}, "after": after})
    return _object(
        {
            "requests": count,
            "upload_bytes": count,
            "files": count,
            "minutes": {"type": ["integer", "null"], "minimum": 1},
            "storage": {"oneOf": [{"type": "null"}, stored]},
            "models": {"type": "array", "items": model},
            "prices": {"oneOf": [{"type": "null"}, _object({"as_of": text, "source": text})]},
        }
    )


def _object(properties: Mapping[str, Json], optional: tuple[str, ...] = ()) -> dict[str, Json]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": False}
