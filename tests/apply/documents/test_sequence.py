"""One document's trouble is that document's trouble; nothing is served less than before, nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.account.port import Call, Upload
from reconciler.emulator import Request, Response, Switches
from reconciler.model.errors import Exit
from tests.acceptance.world import World
from tests.apply.server import (
    Server,
    changed,
    ending,
    files_of,
    is_read,
    is_write,
    refuse,
    say,
    text_of,
    times,
    world_and_server,
)
from tests.direct import DirectAccount


def three(root: Path, *, switches: Switches | None = None) -> tuple[World, Server]:
    world, server = world_and_server(root, switches=switches)
    world.store("docs", {"a.md": "# A\n", "b.md": "# B\n", "c.md": "# C\n"})
    return world, server


def attached(world: World) -> dict[str, str]:
    store = next(s for s in world.api("GET", "/vector_stores?limit=100")["data"] if s["name"] == "docs")
    files = world.api("GET", f"/vector_stores/{store['id']}/files?limit=100")["data"]
    return {item["attributes"].get("reconciler_path", item["id"]): item["status"] for item in files}


def failing(code: str, *, path: str = "docs/b.md", count: int = 1) -> Any:
    """Reads of one document show that its processing failed, so often."""
    left = [count]

    def rule(request: Request, response: Response) -> Response:
        def one(item: dict[str, Any]) -> None:
            ours = item.get("attributes", {}).get("reconciler_path") == path if isinstance(item, dict) else False
            if ours and left[0] > 0:
                left[0] -= 1
                item |= {"status": "failed", "last_error": {"code": code, "message": "it broke"}}

        if not is_read(request, "/vector_stores/", "/files/") or response.status != 200:
            return response
        return changed(response, one)

    return rule


def test_a_batch_that_ignores_its_files_and_reports_success_is_not_believed(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    done = {"id": "vsfb_1", "object": "vector_store.file_batch", "status": "completed"}
    server.before.append(lambda request: say(200, done) if is_write(request, "file_batches") else None)
    assert world.settled()
    assert attached(world) == dict.fromkeys(("docs/a.md", "docs/b.md", "docs/c.md"), "completed")


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_batch_that_is_refused_or_not_there_leaves_documents_to_be_attached_one_by_one(
    tmp_path: Path, status: int
) -> None:
    world, server = three(tmp_path)
    server.before.append(lambda request: refuse(status) if is_write(request, "file_batches") else None)
    assert world.settled()


@pytest.mark.parametrize("status", [400, 413])
def test_one_document_that_is_refused_keeps_no_other_from_being_attached(tmp_path: Path, status: int) -> None:
    world, server = three(tmp_path)

    def rule(request: Request) -> Response | None:
        bad = is_write(request, "/vector_stores/", "file") and b"docs/b.md" in request.body
        return refuse(status, "this document is bad") if bad else None

    server.before.append(rule)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "docs/b.md: this document is bad" in text_of(applied)
    assert set(attached(world)) == {"docs/a.md", "docs/c.md"}
    assert len(files_of(world)) == 2
    server.before.clear()
    assert world.settled()
    assert len(files_of(world)) == 3


def test_what_the_service_could_not_process_is_attached_again_twice(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    server.after.append(failing("server_error", count=2))
    assert world.settled()
    assert len(files_of(world)) == 3


def test_a_third_server_error_is_the_end_for_that_document_alone(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    server.after.append(failing("server_error", count=3))
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "docs/b.md: server_error: it broke" in text_of(applied)
    assert set(attached(world)) == {"docs/a.md", "docs/c.md"}
    server.after.clear()
    assert world.settled()


def test_a_permanent_failure_is_not_tried_again(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    server.after.append(failing("unsupported_file"))
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "docs/b.md: unsupported_file" in text_of(applied)
    assert len(files_of(world)) == 2


def test_a_document_that_is_not_ready_in_time_stays_and_the_next_run_goes_on_with_it(tmp_path: Path) -> None:
    world, _ = three(tmp_path, switches=Switches(processing_seconds=800))
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "not processed within 600 s" in text_of(applied)
    before = sorted(files_of(world))
    assert world.settled()
    assert sorted(files_of(world)) == before


@pytest.mark.parametrize("status", [400, 404])
def test_a_file_that_is_not_known_everywhere_yet_is_attached_a_moment_later(tmp_path: Path, status: int) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    young = times(
        2,
        lambda request: (
            refuse(status, "No such File")
            if is_write(request, "/files") and b"reconciler_path" in request.body
            else None
        ),
    )
    server.before.append(young)
    server.before.append(
        times(1, lambda request: refuse(404) if is_read(request, "/vector_stores/", "/files/") else None)
    )
    assert world.settled()


def test_a_server_that_keeps_no_attributes_gets_no_documents(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})

    def forget(request: Request, response: Response) -> Response:
        return changed(response, lambda body: body | {"attributes": {}}) if is_read(request, "/files/") else response

    server.after.append(forget)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert "did not keep the attributes" in text_of(applied)
    assert files_of(world) == []


def test_a_refusal_that_every_document_would_meet_ends_the_rollout_and_keeps_what_was_uploaded(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    quota = refuse(429, "You exceeded your current quota", "insufficient_quota")
    server.before.append(
        lambda request: quota if is_write(request, "/files") and b'filename="c.md"' in request.body else None
    )
    applied = world.apply()
    assert applied.exit == Exit.UNAVAILABLE
    assert len(files_of(world)) == len(attached(world))
    server.before.clear()
    assert world.settled()
    assert len(files_of(world)) == 3


def test_a_quota_that_ends_between_upload_and_attachment_is_no_traceback(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    quota = refuse(429, "You exceeded your current quota", "insufficient_quota")
    server.before.append(lambda request: quota if is_write(request, "/vector_stores/", "file") else None)
    assert world.apply().exit == Exit.UNAVAILABLE


def test_a_store_that_is_deleted_under_the_rollout_leaves_no_files(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    assert world.settled()
    store = world.id_of("VectorStore/docs")
    for name in "abc":
        world.write(f"docs/{name}.md", f"# {name} again\n")

    def vanish(request: Request) -> Response | None:
        if is_write(request, "file_batches"):
            world.api("DELETE", f"/vector_stores/{store}")
        return None

    server.before.append(vanish)
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 3
    server.before.clear()
    assert world.settled()


def test_detaching_what_is_still_processed_waits_for_it(tmp_path: Path) -> None:
    world, _ = three(tmp_path, switches=Switches(processing_seconds=700))
    assert world.apply().exit == Exit.INCOMPLETE
    (world.root / "docs/b.md").unlink()
    applied = world.apply()
    assert applied.exit in {0, 3}
    assert world.settled()
    assert set(attached(world)) == {"docs/a.md", "docs/c.md"}
    assert len(files_of(world)) == 2


def test_a_file_that_cannot_be_deleted_stays_in_the_journal_and_the_next_run_deletes_it(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    assert world.settled()
    (world.root / "docs/b.md").unlink()
    server.before.append(
        lambda request: (
            refuse(500)
            if is_write(request, "/files/") and request.method == "DELETE" and "/vector_stores" not in request.path
            else None
        )
    )
    applied = world.apply()
    assert applied.exit == Exit.INCOMPLETE
    again = ending(world)
    assert again.exit == Exit.INCOMPLETE
    assert "leftover of an earlier run" in text_of(again)
    assert len(files_of(world)) == 3
    server.before.clear()
    assert world.settled()
    assert len(files_of(world)) == 2


def test_a_list_that_shows_a_deleted_document_for_some_seconds_is_looked_at_again(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    assert world.settled()
    (world.root / "docs/b.md").unlink()
    store = world.id_of("VectorStore/docs")
    ghost = next(
        item
        for item in world.api("GET", f"/vector_stores/{store}/files")["data"]
        if item["attributes"]["reconciler_path"] == "docs/b.md"
    )
    until = world.time.now() + 4

    def haunted(request: Request, response: Response) -> Response:
        def add(body: dict[str, Any]) -> None:
            if ghost["id"] not in {item["id"] for item in body["data"]}:
                body["data"].append(ghost)

        listed = is_read(request, f"/vector_stores/{store}/files") and request.path.endswith("/files")
        return changed(response, add) if listed and world.time.now() < until else response

    server.after.append(haunted)
    assert world.apply().exit == 0
    assert world.settled()


def test_of_two_attachments_of_one_document_one_goes(tmp_path: Path) -> None:
    world, _ = three(tmp_path)
    assert world.settled()
    store = world.id_of("VectorStore/docs")
    items = world.api("GET", f"/vector_stores/{store}/files")["data"]
    twin = items[1]["id"]
    world.api("POST", f"/vector_stores/{store}/files/{twin}", {"attributes": items[0]["attributes"]})
    world.write("docs/a.md", "# A again\n")
    assert world.settled()
    assert len(attached(world)) == 3
    assert len(files_of(world)) == 3


def twin_of(world: World, path: str) -> str:
    """Another File attached as a document, as by a run that did not see that it had done so before."""
    store = world.id_of("VectorStore/docs")
    listed = world.api("GET", f"/vector_stores/{store}/files?limit=100")["data"]
    item = next(item for item in listed if item["attributes"]["reconciler_path"] == path)
    part = Upload(
        "file", path.rpartition("/")[2], lambda: (world.root / path).open("rb"), (world.root / path).stat().st_size
    )
    call = Call("POST", "/files", form=(("purpose", "assistants"),), uploads=(part,))
    twin = world.time.run(lambda: DirectAccount(world.emulator).send(call)).data["id"]
    world.api("POST", f"/vector_stores/{store}/files", {"file_id": twin, "attributes": item["attributes"]})
    return str(twin)


def test_a_document_that_is_attached_twice_is_seen_and_put_right_without_any_change_of_the_manifests(
    tmp_path: Path,
) -> None:
    world, _ = three(tmp_path)
    assert world.settled()
    twin_of(world, "docs/a.md")
    [change] = world.changes().values()
    assert [(item["path"], item["reason"]) for item in change["files"]["removed"]] == [("docs/a.md", "attached twice")]
    applied = world.apply()
    assert (applied.exit, [call for call in applied.calls if call.uploads]) == (0, [])
    assert len(files_of(world)) == len(attached(world)) == 3
    assert world.settled()


def lists_nothing(times: int) -> Callable[[Request, Response], Response]:
    """The list of a store's files is empty for the first so many looks at it, whatever its counts say."""
    blind = [times]

    def lagging(request: Request, response: Response) -> Response:
        if is_read(request, "/vector_stores/") and request.path.endswith("/files") and blind[0]:
            blind[0] -= 1
            return changed(response, lambda body: body | {"data": []})
        return response

    return lagging


def test_a_list_that_shows_fewer_files_than_the_store_counts_is_read_again(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    assert world.settled()
    world.write("docs/a.md", "# A again\n")
    prepared = world.plan()
    server.after.append(lists_nothing(3))
    applied = world.apply(prepared=prepared)
    assert (applied.exit, len([call for call in applied.calls if call.uploads])) == (0, 1)
    assert len(files_of(world)) == len(attached(world)) == 3


def test_an_old_version_that_the_list_never_shows_is_put_right_by_the_next_run(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    assert world.settled()
    world.write("docs/a.md", "# A again\n")
    prepared = world.plan()

    def miscounted(request: Request, response: Response) -> Response:
        alone = is_read(request, "/vector_stores/") and request.path.count("/") == 2
        return changed(response, lambda body: body | {"file_counts": {"total": "many"}}) if alone else response

    server.after += [lists_nothing(1), miscounted]
    assert world.apply(prepared=prepared).exit == Exit.INCOMPLETE
    assert len(files_of(world)) == 6
    server.after.clear()
    assert world.settled()
    assert len(files_of(world)) == len(attached(world)) == 3


def test_a_tag_does_not_speak_for_documents_that_the_plan_did_not_see(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    assert world.settled()
    (world.root / "docs/c.md").unlink()

    def lagging(request: Request, response: Response) -> Response:
        if not is_read(request, "/vector_stores/") or not request.path.endswith("/files"):
            return response
        page = json.loads(response.body)
        seen = [item for item in page["data"] if item["attributes"]["reconciler_path"] != "docs/c.md"]
        return say(200, page | {"data": seen})

    server.after.append(lagging)
    prepared = world.plan()
    server.after.clear()
    applied = world.apply(prepared=prepared)
    assert applied.exit == Exit.INCOMPLETE
    store = world.api("GET", f"/vector_stores/{world.id_of('VectorStore/docs')}")
    assert "files=" not in store["metadata"]["reconciler.state"]
    assert sorted(attached(world)) == ["docs/a.md", "docs/b.md", "docs/c.md"]
    assert world.settled()
    assert sorted(attached(world)) == ["docs/a.md", "docs/b.md"]


def test_a_store_is_not_deleted_before_its_list_shows_all_of_its_files(tmp_path: Path) -> None:
    world, server = three(tmp_path)
    world.store("other", {"b.md": "# B\n"})
    assert world.settled()
    world.remove("VectorStore", "docs")
    prepared = world.plan()
    server.after.append(lists_nothing(3))
    assert world.apply(prepared=prepared).exit == 0
    assert len(files_of(world)) == 1


def test_answers_about_another_file_are_not_taken_for_the_one_that_was_asked_for(tmp_path: Path) -> None:
    world, server = world_and_server(tmp_path)
    world.store("docs", {"a.md": "# A\n"})
    left = [2]

    def other(request: Request, response: Response) -> Response:
        if is_read(request, "/vector_stores/", "/files/") and left[0]:
            left[0] -= 1
            return changed(response, lambda body: body | {"id": "../../files"})
        return response

    server.after.append(other)
    assert world.settled()
    assert json.dumps(attached(world)).count("completed") == 1
