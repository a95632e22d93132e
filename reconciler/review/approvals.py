"""Saved plans: an approval, not a program. Nothing of one is executed; it is compared with the plan made afresh.

Reading is strict: a saved plan comes back from an artefact store that somebody may have written to
(docs/reference/plan.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.errors import Exit, Stop
from reconciler.model.json import Json, canonical
from reconciler.model.reasons import fits
from reconciler.review.plan_schema import schema
from reconciler.review.planfile import FORMAT_VERSION, digest

MAX_BYTES = 64 * 1024 * 1024
"""The largest saved plan that is read."""
MAX_DEPTH = 256
"""The deepest nesting of a saved plan: far beyond any manifest, and within what every Python can take apart."""


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
    _forget_strange_codes(body)
    return Approval(body)


def _forget_strange_codes(body: Mapping[str, Any]) -> None:
    """Codes are believed only with the texts that the digest covers: nobody may give an approved reason a new meaning.

    Without its code a reason is shown as it is, like those of older versions, which had none.
    """
    for change in body["changes"]:
        reasons = change.get("reasons", [])
        same = "; ".join(reason["summary"] for reason in reasons) == change["reason"]
        if not same or not all(fits(reason["code"], reason["summary"]) for reason in reasons):
            change.pop("reasons", None)
        for item in (item for items in change.get("files", {}).values() for item in items):
            if not fits(item.get("code", ""), item.get("reason", "")):
                item.pop("code", None)


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
    """Every value that a change sets, and what it does to each document.

    A removal that has a reason takes a double away, and goes with any step; the digest covers reasons, but not codes.
    """
    fields = [canonical([item["path"], "after" in item, _known(item.get("after"))]) for item in change["fields"]]
    files = [
        canonical([name, item["path"], item["sha256"]])
        for name, items in (change.get("files") or {}).items()
        if name != "unmanaged"
        for item in items
        if not (name == "removed" and "reason" in item)
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
