"""Printing: data to stdout, everything else to stderr, colour only where it is wanted, and no raw data anywhere."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, Unpack

if TYPE_CHECKING:
    from reconciler.render.formats import Asked, Report

SECRET_VARIABLES = ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY")
_KEY_SHAPE = re.compile(r"\b(?:sk|sess)-[A-Za-z0-9_-]{8,}")
WIDEST = 120
ISSUES = "https://github.com/openai-reconciler/reconciler/issues"


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where output goes. `color` is always, never or auto; `width` is in columns."""

    color: str = "auto"
    quiet: bool = False
    format: str = "text"

    @classmethod
    def for_errors(cls) -> Terminal:
        """Before options were read."""
        return cls(os.environ.get("RECONCILER_COLOR", "auto"))

    @property
    def width(self) -> int:
        """Columns of the terminal, 80 where there is none."""
        return min(shutil.get_terminal_size((80, 24)).columns, WIDEST) if sys.stdout.isatty() else 80

    def colored(self, stream: TextIO) -> bool:
        """Whether a stream gets colour: the option, then NO_COLOR, FORCE_COLOR, CI, then whether it is a terminal."""
        if self.color in {"always", "never"}:
            return self.color == "always"
        if os.environ.get("NO_COLOR"):
            return False
        if os.environ.get("FORCE_COLOR"):
            return True
        return stream.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")

    def data(self, text: str) -> None:
        """What the command was asked for."""
        _write(sys.stdout, text)

    def note(self, text: str) -> None:
        """Progress and remarks; silent with -q."""
        if not self.quiet:
            _say(f"{text}\n")

    def error(self, summary: str, detail: str = "", lines: Sequence[str] = ()) -> None:
        """One clear message: what is so, and what to do."""
        from reconciler.render.colour import paint
        from reconciler.render.escape import line

        color = self.colored(sys.stderr)
        text = f"{paint('Error:', 'alarm', color=color)} {line(summary)}\n"
        text += "".join(f"  {line(item)}\n" for item in lines)
        text += f"{line(detail)}\n" if detail else ""
        _say(text)

    def show(self, document: Report, body: Any, **asked: Unpack[Asked]) -> None:
        """What the command was asked for, in the format that was asked for."""
        from reconciler.render.formats import render

        self.data(render(self.format, document, body, color=self.colored(sys.stdout), width=self.width, **asked))

    def diagnostics(self, found: Iterable[Any], *, prefix: str = "") -> None:
        """Problems of a tree, all of them: text on stderr, another format that was asked for on stdout."""
        from reconciler.render.formats import Report

        body = {"valid": False, "problems": [{**item.to_json(), "source": item.source} for item in found]}
        if self.format != "text":
            self.show(Report.PROBLEMS, body, prefix=prefix)
            return
        from reconciler.render.problems import render_problems

        width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST) if sys.stderr.isatty() else 80
        _say(render_problems(body, color=self.colored(sys.stderr), width=width))

    def bug(self, error: Exception) -> None:
        """Something we did not foresee: what to report, and nothing that must not be told."""
        frames = traceback.extract_tb(error.__traceback__)[-6:]
        place = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in reversed(frames))  # noqa: PTH119
        self.error(
            f"Unexpected {type(error).__name__}: {str(error)[:300]}",
            f"This is a bug. Please report it, with the lines above, at {ISSUES}",
            (f"at {place}",),
        )


def redact(text: str) -> str:
    """A text without the keys of this process, and without anything shaped like a key."""
    for name in SECRET_VARIABLES:
        value = os.environ.get(name)
        if value and len(value) >= 6:
            text = text.replace(value, f"[{name}]")
    return _KEY_SHAPE.sub("[key]", text)


def _say(text: str) -> None:
    """To stderr. A reader that went away, or a full disk behind it, never ends a run that is under way."""
    with contextlib.suppress(OSError, ValueError):
        _write(sys.stderr, text)


def have_streams() -> None:
    """A process that was started with its streams closed gets streams that lead nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the whole process


def _write(stream: TextIO, text: str) -> None:
    """Redacted at the sink; characters that the stream cannot encode are escaped, never an error."""
    encoding = stream.encoding or "utf-8"
    stream.write(redact(text).encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
