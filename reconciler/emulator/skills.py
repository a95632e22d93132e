"""Skills and their versions: `/skills`. Versions are immutable; only the default one can be chosen anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.emulator.bundles import bundle
from reconciler.emulator.call import Reply
from reconciler.emulator.errors import ApiError, bad_request, missing_parameter
from reconciler.emulator.paging import objects, page_of

if TYPE_CHECKING:
    from reconciler.emulator.call import Call, Json


def create(call: Call) -> Json:
    """Make a skill with version 1."""
    skill = {"id": call.new_id("skill_"), "object": "skill", "created_at": call.timestamp, "last": 0}
    version = _add_version(call, skill)
    skill["default_version"] = version["version"]
    call.storage.insert("skill", skill, now=call.now)
    return _render(call, skill)


def retrieve(call: Call) -> Json:
    """Read one."""
    return _render(call, _find(call))


def list_all(call: Call) -> Json:
    """List them."""
    return page_of(call, objects("skill"), lambda skill: _render(call, skill))


def update(call: Call) -> Json:
    """Choose the default version."""
    skill = _find(call)
    version = _versions(call, skill).get(call.body["default_version"])
    if version is None:
        message = f"Version '{call.body['default_version']}' of skill '{skill['id']}' does not exist."
        raise bad_request(message, param="default_version", code="invalid_value")
    skill["default_version"] = version["version"]
    call.storage.save("skill", skill)
    return _render(call, skill)


def delete(call: Call) -> Json:
    """Delete a skill with all its versions."""
    skill = _find(call)
    for version in _versions(call, skill).values():
        _remove_version(call, skill, version)
    call.storage.remove("skill", skill["id"])
    return {"id": skill["id"], "object": "skill.deleted", "deleted": True}


def content(call: Call) -> Reply:
    """Give the default version's zip."""
    skill = _find(call)
    return _zip(call, _versions(call, skill)[skill["default_version"]])


def create_version(call: Call) -> Json:
    """Add the next version, which becomes the default only if asked."""
    skill = _find(call)
    version = _add_version(call, skill)
    if call.body.get("default", False):
        skill["default_version"] = version["version"]
    call.storage.save("skill", skill)
    return version


def retrieve_version(call: Call) -> Json:
    """Read one version by its number."""
    return _find_version(call)


def list_versions(call: Call) -> Json:
    """List versions by number."""
    return page_of(call, objects("skill_version", parent=_find(call)["id"], key="seq"))


def delete_version(call: Call) -> Json:
    """Delete a version; not the default while there are others, and the skill along with the last one."""
    skill, version = _find(call), _find_version(call)
    alone = len(_versions(call, skill)) == 1
    if version["version"] == skill["default_version"] and not alone:
        message = f"Version '{version['version']}' is the default version and cannot be deleted."
        raise bad_request(message, param="version", code="invalid_value")
    _remove_version(call, skill, version)
    if alone:
        call.storage.remove("skill", skill["id"])
    return {"id": version["id"], "object": "skill.version.deleted", "deleted": True, "version": version["version"]}


def version_content(call: Call) -> Reply:
    """Give one version's zip."""
    return _zip(call, _find_version(call))


def _add_version(call: Call, skill: Json) -> Json:
    if not call.body.get("files"):
        raise missing_parameter("files")
    checked = bundle(call.body["files"])
    skill["last"] += 1
    version = {
        "id": call.new_id("skillver_"),
        "object": "skill.version",
        "created_at": call.timestamp,
        "skill_id": skill["id"],
        "version": str(skill["last"]),
        "name": checked.name,
        "description": checked.description,
    }
    call.storage.insert("skill_version", version, now=call.now, parent=skill["id"])
    call.storage.write_content(version["id"], checked.archive)
    return version


def _remove_version(call: Call, skill: Json, version: Json) -> None:
    call.storage.remove_content(version["id"])
    call.storage.remove("skill_version", version["id"], parent=skill["id"])


def _find(call: Call) -> Json:
    return call.find("skill", call.path["skill_id"], lambda wanted: ApiError(404, f"Skill '{wanted}' not found."))


def _find_version(call: Call) -> Json:
    skill, number = _find(call), call.path["version"]
    version = _versions(call, skill).get(number)
    if version is None:
        raise ApiError(404, f"Version '{number}' of skill '{skill['id']}' not found.")
    return version


def _versions(call: Call, skill: Json) -> dict[str, Json]:
    return {version["version"]: version for version in call.storage.children("skill_version", skill["id"])}


def _zip(call: Call, version: Json) -> Reply:
    name = f'attachment; filename="{version["name"]}.zip"'
    return Reply(call.storage.read_content(version["id"]), "application/zip", {"content-disposition": name})


def _render(call: Call, skill: Json) -> Json:
    versions = _versions(call, skill)
    default = versions[skill["default_version"]]
    return {
        "id": skill["id"],
        "object": "skill",
        "created_at": skill["created_at"],
        "name": default["name"],
        "description": default["description"],
        "default_version": skill["default_version"],
        "latest_version": next(reversed(versions)),
    }
