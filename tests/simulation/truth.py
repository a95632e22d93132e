"""Whether the account is what a design wants, decided by hand: nothing of the engine's own comparison is used here.

Documents are compared by the bytes that are really in the account, whatever their tags say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.simulation.designs import (
    EDITED,
    LABELS,
    MODEL,
    OTHER_TEAM,
    Design,
    Helper,
    Paper,
    Piece,
    Shelf,
    audience,
    title,
)
from tests.simulation.onlooker import Attached, Thing, View

KINDS = {"responses": "release", "agents": "agent", "assistants": "assistant"}


def differences(design: Design, view: View, *, held: frozenset[str] = frozenset()) -> list[str]:
    """Everything that is not as the design says. `held` addresses may have the content of an older release."""
    if design.destroyed:
        return [f"{thing.id} is still there" for thing in view.mine()]
    wanted: dict[tuple[str, str], Piece] = {
        ("vector_store", f"VectorStore/{item.name}"): item for item in design.shelves
    }
    wanted |= {(KINDS[item.runtime], f"Assistant/{item.name}"): item for item in design.helpers}
    found = [*_objects(view, Counter(wanted.keys()), held)]
    ids = {thing.place[1]: thing.id for thing in view.mine() if thing.published and thing.kind == "vector_store"}
    for thing in view.mine():
        piece = wanted.get(thing.place)
        if isinstance(piece, Shelf):
            found += [f"{thing.place[1]}: {what}" for what in _shelf(piece, thing, view)]
        elif isinstance(piece, Helper) and thing.place[1] not in held:
            found += [f"{thing.place[1]}: {what}" for what in _helper(piece, thing, view, ids)]
    return found


def _objects(view: View, wanted: Counter[tuple[str, str]], held: frozenset[str]) -> Iterator[str]:
    """Each address once, confirmed, and nothing else."""
    ours = view.mine()
    there = Counter(thing.place for thing in ours)
    kept = {thing.place for thing in ours if _held_back(thing, view, held)}
    for place in sorted({*there, *wanted} - kept):
        if there[place] != wanted[place]:
            yield f"{place[1]} ({place[0]}) is there {there[place]} times, and wanted {wanted[place]} times"
    for thing in ours:
        if not thing.confirmed and thing.place[1] not in held:
            yield f"{thing.id} ({thing.place[1]}) is not confirmed"


def _held_back(thing: Thing, view: View, held: frozenset[str]) -> bool:
    """Whether a store stays because an older release, which is held, still searches it."""
    users = [one for one in view.mine() if one.kind == "release" and one.place[1] in held]
    return thing.kind == "vector_store" and any(thing.id in str(view.release(one)) for one in users)


def _shelf(shelf: Shelf, thing: Thing, view: View) -> Iterator[str]:
    doc = thing.doc
    if doc["expired"]:
        yield "it expired"
        return
    if doc["name"] not in _fine(shelf, "name", title(shelf), EDITED):
        yield f"its name is {doc['name']!r}"
    days = (doc["expires_after"] or {}).get("days")
    managed = thing.tags is not None and "expires_after" in thing.tags.fields
    if days != shelf.days and (managed or shelf.adopt is None or shelf.days is not None):
        yield f"it expires after {days} days"
    ours = [one for one in view.attached(thing.id) if one.path is not None]
    papers = {f"{shelf.directory}/{paper.path}": paper for paper in shelf.papers}
    for path in sorted({*papers, *(str(one.path) for one in ours)}):
        here = [one for one in ours if one.path == path]
        if len(here) != (1 if path in papers else 0):
            if here or "files" not in shelf.ignore:
                yield f"{path} is attached {len(here)} times"
        elif path in papers:
            yield from (f"{path} {what}" for what in _document(shelf, papers[path], here[0], view))


def _document(shelf: Shelf, paper: Paper, one: Attached, view: View) -> Iterator[str]:
    if not one.serves(view.now):
        yield f"is not processed ({one.outcome})"
    if view.contents[one.file] != paper.content(shelf.directory):
        yield f"has other bytes in the account: {view.contents[one.file]!r}"
    rest = {key: value for key, value in one.attributes.items() if not key.startswith("reconciler_")}
    if rest != audience(shelf):
        yield f"has the attributes {rest}"


def _helper(helper: Helper, thing: Thing, view: View, ids: dict[str, str]) -> Iterator[str]:
    stores = [ids.get(f"VectorStore/{name}", "nothing") for name in helper.shelves]
    contents = sorted(paper.content(helper.directory) for paper in helper.files)
    name = f"Helper {helper.directory}"
    if helper.runtime == "responses":
        release = view.release(thing)
        if release is None:
            yield "the default version is no release"
            return
        request, labels = release["request"], release["request"].get("metadata") or {}
        shown = (request.get("model"), request.get("instructions"), _wanted_labels(labels))
        yield from _tools_of_release(request, stores, contents, view)
    else:
        shown = (thing.doc["model"], thing.doc["instructions"], _wanted_labels(thing.doc["metadata"]))
        if thing.doc["name"] != name:
            yield f"its name is {thing.doc['name']!r}"
    told, team = helper.instructions, LABELS["team"]
    if (
        shown[0] != MODEL
        or shown[1] not in _fine(helper, "instructions", told, EDITED)
        or (shown[2].get("team") not in _fine(helper, "labels", team, OTHER_TEAM))
    ):
        yield f"it is {shown}"
    if helper.runtime == "assistants":
        resources = thing.doc["tool_resources"]
        if resources.get("file_search", {}).get("vector_store_ids", []) != stores:
            yield f"it searches {resources.get('file_search')}"
        yield from _files(resources.get("code_interpreter", {}).get("file_ids", []), contents, view)


def _fine(piece: Piece, field: str, wanted: str, drifted: str) -> tuple[str, ...]:
    """The values that a field may have: what people write may stay where it is left alone."""
    return (wanted, drifted) if field in piece.ignore else (wanted,)


def _wanted_labels(labels: dict[str, str]) -> dict[str, str]:
    """Those that the manifest asks for; others may be anybody's."""
    return {key: value for key, value in labels.items() if key in LABELS}


def _tools_of_release(request: dict[str, Any], stores: list[str], contents: list[bytes], view: View) -> Iterator[str]:
    tools: list[dict[str, Any]] = request.get("tools", [])
    search: list[str] = next((tool["vector_store_ids"] for tool in tools if tool["type"] == "file_search"), [])
    if search != stores:
        yield f"it searches {search}, not {stores}"
    container: dict[str, Any] = next((tool["container"] for tool in tools if tool["type"] == "code_interpreter"), {})
    yield from _files(container.get("file_ids", []), contents, view)


def _files(file_ids: list[str], contents: list[bytes], view: View) -> Iterator[str]:
    gone = [file_id for file_id in file_ids if file_id not in view.files()]
    if gone:
        yield f"its files {gone} are gone"
    elif sorted(view.contents[file_id] for file_id in file_ids) != contents:
        yield "its files have other bytes"
