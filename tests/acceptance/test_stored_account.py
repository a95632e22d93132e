"""What an earlier version applied is up to date for this one, and is changed as that version would have changed it."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Profile
from reconciler.ownership import anchor
from reconciler.review import approvals
from tests.acceptance.world import Time, World
from tests.accounts import account

STORED = Path(__file__).parent / "stored"
EXPECTED = json.loads((STORED / "expected.json").read_text(encoding="utf-8"))
STACKS = [("example", None), ("museum", "night")]

each_stack = pytest.mark.parametrize(("name", "environment"), STACKS, ids=[name for name, _ in STACKS])


class Ids:
    """Ids that no object of the stored account has. Each prefix is counted by itself, so a request more changes none."""

    def __init__(self) -> None:
        self._given: Counter[str] = Counter()

    def __call__(self, prefix: str) -> str:
        self._given[prefix] += 1
        return f"{prefix}{0xA000 + self._given[prefix]:032x}"


def stored(root: Path, name: str, environment: str | None) -> World:
    """One of the stacks, in the account that holds both."""
    shutil.copytree(STORED / name, root, dirs_exist_ok=True)
    time = Time()
    time.base = 1_790_100_000.0
    emulator = account(profile=Profile.COMPATIBLE, clock=time.now, ids=Ids())
    rows = (STORED / "account.sql").read_text(encoding="utf-8")
    emulator._storage._connection.executescript(f"BEGIN; {rows} COMMIT;")
    return World(root, emulator, time, environment=environment, profile="compatible", runs=100)


def edit(world: World, name: str) -> None:
    """A word here and there."""
    for file, before, after in json.loads((STORED / "edits.json").read_text(encoding="utf-8"))[name]:
        text = (world.root / file).read_text(encoding="utf-8")
        assert text.count(before) == 1
        world.write(file, text.replace(before, after))


def ours(world: World) -> Iterator[tuple[str, Any]]:
    """Every tag of ours in the account, by the object that carries it."""
    rows = world.emulator._storage.execute("SELECT kind, parent, id, doc FROM objects")
    for kind, parent, object_id, text in rows:
        doc = json.loads(text)
        tags = {key: value for key, value in (doc.get("metadata") or {}).items() if key.startswith("reconciler.")}
        line = doc.get("description") or ""
        if tags or (kind == "skill_version" and "[reconciler " in line):
            yield " ".join(filter(None, (kind, parent, object_id))), tags or line
    for store, file, text in world.emulator._storage.execute("SELECT store, id, attributes FROM attachments"):
        tags = {key: value for key, value in json.loads(text).items() if key.startswith("reconciler")}
        if tags:
            yield f"document {store} {file}", tags


def lasting(tags: Mapping[str, Any]) -> list[Any]:
    """Without what depends on the order in which steps happen to run: numbers of attempts, and new ids."""
    text = json.dumps(sorted(tags.items()), sort_keys=True)
    text = re.sub(r'(\bop=|"reconciler_op": ")[0-9a-f]{8}\.[0-9]+', r"\1RUN.N", text)
    return sorted(json.loads(re.sub(r"[0-9a-f]{28}a0[0-9a-f]{2}\b", "NEW", text)), key=json.dumps)


@each_stack
def test_a_stack_of_an_earlier_version_is_up_to_date(tmp_path: Path, name: str, environment: str | None) -> None:
    world = stored(tmp_path, name, environment)
    prepared = world.plan()
    assert [str(step) for step in prepared.plan.steps] == []
    assert prepared.digest == EXPECTED["digests"][name]
    assert [warning["code"] for warning in prepared.body["warnings"]] == (["W401"] if name == "museum" else [])
    assert world.apply().writes == []


@each_stack
def test_the_plan_of_an_edit_is_the_one_that_an_earlier_version_made(
    tmp_path: Path, name: str, environment: str | None
) -> None:
    """So a plan that was saved and approved before an upgrade can be applied after it."""
    world = stored(tmp_path, name, environment)
    edit(world, name)
    file = f"{name}.plan.json"
    saved = approvals.load((STORED / file).read_bytes(), file)
    prepared = world.plan()
    assert prepared.digest == saved.digest
    assert prepared.body["steps"] == saved.body["steps"]


@each_stack
def test_an_apply_writes_the_tags_that_an_earlier_version_wrote(
    tmp_path: Path, name: str, environment: str | None
) -> None:
    world = stored(tmp_path, name, environment)
    edit(world, name)
    before = dict(ours(world))
    assert world.apply().exit == 0
    assert world.steps() == []
    written = {key: tags for key, tags in ours(world) if before.get(key) != tags}
    assert lasting(written) == lasting(EXPECTED["tags"][name])


def test_the_stored_account_has_everything_that_is_pinned(tmp_path: Path) -> None:
    """Or the tests above would promise less than they seem to."""
    tags = dict(ours(stored(tmp_path, "museum", "night")))
    text = json.dumps([*tags.values()])
    assert {key.split()[0] for key in tags} == {"agent", "assistant", "document", "skill_version", "vector_store"}
    for part in ("Anchor/2", "parts=2", "reconciler.holds", "protect=1", "retain=1", "refs=", "files=", "!p", "!r"):
        assert part in text, part
    for sort in ("file:", *(f"{kind}:" for kind in ("agent", "assistant", "release", "vector_store"))):
        assert sort in text, sort
    assert anchor.VERSION == "1"
