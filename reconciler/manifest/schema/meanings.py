"""Descriptions in schemas: kinds declare what a value may be, and in one sentence what it is."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model.json import Json


def described(schema: Json, meanings: Mapping[str, str], path: tuple[str, ...] = ()) -> Json:
    """A schema in which every property has a description, where there is one and none stands there yet.

    A key of `meanings` is the end of a dotted path of property names: the longest that fits counts (`files.name`
    before `name`).
    """
    if isinstance(schema, list):
        return [described(item, meanings, path) for item in schema]
    if not isinstance(schema, dict):
        return schema
    full = {key: described(item, meanings, path) if key != "properties" else item for key, item in schema.items()}
    properties = full.get("properties")
    if isinstance(properties, dict):
        full["properties"] = {name: _with_meaning(item, meanings, (*path, name)) for name, item in properties.items()}
    return full


def _with_meaning(schema: Json, meanings: Mapping[str, str], path: tuple[str, ...]) -> Json:
    full = described(schema, meanings, path)
    ends = (".".join(path[start:]) for start in range(len(path)))
    meaning = next((meanings[end] for end in ends if end in meanings), None)
    if not isinstance(full, dict) or "description" in full or meaning is None:
        return full
    return {"description": meaning, **full}
