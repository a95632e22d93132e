"""Documents to manifests to desired resources: every document is checked, then its kind says what it stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.kinds import FORMS
from reconciler.kinds.form import Form
from reconciler.kinds.manifest import FileEntry, Manifest
from reconciler.manifest.check import checks, safety
from reconciler.manifest.check.conformity import Place, conform
from reconciler.manifest.files import knowledge
from reconciler.manifest.files.documents import Doc
from reconciler.manifest.files.hashcache import HashCache
from reconciler.manifest.files.tree import Tree
from reconciler.manifest.schema import schemas
from reconciler.model.address import Address
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json, Path


def manifest_of(doc: Doc, problems: Problems, *, sound: bool) -> Manifest | None:
    """The manifest that a filled-in document is; None, and problems, when it is none.

    `sound` is false where parts could not be filled in: then only the schema is checked.
    """
    form, value = FORMS[doc.kind], doc.written.value
    choice = choice_of(form, doc.spec)
    written = doc.written
    place = Place(written.span, written.key, doc.address, _advice(form, choice), form.choices.get(choice or "", ""))
    fits = conform(value, schemas.document_schema(doc.kind, choice), place, problems)
    if not (fits and sound):
        return None
    before = len(problems.found)
    checks.check_document(doc, choice, problems)
    safety.check_keys(value["spec"], doc.written, problems, doc.address)
    if len(problems.found) > before:
        return None
    metadata = value["metadata"]
    labels, lifecycle = metadata.get("labels", {}), _lifecycle(value.get("lifecycle", {}))
    return Manifest(
        doc.kind, metadata["name"], value["spec"], doc.directory, labels, lifecycle, doc.written.spans, doc.included
    )


def choice_of(form: Form, spec: Mapping[str, Json]) -> str | None:
    """Which shape a document chooses; the first one when it says nothing (or nonsense, which its schema reports)."""
    if form.selector is None:
        return None
    chosen = spec.get(form.selector)
    return chosen if isinstance(chosen, str) and chosen in form.choices else next(iter(form.choices))


def _advice(form: Form, choice: str | None) -> Callable[[str], str | None]:
    return lambda name: None if choice is None else form.unavailable(name, choice)


def _lifecycle(value: Mapping[str, Json]) -> Lifecycle:
    moved = value.get("moved_from")
    return Lifecycle(
        protect=value.get("protect", False),
        retain=value.get("on_delete") == "retain",
        moved_from=Address.parse(moved) if moved else None,
        ignore_changes=tuple(value.get("ignore_changes", ())),
        adopt=value.get("adopt"),
    )


@dataclass(slots=True)
class Lowering:
    """What kinds may ask of the tree (`kinds.base.Context`) while `current` is lowered.

    `problems` are those of `current` alone: kinds count them. `known` has the manifests by kind and name; one that has
    problems of its own has an empty spec. `lost` are names that broken files may declare.
    """

    tree: Tree
    docs: Mapping[Address, Doc]
    lost: frozenset[str]
    cache: HashCache | None = None
    problems: Problems = field(default_factory=Problems, init=False)
    known: dict[str, dict[str, Manifest]] = field(default_factory=dict, init=False)
    current: Manifest = field(init=False)

    def lower(self, manifests: Sequence[Manifest], problems: Problems) -> list[Desired]:
        """The resources that sound manifests stand for."""
        for kind in FORMS:
            names = {*self.lost, *(address.name for address in self.docs if address.kind == kind)}
            self.known[kind] = {name: Manifest(kind, name, {}, "") for name in sorted(names)}
        for manifest in manifests:
            self.known[manifest.kind][manifest.name] = manifest
        found = []
        for self.current in manifests:
            self.problems = Problems()
            desired = FORMS[self.current.kind].lower(self.current, self)
            problems.found += self.problems.found
            found += [] if desired is None else [desired]
        return found

    def declared(self, kind: str) -> Mapping[str, Manifest]:
        """The manifests of a kind, by name."""
        return self.known[kind]

    def documents(self, manifest: Manifest, entries: Sequence[FileEntry], *, retrieval: bool) -> tuple[Document, ...]:
        """The files that entries name, hashed."""
        return knowledge.collect(
            self.tree, manifest.directory, entries, self.problems, retrieval=retrieval, cache=self.cache
        )

    def conforms(
        self, value: Json, schema: Mapping[str, Json], manifest: Manifest, path: Path, unavailable: Mapping[str, str]
    ) -> bool:
        """Whether a part of a manifest fits a schema; what does not is reported where it stands."""
        written = self.docs[manifest.address].written
        form = FORMS[self.current.kind]
        here = form.choices.get(choice_of(form, self.current.spec) or "", "")
        place = Place(written.span, written.key, manifest.address, unavailable.get, here)
        return conform(value, schema, place, self.problems, path)
