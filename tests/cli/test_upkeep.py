"""gc, unlock and recover from the command line, under the real SDK on the embedded account."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import nullcontext, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from reconciler import cli
from reconciler.account.port import Call, Upload
from reconciler.emulator.account import embedded
from tests.acceptance.world import World
from tests.cli.conftest import Command

DATABASE = Path(".reconciler") / "local.db"


def api(method: str, path: str, body: Any = None, *, upload: str = "") -> Any:
    """One request of somebody else to the account of the current directory."""

    async def send() -> Any:
        account = embedded(DATABASE)
        target, _, query = path.partition("?")
        pairs = tuple((key, value) for key, _, value in (item.partition("=") for item in query.split("&") if item))
        beta = "agents=v1" if "agents" in path else "assistants=v2"
        part = Upload("file", upload, lambda: nullcontext(BytesIO(b"text")), 4)
        form = (("purpose", "assistants"),) if upload else ()
        call = Call(method, target, pairs, json=body, form=form, uploads=(part,) if upload else (), beta=beta)
        try:
            return dict((await account.send(call)).data)
        finally:
            await account.aclose()

    return asyncio.run(send())


def anchor() -> dict[str, Any]:
    """The store that holds the stack's record."""
    stores = api("GET", "/vector_stores?limit=100")["data"]
    return next(store for store in stores if store["name"].startswith("reconciler anchor"))


def run_of(age: int) -> None:
    """A run that died so many seconds ago."""
    store = anchor()
    beat = int(time.time()) - age
    state = f"busy;serial=1;run=aaaaaaaa;plan=0123456789abcdef;beat={beat};kinds=agent;parts=1;v=1"
    api("POST", f"/vector_stores/{store['id']}", {"metadata": {**store["metadata"], "reconciler.anchor": state}})


def half(address: str = "Assistant/other", state: str = "pending") -> str:
    """An agent whose creation was interrupted."""
    metadata = {
        "reconciler.stack": anchor()["metadata"]["reconciler.stack"],
        "reconciler.address": address,
        "reconciler.state": f"{state};op=a.1;spec=0123456789abcdef;v=1",
        "reconciler.fields": "",
    }
    return str(api("POST", "/agents", {"model": "gpt-6-sol", "metadata": metadata})["id"])


# --- gc ---------------------------------------------------------------------------------------------------------------


def test_gc_lists_and_deletes_nothing(applied: Command) -> None:
    assert applied("gc", "--local").out == "Nothing of acme is left behind.\n"
    unfinished, loose = half(), str(api("POST", "/files", upload="loose.md")["id"])
    result = applied("gc", "--local", "-v")
    assert result.code == 0
    assert unfinished in result.out
    assert loose in result.out
    assert "1 to delete with `reconciler gc --delete`, 1 File to look at." in result.out
    assert {line.split()[0] for line in result.err.splitlines()} == {"GET"}
    found = applied("gc", "--local", "--format", "json").json
    assert [(item["group"], item["id"]) for item in found["orphans"]] == [("objects", unfinished), ("files", loose)]
    assert (found["stack"], found["anchor"]) == ("acme", anchor()["id"])


def test_gc_deletes_what_is_provably_ours_and_a_file_by_its_id(applied: Command) -> None:
    unfinished = half()
    loose, other = (str(api("POST", "/files", upload=name)["id"]) for name in ("loose.md", "other.md"))
    assert applied("gc", "--local", "--delete").code == 7
    result = applied("gc", "--local", "--delete", "--yes", "--file", loose)
    assert result.code == 0
    assert f"deleted    Assistant/other ({unfinished})" in result.err
    assert f"deleted    {loose} (loose.md)" in result.err
    assert "gc: 2 deleted." in result.err
    left = applied("gc", "--local", "--format", "json").json["orphans"]
    assert [item["id"] for item in left] == [other]
    assert applied("gc", "--local", "--delete", "--yes").code == 0
    assert applied("plan", "--local", "--detailed-exitcode").code == 0


def test_gc_as_json_says_how_each_ended(applied: Command) -> None:
    unfinished = half()
    result = applied("gc", "--local", "--delete", "--yes", "--format", "json")
    assert [(item["id"], item["outcome"], item["detail"]) for item in result.json["orphans"]] == [
        (unfinished, "deleted", None)
    ]
    assert result.json["exit_code"] == 0
    assert applied("gc", "--local", "--delete", "--yes", "--format", "json").json["orphans"] == []


def test_gc_of_one_group(applied: Command) -> None:
    half()
    api("POST", "/files", upload="loose.md")
    found = applied("gc", "--local", "--group", "files", "--format", "json").json["orphans"]
    assert [item["group"] for item in found] == ["files"]
    assert applied("gc", "--local", "--group", "versions", "--delete", "--yes").code == 0
    assert len(applied("gc", "--local", "--format", "json").json["orphans"]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--file", "file-1"), 7, "Add --delete."),
        (("--delete", "--yes", "--file", "file-1"), 4, "none of the Files"),
        (("--group", "everything"), 7, "journal"),
        (("--env", "production"), 7, "production"),
    ],
)
def test_gc_explains_mistakes(applied: Command, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = applied("gc", "--local", *arguments)
    assert result.code == code
    assert said in result.err


def test_gc_of_a_stack_that_is_not_there(reconciler: Command) -> None:
    assert reconciler("gc", "--local").out == "Nothing of acme is left behind.\n"
    loose = str(api("POST", "/files", upload="loose.md")["id"])
    assert loose in reconciler("gc", "--local").out
    result = reconciler("gc", "--local", "--delete", "--yes", "--file", loose)
    assert result.code == 4
    assert "Apply the stack first" in result.err


# --- unlock -----------------------------------------------------------------------------------------------------------


def test_unlock_shows_whose_run_it_is_and_asks(applied: Command, tree: World) -> None:
    assert applied("unlock", "--local").out == "Nothing to unlock: nobody has it.\n"
    run_of(90)
    result = applied("unlock", "--local")
    assert result.code == 7
    assert "aaaaaaaa" in result.out
    assert "sha256:0123456789abcdef…" in result.out
    assert "--yes" in result.err
    tree.assistant("writer", "agents", model="gpt-6-sol")
    locked = applied("apply", "--local", "--yes")
    assert locked.code == 6
    assert "reconciler unlock" in locked.err
    assert applied("unlock", "--local", "--yes").code == 0
    assert "run=;" in anchor()["metadata"]["reconciler.anchor"]
    assert "nobody has it. The last run did not end" in applied("unlock", "--local").out
    assert applied("apply", "--local", "--yes", "--settle", "0s").code == 0


def test_unlock_refuses_a_run_that_is_alive(applied: Command) -> None:
    run_of(5)
    result = applied("unlock", "--local", "--yes")
    assert result.code == 6
    assert "--force" in result.err
    forced = applied("unlock", "--local", "--yes", "--force", "--format", "json").json
    assert (forced["unlocked"], forced["holder"]["run"]) == (True, "aaaaaaaa")
    assert applied("unlock", "--local", "--format", "json").json["unlocked"] is False


def test_unlock_of_a_stack_that_is_not_there(reconciler: Command) -> None:
    result = reconciler("unlock", "--local")
    assert (result.code, "nothing of it in this account" in result.out) == (0, True)


# --- recover ----------------------------------------------------------------------------------------------------------


def test_recover_rebuilds_a_deleted_anchor(applied: Command) -> None:
    assert "is sound" in applied("recover", "--local").out
    api("DELETE", f"/vector_stores/{anchor()['id']}")
    lost = applied("plan", "--local")
    assert lost.code == 8
    assert "`reconciler recover` rebuilds the anchor" in lost.err
    asked = applied("recover", "--local")
    assert asked.code == 7
    assert "Assistant/helper" in asked.out
    result = applied("recover", "--local", "--yes", "--format", "json")
    assert result.code == 0
    assert (result.json["done"], result.json["anchor"]) == (True, anchor()["id"])
    assert [item["address"] for item in result.json["objects"]] == [
        "Assistant/helper",
        "Assistant/writer",
        "VectorStore/docs",
    ]
    assert applied("apply", "--local", "--yes", "--settle", "0s").code == 0
    assert "is sound" in applied("recover", "--local", "--yes").out


def test_recover_prints_the_new_line_to_pin(applied: Command, tree: World) -> None:
    old = anchor()["id"]
    tree.stack("acme", account={"anchor": old})
    assert applied("plan", "--local", "--detailed-exitcode").code == 0
    api("DELETE", f"/vector_stores/{old}")
    result = applied("recover", "--local", "--yes")
    assert result.code == 0
    line = f"spec:\n  account:\n    anchor: {anchor()['id']}"
    assert line in result.err
    assert line in applied("recover", "--local").err
    tree.stack("acme", account={"anchor": anchor()["id"]})
    assert applied("apply", "--local", "--yes", "--settle", "0s").code == 0


def test_recover_wants_a_lineage_where_there_are_several(applied: Command) -> None:
    store = anchor()
    lineage = store["metadata"]["reconciler.stack"].split("#")[1]
    stray = half("Assistant/stray", "ready")
    metadata = api("GET", f"/agents/{stray}")["metadata"] | {"reconciler.stack": "acme#ffffffffffff"}
    api("POST", f"/agents/{stray}", {"metadata": metadata})
    api("DELETE", f"/vector_stores/{store['id']}")
    result = applied("recover", "--local", "--yes")
    assert result.code == 4
    assert f"{lineage}: " in result.err
    assert f"ffffffffffff: Assistant/stray {stray}" in result.err
    assert applied("recover", "--local", "--yes", "--lineage", "nonsense").code == 7
    assert applied("recover", "--local", "--yes", "--lineage", lineage).code == 0


def test_recover_of_a_stack_that_is_not_there(reconciler: Command, tree: World) -> None:
    assert "first apply" in reconciler("recover", "--local").out
    assert reconciler("recover", "--local", "--format", "json").json["anchor"] is None
    tree.stack("acme", account={"anchor": "vs_elsewhere"})
    result = reconciler("recover", "--local", "--yes")
    assert result.code == 8
    assert "right key" in result.err


# --- a person at a terminal -------------------------------------------------------------------------------------------


def at_a_terminal(answer: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """A command in this process, with a terminal at which somebody types an answer; what it said there."""
    ours, theirs = os.openpty()
    os.write(ours, f"{answer}\n".encode())
    with (
        open(theirs, closefd=False) as keyboard,
        open(theirs, "w", closefd=False) as screen,
        monkeypatch.context() as at,
    ):
        at.setattr(sys, "stdin", keyboard)
        at.setattr(sys, "stderr", screen)
        code = cli.run(list(arguments))
    os.close(theirs)
    said = b""
    with suppress(OSError):  # so it says that nothing more will come
        while chunk := os.read(ours, 65536):
            said += chunk
    os.close(ours)
    return code, said.decode()


@pytest.mark.parametrize("command", ["gc", "unlock", "recover"])
def test_a_person_at_a_terminal_is_asked(applied: Command, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    half()
    arguments = [command, "--local", *(["--delete"] if command == "gc" else [])]
    if command == "unlock":
        run_of(90)
    elif command == "recover":
        api("DELETE", f"/vector_stores/{anchor()['id']}")
    before = everything()
    code, said = at_a_terminal("n", monkeypatch, *arguments)
    assert (code, "[y/N]" in said, "Nothing was" in said) == (4, True, True)
    assert everything() == before
    code, said = at_a_terminal("y", monkeypatch, *arguments)
    assert (code, "[y/N]" in said) == (0, True)
    assert everything() != before


def everything() -> str:
    """The objects of the account in which these commands could write."""
    return json.dumps([api("GET", f"/{name}?limit=100")["data"] for name in ("vector_stores", "agents")])


@pytest.mark.parametrize("command", ["gc", "unlock", "recover"])
def test_help_has_examples_and_needs_no_account(reconciler: Command, command: str) -> None:
    result = reconciler(command, "--help")
    assert result.code == 0
    assert f"reconciler {command} --local" in result.out


def test_a_plan_that_was_being_carried_out_may_be_resumed_after_all_three(applied: Command, tree: World) -> None:
    tree.assistant("writer", "agents", model="gpt-6-sol")
    assert applied("plan", "--local", "-o", "plan.json").code == 0
    digest = json.loads((tree.root / "plan.json").read_text())["digest"].removeprefix("sha256:")[:16]
    run_of(90)
    store = anchor()
    state = store["metadata"]["reconciler.anchor"].replace("plan=0123456789abcdef", f"plan={digest}")
    api("POST", f"/vector_stores/{store['id']}", {"metadata": {**store["metadata"], "reconciler.anchor": state}})
    half()
    assert applied("unlock", "--local", "--yes").code == 0
    assert applied("gc", "--local", "--delete", "--yes", "--settle", "0s").code == 0
    assert applied("apply", "--local", "--plan", "plan.json", "--settle", "0s").code == 0
