"""What interrupted runs and old releases leave in an account, made on purpose."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from reconciler.emulator import Request
from reconciler.ownership.tags import ADDRESS, FIELDS, STACK, STATE
from reconciler.upkeep import Group, Orphans, find_orphans
from tests.acceptance.world import World, made_once
from tests.apply.server import anchors_of
from tests.upkeep.dying import session_of

TOOL = {"type": "file_search", "vector_stores": ["docs"]}
SPEC = "0123456789abcdef"


@made_once
def fill(world: World) -> World:
    """A store, a release with a file of its own, and an agent, applied."""
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"})
    world.write("prices.csv", "n\n1\n")
    code = {"type": "code_interpreter", "files": ["prices.csv"]}
    world.assistant("helper", model="gpt-6.1-terra", tools=[TOOL, code], instructions="Release 1.\n")
    world.assistant("writer", "agents", model="gpt-6.1-terra")
    assert world.settled()
    return world


def full(root: Path) -> World:
    return fill(World.new(root))


def releases(world: World, last: int, *, first: int = 2, files: bool = True) -> None:
    """Release the helper so often; each time with another file, unless not wanted."""
    for number in range(first, last + 1):
        if files:
            world.write("prices.csv", f"n\n{number}\n")
        code = {"type": "code_interpreter", "files": ["prices.csv"]}
        world.assistant("helper", model="gpt-6.1-terra", tools=[TOOL, code], instructions=f"Release {number}.\n")
        assert world.apply().exit == 0


def released(world: World, last: int) -> World:
    """Fill a new world and release the helper so often; each number of releases is made once, from the one before."""
    return _released(last)(world)


@cache
def _released(last: int) -> Callable[[World], World]:
    def make(world: World) -> World:
        releases(released(world, last - 1), last, first=last)
        return world

    return fill if last == 1 else made_once(make)


def find(world: World, *groups: Group) -> Orphans:
    """What `gc` finds; only GETs are sent."""
    session, mortal = session_of(world)
    found = world.time.run(lambda: find_orphans(session, groups or tuple(Group)))
    assert mortal.writes == []
    return found


def keys(found: Orphans) -> list[tuple[str, str, str | None]]:
    """Group, id and version of each."""
    return [(item.group.value, item.id, item.version) for item in found.items]


def owner(world: World) -> str:
    """`acme#<lineage>`."""
    return str(anchors_of(world)[0]["metadata"][STACK])


def edit_anchor(world: World, **pairs: str) -> None:
    """Write some of our pairs of the anchor behind the tool's back."""
    store = anchors_of(world)[0]
    metadata = {**store["metadata"], **{f"reconciler.{key}": value for key, value in pairs.items()}}
    world.api("POST", f"/vector_stores/{store['id']}", {"metadata": metadata})


def upload(world: World, name: str = "loose.md", purpose: str = "assistants") -> str:
    """A File that nobody uses."""
    boundary = "x" * 20
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n',
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\ntext\r\n',
        f"--{boundary}--\r\n",
    ]
    headers = {
        "authorization": "Bearer sk-other",
        "content-type": f"multipart/form-data; boundary={boundary}",
    }
    response = world.emulator.handle(Request("POST", "/files", (), headers, "".join(lines).encode()))
    return str(json.loads(response.body)["id"])


def tags(world: World, address: str, state: str, *, stack: str | None = None) -> dict[str, str]:
    """Metadata as a run of ours writes it."""
    return {
        STACK: stack or owner(world),
        ADDRESS: address,
        STATE: f"{state.split(';', maxsplit=1)[0]};op=aaaaaaaa.1;spec={SPEC};v=1{state.removeprefix(state.split(';', maxsplit=1)[0])}",
        FIELDS: "",
    }


def agent(world: World, metadata: dict[str, str]) -> str:
    """An agent with some metadata."""
    body = {"model": "gpt-6-sol", "metadata": metadata}
    return str(world.api("POST", "/agents", body, beta="agents=v1")["id"])


def store(world: World, metadata: dict[str, str], *documents: str) -> str:
    """A store with some metadata, and documents attached as ours."""
    store_id = str(world.api("POST", "/vector_stores", {"name": "x", "metadata": metadata})["id"])
    for path in documents:
        attach(world, store_id, upload(world, path), reconciler_path=path, reconciler_sha256="0" * 64)
    return store_id


def attach(world: World, store_id: str, file_id: str, **attributes: str) -> None:
    """Attach a File."""
    world.api("POST", f"/vector_stores/{store_id}/files", {"file_id": file_id, "attributes": attributes})


def files_in(world: World, store_id: str) -> list[str]:
    """The Files that a store has."""
    return [item["id"] for item in world.api("GET", f"/vector_stores/{store_id}/files?limit=100")["data"]]


def skill(world: World, description: str, name: str = "helper") -> str:
    """A skill of somebody else, with any description; gives its id."""
    return str(post_skill(world, "/skills", description, name)["id"])


def post_skill(world: World, path: str, description: str, name: str = "helper", **files: str) -> Any:
    """A skill, or a version of one, as a zip of `SKILL.md` and further files."""
    from reconciler.account.bundles import pack

    front = f"---\nname: {name}\ndescription: {json.dumps(description)}\n---\n\nx\n"
    archive = pack(
        name, {"SKILL.md": front.encode(), **{key.replace("_", "."): text.encode() for key, text in files.items()}}
    )
    boundary = "y" * 20
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="x.zip"\r\n\r\n'
    body = head.encode() + archive + f"\r\n--{boundary}--\r\n".encode()
    headers = {"authorization": "Bearer sk-other", "content-type": f"multipart/form-data; boundary={boundary}"}
    response = world.emulator.handle(Request("POST", path, (), headers, body))
    return json.loads(response.body)
