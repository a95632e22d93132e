"""Where a wanted value was written, and who filled in what the manifest does not say.

A manifest is lowered to what the API wants, so a path in the API's form is looked up in the manifest's form: fields
under other names, tools by their identity, members without the wrappers that only one of the two forms has. Where a
path cannot be followed to its end, the position is that of the nearest value around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.kinds import FORMS, KINDS, compiled_into
from reconciler.kinds.kind import Kind
from reconciler.kinds.manifest import Manifest
from reconciler.manifest.files.paths import resolve
from reconciler.manifest.load.loader import Loaded
from reconciler.manifest.load.lowering import choice_of
from reconciler.model.address import Address, Ref, Span, position
from reconciler.model.desired import Desired
from reconciler.model.json import ABSENT, Json, Path, refs, same

_WRAPPERS = ("function", "json_schema", "file_search")
"""Members of the manifest's form around what the API has one level higher."""
_DROPPED = frozenset({"container", "format", "file_search"})
"""Members of the API's form that the manifest does not have."""
_RENAMED = {"vector_store_ids": "vector_stores", "file_ids": "files"}


@dataclass(frozen=True)
class Origins:
    """The origins of what one manifest wants. `desired` is None for what stands for nothing of its own."""

    loaded: Loaded
    manifest: Manifest
    desired: Desired | None

    def of(self, path: Path) -> dict[str, Json]:
        """`{by, source, file, tool}` of the value at a path of the spec, as a plan's fields have it.

        `by`: manifest, environment (a patch), stack (its defaults), name (of the manifest), reconciler, or null for
        what nobody wrote. `file` is the file that stands in for the value, `tool` the compiled-in manifest, such as a
        Tool, that it is part of.
        """
        manifest, written = self._home(self._written(path))
        found = position(manifest.at(*written))
        included = next((file for at, file in manifest.included.items() if at == written[: len(at)]), None)
        by = self._by(manifest, written)
        return {
            "by": by,
            "source": found if by not in {"reconciler", "name"} else position(manifest.spans.get(())),
            "file": included,
            "tool": str(manifest.address) if manifest is not self.manifest else None,
        }

    def filled(self) -> list[dict[str, Json]]:
        """What somebody else than the manifest says: `{path, value, by, source}`, as users write it."""
        return [*self._by_stack(), *self._by_environment(), *self._by_reconciler(), *self._by_api()]

    def references(self) -> list[dict[str, Json]]:
        """Who the manifest names, with the place that does: `{address, source}`; first what is compiled in."""
        found: list[dict[str, Json]] = [
            {"address": str(part.address), "source": position(self.manifest.at(*at))}
            for at, part in self._parts.items()
        ]
        wanted = refs(self.desired.spec) if self.desired is not None else []
        others = [ref for ref in wanted if ref.address.owner != self.manifest.address]
        return found + [{"address": str(ref.address), "source": position(self._names(ref))} for ref in others]

    # --- the manifest's own form ---

    @cached_property
    def _kind(self) -> Kind | None:
        return KINDS[self.desired.kind] if self.desired is not None else None

    @cached_property
    def _parts(self) -> dict[Path, Manifest]:
        """The manifests that are compiled into this one, by the path at which their values stand in for its own."""
        written = {item.address: item for item in self.loaded.written if compiled_into(str(item.address))}
        return {at: written[target] for at, target in self._named(self.manifest) if target in written}

    def _named(self, manifest: Manifest) -> Iterator[tuple[Path, Address | str]]:
        """The places of a manifest that name something, and what they name."""
        return ((item.path, item.target) for item in FORMS[manifest.kind].references(manifest))

    def _home(self, written: Path) -> tuple[Manifest, Path]:
        """The manifest in which a value stands, and where in it."""
        for at, part in self._parts.items():
            if written[: len(at)] == at:
                return part, ("spec", *written[len(at) :])
        return self.manifest, written

    def _written(self, path: Path) -> Path:
        """A path of the spec in the manifest's form, as far as it can be followed."""
        name, rest = str(path[0]), path[1:]
        if name == "labels":
            return ("metadata", "labels", *rest)
        sources = [f.source for f in (*self._kind.fields, *self._kind.inputs) if f.name == name] if self._kind else []
        if rest[:1] == ("format",):
            sources.reverse()
        source = next((item for item in sources if item in self.manifest.spec), [*sources, name][0])
        if source != "tools":
            return self._followed(self.manifest, ("spec", source), rest)
        for number, _ in enumerate(self.manifest.spec.get("tools", ())):
            home, at = self._home(("spec", "tools", number))
            if rest and _identity(home, at) in {rest[0], str(rest[0]).partition(":")[0]}:
                where = self._followed(home, at, rest[1:])
                return ("spec", "tools", number, *where[len(at) :])
        return "spec", "tools"

    def _followed(self, manifest: Manifest, start: Path, rest: Path) -> Path:
        here = start
        for step in rest:
            name = _RENAMED.get(str(step), step)
            ways = ((*here, name), *((*here, wrapper, name) for wrapper in _WRAPPERS))
            found = next((way for way in ways if way in manifest.spans), None)
            if found is None and step in _DROPPED:
                continue
            if found is None:
                break
            here = found
        return here

    def _names(self, ref: Ref) -> Span | None:
        """Where a reference is written: the entry that names it, in the manifest or in what is compiled into it."""
        named = (
            manifest.at(*at)
            for manifest in (self.manifest, *self._parts.values())
            for at, target in self._named(manifest)
            if target == ref.address
        )
        return next(named, self.manifest.at("spec"))

    # --- who says it ---

    @cached_property
    def _patches(self) -> frozenset[str]:
        """The files of the environment's patches, relative to the root."""
        chosen = self.loaded.stack.environments.get(self.loaded.environment or "")
        return frozenset(resolve("", path) for path in chosen.patches) if chosen else frozenset()

    def _by(self, manifest: Manifest, written: Path) -> str | None:
        top = written[:2]
        if top not in manifest.spans and top[0] == "spec":
            if self.desired is not None and written[-1] == "display_name":
                return "name"
            return "reconciler" if top == ("spec", FORMS[manifest.kind].selector) else None
        if len(top) == 2 and top[0] == "spec" and manifest.spans[top] == self.loaded.defaults.get(str(top[1])):
            return "stack"
        span = manifest.at(*written)
        return "environment" if span is not None and span.file in self._patches else "manifest"

    def _by_stack(self) -> Iterator[dict[str, Json]]:
        for name, span in sorted(self.loaded.defaults.items()):
            if self.manifest.spans.get(("spec", name)) == span:
                yield _filled((name,), self.manifest.spec[name], "stack", span)

    def _by_environment(self) -> Iterator[dict[str, Json]]:
        """The outermost values that a patch put there."""
        for path, span in sorted(self.manifest.spans.items(), key=lambda item: tuple(map(str, item[0]))):
            above = self.manifest.spans.get(path[:-1])
            if path[:1] == ("spec",) and span.file in self._patches and above and above.file not in self._patches:
                yield _filled(path[1:], _at(self.manifest.spec, path[1:]), "environment", span)

    def _by_reconciler(self) -> Iterator[dict[str, Json]]:
        if self.desired is None:
            return
        form = FORMS[self.manifest.kind]
        if form.selector is not None and form.selector not in self.manifest.spec:
            yield _filled((form.selector,), choice_of(form, self.manifest.spec), "reconciler", None)
        if "display_name" not in self.manifest.spec and "name" in self.desired.spec:
            yield _filled(("display_name",), self.desired.spec["name"], "name", None)

    def _by_api(self) -> Iterator[dict[str, Json]]:
        """What the server fills in, as far as it is known: whole fields, and members of fields that are given."""
        if self.desired is None or self._kind is None:
            return
        full = self._kind.normalise(self.desired.spec)
        for declared in self._kind.fields:
            if declared.name in self.desired.spec:
                yield from _added((declared.source,), self.desired.spec[declared.name], full[declared.name])
            elif declared.default is not ABSENT and declared.default not in ([], {}):
                yield _filled((declared.source,), declared.default, "api", None)


def _identity(manifest: Manifest, path: Path) -> str:
    """A tool as the path of a field has it (kinds.field.identity): its type, and the name that tells it from others."""
    value = _at(manifest.spec, path[1:])
    named = manifest.name.replace("-", "_") if value["type"] == "function" else ""
    name = value.get("function", {}).get("name") or named or value.get("server_label")
    return f"{value['type']}:{name}" if name else str(value["type"])


def _filled(path: Path, value: Json, by: str, span: Span | None) -> dict[str, Json]:
    return {"path": list(path), "value": value, "by": by, "source": position(span)}


def _at(value: Json, path: Path) -> Json:
    for step in path:
        value = value[step]
    return value


def _added(path: Path, given: Json, full: Json) -> Iterator[dict[str, Json]]:
    """The members that the server's form has beyond what is sent; nulls say nothing."""
    if isinstance(given, Mapping) and isinstance(full, Mapping):
        for key in sorted(full):
            if key in given:
                yield from _added((*path, key), given[key], full[key])
            elif full[key] is not None and full[key] not in ([], {}):
                yield _filled((*path, key), full[key], "api", None)
    elif isinstance(given, list) and isinstance(full, list) and len(given) == len(full):
        for number, (one, other) in enumerate(zip(given, full, strict=True)):
            if not same(one, other):
                yield from _added((*path, number), one, other)
