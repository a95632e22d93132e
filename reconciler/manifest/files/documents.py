"""The YAML documents of a file: which are manifests of ours, which are near misses, and which are none of our business.

A document is ours by its `apiVersion`. A file that is broken still declares what it declares: the names in it are
remembered, so that a reference to one of them is not reported as well.
"""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.manifest.files.texts import Texts
from reconciler.manifest.schema import schemas
from reconciler.manifest.text.secrets import shown
from reconciler.manifest.text.written import Written
from reconciler.model.address import Address
from reconciler.model.diagnostics import Problems, did_you_mean
from reconciler.model.json import Json, Path

_VALUE_LEVEL = frozenset(("E205", "E206", "E207", "E208", "E209", "E210", "E212"))
"""Problems after which a file is still read to its end: they do not matter in a file that is not ours."""
_NAME = re.compile(r"""\bname["']?\s*:\s*["']?([a-z0-9-]{1,40})""")


@dataclass(frozen=True, slots=True)
class Doc:
    """One of our documents: its kind, and where it was found. `included`: the files that stand in for values."""

    kind: str
    file: str
    written: Written
    included: Mapping[Path, str] = field(default_factory=dict)

    @property
    def name(self) -> Json:
        """What `metadata.name` says, whatever that is."""
        metadata = self.written.value.get("metadata")
        return metadata.get("name") if isinstance(metadata, Mapping) else None

    @property
    def address(self) -> Address | None:
        """`Kind/name`, if it has a name at all."""
        return Address(self.kind, self.name) if isinstance(self.name, str) else None

    @property
    def directory(self) -> str:
        """Where its relative paths start."""
        return posixpath.dirname(self.file)

    @property
    def spec(self) -> Mapping[str, Json]:
        """Its spec as written; empty if that is no mapping."""
        spec = self.written.value.get("spec")
        return spec if isinstance(spec, Mapping) else {}


@dataclass(slots=True)
class Found:
    """The documents of some files; `ignored` counts those that are not ours, `lost` are names of broken ones."""

    docs: list[Doc] = field(default_factory=list)
    ignored: int = 0
    lost: set[str] = field(default_factory=set)

    def add(self, other: Found) -> None:
        """Take what another file holds."""
        self.docs += other.docs
        self.ignored += other.ignored
        self.lost |= other.lost


def read_file(file: str, texts: Texts, problems: Problems) -> Found:
    """What one file holds."""
    own, found = Problems(), Found()
    for parsed in texts.documents(file, own):
        _recognise(parsed, file, own, found)
    broken = any(item.code[:2] == "E2" and item.code not in _VALUE_LEVEL for item in own.found)
    if broken:
        found.lost.update(_NAME.findall(texts.text(file)))
    if found.docs or found.lost or any(item.code[:2] == "E3" for item in own.found):
        problems.found += own.found
    else:
        problems.found += [item for item in own.found if item.code not in _VALUE_LEVEL]
    return found


def _recognise(parsed: Written, file: str, problems: Problems, found: Found) -> None:
    """Sort a document into what was found; near misses are problems."""
    value = parsed.value
    if value is None:
        return
    if not isinstance(value, Mapping):
        found.ignored += 1
        return
    doc = Doc(str(value.get("kind")), file, parsed)
    problem = _near_miss(value)
    if problem is not None:
        code, summary, detail, path = problem
        problems.add(code, summary, detail, doc.written.span(path))
        found.lost.update({doc.name} if isinstance(doc.name, str) else ())
    elif value.get("apiVersion") == schemas.API_VERSION:
        found.docs.append(doc)
    else:
        found.ignored += 1


def _near_miss(value: Mapping[str, Json]) -> tuple[str, str, str, Path] | None:
    """Why a document that means to be ours is not, or None."""
    api, kind = value.get("apiVersion"), value.get("kind")
    known = isinstance(kind, str) and kind in schemas.kinds()
    if api == schemas.API_VERSION:
        if known:
            return None
        summary = f"Unknown kind {shown(str(kind))}" if kind is not None else "Missing field 'kind'"
        return "E302", summary, did_you_mean(str(kind), schemas.kinds()), ("kind",)
    if isinstance(api, str) and (api.lower().startswith("reconciler/") or _resembles(api, known=known)):
        return "E301", f"Unknown apiVersion {shown(api)}", f"Expected {schemas.API_VERSION!r}.", ("apiVersion",)
    if api is None and known and "spec" in value:
        detail = f"A {kind} starts with `apiVersion: {schemas.API_VERSION}`."
        return "E301", "Missing field 'apiVersion'", detail, ()
    return None


def _resembles(api: str, *, known: bool) -> bool:
    ratio = difflib.SequenceMatcher(None, api[:64].lower(), schemas.API_VERSION).ratio()
    return ratio > (0.6 if known else 0.8)
