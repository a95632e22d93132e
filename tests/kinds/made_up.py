"""Kinds that do not exist, and an account that serves them: what adding a kind comes to is seen on them.

`registered` is the seam. The package finds its kinds by the modules of `reconciler/kinds`; here they come from a test,
and go with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler import kinds
from reconciler.emulator import Request, Response
from reconciler.emulator.wire import Machine
from reconciler.kinds.field import Field
from reconciler.kinds.form import Context, Form, Shape
from reconciler.kinds.kind import Kind
from reconciler.kinds.manifest import Manifest, Reference
from reconciler.kinds.words import choice, closed, text
from reconciler.manifest.schema import schemas
from reconciler.model.address import Address, Ref
from reconciler.model.desired import Desired
from reconciler.model.json import Json


@contextmanager
def registered(*declared: Kind | Form) -> Iterator[None]:
    """More kinds and forms, as if their modules stood in `reconciler/kinds`, until the end of the block."""
    tables: list[tuple[type, dict[str, Any]]] = [(Kind, kinds._kinds), (Form, kinds._forms)]
    before = [dict(table) for _, table in tables]
    for sort, table in tables:
        more = {one.name: one for one in declared if isinstance(one, sort)}
        _fill(table, dict(sorted({**table, **more}.items())))
    try:
        yield
    finally:
        for (_, table), known in zip(tables, before, strict=True):
            _fill(table, known)


def _fill(table: dict[str, Any], known: Mapping[str, Any]) -> None:
    table.clear()
    table.update(known)
    schemas.spec_schema.cache_clear()
    schemas.document_schema.cache_clear()


class Note(Kind):
    """A short text about a vector store, written with a pen."""

    name = "note"
    title = "note"
    form = "Note"
    collection = "/notes"
    gone = "The account has no /v1/notes."
    fields = (
        Field("name", text(64), ("First", "Second"), manifest="display_name"),
        Field("text", text(1000), ("Be kind.", "Be brief."), required=True),
        Field("color", choice("yellow", "blue"), ("blue", "yellow"), default="yellow"),
        Field("vector_store_id", text(64), manifest="about"),
        Field("ink", None, manifest="pen"),
    )


class NoteForm(Form):
    """What users write as `kind: Note`."""

    name = "Note"
    title = "note"
    meanings = {"text": "What it says."}

    def spec_schema(self, choice: str | None = None) -> dict[str, Json]:
        """The note's fields, and the Pen that it is written with."""
        del choice
        return closed({**{f.source: dict(f.schema) for f in NOTE.fields if f.schema}, "pen": text(64)}, "text")

    def lower(self, manifest: Manifest, context: Context) -> Desired | None:
        """One note."""
        spec = {f.name: manifest.spec[f.source] for f in NOTE.fields if f.source in manifest.spec}
        if "about" in manifest.spec:
            spec["vector_store_id"] = Ref(Address("VectorStore", manifest.spec["about"]))
        if "pen" in manifest.spec:
            spec["ink"] = context.declared("Pen")[manifest.spec["pen"]].spec["ink"]
        return manifest.desired(NOTE, spec)

    def references(self, manifest: Manifest) -> Iterator[Reference]:
        """Its store and its pen."""
        for name, kind in (("about", "VectorStore"), ("pen", "Pen")):
            if name in manifest.spec:
                yield Reference(("spec", name), Address(kind, manifest.spec[name]))

    def defaults(self) -> Mapping[str, Json]:
        """The colour."""
        return {"color": NOTE.fields[2].schema}


class PenForm(Form):
    """What users write as `kind: Pen`: a part of notes."""

    name = "Pen"
    title = "pen"
    drawn_as = Shape.PART
    shared = True

    def spec_schema(self, choice: str | None = None) -> dict[str, Json]:
        """What it is filled with."""
        del choice
        return closed({"ink": text(64)}, "ink")

    def lower(self, manifest: Manifest, context: Context) -> Desired | None:
        """Nothing: it is compiled into notes."""
        del manifest, context
        return None

    def compiled_into(self) -> str:
        """Notes."""
        return NOTE_FORM.plural


NOTE, NOTE_FORM, PEN_FORM = Note(), NoteForm(), PenForm()
MADE_UP = (NOTE, NOTE_FORM, PEN_FORM)


class Desk:
    """An account that has `/notes` as well."""

    def __init__(self, real: Machine) -> None:
        self.real = real
        self.notes: dict[str, dict[str, Any]] = {}

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        _, slash, note = request.path.partition("/notes")
        if not slash:
            return self.real.handle(request)
        found = self.notes.get(note.strip("/"))
        if request.method == "POST":
            found = found or {"id": f"note_{len(self.notes) + 1}", "created_at": 1_790_000_000, "color": "yellow"}
            found |= {key: value for key, value in json.loads(request.body).items() if value is not None}
            self.notes[found["id"]] = found
        elif request.method == "DELETE" and found is not None:
            del self.notes[found["id"]]
        elif not note:
            found = {"object": "list", "data": list(self.notes.values()), "has_more": False}
        status, body = (200, found) if found is not None else (404, {"error": {"message": "No such note."}})
        return Response(status, json.dumps(body).encode(), {"content-type": "application/json"})
