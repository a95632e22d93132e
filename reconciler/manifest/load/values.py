"""Documents to values: defaults of the Stack, variables, and the files that stand in for long texts and JSON Schemas.

What a file contributes is final: nothing in it is filled in (unless asked for) and no file is included from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reconciler.kinds import FORMS
from reconciler.manifest.check import safety
from reconciler.manifest.check.conformity import Place, conform
from reconciler.manifest.files.documents import Doc
from reconciler.manifest.files.paths import resolve
from reconciler.manifest.files.refusals import TreeError
from reconciler.manifest.files.texts import Texts, note_tree_error
from reconciler.manifest.load.variables import growth, interpolate
from reconciler.manifest.schema import schemas
from reconciler.manifest.text import source
from reconciler.manifest.text.json_text import parse_json
from reconciler.manifest.text.secrets import shown
from reconciler.manifest.text.written import Written
from reconciler.model.address import Span
from reconciler.model.diagnostics import Problems, did_you_mean
from reconciler.model.json import Json, Path

_FIXED = frozenset[Path]({("apiVersion",), ("kind",), ("metadata", "name")})
"""What a document is does not depend on variables."""
_MOST = 20
"""Undefined variables of one text that are told."""


def with_defaults(doc: Doc, defaults: Mapping[str, Json], origin: Written) -> Doc:
    """The document with those of the Stack's defaults that its kind has; their positions are in the Stack."""
    known = FORMS[doc.kind].defaults()
    missing = {name: value for name, value in defaults.items() if name in known and name not in doc.spec}
    if not missing or not isinstance(doc.written.value.get("spec"), Mapping):
        return doc
    spans: dict[Path, Span] = {
        ("spec", name): span for name in missing if (span := origin.span(("spec", "defaults", name))) is not None
    }
    value = {**doc.written.value, "spec": {**missing, **doc.spec}}
    return replace(doc, written=Written(value, {**spans, **doc.written.spans}, doc.written.keys))


@dataclass(slots=True)
class Values:
    """Fills in documents; `checked` are the included texts that were already searched for what they must not hold."""

    texts: Texts
    variables: Mapping[str, str]
    checked: set[str] = field(default_factory=set)

    @property
    def problems(self) -> Problems:
        """Where problems go."""
        return self.texts.problems

    def filled(self, doc: Doc) -> Doc:
        """The document as it is meant; what cannot be filled in keeps a value of the same type."""
        spans, keys = dict(doc.written.spans), dict(doc.written.keys)
        written = Written(doc.written.value, spans, keys)
        included: dict[Path, str] = {}

        def fill(value: Json, path: Path) -> Json:
            if isinstance(value, str) and path not in _FIXED:
                return self.text(value, written.span(path))
            if isinstance(value, list):
                return [fill(item, (*path, number)) for number, item in enumerate(value)]
            if not isinstance(value, Mapping):
                return value
            if not _is_include(value, path):
                return {key: fill(item, (*path, key)) for key, item in value.items()}
            found, included[path] = self._included(value, path, doc, written)
            for table, inner in ((spans, found.spans), (keys, found.keys)):
                table.update({(*path, *place): span for place, span in inner.items()})
            return found.value

        return replace(doc, written=Written(fill(doc.written.value, ()), spans, keys), included=included)

    def text(self, text: str, span: Span | None, *, start: Span | None = None) -> str:
        """A text with variables filled in; `start` is given where positions inside the text are positions in a file."""
        if "${var." not in text:
            return text
        self.texts.spend(growth(text, self.variables), span)
        filled, undefined = interpolate(text, self.variables)
        for item in undefined[:_MOST]:
            detail = did_you_mean(item.name, self.variables) or "The stack declares no variables (spec.vars)."
            place = span if start is None else source.position(text, item.offset, start.file)
            self.problems.add("E405", f"Undefined variable {shown(item.name)}", detail, place)
        return filled

    def _included(self, value: Mapping[str, Json], path: Path, doc: Doc, written: Written) -> tuple[Written, str]:
        """What `{file: …}` stands for, and its file. Positions: inside a JSON file, or that of the name for a text."""
        at, is_json = written.span((*path, "file")), schemas.INCLUDABLE[str(path[-1])]
        nothing = Written({"type": "object"} if is_json else "", {(): at} if at else {}, {})
        place = Place(written.span, written.key, doc.address)
        if not conform(value, schemas.INCLUDE, place, self.problems, path):
            return nothing, ""
        try:
            file = resolve(doc.directory, self.text(value["file"], at))
        except TreeError as error:
            note_tree_error(error, self.problems, at)
            return nothing, ""
        text = self.texts.include(file, at)
        if text is None:
            return nothing, file
        if not is_json and file not in self.checked:
            safety.check_text(text, file, self.problems)
        if value.get("interpolate", False):
            text = self.text(text, at, start=Span(file))
        self.texts.spend(len(text), at)
        if not is_json:
            self.checked.add(file)
            return replace(nothing, value=text), file
        parsed = parse_json(text, file, self.problems, self.texts.tree.limits)
        if parsed is not None and file not in self.checked:
            safety.check_values(Written(parsed.value, parsed.spans, parsed.keys), self.problems)
        self.checked.add(file)
        return parsed or nothing, file


def _is_include(value: Mapping[str, Json], path: Path) -> bool:
    """Whether a mapping stands for a file: under a key that allows it, but never inside a JSON Schema."""
    return bool(path) and path[-1] in schemas.INCLUDABLE and "file" in value and not in_json_schema(path[:-1])


def in_json_schema(path: Path) -> bool:
    """Whether a path leads into a JSON Schema of the user's own."""
    return any(schemas.INCLUDABLE.get(str(part), False) for part in path)
