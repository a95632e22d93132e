"""File entries of a manifest to hashed documents: which files, under which names, with which content.

Everything that the account would refuse later (sizes, extensions, attributes, equal names) is refused here, with the
place in the manifest, before anything is sent. A file is read once: its hash and the search for credentials share the
pass, and memory holds one chunk of it.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.kinds.manifest import FileEntry
from reconciler.manifest.files import names
from reconciler.manifest.files.globs import has_magic
from reconciler.manifest.files.hashcache import Content, HashCache
from reconciler.manifest.files.nearby import what_is_near
from reconciler.manifest.files.paths import resolve
from reconciler.manifest.files.refusals import NotThere, TreeError
from reconciler.manifest.files.texts import note_tree_error
from reconciler.manifest.files.tree import Tree
from reconciler.manifest.text.secrets import Scanner
from reconciler.model import unicode
from reconciler.model.address import Span
from reconciler.model.desired import Document
from reconciler.model.diagnostics import Problems

MAX_BYTES = 512 * 1024 * 1024
_CHUNK = 1024 * 1024
_MOST_HINTS = 20
"""Missing files of one manifest for which it is looked up what there is instead."""


def collect(
    tree: Tree,
    base_dir: str,
    entries: Sequence[FileEntry],
    problems: Problems,
    *,
    retrieval: bool,
    cache: HashCache | None = None,
) -> tuple[Document, ...]:
    """The documents of one manifest, sorted by path; whatever has a problem (E50x, E60x) is left out.

    `retrieval` is false for code-interpreter files, which may have any extension. `cache` is for plan and validate.
    """
    owners = _claim(tree, base_dir, entries, problems)
    chosen = _name_all(owners, problems)
    documents = []
    for file, entry in sorted(owners.items()):
        reader = _Reader(tree, file, _relative(file, base_dir), chosen[file], entry, problems)
        document = reader.document(retrieval=retrieval, cache=cache)
        if document is not None:
            documents.append(document)
    return tuple(sorted(documents, key=lambda document: document.path))


def _relative(file: str, base_dir: str) -> str:
    prefix = f"{base_dir}/"
    return file.removeprefix(prefix) if file.startswith(prefix) else posixpath.relpath("/" + file, "/" + base_dir)


# --- which files ------------------------------------------------------------------------------------------------------


def _claim(tree: Tree, base_dir: str, entries: Sequence[FileEntry], problems: Problems) -> dict[str, FileEntry]:
    """The entry that each file belongs to: the first that matches it."""
    owners: dict[str, FileEntry] = {}
    for entry in entries:
        matched = _matches(tree, base_dir, entry, problems)
        fresh = [file for file in matched if file not in owners]
        if matched and not fresh:
            taken = f"Every file that {entry.pattern!r} matches belongs to an entry above it: the first wins."
            problems.add("W501", "Entry without effect", f"{taken} Move this one up.", entry.span)
        owners.update(dict.fromkeys(fresh, entry))
    return owners


def _matches(tree: Tree, base_dir: str, entry: FileEntry, problems: Problems) -> list[str]:
    def note(error: TreeError) -> None:
        note_tree_error(error, problems, entry.span)

    before = len(problems.found)
    try:
        if not entry.glob:
            return _explicit(tree, base_dir, entry.pattern, problems, entry.span)
        found = tree.glob(base_dir, entry.pattern, entry.exclude, on_error=note)
    except TreeError as error:
        note(error)
        return []
    if not found and len(problems.found) == before:
        near = what_is_near(tree, base_dir, entry.pattern) if before < _MOST_HINTS else ""
        problems.add(
            "E501", "Pattern matches nothing", f"{entry.pattern!r} matches no file. {near}".strip(), entry.span
        )
    return found


def _explicit(tree: Tree, base_dir: str, path: str, problems: Problems, span: Span | None) -> list[str]:
    file = resolve(base_dir, path)
    if tree.ignore.covers(file):
        problems.add("E503", "File is ignored", f"{file} is excluded by .reconcilerignore. Remove one of them.", span)
        return []
    try:
        tree.stat(file)
    except NotThere as error:
        if has_magic(path):
            near = "`path` names one file; a pattern is written as `glob`."
        else:
            near = what_is_near(tree, "", file) if len(problems.found) < _MOST_HINTS else ""
        problems.add("E503", "File not found", f"{error} {near}".strip(), span)
        return []
    return [file]


# --- which names ------------------------------------------------------------------------------------------------------


def _name_all(owners: Mapping[str, FileEntry], problems: Problems) -> dict[str, str]:
    """The upload name of each file; two that are equal are a problem that names both."""
    taken: dict[str, str] = {}
    chosen: dict[str, str] = {}
    for file, entry in sorted(owners.items()):
        explicit = entry.name or entry.as_name
        if explicit is None:
            continue
        if entry.name and entry.as_name and entry.name != entry.as_name:
            problems.add("E504", "Two names", "`name` and `as` are the same thing. Keep one of them.", entry.span)
        chosen[file] = explicit
        _note_equal(explicit, taken.setdefault(explicit, file), file, entry, problems)
    plain = [file for file in sorted(owners) if file not in chosen]
    for file, name in names.default_names(plain, taken).items():
        chosen[file] = name
        _note_equal(name, taken.setdefault(name, file), file, owners[file], problems)
    return chosen


def _note_equal(name: str, first: str, file: str, entry: FileEntry, problems: Problems) -> None:
    if first != file:
        detail = f"{first} and {file} would both be called {name!r}. Give one of them another `name`."
        problems.add("E504", "Equal names", detail, entry.span)


# --- which content ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Reader:
    """One file on its way to being a document."""

    tree: Tree
    file: str
    path: str
    name: str
    entry: FileEntry
    problems: Problems

    def document(self, *, retrieval: bool, cache: HashCache | None) -> Document | None:
        """The document, or None and problems."""
        before = len(self.problems.found)
        self.check_names(retrieval=retrieval)
        try:
            stat = self.tree.stat(self.file)
            self.check_size(stat.st_size)
            if len(self.problems.found) > before:
                return None
            content = self.content(stat, cache)
        except TreeError as error:
            note_tree_error(error, self.problems, self.entry.span)
            return None
        for found in content.secrets:
            what = f"{found.kind}, {found.length} characters"
            self.note("E602", "Credential in a file", f"{self.file} contains one ({what}). Revoke and remove it.")
        return Document(
            path=self.path,
            file=self.file,
            name=self.name,
            bytes=stat.st_size,
            sha256=content.sha256,
            attributes=dict(self.entry.attributes),
            chunking=self.entry.chunking,
            span=self.entry.span,
        )

    def note(self, code: str, summary: str, detail: str) -> None:
        self.problems.add(code, summary, detail, self.entry.span)

    def check_names(self, *, retrieval: bool) -> None:
        for what, text in (("path", self.path), ("name", self.name)):
            if len(text) > names.LONGEST:
                detail = f"The {what} of {self.file} has {len(text)} characters; {names.LONGEST} are allowed."
                self.note("E505", f"The {what} is too long", detail)
            for _, codepoint, title in unicode.hidden(text)[:1]:
                detail = f"The {what} of {text!a} contains U+{codepoint:04X} {title}. Rename it."
                self.note("E603", "Unsafe character", detail)
        if not self.name.strip() or "/" in self.name or "\\" in self.name:
            self.note("E504", "Not a file name", f"{self.name!r} is not a file name: it may not contain a slash.")
        sentence = names.retrieval_problem(self.name, self.file) if retrieval else None
        if sentence:
            self.note("E507", "File type not supported", f"{self.file}: {sentence}")

    def check_size(self, size: int) -> None:
        if size == 0:
            self.note("E508", "File is empty", f"{self.file} is empty; the account refuses that. Exclude or fill it.")
        if size > MAX_BYTES:
            detail = f"{self.file} has {size:,} bytes; {MAX_BYTES:,} (512 MB) are allowed. Split it."
            self.note("E508", "File too large", detail)

    def content(self, stat: os.stat_result, cache: HashCache | None) -> Content:
        scan = names.extension(self.file).lower() not in names.BINARY
        known = cache.get(stat, scan=scan) if cache is not None else None
        if known is not None:
            return known
        content, after = hash_file(self.tree, self.file, scan=scan)
        if _identity(after) != _identity(stat):
            raise TreeError(self.file, f"{self.file} changed while it was read. Run again when nothing writes to it.")
        if cache is not None:
            cache.put(after, content, scan=scan)
        return content


def hash_file(tree: Tree, file: str, *, scan: bool) -> tuple[Content, os.stat_result]:
    """The sha-256 and the credentials of a file, read once in chunks of 1 MiB, and its status afterwards."""
    digest, scanner, size = hashlib.sha256(), Scanner(), 0
    with tree.open(file) as source:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise TreeError(file, f"{file} grew beyond {MAX_BYTES:,} bytes while it was read.")
            digest.update(chunk)
            if scan:
                scanner.feed(chunk)
        after = os.fstat(source.fileno())
    return Content(digest.hexdigest(), tuple(scanner.finish())), after


def _identity(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
