"""Every manifest of a tree: the YAML files below the sources, without patches and without what is knowledge."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.manifest.files.documents import Doc, Found, read_file
from reconciler.manifest.files.paths import resolve
from reconciler.manifest.files.refusals import TreeError
from reconciler.manifest.files.texts import Texts, note_tree_error
from reconciler.manifest.schema import stack
from reconciler.manifest.schema.stack import Stack
from reconciler.model.address import Span
from reconciler.model.diagnostics import Problems
from reconciler.model.json import Json

YAML = (".yaml", ".yml")


def gather(settled: Stack, root_doc: Doc, texts: Texts, problems: Problems, *, fill: Callable[[str], str]) -> Found:
    """Every manifest below the stack's sources. `fill` puts variables into a pattern."""
    by_file: dict[str, tuple[Found, Problems]] = {}
    for file in _candidates(settled, root_doc, texts, problems):
        own = Problems()
        by_file[file] = (read_file(file, texts, own), own)
    documents = _taken_as_documents([doc for found, _ in by_file.values() for doc in found.docs], texts, fill)
    whole = Found()
    for file, (found, own) in by_file.items():
        if file not in documents:
            whole.add(found)
            problems.found += own.found
    return replace(whole, docs=[doc for doc in whole.docs if not _is_second_stack(doc, problems)])


def _is_second_stack(doc: Doc, problems: Problems) -> bool:
    if doc.kind == "Stack":
        detail = f"There is one stack a tree, in {stack.FILE} at the root."
        problems.add("E300", "A second stack", detail, doc.written.span(()))
    return doc.kind == "Stack"


def _candidates(settled: Stack, root_doc: Doc, texts: Texts, problems: Problems) -> list[str]:
    """The YAML files below the sources, sorted, without the root's own and the patches."""
    tree, found = texts.tree, dict.fromkeys((stack.FILE, *_patch_files(settled)), False)
    for number, directory in enumerate(settled.sources):
        at = root_doc.written.span(("spec", "sources", number))

        def note(error: TreeError, directory: str = directory, at: Span | None = at) -> None:
            inside = error.path.rstrip("/") != directory.rstrip("/")
            note_tree_error(error, problems, Span(error.path) if error.path and inside else at)

        try:
            files = list(tree.walk([directory.rstrip("/") or "."], on_error=note))
        except TreeError as error:
            note(error)
            continue
        for file in files:
            found.setdefault(file, file.endswith(YAML))
    return sorted(file for file, wanted in found.items() if wanted)


def _patch_files(settled: Stack) -> Iterator[str]:
    for environment in settled.environments.values():
        for patch in environment.patches:
            try:
                yield resolve("", patch)
            except TreeError:  # said when the environment is chosen
                continue


def _taken_as_documents(docs: Sequence[Doc], texts: Texts, fill: Callable[[str], str]) -> set[str]:
    """YAML files that an entry of `files` takes: they are knowledge, not manifests (but who names files is none)."""
    taken: set[str] = set()
    naming: set[str] = set()
    for doc in docs:
        for pattern, exclude in _file_entries(doc.spec):
            naming.add(doc.file)
            if _may_match_yaml(pattern):
                try:
                    taken.update(texts.tree.glob(doc.directory, fill(pattern), exclude, on_error=lambda _: None))
                except TreeError:  # said when the entry is read
                    continue
    return taken - naming


def _may_match_yaml(pattern: str) -> bool:
    suffix = posixpath.splitext(pattern)[1]
    return suffix in {"", *YAML} or not suffix[1:].isalnum()


def _file_entries(spec: Mapping[str, Json]) -> Iterator[tuple[str, list[str]]]:
    """(pattern, exclusions) of every entry of `files`, before anything was checked."""
    for holder in (spec, *_mappings(spec.get("tools"))):
        files = holder.get("files")
        for entry in files if isinstance(files, list) else ():
            parts = entry if isinstance(entry, Mapping) else {"path": entry}
            pattern, exclude = parts.get("glob", parts.get("path")), parts.get("exclude")
            if isinstance(pattern, str):
                yield pattern, [item for item in exclude if isinstance(item, str)] if isinstance(exclude, list) else []


def _mappings(value: Json) -> Iterable[Mapping[str, Json]]:
    return (item for item in value if isinstance(item, Mapping)) if isinstance(value, list) else ()
