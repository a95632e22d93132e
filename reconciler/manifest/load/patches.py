"""Patches: partial manifests whose maps merge, whose lists replace, and whose `null` removes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.manifest.text.written import Written
from reconciler.model.json import Json, Path


def merge(base: Written, patch: Written) -> Written:
    """The base with the patch on top; a patched value's position is the patch's."""
    spans, keys = dict(base.spans), dict(base.keys)

    def forget(old: Json, path: Path) -> None:
        for inner in paths_in(old, path):
            spans.pop(inner, None)
            keys.pop(inner, None)

    def take(new: Json, path: Path) -> Json:
        """The new value, without nulls in mappings: where there is nothing to remove, there is nothing."""
        for table, origin in ((spans, patch.spans), (keys, patch.keys)):
            table.update({inner: origin[inner] for inner in paths_in(new, path) if inner in origin})
        return _without_nulls(new)

    def merged(old: Json, new: Json, path: Path) -> Json:
        if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
            forget(old, path)
            return take(new, path)
        result = dict(old)
        for key, item in new.items():
            if item is not None:
                result[key] = merged(result.get(key), item, (*path, key))
            elif key in result:
                forget(result.pop(key), (*path, key))
        return result

    return Written(merged(base.value, patch.value, ()), spans, keys)


def paths_in(value: Json, path: Path = ()) -> Iterator[Path]:
    """The path of a value and of everything inside it."""
    yield path
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from paths_in(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from paths_in(item, (*path, number))


def _without_nulls(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value
