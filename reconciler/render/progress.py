"""What apply says while it runs: one plain line for each event, for logs and for terminals without a live display."""

from collections.abc import Mapping
from typing import Any

from reconciler.render import escape, values
from reconciler.render.colour import paint

_STYLE = {
    "done": "add",
    "unchanged": "quiet",
    "started": "quiet",
    "failed": "alarm",
    "skipped": "change",
    "in doubt": "alarm",
}
_EXIT = {
    1: "an unexpected error",
    3: "incomplete or in doubt; it is safe to run again",
    4: "refused by a safety rule",
    5: "the plan is stale",
    6: "locked by another run",
    7: "invalid input",
    8: "authentication, permission, or the wrong account",
    9: "the API is unavailable",
    130: "interrupted; it is safe to run again",
}
_OUTCOMES = ("done", "unchanged", "failed", "skipped", "in_doubt")


def render_event(event: Mapping[str, Any], *, color: bool = False) -> str:
    """One line without a line break, or nothing for an event that people need not see."""
    render = _RENDER.get(str(event.get("event")))
    return render(event, color=color) if render else ""


def _tagged(tag: str, text: str, *, color: bool) -> str:
    return f"{paint(f'{tag:<9}', _STYLE.get(tag, ''), color=color)}  {text}"


def _started(event: Mapping[str, Any], *, color: bool) -> str:
    return _tagged("started", escape.line(str(event.get("step"))), color=color)


def _step(event: Mapping[str, Any], *, color: bool) -> str:
    outcome = escape.line(str(event.get("outcome"))).replace("_", " ")
    text = escape.line(str(event.get("step")))
    said = next((event[key] for key in ("error", "summary", "reason", "detail") if event.get(key)), None)
    if said is not None:
        text += f": {escape.line(said) if isinstance(said, str) else values.inline(said)}"
    details = [escape.line(str(event["id"]))] if event.get("id") else []
    details += [_seconds(event["seconds"])] if event.get("seconds") is not None else []
    return _tagged(outcome, text + (f"  ({', '.join(details)})" if details else ""), color=color)


def _documents(event: Mapping[str, Any], *, color: bool) -> str:
    done, total, failed = (int(event.get(key) or 0) for key in ("done", "total", "failed"))
    text = f"{escape.line(str(event.get('address')))}: {values.number(done)} of {values.plural(total, 'document')}"
    tail = paint(f", {values.number(failed)} failed", "alarm", color=color) if failed else ""
    return _tagged("", text + tail, color=color)


def _warning(event: Mapping[str, Any], *, color: bool) -> str:
    return f"{paint('warning', 'change', color=color)}    {escape.line(str(event.get('summary')))}"


def _summary(event: Mapping[str, Any], *, color: bool) -> str:
    counts = [
        f"{values.number(int(event.get(key) or 0))} {key.replace('_', ' ')}"
        for key in _OUTCOMES
        if event.get(key) or key == "done"
    ]
    seconds = f" in {_seconds(event['seconds'])}" if event.get("seconds") is not None else ""
    code = event.get("exit_code") or 0
    meaning = f" Exit code {code}: {_EXIT.get(code, 'see the documentation')}." if code else ""
    text = f"Apply: {', '.join(counts)}{seconds}.{meaning}"
    return paint(text, "alarm" if code else "strong", color=color)


def _seconds(value: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`."""
    if value < 9.95:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"


_RENDER = {
    "started": _started,
    "step": _step,
    "documents": _documents,
    "warning": _warning,
    "not_converged": _warning,
    "summary": _summary,
}
