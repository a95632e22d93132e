"""What the schema of a manifest cannot say about one document: fields that depend on each other, JSON Schemas, tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.kinds import KINDS
from reconciler.kinds.kind import TagPlace, document_kind_of
from reconciler.manifest.check.jsonschema_check import check_schema
from reconciler.manifest.files.documents import Doc
from reconciler.manifest.schema import schemas
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.diagnostics import Problems, did_you_mean
from reconciler.model.json import Json, Path
from reconciler.model.observed import Tags
from reconciler.ownership import tags as tagging
from reconciler.ownership.anchor import Entry
from reconciler.ownership.digests import field_digests


def check_document(doc: Doc, choice: str | None, problems: Problems) -> None:
    """A document that fits its schema."""
    _check_lifecycle(doc, choice, problems)
    for path, holder in _mappings(doc.written.value["spec"], ("spec",)):
        _check_chunking(doc, path, holder, problems)
        for key, named in (("parameters", path[-1]), ("schema", path[-1])):
            if named in _HOLDERS[key] and isinstance(holder.get(key), Mapping):
                _check_json_schema(doc, (*path, key), holder[key], problems, strict=holder.get("strict") is True)


_HOLDERS = {"parameters": {"function"}, "schema": {"json_schema"}}
"""Key of a JSON Schema → what it stands in."""


def _mappings(value: Json, path: Path) -> Iterator[tuple[Path, Mapping[str, Json]]]:
    """A mapping and those inside it, except inside JSON Schemas."""
    if isinstance(value, Mapping):
        yield path, value
        for key, item in value.items():
            if key not in _HOLDERS:
                yield from _mappings(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _mappings(item, (*path, number))


def _check_lifecycle(doc: Doc, choice: str | None, problems: Problems) -> None:
    lifecycle = doc.written.value.get("lifecycle", {})
    fields = {*schemas.spec_schema(doc.kind, choice).get("properties", {}), "labels"}
    for number, name in enumerate(lifecycle.get("ignore_changes", ())):
        if name not in fields:
            span = doc.written.span(("lifecycle", "ignore_changes", number))
            summary = f"Unknown field {name!r} in ignore_changes"
            problems.add("E314", summary, did_you_mean(name, fields), span, address=doc.address)
    moved = lifecycle.get("moved_from")
    if moved is not None and not moved.startswith(f"{doc.kind}/"):
        detail = f"A {doc.kind} can only have been a {doc.kind} before."
        span = doc.written.span(("lifecycle", "moved_from"))
        problems.add("E315", f"moved_from is {moved!r}", detail, span, address=doc.address)


def _check_chunking(doc: Doc, path: Path, holder: Mapping[str, Json], problems: Problems) -> None:
    size, overlap = holder.get("max_chunk_size_tokens"), holder.get("chunk_overlap_tokens")
    if isinstance(size, int) and isinstance(overlap, int) and overlap * 2 > size:
        detail = f"It may be at most half of max_chunk_size_tokens: {size // 2}."
        span = doc.written.span((*path, "chunk_overlap_tokens"))
        problems.add("E316", f"chunk_overlap_tokens is {overlap}", detail, span, address=doc.address)


def _check_json_schema(doc: Doc, path: Path, schema: Json, problems: Problems, *, strict: bool) -> None:
    for inner, sentence in check_schema(schema, strict=strict):
        where = ".".join(str(part) for part in (path[-1], *inner))
        what = "is not in the strict subset" if sentence.startswith("Strict") else "is not a valid JSON Schema"
        span = doc.written.span((*path, *inner))
        problems.add("E317", f"{where} {what}", sentence, span, address=doc.address)


def check_tags(desired: Desired, owner: str, problems: Problems) -> None:
    """Whether the ownership tags of the live object will fit; they are largest when everything in them is set."""
    kind = KINDS[desired.kind]
    fields = field_digests(kind, desired)
    sample = Tags(
        owner,
        "0" * 12,
        desired.address,
        op="0" * 13,
        spec="0" * 16,
        rev="0" * 12,
        protect=True,
        retain=True,
        refs="0" * 8,
        fields=fields,
    )
    try:
        if kind.tag_place is TagPlace.METADATA:
            tagging.encode(sample)
        else:
            tagging.encode_line(sample)
    except tagging.TagTooLongError as error:
        detail = f"{error}. Use fewer labels or fields."
        problems.add("E318", "The ownership tag would be too long", detail, desired.span, address=desired.address)
    for document in desired.documents if kind.file_ids({}) is not None else ():
        address = Address(desired.address.kind, desired.address.name, document.path)
        entry = Entry(document_kind_of(kind).name, address, "x" * 64, document.sha256[:16])
        if len(entry.encode()) > tagging.MAX_VALUE:
            detail = "The anchor names each file of an assistant in one line. Give it a shorter path."
            problems.add("E505", f"{document.path} is too long", detail, document.span, address=desired.address)
