"""Problems that people can act on: collected while reading, then all reported at once.

A diagnostic has a stable code (`E2xx` the text, `E3xx` a manifest, `E4xx` a reference, `E5xx` files, `E6xx` security;
`W…` is a warning), names the place, the thing and the way out. `Rejected` carries a whole list of them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.model.address import Address, Span


class Severity(StrEnum):
    """Errors stop the run, warnings do not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: `summary` is what is wrong, `detail` what was expected and what to do."""

    code: str
    summary: str
    detail: str = ""
    span: Span | None = None
    address: Address | None = None
    source: str | None = None

    @property
    def severity(self) -> Severity:
        """By the code's letter."""
        return Severity.WARNING if self.code.startswith("W") else Severity.ERROR

    def to_json(self) -> dict[str, object]:
        """The form that `validate --format json` prints."""
        return {
            "severity": self.severity.value,
            "code": self.code,
            "summary": self.summary,
            "detail": self.detail,
            "file": self.span.file if self.span else None,
            "line": self.span.line if self.span else None,
            "column": self.span.column if self.span else None,
            "address": str(self.address) if self.address else None,
        }


@dataclass(slots=True)
class Problems:
    """Collects diagnostics; the one mutable thing that reading passes along."""

    found: list[Diagnostic] = field(default_factory=list)

    def add(
        self, code: str, summary: str, detail: str = "", span: Span | None = None, *, address: Address | None = None
    ) -> None:
        """Note a problem."""
        self.found.append(Diagnostic(code, summary, detail, span, address))

    @property
    def errors(self) -> list[Diagnostic]:
        """Those that stop the run."""
        return [item for item in self.found if item.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Diagnostic]:
        """Those that do not."""
        return [item for item in self.found if item.severity is Severity.WARNING]

    def sorted(self) -> list[Diagnostic]:
        """Each once, in order of file, line and column; those without a place come last."""
        unique = dict.fromkeys(self.found)
        return sorted(unique, key=lambda d: (d.span is None, d.span or Span(""), d.code, d.summary))


class Rejected(Exception):  # noqa: N818 - it is a refusal with a list of reasons, not one error
    """Manifests that cannot be used; exit code 7."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(f"{d.span or d.address or ''} {d.summary}".strip() for d in self.diagnostics))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one most likely means, or None."""
    candidates = sorted(set(known))
    lowered = {item.lower().replace("_", "").replace("-", ""): item for item in reversed(candidates)}
    exact = lowered.get(name.lower().replace("_", "").replace("-", ""))
    if exact is not None:
        return exact
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?`, or a list of what there is when nothing is near, or nothing when there is nothing."""
    candidates = sorted(set(known))
    near = nearest(name, candidates)
    if near is not None:
        return f"Did you mean {near!r}?"
    if not candidates:
        return ""
    shown = ", ".join(candidates[:12]) + (f" and {len(candidates) - 12} more" if len(candidates) > 12 else "")
    return f"Known: {shown}."
