"""Plan ⇄ versioned JSON with a digest. What people read and what a pipeline approves are this form of the plan.

Reading is strict: a saved plan comes back from an artefact store that somebody may have written to. It is an approval,
not a program: nothing of it is executed, it is only compared with the plan made afresh (docs/reference/plan.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Any

from reconciler import cost
from reconciler.errors import Exit, Stop
from reconciler.kinds.base import DOUBLE
from reconciler.model import (
    ABSENT,
    MOST_SESSIONS,
    Action,
    Change,
    Delta,
    FileChange,
    FileChanges,
    Json,
    Notice,
    Plan,
    Ref,
    Span,
    Unknown,
    canonical,
    sha256,
)

FORMAT_VERSION = 1
MAX_BYTES = 64 * 1024 * 1024
"""The largest saved plan that is read."""
MAX_DEPTH = 256
"""The deepest nesting of a saved plan: far beyond any manifest, and within what every Python can take apart."""

DISTRIBUTION = "openai-reconciler"


@cache
def _version() -> str:
    """This package's version; reading it takes as long as a small plan does."""
    return version(DISTRIBUTION)


def to_json(plan: Plan) -> dict[str, Json]:
    """The plan's JSON form, keys in their fixed order (CLI reference), `digest` over everything but tool and itself."""
    body: dict[str, Json] = {
        "format_version": FORMAT_VERSION,
        "tool": {"name": "reconciler", "version": _version()},
        "as_of": plan.as_of,
        "stack": plan.stack,
        "environment": plan.environment,
        "lineage": plan.lineage or None,
        "serial": plan.serial,
        "first_apply": plan.first_apply,
        "account": {
            "host": plan.account.host,
            "organization": plan.account.organization,
            "project": plan.account.project,
        },
        "manifests": plan.manifests,
        "digest": "",
        "summary": summary(plan),
        "risks": [_notice(notice) for notice in plan.risks],
        "changes": [_change(change) for change in plan.changes if _shown(change)],
        "steps": _steps(plan),
        "estimate": {"requests": plan.requests, "upload_bytes": _upload_bytes(plan), **cost.estimate(plan)},
        "warnings": [_notice(notice) for notice in plan.warnings],
    }
    return body | {"digest": digest(body)}


def digest(body: Mapping[str, Json]) -> str:
    """`sha256:` over the canonical JSON of everything but `tool`, `digest`, and what is only measured.

    Sessions of an agent and bytes of storage change while a plan waits for its approval; what was approved does not.
    """
    covered = {key: value for key, value in body.items() if key not in {"tool", "digest"}}
    if isinstance(covered["estimate"], Mapping):
        covered["estimate"] = {key: value for key, value in covered["estimate"].items() if key != "storage"}
    if isinstance(covered["changes"], list):
        covered["changes"] = [_lasting(change) for change in covered["changes"]]
    return "sha256:" + sha256(covered)


def _lasting(change: Json) -> Json:
    """A change without what moves by itself."""
    return {key: change[key] for key in change if key != "sessions"} if isinstance(change, Mapping) else change


def dumps(body: Mapping[str, Json]) -> str:
    """The bytes of the saved file, as text: same plan, same bytes."""
    return json.dumps(body, indent=2, ensure_ascii=True) + "\n"


def summary(plan: Plan) -> dict[str, Json]:
    """How many changes of each sort; blocked ones count as blocked and nothing else."""
    counts: dict[str, Json] = {}
    for action in (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.DELETE, Action.ADOPT, Action.FORGET):
        counts[action.value] = sum(1 for change in plan.changes if change.action is action and not change.blocked)
    counts["unchanged"] = sum(1 for change in plan.changes if change.action is Action.NONE and not change.blocked)
    counts["blocked"] = len(plan.blocked)
    moving = [change.files for change in plan.changes if change.files and not change.blocked]
    counts["files"] = {
        "add": sum(len(files.added) for files in moving),
        "change": sum(len(files.changed) + len(files.updated) for files in moving),
        "remove": sum(len(files.removed) for files in moving),
        "upload_bytes": _upload_bytes(plan),
    }
    return counts


def _upload_bytes(plan: Plan) -> int:
    return sum(change.files.upload_bytes for change in plan.changes if change.files and not change.blocked)


def _shown(change: Change) -> bool:
    """Unchanged resources are only counted, unless there is something to say about them."""
    unmanaged = change.files is not None and bool(change.files.unmanaged)
    return change.action is not Action.NONE or change.blocked is not None or bool(change.reason) or unmanaged


def _steps(plan: Plan) -> list[Json]:
    shown = [number for number, change in enumerate(plan.changes) if _shown(change)]
    position = {number: place for place, number in enumerate(shown)}
    return [{"step": str(step), "change": position[step.change], "needs": list(step.needs)} for step in plan.steps]


def _change(change: Change) -> dict[str, Json]:
    body: dict[str, Json] = {
        "address": str(change.address),
        "resource": change.kind,
        "id": change.id,
        "action": change.action.value,
        "cause": change.cause.value if change.cause else None,
        "source": _span(change.span),
        "moved_from": str(change.moved_from) if change.moved_from else None,
        "fields": [_delta(delta) for delta in change.fields],
    }
    if change.files is not None:
        body["files"] = _files(change.files)
    body |= {
        "observed": change.observed,
        "verified": change.verified,
        "blocked": {"rule": change.blocked.rule, "summary": change.blocked.summary} if change.blocked else None,
        "affects": list(change.affects),
        "reason": change.reason,
    }
    if change.replaces_kind is not None:
        body["replaces_kind"] = change.replaces_kind
    if change.version is not None:
        body["version"] = change.version
    return body | {
        "applied": {"revision": change.revision} if change.revision else None,
        "sessions": change.sessions,
    }


def _delta(delta: Delta) -> dict[str, Json]:
    body: dict[str, Json] = {"path": list(delta.path)}
    if delta.before is not ABSENT:
        body["before"] = shown(delta.before)
    if delta.after is not ABSENT:
        body["after"] = shown(delta.after)
    body["cause"] = delta.cause.value
    body["last_applied"] = None if delta.last_applied is ABSENT else shown(delta.last_applied)
    return body


def shown(value: Json) -> Json:
    """A value as people see it: references as addresses, those not known yet as `{"known_after_apply": …}`."""
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, Unknown):
        return {"known_after_apply": str(value.ref)}
    if isinstance(value, Mapping):
        return {key: shown(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value


def _files(files: FileChanges) -> dict[str, Json]:
    return {
        name: [_file(item) for item in getattr(files, name)]
        for name in ("added", "changed", "updated", "removed", "unmanaged")
    }


def _file(item: FileChange) -> dict[str, Json]:
    body: dict[str, Json] = {"path": item.path, "bytes": item.bytes, "sha256": item.sha256}
    return body | ({"reason": item.reason} if item.reason else {})


def _notice(notice: Notice) -> dict[str, Json]:
    """A risk or a warning."""
    return {
        "code": notice.code,
        "summary": notice.summary,
        "address": _address(notice),
        "source": _span(notice.span),
    }


def _address(notice: Notice) -> str | None:
    return str(notice.address) if notice.address else None


def _span(span: Span | None) -> Json:
    return None if span is None else {"file": span.file, "line": span.line, "column": span.column}


# --- approvals --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Approval:
    """A saved plan, checked to be one."""

    body: Mapping[str, Any]

    @property
    def digest(self) -> str:
        """What the reviewer approved."""
        return str(self.body["digest"])


def load(data: bytes, name: str) -> Approval:
    """Read a saved plan; raises Stop (exit 7 for what is no plan, 5 for what was changed)."""
    if len(data) > MAX_BYTES:
        raise Stop(Exit.INVALID, f"{name} is larger than {MAX_BYTES} bytes; no plan is.")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Stop(Exit.INVALID, f"{name} is not JSON.", "Save a plan with `reconciler plan -o plan.json`.") from error
    if not isinstance(body, dict) or "digest" not in body or "format_version" not in body:
        raise Stop(Exit.INVALID, f"{name} is not a plan.", "Save one with `reconciler plan -o plan.json`.")
    if body["format_version"] != FORMAT_VERSION:
        found = canonical(body["format_version"])
        raise Stop(Exit.STALE, f"{name} has format {found}; this version reads {FORMAT_VERSION}.", "Plan again.")
    if _depth(body) > MAX_DEPTH:
        raise Stop(Exit.INVALID, f"{name} is nested too deeply.", "Plan again.")
    try:
        _check(body, name)
        expected = digest(body)
    except ValueError as error:
        raise Stop(Exit.INVALID, f"{name} holds numbers that are no JSON.", "Plan again.") from error
    if body["digest"] != expected:
        raise Stop(Exit.STALE, f"{name} was changed after it was saved: its digest does not fit.", "Plan again.")
    return Approval(body)


def _depth(value: Json) -> int:
    """How many objects and lists stand in one another."""
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
    return depth


def _check(body: Mapping[str, Any], name: str) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - only a saved plan needs it

    validator = Draft202012Validator(schema())
    error = next(iter(sorted(validator.iter_errors(body), key=lambda item: list(map(str, item.absolute_path)))), None)
    if error is not None:
        place = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise Stop(Exit.INVALID, f"{name} is not a plan: at {place}, {error.message[:200]}", "Plan again.")
    steps, changes = [step["step"] for step in body["steps"]], [step["change"] for step in body["steps"]]
    known = all(isinstance(number, int) and number < len(body["changes"]) for number in changes)
    if not known or len(set(steps)) < len(steps):
        raise Stop(Exit.INVALID, f"{name} is not a plan: its steps do not fit its changes.", "Plan again.")


_BOUND = ("stack", "environment", "lineage", "serial", "account", "manifests")
_NAMES = {
    "stack": "the stack",
    "environment": "the environment",
    "lineage": "the stack's lineage",
    "serial": "the number of runs (something was applied since)",
    "account": "the account",
    "manifests": "the manifests or documents",
}


def check_approved(approval: Approval, fresh: Mapping[str, Any], *, resuming: bool) -> None:
    """Raise Stop (exit 5) unless everything that the fresh plan would do was approved.

    `resuming`: the anchor names the saved plan as the run in progress, so its own serial and partial effects are no
    reason to refuse.
    """
    saved = approval.body
    for key in _BOUND:
        same_lineage = key == "lineage" and saved["first_apply"] and resuming
        if saved[key] != fresh[key] and not same_lineage and not (key == "serial" and resuming):
            raise Stop(
                Exit.STALE,
                f"The saved plan is stale: {_NAMES[key]} changed since it was made.",
                f"Approved {_brief(saved[key])}, now {_brief(fresh[key])}. Plan again.",
            )
    approved = {step["step"]: saved["changes"][step["change"]] for step in saved["steps"]}
    for step in fresh["steps"]:
        name, change = step["step"], fresh["changes"][step["change"]]
        if name not in approved or not _covers(approved[name], change, name, resuming=resuming):
            raise Stop(
                Exit.STALE,
                f"The saved plan does not cover `{name}` as it would be done now.",
                "The account changed since the plan was made. Plan again.",
            )


def _covers(saved: Mapping[str, Any], fresh: Mapping[str, Any], step: str, *, resuming: bool) -> bool:
    """Whether a step does what was approved: to which object, with which values.

    Ids that were not known equal any id; cause, reason and verification are not compared. A run that is resumed has
    done a part of it already: the object is no longer as it was, and less is left to do.
    """
    if (saved["resource"], saved.get("version")) != (fresh["resource"], fresh.get("version")):
        return False
    if not step.startswith("create "):
        if saved["id"] != fresh["id"]:
            return False
        if saved["observed"] != fresh["observed"] and not resuming:
            return False
    approved, left = _values(saved), _values(fresh)
    return left <= approved if resuming else left == approved


def _values(change: Mapping[str, Any]) -> set[str]:
    """Every value that a change sets, and what it does to each document; doubles go with any step."""
    fields = [canonical([item["path"], "after" in item, _known(item.get("after"))]) for item in change["fields"]]
    files = [
        canonical([name, item["path"], item["sha256"]])
        for name, items in (change.get("files") or {}).items()
        if name != "unmanaged"
        for item in items
        if not str(item.get("reason")).startswith(DOUBLE)
    ]
    return {*fields, *files}


def _known(value: Json) -> Json:
    if isinstance(value, Mapping):
        if set(value) == {"known_after_apply"}:
            return value["known_after_apply"]
        return {key: _known(item) for key, item in value.items()}
    return [_known(item) for item in value] if isinstance(value, list) else value


def _brief(value: Json) -> str:
    text = canonical(value)
    return text if len(text) <= 80 else text[:77] + "…"


# --- the published schema ---------------------------------------------------------------------------------------------


def schema() -> dict[str, Json]:
    """The JSON Schema of a plan, draft 2020-12: `schema/plan.schema.json`."""
    text: Json = {"type": "string"}
    maybe_text: Json = {"type": ["string", "null"]}
    count: Json = {"type": "integer", "minimum": 0}
    maybe_count: Json = {"type": ["integer", "null"], "minimum": 0}
    place: Json = {"oneOf": [{"type": "null"}, _object({"file": text, "line": count, "column": count})]}
    file: Json = _object(
        {"path": text, "bytes": maybe_count, "sha256": maybe_text, "reason": text}, optional=("reason",)
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
            "replaces_kind": text,
            "version": text,
            "applied": {"oneOf": [{"type": "null"}, _object({"revision": text})]},
            "sessions": {"type": ["integer", "null"], "minimum": 0, "maximum": MOST_SESSIONS},
        },
        optional=("files", "replaces_kind", "version"),
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
