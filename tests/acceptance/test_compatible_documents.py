"""Servers that speak this API almost: what their documents do ends in convergence, or in one line that says where not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from reconciler.emulator import Emulator, Request, Response, Switches
from reconciler.model.errors import Exit
from tests.acceptance.world import Applied, World

ATTACH = re.compile(r"/vector_stores/([^/]+)/files")
ATTACHED = re.compile(r"/vector_stores/([^/]+)/files/([^/]+)")
BATCH = re.compile(r"/vector_stores/([^/]+)/file_batches")
BATCHED = re.compile(r"/vector_stores/([^/]+)/file_batches/([^/]+)")


class Quirk:
    """An account that behaves but for one thing."""

    def __init__(self, real: Emulator) -> None:
        self.real = real

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if "sk-other" in request.headers.get("authorization", ""):
            return self.real.handle(request)
        answer = self.early(request)
        return self.late(request, self.real.handle(request)) if answer is None else answer

    def early(self, request: Request) -> Response | None:
        """An answer in the account's place."""
        del request
        return None

    def late(self, request: Request, response: Response) -> Response:
        """What becomes of the account's answer."""
        del request
        return response


def world_with(
    root: Path, quirk: type[Quirk] | Callable[[Emulator], Quirk], *, switches: Switches | None = None
) -> tuple[World, Any]:
    """Two stores and an assistant that uses one of them, on such a server."""
    world = World.new(root, profile="compatible", switches=switches)
    strange = quirk(world.emulator)
    world.emulator = cast("Emulator", strange)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n"}, files=tagged("public"))
    world.store("notes", {"n.md": "# N\n"})
    tools = [{"type": "file_search", "vector_stores": ["notes"]}]
    world.assistant("helper", "assistants", model="gpt-6.1-terra", instructions="Help.", tools=tools)
    return world, strange


def tagged(audience: str | None, **more: Any) -> list[dict[str, Any]]:
    attributes = {**({"audience": audience} if audience else {}), **more}
    return [{"glob": "docs/**/*.md", **({"attributes": attributes} if attributes else {})}]


def say(body: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(body).encode(), {"content-type": "application/json"})


def of(response: Response, **changes: Any) -> Response:
    return replace(response, body=json.dumps({**json.loads(response.body), **changes}).encode())


def lines(applied: Applied) -> list[str]:
    return [line for event in applied.events for line in event.get("lines", ())]


def outcomes(applied: Applied) -> dict[str, str]:
    return {event["step"]: event["outcome"] for event in applied.events if event["event"] == "step"}


def files(world: World) -> int:
    return len(world.api("GET", "/files")["data"])


# --- batches ----------------------------------------------------------------------------------------------------------


class IgnoresFiles(Quirk):
    """A batch with `files` attaches nothing and is complete with no file at all."""

    def early(self, request: Request) -> Response | None:
        match = BATCH.fullmatch(request.path)
        if match is None or "files" not in json.loads(request.body):
            return None
        counts = dict.fromkeys(("in_progress", "completed", "failed", "cancelled", "total"), 0)
        body = {"id": "vsfb_1", "object": "vector_store.files_batch", "created_at": 1, "vector_store_id": match[1]}
        return say({**body, "status": "completed", "file_counts": counts})


class HasNoBatches(Quirk):
    """There is no such endpoint."""

    def early(self, request: Request) -> Response | None:
        return say({"detail": "Not Found"}, 404) if BATCH.fullmatch(request.path) else None


class ForgetsBatches(Quirk):
    """What is read of a batch carries the store's id, as the service itself does at times (openai-python #2724)."""

    def late(self, request: Request, response: Response) -> Response:
        match = BATCHED.fullmatch(request.path)
        return of(response, id=match[1]) if match and response.status == 200 else response


@pytest.mark.parametrize("quirk", [IgnoresFiles, HasNoBatches, ForgetsBatches])
def test_what_a_batch_does_or_says_of_itself_is_of_no_importance(tmp_path: Path, quirk: type[Quirk]) -> None:
    world, _ = world_with(tmp_path, quirk)
    assert world.settled()
    assert files(world) == 3
    world.write("docs/a.md", "# A again\n")
    world.write("docs/b.md", "# B again\n")
    applied = world.apply()
    assert applied.exit == 0
    assert not any(BATCHED.fullmatch(call.path) for call in applied.calls)
    assert world.settled()
    assert files(world) == 3


# --- attaching what is not there --------------------------------------------------------------------------------------


class AttachesWhatIsMissing(Quirk):
    """To attach a File that it does not know yet is 200 with status failed; `stored`: and the list shows it."""

    times = 0
    stored = True

    def __init__(self, real: Emulator) -> None:
        super().__init__(real)
        self.failed: dict[str, dict[str, Any]] = {}

    def early(self, request: Request) -> Response | None:
        match = ATTACHED.fullmatch(request.path)
        if match and match[2] in self.failed:
            item = self.failed[match[2]]
            if request.method == "DELETE":
                del self.failed[match[2]]
                return say({"id": match[2], "object": "vector_store.file.deleted", "deleted": True})
            return say(item)
        attach = ATTACH.fullmatch(request.path)
        if BATCH.fullmatch(request.path):
            return say({"detail": "Not Found"}, 404)
        if request.method != "POST" or attach is None or self.times <= 0 or b"docs/a.md" not in request.body:
            return None
        self.times -= 1
        body = json.loads(request.body)
        item = {"id": body["file_id"], "object": "vector_store.file", "created_at": 1, "vector_store_id": attach[1]}
        error = {"code": "invalid_file", "message": f"File {body['file_id']} not found"}
        item |= {"status": "failed", "last_error": error, "attributes": body["attributes"], "usage_bytes": 0}
        if self.stored:
            self.failed[body["file_id"]] = item
        return say(item)

    def late(self, request: Request, response: Response) -> Response:
        match = ATTACH.fullmatch(request.path)
        if match is None or request.method != "GET" or not self.failed:
            return response
        mine = [item for item in self.failed.values() if item["vector_store_id"] == match[1]]
        return of(response, data=[*mine, *json.loads(response.body)["data"]])


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_the_server_does_not_know_yet_is_attached_once_more(
    tmp_path: Path, times: int, stored: bool
) -> None:
    world, quirk = world_with(tmp_path, AttachesWhatIsMissing)
    quirk.times, quirk.stored = times, stored
    assert world.settled()
    assert files(world) == 3


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (True, "docs/a.md: invalid_file: File file-ID not found"),
        (False, "docs/a.md: the store does not show it, although it was attached"),
    ],
)
def test_a_file_that_it_never_knows_fails_alone_and_the_rest_is_done(tmp_path: Path, stored: bool, why: str) -> None:
    world, quirk = world_with(tmp_path, AttachesWhatIsMissing)
    quirk.times, quirk.stored = 99, stored
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert [re.sub(r"file-\w+", "file-ID", line) for line in lines(applied)] == [why]
    assert outcomes(applied)["create VectorStore/notes"] == outcomes(applied)["create Assistant/helper"] == "done"
    assert files(world) == 2
    quirk.times = 0
    assert world.settled()
    assert files(world) == 3


# --- attributes -------------------------------------------------------------------------------------------------------


class KeepsAttributes(Quirk):
    """A change of attributes is acknowledged and not stored."""

    honest = True

    def early(self, request: Request) -> Response | None:
        if request.method != "POST" or ATTACHED.fullmatch(request.path) is None:
            return None
        shown = self.real.handle(replace(request, method="GET", body=b""))
        return shown if self.honest else of(shown, attributes=json.loads(request.body)["attributes"])


@pytest.mark.parametrize("honest", [True, False])
def test_attributes_that_are_acknowledged_and_not_stored_are_named(tmp_path: Path, honest: bool) -> None:
    world, quirk = world_with(tmp_path, KeepsAttributes)
    quirk.honest = honest
    assert world.settled()
    world.store("docs", {}, files=tagged("staff"))
    world.store("notes", {"m.md": "# M\n"})
    began = world.time.now()
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    why = "attributes (audience): the server acknowledged the change and kept what it had"
    assert lines(applied) == [f"docs/a.md: {why}", f"docs/b.md: {why}"]
    assert outcomes(applied) == {"update VectorStore/docs": "failed", "update VectorStore/notes": "done"}
    assert world.time.now() - began < 60
    assert world.apply().exit == Exit.INCOMPLETE


def test_attributes_of_many_documents_are_looked_at_in_the_list(tmp_path: Path) -> None:
    world, _ = world_with(tmp_path, Quirk)
    world.store("docs", {f"{number:02d}.md": f"# {number}\n" for number in range(20)}, files=tagged("public"))
    assert world.settled()
    world.store("docs", {}, files=tagged("staff"))
    applied = world.apply()
    assert applied.exit == 0
    assert len([call for call in applied.calls if call.method == "GET" and ATTACHED.fullmatch(call.path)]) == 0
    assert world.settled()


def test_an_attribute_that_a_merging_server_does_not_let_go_of_is_named(tmp_path: Path) -> None:
    world, _ = world_with(tmp_path, Quirk, switches=Switches(merge_metadata=True))
    world.store("docs", {}, files=tagged("public", year=2026))
    assert world.settled()
    world.store("docs", {}, files=tagged("staff", year=2026))
    assert world.settled()
    world.store("docs", {}, files=tagged("staff"))
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    why = "attributes (year): the server acknowledged the change and kept what it had"
    assert lines(applied) == [f"docs/a.md: {why}", f"docs/b.md: {why}"]


def test_numbers_that_come_back_as_floats_are_no_difference(tmp_path: Path) -> None:
    world, _ = world_with(tmp_path, Quirk, switches=Switches(numbers_as_floats=True))
    world.store("docs", {}, files=tagged("public", year=2026))
    assert world.settled()
    world.store("docs", {}, files=tagged("public", year=2027))
    assert world.settled()


class DropsAttributes(Quirk):
    """The attributes of an attachment are not kept at all."""

    def late(self, request: Request, response: Response) -> Response:
        shown = ATTACHED.fullmatch(request.path) and response.status == 200 and b"docs/" in response.body
        return of(response, attributes={}) if shown else response


def test_a_server_that_keeps_no_attributes_gets_no_documents_and_is_told_so(tmp_path: Path) -> None:
    world, _ = world_with(tmp_path, DropsAttributes)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    why = "the server did not keep the attributes that say which document it is"
    assert lines(applied) == [f"docs/a.md: {why}", f"docs/b.md: {why}"]
    assert outcomes(applied)["create VectorStore/notes"] == "done"
    assert files(world) == 1


class ListsWithoutAttributes(Quirk):
    """An attachment shows its attributes by its id, and not in the list."""

    def late(self, request: Request, response: Response) -> Response:
        if request.method != "GET" or not ATTACH.fullmatch(request.path) or response.status != 200:
            return response
        items = [{k: v for k, v in item.items() if k != "attributes"} for item in json.loads(response.body)["data"]]
        return of(response, data=items)


@pytest.mark.parametrize("count", [1, 30])
def test_a_server_whose_lists_have_no_attributes_is_not_sent_the_same_again_and_again(
    tmp_path: Path, count: int
) -> None:
    world, _ = world_with(tmp_path, ListsWithoutAttributes)
    world.remove("VectorStore", "notes")
    world.remove("Assistant", "helper")
    world.store("docs", {f"{number:02d}.md": f"# {number}\n" for number in range(count)})
    for _ in range(2):
        applied = world.apply()
        assert applied.exit == Exit.INCOMPLETE
        assert len(lines(applied)) == 2 + count
        assert all("attributes that say which document it is" in line for line in lines(applied))
        assert files(world) == 0


# --- detaching, listing -----------------------------------------------------------------------------------------------


class DetachesEverywhere(Quirk):
    """A File that is detached from one store is detached from all (openai-node #1710)."""

    def late(self, request: Request, response: Response) -> Response:
        match = ATTACHED.fullmatch(request.path)
        if match and request.method == "DELETE":
            for store in json.loads(self.real.handle(replace(request, method="GET", path="/vector_stores")).body)[
                "data"
            ]:
                self.real.handle(replace(request, path=f"/vector_stores/{store['id']}/files/{match[2]}"))
        return response


def test_no_two_stores_share_a_file(tmp_path: Path) -> None:
    world, _ = world_with(tmp_path, DetachesEverywhere)
    world.store("notes", {"n.md": "# A\n"})
    assert world.settled()
    (world.root / "docs/a.md").unlink()
    assert world.settled()
    assert files(world) == 2


class IgnoresCursors(Quirk):
    """A store's list starts anew with every page and never ends."""

    def early(self, request: Request) -> Response | None:
        if request.method != "GET" or not ATTACH.fullmatch(request.path):
            return None
        query = tuple(pair for pair in request.query if pair[0] != "after")
        page = self.real.handle(replace(request, query=query))
        count = len(json.loads(page.body)["data"])
        return of(page, has_more=count >= 100)


def test_a_list_that_never_ends_is_one_clear_failure_of_its_store(tmp_path: Path) -> None:
    world, _ = world_with(tmp_path, IgnoresCursors)
    world.store("docs", {f"{number:03d}.md": f"# {number}\n" for number in range(120)})
    applied = world.apply()
    assert applied.exit in {Exit.INCOMPLETE, Exit.UNAVAILABLE}
    assert outcomes(applied)["create VectorStore/notes"] == outcomes(applied)["create Assistant/helper"] == "done"
    assert outcomes(applied)["create VectorStore/docs"] in {"failed", "in_doubt"}
    assert "it may not understand `after`" in json.dumps(applied.events)
