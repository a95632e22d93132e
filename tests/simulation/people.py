"""What people do in the account behind the tool's back. Each deed is one sentence, and picks its object by a number."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.account.bundles import pack
from reconciler.ownership import tags as tagging
from tests.simulation.designs import EDITED, LABELS, OTHER_TEAM
from tests.simulation.onlooker import STACK, Attached, Thing
from tests.simulation.stage import Stage

_COLLECTIONS = {"vector_store": "vector_stores", "agent": "agents", "assistant": "assistants", "release": "skills"}
OTHER_LINEAGE = "ffffffffffff"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a person does; `pick` chooses among the objects that it can be done to."""

    name: str
    pick: int = 0

    def do(self, stage: Stage) -> None:
        """Do it, if there is anything to do it to."""
        DEEDS[self.name](stage, self.pick)


def _thing(stage: Stage, pick: int, *kinds: str) -> Thing | None:
    found = [thing for thing in stage.view().ours() if not kinds or thing.kind in kinds]
    return found[pick % len(found)] if found else None


def _attached(stage: Stage, pick: int) -> Attached | None:
    view = stage.view()
    stores = {thing.id for thing in view.ours()}
    found = [one for one in view.attached() if one.path is not None and one.store in stores]
    return found[pick % len(found)] if found else None


def _path(thing: Thing) -> str:
    return f"/{_COLLECTIONS[thing.kind]}/{thing.id}"


def edit(stage: Stage, pick: int) -> None:
    """A prompt or a name is changed; of a release, by a new default version without our tag."""
    thing = _thing(stage, pick)
    if thing is None:
        return
    if thing.kind == "release":
        _release(stage, thing, "edits", EDITED, default=True)
    else:
        field = "name" if thing.kind == "vector_store" else "instructions"
        stage.person("edits", "POST", _path(thing), {field: EDITED})


def point(stage: Stage, pick: int) -> None:
    """The first version of a release is made the default again."""
    thing = _thing(stage, pick, "release")
    if thing is not None:
        stage.person("points", "POST", _path(thing), {"default_version": "1"})


def delete(stage: Stage, pick: int) -> None:
    """An object is deleted."""
    thing = _thing(stage, pick)
    if thing is not None:
        stage.person("deletes", "DELETE", _path(thing))


def strip(stage: Stage, pick: int) -> None:
    """Our tags are taken from an object: from now on it is somebody else's."""
    thing = _thing(stage, pick, "vector_store", "agent", "assistant")
    if thing is not None:
        metadata = tagging.user_pairs(thing.doc["metadata"])
        stage.person("strips", "POST", _path(thing), {"metadata": metadata})


def label(stage: Stage, pick: int) -> None:
    """A pair of metadata is added, which has to stay."""
    thing = _thing(stage, pick, "vector_store", "agent", "assistant")
    if thing is not None:
        metadata = {**thing.doc["metadata"], "owner": "somebody"}
        stage.person("labels", "POST", _path(thing), {"metadata": metadata})


def relabel(stage: Stage, pick: int) -> None:
    """A label that the tree asks for is changed."""
    thing = _thing(stage, pick, "agent", "assistant")
    if thing is not None:
        metadata = {**thing.doc["metadata"], **dict.fromkeys(LABELS, OTHER_TEAM)}
        stage.person("relabels", "POST", _path(thing), {"metadata": metadata})


def copy(stage: Stage, pick: int) -> None:
    """An object is copied with our tags: now two say that they are it, and only a person can decide."""
    thing = _thing(stage, pick)
    if thing is None or not thing.published:
        return
    _copied(stage, thing, thing.doc.get("metadata", {}))


def move_in(stage: Stage, pick: int) -> None:
    """Somebody copies an object here from an account where the stack has another lineage."""
    thing = _thing(stage, pick, "vector_store", "agent", "assistant")
    if thing is not None:
        metadata = {**thing.doc["metadata"], tagging.STACK: f"{STACK}#{OTHER_LINEAGE}"}
        _copied(stage, thing, metadata)


def _copied(stage: Stage, thing: Thing, metadata: Mapping[str, str]) -> None:
    if thing.kind == "release":
        _release(stage, thing, "copies", "", default=False)
        return
    body: dict[str, object] = {"name": thing.doc["name"], "metadata": dict(metadata)}
    if thing.kind != "vector_store":
        body |= {"model": thing.doc["model"], "instructions": thing.doc["instructions"]}
    stage.person("copies", "POST", f"/{_COLLECTIONS[thing.kind]}", body)


def _release(stage: Stage, thing: Thing, deed: str, text: str, *, default: bool) -> None:
    """A new version by hand (with a text), or a whole new skill with the default version's content."""
    view = stage.view()
    name, description = "", ""
    for key, row in view.rows.items():
        doc = json.loads(row) if key[:2] == ("skill_version", thing.id) else {}
        if doc.get("version") == thing.version:
            name, description = doc["name"], doc["description"]
    if text:
        files = {"SKILL.md": f"---\nname: {name}\ndescription: {text}\n---\n\n{text}\n".encode()}
        fields = (("default", "true"),) if default else ()
        stage.post_bundle(deed, f"{_path(thing)}/versions", pack(name, files), fields)
    else:
        skill = f"---\nname: {name}\ndescription: {json.dumps(description)}\n---\n\nCopied.\n".encode()
        stage.post_bundle(deed, "/skills", pack(name, {"SKILL.md": skill}), ())


def attach(stage: Stage, pick: int) -> None:
    """A document of somebody else's is attached to a store of ours."""
    thing = _thing(stage, pick, "vector_store")
    if thing is not None and not thing.doc["expired"]:
        file_id = stage.upload("attaches", "notes.md", b"Somebody's notes.\n")
        stage.person("attaches", "POST", f"{_path(thing)}/files", {"file_id": file_id})


def detach(stage: Stage, pick: int) -> None:
    """A document of ours is detached."""
    one = _attached(stage, pick)
    if one is not None:
        stage.person("detaches", "DELETE", f"/vector_stores/{one.store}/files/{one.file}")


def unfile(stage: Stage, pick: int) -> None:
    """The File behind a document of ours is deleted."""
    one = _attached(stage, pick)
    if one is not None:
        stage.person("deletes a file", "DELETE", f"/files/{one.file}")


def twin(stage: Stage, pick: int) -> None:
    """Somebody uploads other Files that have the names and the sizes of ours."""
    del pick
    design = stage.history.processes[-1].design
    for path, content in sorted(design.contents.items()):
        stage.upload("uploads", path.rpartition("/")[2], content[::-1])


def drop_anchor(stage: Stage, pick: int) -> None:
    """The anchor is deleted."""
    del pick
    for anchor in stage.view().anchors():
        stage.person("deletes the anchor", "DELETE", f"/vector_stores/{anchor.ids[0]}")


DEEDS: Mapping[str, Callable[[Stage, int], None]] = {
    "edit": edit,
    "point": point,
    "delete": delete,
    "strip": strip,
    "label": label,
    "copy": copy,
    "move_in": move_in,
    "attach": attach,
    "detach": detach,
    "unfile": unfile,
    "twin": twin,
    "drop_anchor": drop_anchor,
    "relabel": relabel,
}
DRIFTS = ("edit", "relabel", "detach", "unfile", "label")
"""What `ignore_changes` may be about, and a pair of metadata besides."""
