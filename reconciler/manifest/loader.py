"""A tree of manifests → what is desired. Every problem of the tree is found and reported at once.

    bytes ─ source ─▶ documents ─ patches, defaults ─▶ whole documents ─ variables, files ─▶ values ─ schema ─▶ manifests
    manifests ─ kinds ─▶ desired resources

Loading is offline and pure: it opens files below the root, and nothing else.
"""

from __future__ import annotations

import difflib
import json
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

from reconciler.diagnostics import Diagnostic, Problems, Rejected, did_you_mean
from reconciler.kinds import FORMS, KINDS
from reconciler.kinds.base import FileEntry, Keeping, Manifest
from reconciler.manifest import conformity, knowledge, schemas, source, stack
from reconciler.manifest.characters import unsafe_characters
from reconciler.manifest.conformity import Place
from reconciler.manifest.hashcache import HashCache
from reconciler.manifest.jsonschema_check import check_schema
from reconciler.manifest.patches import Written, merge
from reconciler.manifest.secrets import find_secrets
from reconciler.manifest.stack import Stack
from reconciler.manifest.tree import Tree, TreeError
from reconciler.manifest.urls import domain_problem, url_problem
from reconciler.manifest.variables import interpolate, rewrite, strings
from reconciler.model import Address, Desired, Document, Json, Lifecycle, Path, Span, Tags, sha256
from reconciler.diff import field_digests
from reconciler.ownership import tags as tagging

YAML = (".yaml", ".yml")
MAX_INCLUDE = 4_000_000
"""Bytes of a file that a manifest includes."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A tree that can be planned for. `manifests` digests everything that the plan is made from.

    `ignored` counts YAML documents that are none of ours. `warnings` are diagnostics that do not stop anything.
    """

    stack: Stack
    environment: str | None
    desired: tuple[Desired, ...]
    manifests: str
    ignored: int
    warnings: tuple[Diagnostic, ...]
    tree: Tree

    @property
    def documents(self) -> int:
        """How many files belong to the resources."""
        return sum(len(item.documents) for item in self.desired)


def load(
    root: FilePath, *, environment: str | None = None, follow_symlinks: bool = False, cache: HashCache | None = None
) -> Loaded:
    """Read and check the tree at `root`; raises Rejected with every problem found."""
    return _Loader(Tree(root, follow_symlinks=follow_symlinks), environment, cache).load()


@dataclass(frozen=True, slots=True)
class _Doc:
    """One of our documents: its kind, and where it was found."""

    kind: str
    file: str
    written: Written

    @property
    def name(self) -> Json:
        metadata = self.written.value.get("metadata")
        return metadata.get("name") if isinstance(metadata, Mapping) else None

    @property
    def address(self) -> Address | None:
        return Address(self.kind, self.name) if isinstance(self.name, str) else None


@dataclass(slots=True)
class _Loader:
    tree: Tree
    environment: str | None
    cache: HashCache | None
    problems: Problems = field(default_factory=Problems)
    texts: dict[str, str] = field(default_factory=dict)
    ignored: int = 0
    total: int = 0
    manifests: dict[str, dict[str, Manifest]] = field(default_factory=dict)
    includes: dict[str, str] = field(default_factory=dict)

    def load(self) -> Loaded:
        found = self._stack()
        if found is None:
            raise self._rejected()
        settled, docs = found
        docs += self._documents(settled)
        docs = self._patched(settled, docs)
        desired = self._desired(settled, docs)
        if self.problems.errors:
            raise self._rejected()
        return Loaded(
            settled,
            self.environment,
            tuple(sorted(desired, key=lambda item: item.address)),
            self._digest(settled, desired),
            self.ignored,
            tuple(self._with_source(item) for item in self.problems.sorted()),
            self.tree,
        )

    def _rejected(self) -> Rejected:
        return Rejected(self._with_source(item) for item in self.problems.sorted())

    def _with_source(self, item: Diagnostic) -> Diagnostic:
        text = self.texts.get(item.span.file) if item.span else None
        return item if text is None or item.span is None else replace(item, source=source.excerpt(text, item.span))

    def _digest(self, settled: Stack, desired: Sequence[Desired]) -> str:
        resources = [
            [str(item.address), item.kind, item.content(), _lifecycle_json(item.lifecycle)]
            for item in sorted(desired, key=lambda item: item.address)
        ]
        limits = [settled.max_deletes, settled.max_delete_percent, settled.max_upload_bytes]
        return "sha256:" + sha256([settled.name, self.environment, limits, resources])

    # --- reading files ---

    def _read(self, file: str) -> list[source.Parsed]:
        try:
            data = self.tree.read(file, self.tree.limits.bytes + 1)
        except TreeError as error:
            knowledge.note_tree_error(error, self.problems, Span(file))
            return []
        self.total += len(data)
        if self.total > self.tree.limits.all_bytes:
            detail = f"All manifests together may have {self.tree.limits.all_bytes:,} bytes."
            self.problems.add("E212", "Too many manifests", detail, Span(file))
            raise self._rejected()
        self.texts[file] = data.decode("utf-8", "replace").removeprefix("\ufeff")
        return source.parse(data, file, self.problems, self.tree.limits)

    def _stack(self) -> tuple[Stack, list[_Doc]] | None:
        try:
            self.tree.stat(stack.FILE)
        except TreeError:
            detail = (
                f"{self.tree.root} has no {stack.FILE}. Go to the directory that has one, or run `reconciler init`."
            )
            self.problems.add("E300", "No stack", detail)
            return None
        docs = [doc for parsed in self._read(stack.FILE) if (doc := self._ours(parsed, stack.FILE)) is not None]
        stacks = [doc for doc in docs if doc.kind == "Stack"]
        if len(stacks) != 1:
            if not self.problems.errors:
                detail = f"{stack.FILE} needs one document of `kind: Stack`; it has {len(stacks)}."
                self.problems.add("E300", "No stack" if not stacks else "Several stacks", detail, Span(stack.FILE))
            return None
        doc = stacks[0]
        schema = schemas.document_schema("Stack", schemas.spec_schema("Stack"))
        place = Place(doc.written.span, doc.written.key)
        if not conformity.conform(doc.written.value, schema, place, self.problems):
            return None
        self._check_text(doc)
        settled = stack.read(str(doc.name), doc.written.value.get("spec", {}))
        if not self._choose_environment(settled, doc):
            return None
        return settled, [item for item in docs if item is not doc]

    def _choose_environment(self, settled: Stack, doc: _Doc) -> bool:
        declared = ", ".join(settled.environments)
        span = doc.written.span(("spec", "environments"))
        if self.environment is None:
            if settled.environments:
                self.problems.add("E313", "No environment chosen", f"Use --env with one of: {declared}.", span)
            return not settled.environments
        if self.environment not in settled.environments:
            detail = did_you_mean(self.environment, settled.environments) or "The stack declares no environments."
            self.problems.add("E313", f"Unknown environment {self.environment!r}", detail, span)
            return False
        return True

    def _documents(self, settled: Stack) -> list[_Doc]:
        patches = {path for item in settled.environments.values() for path in item.patches}
        files: list[str] = []

        def note(error: TreeError) -> None:
            knowledge.note_tree_error(error, self.problems, Span(stack.FILE))

        try:
            files = list(self.tree.walk([_clean(item) for item in settled.sources], on_error=note))
        except TreeError as error:
            note(error)
        candidates = [f for f in files if f.endswith(YAML) and f != stack.FILE and f not in patches]
        parsed: dict[str, tuple[list[_Doc], Problems]] = {}
        for file in candidates:
            outer, self.problems = self.problems, Problems()
            docs = [doc for item in self._read(file) if (doc := self._ours(item, file)) is not None]
            parsed[file] = (docs, self.problems)
            self.problems = outer
        knowledge_files = self._knowledge_files([doc for docs, _ in parsed.values() for doc in docs], candidates)
        found: list[_Doc] = []
        for file, (docs, problems) in parsed.items():
            if file not in knowledge_files:
                found += docs
                self.problems.found += problems.found
        for doc in found:
            if doc.kind == "Stack":
                detail = f"There is one stack a tree, in {stack.FILE} at the root."
                self.problems.add("E300", "A second stack", detail, doc.written.span(()))
        return [doc for doc in found if doc.kind != "Stack"]

    def _knowledge_files(self, docs: Sequence[_Doc], candidates: Sequence[str]) -> set[str]:
        """YAML files that a `files` entry takes as documents: they are knowledge, not manifests."""
        found: set[str] = set()
        for doc in docs:
            spec = doc.written.value.get("spec")
            entries = list(_file_entries(spec)) if isinstance(spec, Mapping) else []
            base = posixpath.dirname(doc.file)
            for pattern, exclude in entries:
                if posixpath.splitext(pattern)[1] not in {"", *YAML} and "*" not in posixpath.splitext(pattern)[1]:
                    continue
                try:
                    found.update(self.tree.glob(base, pattern, exclude, on_error=lambda _: None))
                except TreeError:
                    continue
        return found & set(candidates) - {doc.file for doc in docs if doc.kind in {"VectorStore"}}

    def _ours(self, parsed: source.Parsed, file: str) -> _Doc | None:
        """A document of ours, or None; near misses are errors."""
        value = parsed.value
        if not isinstance(value, Mapping):
            self.ignored += value is not None
            return None
        written = Written(value, parsed.spans, parsed.keys)
        api, kind = value.get("apiVersion"), value.get("kind")
        if api == schemas.API_VERSION:
            if isinstance(kind, str) and kind in schemas.KINDS:
                return _Doc(kind, file, written)
            detail = did_you_mean(str(kind), schemas.KINDS)
            self.problems.add(
                "E302", f"Unknown kind {kind!r}" if kind else "Missing field 'kind'", detail, written.span(("kind",))
            )
            return None
        if isinstance(api, str) and (api.startswith("reconciler/") or _near(api)):
            self.problems.add(
                "E301",
                f"Unknown apiVersion {api!r}",
                f"This version reads {schemas.API_VERSION!r}.",
                written.span(("apiVersion",)),
            )
            return None
        if api is None and isinstance(kind, str) and kind in schemas.KINDS and "spec" in value:
            self.problems.add(
                "E301",
                "Missing field 'apiVersion'",
                f"A {kind} starts with `apiVersion: {schemas.API_VERSION}`.",
                written.span(()),
            )
            return None
        self.ignored += 1
        return None

    # --- patches ---

    def _patched(self, settled: Stack, docs: list[_Doc]) -> list[_Doc]:
        if self.environment is None:
            return docs
        by_address = {doc.address: number for number, doc in enumerate(docs) if doc.address}
        for file in settled.environments[self.environment].patches:
            try:
                clean = self.tree.resolve("", file)
            except TreeError as error:
                knowledge.note_tree_error(error, self.problems, Span(stack.FILE))
                continue
            for parsed in self._read(clean):
                patch = self._ours(parsed, clean)
                if patch is None:
                    continue
                number = by_address.get(patch.address) if patch.address else None
                if number is None:
                    known = [str(address) for address in by_address]
                    detail = f"No manifest has this kind and name. {did_you_mean(str(patch.address), known)}"
                    self.problems.add("E403", f"The patch is for {patch.address}", detail, patch.written.span(()))
                    continue
                docs[number] = replace(docs[number], written=merge(docs[number].written, patch.written))
        return docs

    # --- values ---

    def _desired(self, settled: Stack, docs: Sequence[_Doc]) -> list[Desired]:
        chosen = settled.environments[self.environment].vars if self.environment else {}
        variables = {**settled.vars, **chosen}
        first: dict[Address, _Doc] = {}
        for doc in docs:
            manifest = self._manifest(doc, settled, variables)
            if doc.address is None:
                continue
            if doc.address in first:
                other = first[doc.address].written.span(("metadata", "name"))
                detail = f"The other one is at {other}. Give one of them another name."
                self.problems.add(
                    "E404", f"{doc.address} is declared twice", detail, doc.written.span(("metadata", "name"))
                )
            else:
                first[doc.address] = doc
                known = self.manifests.setdefault(doc.kind, {})
                known[doc.address.name] = manifest or Manifest(doc.kind, doc.address.name, {}, "")
        usable = [m for by_name in self.manifests.values() for m in by_name.values() if m.spec or m.spans]
        desired = [item for manifest in usable if (item := FORMS[manifest.kind].lower(manifest, self)) is not None]
        self._check_moves(usable)
        for item in desired:
            self._check_tags(item, settled)
        return desired

    def _manifest(self, doc: _Doc, settled: Stack, variables: Mapping[str, str]) -> Manifest | None:
        written = self._with_defaults(doc, settled)
        spans = dict(written.spans)
        before = len(self.problems.errors)
        value = rewrite(written.value, lambda path, item: self._value(doc, path, item, variables, spans))
        filled = replace(doc, written=Written(value, spans, written.keys))
        self._check_text(filled)
        form = FORMS[doc.kind]
        choice = _choice(form.selector, form.choices, value)
        schema = schemas.document_schema(doc.kind, form.spec_schema(choice))
        advice = (lambda name: form.unavailable(name, choice)) if choice else (lambda _: None)
        place = Place(filled.written.span, filled.written.key, doc.address, advice)
        if not conformity.conform(value, schema, place, self.problems) or len(self.problems.errors) > before:
            return None
        metadata, lifecycle = value["metadata"], value.get("lifecycle", {})
        self._check_lifecycle(filled, lifecycle, choice)
        self._check_tools(filled)
        return Manifest(
            doc.kind,
            metadata["name"],
            value["spec"],
            posixpath.dirname(doc.file),
            metadata.get("labels", {}),
            _lifecycle(lifecycle),
            spans,
        )

    def _with_defaults(self, doc: _Doc, settled: Stack) -> Written:
        spec = doc.written.value.get("spec")
        if FORMS[doc.kind].selector is None or not isinstance(spec, Mapping):
            return doc.written
        value = {**doc.written.value, "spec": {**settled.defaults, **spec}}
        return Written(value, doc.written.spans, doc.written.keys)

    def _value(self, doc: _Doc, path: Path, value: Json, variables: Mapping[str, str], spans: dict[Path, Span]) -> Json:
        """One value with variables filled in, or with the file that it names in its place."""
        if isinstance(value, str):
            return self._filled(value, variables, doc.written.span(path))
        included = path and path[-1] in schemas.INCLUDABLE and isinstance(value, Mapping) and "file" in value
        if not included or not set(value) <= {"file", "interpolate"}:
            return value
        at = doc.written.span((*path, "file"))
        file, text = self._include(posixpath.dirname(doc.file), value["file"], at)
        if text is None:
            return "" if path[-1] == "instructions" else {}
        spans[path] = at or Span(doc.file)
        if value.get("interpolate") is True:
            text = self._filled(text, variables, Span(file), in_file=True)
        elif value.get("interpolate", False) is not False:
            self.problems.add(
                "E307",
                "interpolate is not true or false",
                "Write true or false.",
                doc.written.span((*path, "interpolate")),
            )
        self._check_included(file, text)
        if path[-1] == "instructions":
            return _Text(text)
        return self._json(file, text)

    def _filled(self, text: str, variables: Mapping[str, str], span: Span | None, *, in_file: bool = False) -> str:
        if isinstance(text, _Text):
            return text
        filled, undefined = interpolate(text, variables)
        for item in undefined:
            place = source.position(text, item.offset, span.file) if in_file and span else span
            detail = did_you_mean(item.name, variables) or "The stack declares no variables (spec.vars)."
            self.problems.add("E405", f"Undefined variable {item.name!r}", detail, place)
        return filled

    def _include(self, directory: str, name: Json, at: Span | None) -> tuple[str, str | None]:
        if not isinstance(name, str):
            self.problems.add("E307", "file is not text", "Name a file, relative to the manifest.", at)
            return "", None
        try:
            file = self.tree.resolve(directory, name)
            if file not in self.includes:
                self.includes[file] = self.tree.read(file, MAX_INCLUDE).decode("utf-8-sig")
        except TreeError as error:
            knowledge.note_tree_error(error, self.problems, at)
            return "", None
        except UnicodeDecodeError:
            self.problems.add("E201", f"{name} is not UTF-8", "Save the file as UTF-8.", at)
            return "", None
        self.texts.setdefault(file, self.includes[file])
        return file, self.includes[file].replace("\r\n", "\n")

    def _json(self, file: str, text: str) -> Json:
        try:
            return json.loads(text, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
        except json.JSONDecodeError as error:
            self.problems.add("E203", "Not JSON", f"{error.msg}.", Span(file, error.lineno, error.colno))
        except (ValueError, RecursionError) as error:
            self.problems.add("E203", "Not JSON", str(error) or "It is nested too deeply.", Span(file))
        return {}

    # --- checks beyond the schema ---

    def _check_included(self, file: str, text: str) -> None:
        for offset, code, name in unsafe_characters(text)[:5]:
            self.problems.add(
                "E601",
                f"Invisible or reordering character U+{code:04X}",
                f"{name}. Remove it.",
                source.position(text, offset, file),
            )
        for found in find_secrets(text)[:5]:
            self._note_secret(found.kind, found.length, source.position(text, found.offset, file))

    def _check_text(self, doc: _Doc) -> None:
        for path, text in strings(doc.written.value):
            if isinstance(text, _Text):
                continue
            for _, code, name in unsafe_characters(text)[:1]:
                span = doc.written.span(path)
                self.problems.add(
                    "E601", f"Invisible or reordering character U+{code:04X}", f"{name}. Remove it.", span
                )
            for found in find_secrets(text)[:1]:
                self._note_secret(found.kind, found.length, doc.written.span(path))
        for path, span in doc.written.keys.items():
            for _, code, name in unsafe_characters(str(path[-1]))[:1]:
                self.problems.add(
                    "E601", f"Invisible or reordering character U+{code:04X} in a key", f"{name}. Remove it.", span
                )

    def _note_secret(self, kind: str, length: int, span: Span | None) -> None:
        detail = f"It is {length} characters long. Remove it here and revoke it; no manifest holds a credential."
        self.problems.add("E602", f"This looks like a secret: {kind}", detail, span)

    def _check_lifecycle(self, doc: _Doc, lifecycle: Mapping[str, Json], choice: str | None) -> None:
        fields = set(FORMS[doc.kind].spec_schema(choice).get("properties", {})) | {"labels"}
        for number, name in enumerate(lifecycle.get("ignore_changes", ())):
            if name not in fields:
                span = doc.written.span(("lifecycle", "ignore_changes", number))
                self.problems.add(
                    "E314",
                    f"Unknown field {name!r} in ignore_changes",
                    did_you_mean(name, fields),
                    span,
                    address=doc.address,
                )
        moved = lifecycle.get("moved_from")
        if moved is not None and not str(moved).startswith(f"{doc.kind}/"):
            detail = f"A {doc.kind} can only have been a {doc.kind} before."
            self.problems.add(
                "E315",
                f"moved_from is {moved!r}",
                detail,
                doc.written.span(("lifecycle", "moved_from")),
                address=doc.address,
            )

    def _check_moves(self, manifests: Sequence[Manifest]) -> None:
        taken: dict[Address, Manifest] = {}
        adopted: dict[str, Manifest] = {}
        for manifest in manifests:
            moved, adopt = manifest.lifecycle.moved_from, manifest.lifecycle.adopt
            at = manifest.at("lifecycle", "moved_from")
            if moved is not None:
                if moved.name in self.manifests.get(moved.kind, {}):
                    detail = f"{moved} still has a manifest. Remove that manifest, or this line."
                    self.problems.add("E406", f"{moved} cannot be moved", detail, at, address=manifest.address)
                elif moved in taken:
                    self.problems.add(
                        "E406",
                        f"{moved} is moved twice",
                        f"Also by {taken[moved].address}.",
                        at,
                        address=manifest.address,
                    )
                taken[moved] = manifest
            if adopt is not None:
                if adopt in adopted:
                    detail = f"Also by {adopted[adopt].address}."
                    self.problems.add(
                        "E407",
                        f"{adopt} is adopted twice",
                        detail,
                        manifest.at("lifecycle", "adopt"),
                        address=manifest.address,
                    )
                adopted[adopt] = manifest

    def _check_tools(self, doc: _Doc) -> None:
        for path, tool in _tools(doc.written.value.get("spec", {})):
            where: Path = ("spec", *path)
            function = tool.get("function")
            if isinstance(function, Mapping) and "parameters" in function:
                strict = function.get("strict") is True
                self._check_parameters(doc, (*where, "function", "parameters"), function["parameters"], strict=strict)
            for inner, url in _urls(tool):
                problem = url_problem(url)
                if problem is not None:
                    self.problems.add(
                        "E603",
                        f"{inner[-1]} is {url!r}",
                        problem,
                        doc.written.span((*where, *inner)),
                        address=doc.address,
                    )
            for inner, domain in _domains(tool):
                problem = domain_problem(domain)
                if problem is not None:
                    self.problems.add(
                        "E604", f"Domain {domain!r}", problem, doc.written.span((*where, *inner)), address=doc.address
                    )
        chunking = [path for path, _ in _static_chunking(doc.written.value.get("spec", {}))]
        for path in chunking:
            self.problems.add(
                "E316",
                "chunk_overlap_tokens is too large",
                "It may be at most half of max_chunk_size_tokens.",
                doc.written.span(("spec", *path)),
                address=doc.address,
            )

    def _check_parameters(self, doc: _Doc, path: Path, parameters: Json, *, strict: bool) -> None:
        for inner, sentence in check_schema(parameters, strict=strict):
            where = ".".join(str(part) for part in ("parameters", *inner))
            span = doc.written.span((*path, *inner))
            self.problems.add("E317", f"{where} is not a valid JSON Schema", sentence, span, address=doc.address)

    def _check_tags(self, item: Desired, settled: Stack) -> None:
        kind = KINDS[item.kind]
        owner = settled.name if self.environment is None else f"{settled.name}/{self.environment}"
        fields = field_digests(kind, item)
        sample = Tags(
            owner,
            "0" * 12,
            item.address,
            op="0" * 13,
            spec="0" * 16,
            rev="0" * 12,
            protect=True,
            retain=True,
            refs="0" * 8,
            fields=fields,
        )
        try:
            if kind.keeping is Keeping.METADATA:
                tagging.encode(sample)
            else:
                tagging.encode_line(sample)
        except tagging.TagTooLongError as error:
            self.problems.add(
                "E318",
                "The ownership tag would be too long",
                f"{error}. Use fewer labels or fields.",
                item.span,
                address=item.address,
            )

    # --- what kinds may ask (kinds.base.Context) ---

    def declared(self, kind: str) -> Mapping[str, Manifest]:
        """The manifests of a kind, by name; one that has problems of its own has an empty spec."""
        return self.manifests.get(kind, {})

    def documents(self, manifest: Manifest, entries: Sequence[FileEntry], *, retrieval: bool) -> tuple[Document, ...]:
        """The files that entries name, hashed."""
        written = [
            knowledge.Entry(
                glob=entry.pattern if entry.glob else None,
                path=None if entry.glob else entry.pattern,
                exclude=entry.exclude,
                attributes=entry.attributes,
                chunking=entry.chunking,
                name=entry.name,
                as_name=entry.as_name,
                span=entry.span,
            )
            for entry in entries
        ]
        return knowledge.collect(
            self.tree, manifest.directory, written, self.problems, retrieval=retrieval, cache=self.cache
        )

    def conforms(
        self, value: Json, schema: Mapping[str, Json], manifest: Manifest, path: Path, unavailable: Mapping[str, str]
    ) -> bool:
        """Whether a part of a manifest fits a schema; what does not is reported where it stands."""
        place = Place(
            lambda inner: manifest.at(*inner), lambda inner: manifest.at(*inner), manifest.address, unavailable.get
        )
        return conformity.conform(value, schema, place, self.problems, path)


class _Text(str):
    """The text of an included file: variables in it are filled in only if asked for, and it was checked in its own place."""

    __slots__ = ()


def _clean(directory: str) -> str:
    return directory.rstrip("/") or "."


def _near(api: str) -> bool:
    return difflib.SequenceMatcher(None, api.lower(), schemas.API_VERSION).ratio() > 0.8


def _choice(selector: str | None, choices: Mapping[str, str], value: Mapping[str, Any]) -> str | None:
    """Which shape a document chooses; the first one when it says nothing (or nonsense, which its schema reports)."""
    if selector is None:
        return None
    spec = value.get("spec")
    chosen = spec.get(selector) if isinstance(spec, Mapping) else None
    return chosen if chosen in choices else next(iter(choices))


def _lifecycle(value: Mapping[str, Json]) -> Lifecycle:
    moved = value.get("moved_from")
    return Lifecycle(
        protect=value.get("protect", False),
        retain=value.get("on_delete") == "retain",
        moved_from=Address.parse(moved) if moved else None,
        ignore_changes=tuple(value.get("ignore_changes", ())),
        adopt=value.get("adopt"),
    )


def _lifecycle_json(value: Lifecycle) -> Json:
    moved = str(value.moved_from) if value.moved_from else None
    return [value.protect, value.retain, moved, list(value.ignore_changes), value.adopt]


def _file_entries(spec: Mapping[str, Json]) -> Iterator[tuple[str, list[str]]]:
    """(pattern, exclusions) of every entry of files, before anything was checked."""
    entries = spec.get("files", [])
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping):
            pattern, exclude = entry.get("glob", entry.get("path")), entry.get("exclude", [])
            if isinstance(pattern, str):
                yield pattern, [item for item in exclude if isinstance(item, str)] if isinstance(exclude, list) else []
    tools = spec.get("tools", [])
    for tool in tools if isinstance(tools, list) else []:
        files = tool.get("files", []) if isinstance(tool, Mapping) else []
        for entry in files if isinstance(files, list) else []:
            pattern = entry.get("glob", entry.get("path")) if isinstance(entry, Mapping) else entry
            if isinstance(pattern, str):
                yield pattern, []


def _tools(spec: Mapping[str, Json]) -> Iterator[tuple[Path, Mapping[str, Json]]]:
    """Every tool of an Assistant's or a Tool's spec, with its path."""
    if "type" in spec:
        yield (), spec
    for number, tool in enumerate(spec.get("tools", ())):
        if isinstance(tool, Mapping):
            yield ("tools", number), tool


def _urls(tool: Mapping[str, Json]) -> Iterator[tuple[Path, str]]:
    if "server_url" in tool:
        yield ("server_url",), tool["server_url"]
    transport = tool.get("transport")
    if isinstance(transport, Mapping) and "server_url" in transport:
        yield ("transport", "server_url"), transport["server_url"]


def _domains(tool: Mapping[str, Json]) -> Iterator[tuple[Path, str]]:
    for number, domain in enumerate(tool.get("allowed_domains") or ()):
        yield ("allowed_domains", number), domain
    filters = tool.get("filters")
    if tool.get("type") == "web_search" and isinstance(filters, Mapping):
        for number, domain in enumerate(filters.get("allowed_domains") or ()):
            yield ("filters", "allowed_domains", number), domain


def _static_chunking(spec: Mapping[str, Json]) -> Iterator[tuple[Path, Mapping[str, Json]]]:
    """Static chunking strategies whose overlap is more than half of the chunk."""
    found: list[tuple[Path, Json]] = [(("chunking_strategy",), spec.get("chunking_strategy"))]
    for number, entry in enumerate(spec.get("files", ())):
        found.append((("files", number, "chunking_strategy"), entry.get("chunking_strategy")))
    for path, strategy in found:
        static = strategy.get("static") if isinstance(strategy, Mapping) else None
        if static and static["chunk_overlap_tokens"] * 2 > static["max_chunk_size_tokens"]:
            yield (*path, "static", "chunk_overlap_tokens"), static


def _no_doubles(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"The key {key!r} stands twice in one object.")
        found[key] = value
    return found


def _no_constant(name: str) -> Json:
    raise ValueError(f"{name} is not a number that JSON can hold.")
