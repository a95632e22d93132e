"""The text files of one tree: manifests and what they include, each read once, under limits, and kept for excerpts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from reconciler.manifest.files.nearby import what_is_near
from reconciler.manifest.files.refusals import NotThere, PathRefused, SymlinkRefused, TooLarge, TreeError
from reconciler.manifest.files.tree import Tree
from reconciler.manifest.text import source
from reconciler.manifest.text.secrets import masked, masked_line
from reconciler.manifest.text.written import Written
from reconciler.model.address import Span
from reconciler.model.diagnostics import Diagnostic, Problems, Rejected

_LONGEST_LINE = 2_000
"""Characters of a line that is still shown beside a problem in it."""


def note_tree_error(error: TreeError, problems: Problems, span: Span | None) -> None:
    """Report a file that cannot be used: E601 for what is refused on principle, E503 for what is merely not there."""
    refused = isinstance(error, PathRefused | SymlinkRefused)
    problems.add("E601" if refused else "E503", "Path refused" if refused else "File unusable", str(error), span)


@dataclass(slots=True)
class Texts:
    """Reads files below the root. Problems go to `problems`; what is beyond the tree's limits raises Rejected."""

    tree: Tree
    problems: Problems
    _manifests: dict[str, str] = field(default_factory=dict)
    _included: dict[str, str | None] = field(default_factory=dict)
    _lines: dict[str, list[str]] = field(default_factory=dict)
    _read: int = 0
    _filled: int = 0

    def documents(self, file: str, problems: Problems) -> list[Written]:
        """The YAML documents of a file."""
        limits = self.tree.limits
        try:
            data = self.tree.read(file, limits.bytes)
        except TooLarge:
            detail = f"A manifest may have {limits.bytes:,} bytes. Split it, or move long text to a file of its own."
            problems.add("E211", "File too large", f"{detail} ({{file: …}})", Span(file))
            return []
        except TreeError as error:
            note_tree_error(error, problems, Span(file))
            return []
        self._read += len(data)
        if self._read > limits.all_bytes:
            raise self._beyond(f"All manifests together may have {limits.all_bytes:,} bytes.", Span(file))
        self._manifests[file] = data.decode("utf-8", "replace").removeprefix("\ufeff")
        return source.parse(data, file, problems, limits)

    def include(self, file: str, at: Span | None) -> str | None:
        """The text of a file that a manifest includes, with line feeds; None, and a problem, if there is none."""
        if file not in self._included:
            self._included[file] = self._include(file, at)
        return self._included[file]

    def _include(self, file: str, at: Span | None) -> str | None:
        limit = self.tree.limits.included
        try:
            text = self.tree.read(file, limit).decode("utf-8-sig")
        except TooLarge:
            self.problems.add("E211", "File too large", f"{file} may have {limit:,} bytes to be included.", at)
        except NotThere as error:
            detail = f"{error} {what_is_near(self.tree, '', file)}".strip()
            self.problems.add("E503", "File not found", detail, at)
        except TreeError as error:
            note_tree_error(error, self.problems, at)
        except UnicodeDecodeError:
            self.problems.add("E201", "Not UTF-8", f"Save {file} as UTF-8.", at)
        else:
            return text.replace("\r\n", "\n")
        return None

    def spend(self, characters: int, at: Span | None) -> None:
        """Count text that variables and included files add; a short tree may stand for a very long one."""
        limit = self.tree.limits.filled
        self._filled += characters
        if self._filled > limit:
            raise self._beyond(f"Variables and included files may add {limit:,} characters to a tree.", at)

    def text(self, file: str) -> str:
        """The text of a manifest that was read; empty if it could not be."""
        return self._manifests.get(file, "")

    def _beyond(self, detail: str, at: Span | None) -> Rejected:
        self.problems.add("E211", "Too much text", detail, at)
        return self.rejected()

    # --- reporting ---

    def rejected(self) -> Rejected:
        """The refusal with everything that was found."""
        return Rejected(self.report())

    def report(self) -> tuple[Diagnostic, ...]:
        """Everything found, in order, each with the line it is about; credentials in it are masked.

        What follows from another problem is left out: where the text itself is faulty, its value says nothing; and a
        tool that several assistants use is wrong once.
        """
        found = self.problems.sorted()
        faulty = {item.span for item in found if item.code[:2] == "E2" or item.code == "E405"}
        told: dict[Diagnostic, Diagnostic] = {}
        for item in found:
            of_a_manifest = item.code[:2] == "E3"
            if not (of_a_manifest and item.span is not None and item.span in faulty):
                told.setdefault(replace(item, detail="", address=None) if of_a_manifest else item, item)
        return tuple(self._shown(item) for item in told.values())

    def _shown(self, item: Diagnostic) -> Diagnostic:
        line = None if item.span is None else self._line(item.span)
        return replace(item, summary=masked(item.summary), detail=masked(item.detail), source=line)

    def _line(self, span: Span) -> str | None:
        """The line of a file that a span points at, if that file was read."""
        if span.file not in self._lines:
            text = self._manifests.get(span.file) or self._included.get(span.file)
            self._lines[span.file] = [] if text is None else source.lines(text)
        lines = self._lines[span.file]
        line = lines[span.line - 1] if span.line <= len(lines) else None
        return None if line is None or len(line) > _LONGEST_LINE else masked_line(line)
