"""What a plan costs, in a few lines: time, storage, tokens. Nothing where there is nothing worth saying."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.render import escape, values

_GIB = 2**30
_LINES_SHOWN = 10
_NAMES_SHOWN = 8
_LONGEST_NAME = 64


def sentences(plan: Mapping[str, Any]) -> list[str]:
    """The plan's `estimate` for people."""
    estimate = plan.get("estimate") or {}
    uploads, stored, models = list(_uploads(estimate)), list(_storage(estimate)), list(_models(estimate))
    day = escape.line(str((estimate.get("prices") or {}).get("as_of")))
    return [*uploads, *stored, *models, *([f"prices of {day}"] if stored or models else [])]


def _uploads(estimate: Mapping[str, Any]) -> Iterator[str]:
    """Only what takes time: how much is uploaded stands in the summary."""
    minutes = estimate.get("minutes")
    if minutes:
        files = values.plural(estimate.get("files") or 0, "file")
        size = values.size(estimate.get("upload_bytes") or 0)
        yield f"{files}, {size} to upload: at least {values.plural(minutes, 'minute')} at OpenAI's rate limits"


def _storage(estimate: Mapping[str, Any]) -> Iterator[str]:
    """Only what can be seen in cents or in tenths of a GiB. What is free is free once, for all of an account."""
    stored = estimate.get("storage") or {}
    days = [_usd(stored.get(f"{side}_usd_per_day") or 0.0) for side in ("before", "after")]
    sizes = [_gib(stored.get(f"{side}_bytes") or 0) for side in ("before", "after")]
    if days[0] != days[1] or sizes[0] != sizes[1]:
        gib = f"{sizes[0]} → {sizes[1]} GiB"
        yield f"storage {days[0]} → {days[1]} a day (estimated; {gib}, this stack alone, its first GiB free)"


def _models(estimate: Mapping[str, Any]) -> Iterator[str]:
    """One line for each change of a model, with the assistants that it is the same for."""
    users: dict[str, list[str]] = {}
    for item in estimate.get("models") or ():
        users.setdefault(_model(item.get("before"), item["after"]), []).append(_name(item.get("address")))
    for text, names in list(users.items())[:_LINES_SHOWN]:
        more = f" and {values.number(len(names) - _NAMES_SHOWN)} more" if len(names) > _NAMES_SHOWN else ""
        yield f"{text}, for {', '.join(names[:_NAMES_SHOWN])}{more}"
    if len(users) > _LINES_SHOWN:
        yield f"and {values.number(len(users) - _LINES_SHOWN)} more changes of models"


def _model(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    name = _name(after.get("model"))
    if before is None:
        return f"{name}: input {_usd(after['input_usd'])}, output {_usd(after['output_usd'])} per 1M tokens"
    parts = [_change(before.get(key), after[key]) for key in ("input_usd", "output_usd")]
    return f"{_name(before.get('model'))} → {name}: input {parts[0]}, output {parts[1]} per 1M tokens"


def _name(name: Any) -> str:
    """Models are called as the account calls them; these lines are no place for a name that fills a page."""
    text = str(name)
    return escape.line(text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…")


def _change(before: float | None, after: float) -> str:
    """`$0.10 → $1.00 (+900 %)`; what was not known, or does not change, is not compared."""
    if before is None:
        return f"now {_usd(after)}"
    if before == after:
        return _usd(after)
    percent = f" ({(after - before) / before * 100:+,.0f} %)" if before else ""
    return f"{_usd(before)} → {_usd(after)}{percent}"


def _usd(amount: float) -> str:
    """`$1.25`; less than a cent is said to be so."""
    return "<$0.01" if 0 < amount < 0.005 else f"${amount:,.2f}"


def _gib(size: int) -> str:
    """`0.4`, `12.0`, `1,034`."""
    amount = size / _GIB
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:.1f}"
