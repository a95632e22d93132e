"""What apply shows while it runs: live lines with bars on a terminal, plain lines elsewhere, JSON on request."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler.cli.terminal import Terminal
from reconciler.render.formats import Report, render

EVERY = 50
"""Without a live display, one line for so many documents."""


class Display:
    """Plain lines on stderr, the summary included; documents only now and then."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    @classmethod
    @contextmanager
    def on(cls, terminal: Terminal) -> Iterator[Display]:
        """The display that fits: JSON lines, a live one on a terminal, plain lines elsewhere."""
        if terminal.format != "text":
            yield _Data(terminal)
        elif sys.stderr.isatty() and not terminal.quiet and terminal.colored(sys.stderr):
            with _live(terminal) as display:
                yield display
        else:
            yield cls(terminal)

    def show(self, event: Mapping[str, Any]) -> None:
        """One event."""
        if event["event"] == "documents" and not _worth_a_line(event):
            return
        self._line(event)

    def _line(self, event: Mapping[str, Any]) -> None:
        text = render("text", Report.EVENT, event, color=self._terminal.colored(sys.stderr))
        if not text:
            return
        bad = (
            event.get("outcome") in {"failed", "in_doubt"}
            or event["event"] == "not_converged"
            or event.get("exit_code")
        )
        if bad:
            Terminal(self._terminal.color).note(text)
        else:
            self._terminal.note(text)
        for line in event.get("lines") or ():
            self._detail(str(line))

    def _detail(self, text: str) -> None:
        from reconciler.render.escape import line

        Terminal(self._terminal.color).note(f"           {line(text)}")


def _worth_a_line(event: Mapping[str, Any]) -> bool:
    return bool(event["done"] + event["failed"] == event["total"] or event["done"] % EVERY == 0)


class _Data(Display):
    """One event per line on stdout."""

    def show(self, event: Mapping[str, Any]) -> None:
        """Each event, none left out."""
        with contextlib.suppress(OSError, ValueError):
            self._terminal.data(f"{render(self._terminal.format, Report.EVENT, event)}\n")


class _Live(Display):
    """Bars for the stores that are being filled, below the lines of what is done."""

    def __init__(self, terminal: Terminal, progress: Any) -> None:
        super().__init__(terminal)
        self._progress = progress
        self._tasks: dict[str, Any] = {}

    def show(self, event: Mapping[str, Any]) -> None:
        """Documents move a bar; everything else is a line above the bars."""
        if event["event"] == "documents":
            self._move(event)
        elif event["event"] != "started":
            self._line(event)

    def _line(self, event: Mapping[str, Any]) -> None:
        text = render("text", Report.EVENT, event, color=True)
        if text:
            self._print(text)
            for line in event.get("lines") or ():
                self._detail(str(line))

    def _detail(self, text: str) -> None:
        from reconciler.render.escape import line

        self._print(f"           {line(text)}")

    def _print(self, text: str) -> None:
        from rich.text import Text

        from reconciler.cli.terminal import redact

        self._progress.console.print(Text.from_ansi(redact(text)), highlight=False, soft_wrap=True)

    def _move(self, event: Mapping[str, Any]) -> None:
        address = str(event["address"])
        if address not in self._tasks:
            self._tasks[address] = self._progress.add_task(address, total=event["total"])
        ended = event["done"] + event["failed"]
        self._progress.update(self._tasks[address], completed=ended, total=event["total"])
        if ended >= event["total"]:
            self._progress.update(self._tasks[address], visible=False)


@contextmanager
def _live(terminal: Terminal) -> Iterator[Display]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False, markup=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Live(terminal, progress)
