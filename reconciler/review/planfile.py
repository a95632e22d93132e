"""Plan → versioned JSON with a digest: what people read and what a pipeline approves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

from reconciler.model.address import Ref, Unknown, position
from reconciler.model.json import ABSENT, Json, sha256
from reconciler.model.plan import Action, Change, Delta, FileChange, FileChanges, Notice, Plan
from reconciler.review import cost

FORMAT_VERSION = 1
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
    """`sha256:` over the canonical JSON of everything but `tool`, `digest`, `reasons`, and what is only measured.

    Sessions of an agent and bytes of storage change while a plan waits for its approval; what was approved does not.
    Of reasons it covers the text, and not the code.
    """
    covered = {key: value for key, value in body.items() if key not in {"tool", "digest"}}
    if isinstance(covered["estimate"], Mapping):
        covered["estimate"] = {key: value for key, value in covered["estimate"].items() if key != "storage"}
    if isinstance(covered["changes"], list):
        covered["changes"] = [_lasting(change) for change in covered["changes"]]
    return "sha256:" + sha256(covered)


def _lasting(change: Json) -> Json:
    """A change without what moves by itself, and without the codes of its reasons."""
    if not isinstance(change, Mapping):
        return change
    covered = {key: change[key] for key in change if key not in {"sessions", "reasons"}}
    if "files" in covered:
        covered["files"] = {
            name: [{key: item[key] for key in item if key != "code"} for item in items]
            for name, items in covered["files"].items()
        }
    return covered


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
        "source": position(change.span),
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
        "reasons": [{"code": reason.code.value, "summary": reason.text} for reason in change.reasons],
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
    return body | ({"reason": item.reason.text, "code": item.reason.code.value} if item.reason else {})


def _notice(notice: Notice) -> dict[str, Json]:
    """A risk or a warning."""
    return {
        "code": notice.code,
        "summary": notice.summary,
        "address": _address(notice),
        "source": position(notice.span),
    }


def _address(notice: Notice) -> str | None:
    return str(notice.address) if notice.address else None
