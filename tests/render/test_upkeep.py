"""What `gc`, `unlock` and `recover` show."""

from typing import Any

import pytest

from reconciler.render.upkeep import render_ending, render_holder, render_orphans, render_recovery, render_swept
from tests.render.plans import HOSTILE


def orphan(group: str = "files", **more: Any) -> dict[str, Any]:
    """One row of the report, as `Orphan.to_json` makes it."""
    blank: dict[str, Any] = {
        "group": group,
        "resource": "file",
        "id": "file-1",
        "address": None,
        "version": None,
        "name": None,
        "bytes": None,
        "created": None,
        "files": [],
        "why": "",
    }
    return blank | more


def report(*orphans: dict[str, Any], notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """The report of `gc`."""
    return {"stack": "acme", "anchor": "vs_1", "delete": False, "orphans": list(orphans), "notes": list(notes)}


def test_nothing_left_behind_is_one_line() -> None:
    assert render_orphans(report()) == "Nothing of acme is left behind.\n"


def test_each_group_is_a_table_of_its_own() -> None:
    file: dict[str, Any] = {"name": "a.md", "bytes": 812, "created": "2026-11-22T10:00:00Z"}
    version: dict[str, Any] = {
        "resource": "release",
        "id": "skill_1",
        "address": "Assistant/a",
        "version": "3",
        "files": ["x", "y"],
    }
    half: dict[str, Any] = {"resource": "agent", "id": "agt_1", "address": "Assistant/b", "why": "it was replaced"}
    shown = render_orphans(
        report(orphan("journal", **file), orphan("objects", **half), orphan("versions", **version), orphan(**file)),
        width=100,
    )
    assert shown == (
        "Files that an interrupted run was about to delete\n"
        "ID      NAME  SIZE   CREATED\n"
        "file-1  a.md  812 B  2026-11-22T10:00:00Z\n"
        "\n"
        "Objects that an interrupted run left\n"
        "ADDRESS      RESOURCE  ID     WHY\n"
        "Assistant/b  agent     agt_1  it was replaced\n"
        "\n"
        "Old versions of Assistant/a (skill_1)\n"
        "VERSION  FILES\n"
        "3        2\n"
        "\n"
        "Files that nothing in this account is seen to use; deleted only by --file ID\n"
        "ID      NAME  SIZE   CREATED\n"
        "file-1  a.md  812 B  2026-11-22T10:00:00Z\n"
        "\n"
        "3 to delete with `reconciler gc --delete`, 1 File to look at.\n"
    )


def test_whoever_deletes_already_needs_no_hint() -> None:
    old = [orphan("versions", id=f"skill_{letter}", address=f"Assistant/{letter}", version="1") for letter in "aab"]
    shown = render_orphans(report(*old) | {"delete": True})
    assert shown.count("Old versions of") == 2
    assert shown.endswith("3 to delete.\n")


def test_what_could_not_be_found_out_is_marked() -> None:
    shown = render_orphans(report(notes=("agt_1 (Assistant/a) is left alone: it is protected. " * 2,)), width=60)
    assert shown.splitlines()[0].startswith("! agt_1")
    assert all(len(line) <= 60 for line in shown.splitlines())
    assert shown.endswith("Nothing of acme is left behind.\n")


def test_how_each_ended_is_one_line() -> None:
    ended = {"outcome": "in_doubt", "detail": "no answer\nat all"}
    assert render_ending(orphan(name="a.md") | ended) == "in doubt   file-1 (a.md): no answer\\u{a}at all"
    done = {"outcome": "deleted", "detail": None}
    assert render_ending(orphan(name="") | done) == "deleted    file-1"
    half = orphan("objects", id="agt_1", address="Assistant/a")
    assert render_ending(half | done) == "deleted    Assistant/a (agt_1)"
    old = orphan("versions", id="skill_1", address="Assistant/a", version="3")
    assert render_ending(old | done) == "deleted    Assistant/a version 3 (skill_1)"
    assert render_ending(old | done, color=True).startswith("\x1b[32m")


def test_the_end_is_summed_up() -> None:
    outcomes = [{"outcome": outcome} for outcome in ("deleted", "deleted", "in_doubt", "left")]
    assert render_swept({"orphans": outcomes, "exit_code": 3}) == (
        "gc: 2 deleted, 1 left, 1 in doubt. Exit code 3: it is safe to run again."
    )
    assert render_swept({"orphans": [], "exit_code": 0}) == "gc: 0 deleted."


def held(**more: Any) -> dict[str, Any]:
    """The report of `unlock`."""
    holder = {"run": "aaaaaaaa", "plan": "0123456789abcdef", "last_sign_of_life": "2026-11-22T10:00:00Z", "age": 75}
    return {"stack": "acme", "anchor": "vs_1", "unclean": True, "holder": holder | more, "unlocked": False}


def test_whose_run_it_is() -> None:
    assert render_holder(held()) == (
        "Stack               acme\n"
        "Anchor              vs_1\n"
        "Run                 aaaaaaaa\n"
        "Last sign of life   2026-11-22T10:00:00Z, 75 s ago\n"
        "Plan                sha256:0123456789abcdef…\n"
    )
    assert "unknown, 9,000 s in the future" in render_holder(held(last_sign_of_life=None, age=-9000))
    assert "Plan" not in render_holder(held(plan=None))


def test_nobody_has_it() -> None:
    free = {"stack": "acme", "anchor": "vs_1", "unclean": False, "holder": None, "unlocked": False}
    assert render_holder(free) == "Nothing to unlock: nobody has it.\n"
    assert "the next apply repairs" in render_holder(free | {"unclean": True})
    assert "nothing of it in this account" in render_holder(free | {"anchor": None})


def recovery(**more: Any) -> dict[str, Any]:
    """The report of `recover`."""
    item = {
        "address": "Assistant/a",
        "resource": "release",
        "id": "skill_1",
        "version": "3",
        "state": "ready",
        "protected": True,
    }
    blank = {
        "stack": "acme",
        "lineage": "0123456789ab",
        "anchor": None,
        "rebuild": True,
        "objects": [item],
        "remove": [],
        "lost": [],
        "pin": None,
        "done": False,
    }
    return blank | more


def test_what_would_be_written() -> None:
    assert render_recovery(recovery(lost=["Which releases were held."], remove=["vs_9"])) == (
        "Stack               acme\n"
        "Lineage             0123456789ab\n"
        "\n"
        "ADDRESS      RESOURCE  ID       VERSION  STATE  PROTECTED\n"
        "Assistant/a  release   skill_1  3        ready  yes\n"
        "\n"
        "Deleted is an anchor that names nothing: vs_9\n"
        "\n"
        "What nobody can know any more:\n"
        "! Which releases were held.\n"
    )


def test_an_anchor_of_nothing_and_one_that_only_loses_a_rival() -> None:
    assert "It will name no objects." in render_recovery(recovery(objects=[]))
    only = render_recovery(recovery(rebuild=False, remove=["vs_8", "vs_9"], anchor="vs_1"))
    assert only == "Deleted is an anchor that names nothing: vs_8, vs_9\n"


def test_nothing_to_recover() -> None:
    assert "The next apply is a first apply" in render_recovery(recovery(rebuild=False))
    assert "the anchor vs_1 is sound" in render_recovery(recovery(rebuild=False, anchor="vs_1"))


def left_by(text: str) -> dict[str, Any]:
    """A report of `gc` with the text in every place."""
    one = dict.fromkeys(("id", "address", "version", "name", "created", "why"), text)
    return report(*(orphan(group, **one) for group in ("journal", "objects", "versions", "files")), notes=(text,))


def held_by(text: str) -> dict[str, Any]:
    """A report of `unlock` with the text in every place."""
    return held(run=text, plan=text, last_sign_of_life=text) | {"stack": text, "anchor": text}


def lost_by(text: str) -> dict[str, Any]:
    """A report of `recover` with the text in every place."""
    return recovery(stack=text, lineage=text, lost=[text], remove=[text])


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_harmless(text: str) -> None:
    ended = {"outcome": text, "detail": text}
    shown = [
        render_orphans(left_by(text)),
        render_ending(orphan("versions", id=text, address=text, version=text) | ended),
        render_holder(held_by(text)),
        render_recovery(lost_by(text)),
        render_recovery(recovery(rebuild=False, anchor=text)),
    ]
    for written in shown:
        assert all(char.isprintable() or char in "\n\u3000" for char in written)
        assert "\u202e" not in written
        assert not any(line.lstrip().startswith(("::", "##[")) for line in written.splitlines())
