"""Patch files of an environment: partial manifests whose maps merge, whose lists replace, and whose `null` removes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import Json, Path, Span


@dataclass(frozen=True, slots=True)
class Written:
    """A document as written: its value, and where each value and each key stands (which may be several files)."""

    value: Json
    spans: Mapping[Path, Span]
    keys: Mapping[Path, Span]

    def span(self, path: Path) -> Span | None:
        """Where a value stands, or the nearest one around it."""
        while path and path not in self.spans:
            path = path[:-1]
        return self.spans.get(path)

    def key(self, path: Path) -> Span | None:
        """Where a mapping key stands."""
        return self.keys.get(path)


def merge(base: Written, patch: Written) -> Written:
    """The base with the patch on top; a patched value's position is the patch's."""
    spans, keys = dict(base.spans), dict(base.keys)
    value = _merge(base.value, patch.value, (), patch, spans, keys)
    return Written(value, spans, keys)


def _merge(
    base: Json, patch: Json, path: Path, source: Written, spans: dict[Path, Span], keys: dict[Path, Span]
) -> Json:
    if not (isinstance(base, Mapping) and isinstance(patch, Mapping)):
        _forget(path, spans, keys)
        _take(path, source, spans, keys)
        return _without_nulls(patch)
    merged = dict(base)
    for key, item in patch.items():
        inner = (*path, key)
        if item is None:
            merged.pop(key, None)
            _forget(inner, spans, keys)
        elif key in merged:
            merged[key] = _merge(merged[key], item, inner, source, spans, keys)
        else:
            merged[key] = _without_nulls(item)
            _take(inner, source, spans, keys)
    return merged


def _without_nulls(value: Json) -> Json:
    """In a patch, null removes; where there is nothing to remove, there is nothing."""
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


def _forget(path: Path, spans: dict[Path, Span], keys: dict[Path, Span]) -> None:
    for table in (spans, keys):
        for old in [item for item in table if item[: len(path)] == path]:
            del table[old]


def _take(path: Path, source: Written, spans: dict[Path, Span], keys: dict[Path, Span]) -> None:
    for table, origin in ((spans, source.spans), (keys, source.keys)):
        table.update({item: span for item, span in origin.items() if item[: len(path)] == path})
