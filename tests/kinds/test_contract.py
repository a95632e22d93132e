"""What every kind promises, whichever kinds there are: none of them is named here.

A manifest is made from a kind's own declarations (its fields and their examples) and put through the whole tool, from
its text to the emulated account, which shares nothing with the kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.emulator import Switches
from reconciler.kinds import FORMS, KINDS
from reconciler.kinds.field import Field
from reconciler.kinds.kind import DocumentKind, Kind, TagPlace
from tests.kinds.subjects import (
    DOCUMENTS,
    TOP_LEVEL,
    Subject,
    cases,
    moves,
    spec_of,
    spec_of_required,
    without,
    written,
)

SWITCHES = {
    "as documented": Switches(),
    "metadata merged": Switches(merge_metadata=True),
    "numbers as floats": Switches(numbers_as_floats=True),
}

every_kind = pytest.mark.parametrize("kind", TOP_LEVEL, ids=lambda kind: kind.name)


def _cases(choose: Callable[[Kind, Field], bool]) -> pytest.MarkDecorator:
    chosen = [pytest.param(*case, id=f"{case[0].name}.{case[1].source}") for case in cases() if choose(*case)]
    return pytest.mark.parametrize(("kind", "declared"), chosen)


every_field = _cases(lambda _, __: True)
every_optional_field = _cases(lambda _, declared: not declared.required)
every_field_in_place = _cases(lambda kind, declared: kind.tag_place is TagPlace.METADATA and declared in kind.fields)
every_server = pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)


def _touched(change: dict[str, Any]) -> set[str]:
    """The live fields that a change is about; documents count as `files`."""
    files = change.get("files") or {}
    moved = any(files.get(what) for what in ("added", "changed", "updated", "removed"))
    return {field["path"][0] for field in change["fields"]} | ({"files"} if moved else set())


def _expected(kind: Kind, declared: Field) -> set[str]:
    """The live fields that a manifest field may end up in, with those that are derived from it."""
    derived = {other.name for other in kind.fields if other.source == declared.source}
    return {declared.name, *derived} | ({"files"} if kind.documents else set())


@pytest.mark.sampled(2)
@every_server
@every_kind
def test_a_manifest_with_every_field_converges(tmp_path: Path, kind: Kind, switches: Switches) -> None:
    subject = Subject(tmp_path, kind, switches)
    for example in (0, 1, 0):
        subject.write(spec_of(kind, example), metadata={"labels": {"team": "cx", "tier": str(example)}})
        assert subject.world.settled()


@every_kind
def test_a_manifest_with_nothing_optional_converges(tmp_path: Path, kind: Kind) -> None:
    subject = Subject(tmp_path, kind)
    subject.write(spec_of_required(kind))
    assert subject.world.settled()


@pytest.mark.sampled(2)
@every_field
def test_a_changed_field_is_the_whole_plan_and_is_applied(tmp_path: Path, kind: Kind, declared: Field) -> None:
    subject = Subject.settled(tmp_path, kind)
    before = subject.id
    subject.write(spec_of(kind, **{declared.source: 1}))
    change = subject.change()
    assert declared.name in _touched(change) <= _expected(kind, declared)
    assert (change["action"], change["cause"]) == ("replace" if declared.replaces else "update", "manifest")
    assert subject.world.settled()
    assert (subject.id == before) is not declared.replaces


@pytest.mark.sampled(2)
@every_optional_field
def test_removing_an_optional_field_converges(tmp_path: Path, kind: Kind, declared: Field) -> None:
    subject = Subject.settled(tmp_path, kind)
    subject.write(without(spec_of(kind), declared.source))
    assert _touched(subject.change()) <= _expected(kind, declared)
    assert subject.world.settled()


@pytest.mark.sampled(5)
@every_server
@every_kind
def test_removing_one_field_after_the_other_converges(tmp_path: Path, kind: Kind, switches: Switches) -> None:
    subject = Subject(tmp_path, kind, switches)
    spec = spec_of(kind)
    for declared in written(kind):
        subject.write(spec)
        assert subject.world.settled()
        if not declared.required:
            spec = without(spec, declared.source)
    subject.write(spec)
    assert subject.world.settled()


@pytest.mark.sampled(2)
@every_field_in_place
def test_an_edit_behind_our_back_is_drift_and_is_undone(tmp_path: Path, kind: Kind, declared: Field) -> None:
    subject = Subject.settled(tmp_path, kind)
    object_id = subject.id
    subject.write(spec_of(kind, **{declared.source: 1}))
    edited = subject.desired.spec[declared.name]
    subject.write(spec_of(kind))
    body = kind.encode({declared.name: edited}, [declared.name])
    subject.world.api("POST", f"{kind.collection}/{object_id}", body, beta=kind.beta or "")
    shown = declared.name in subject.raw(object_id)
    assert bool(subject.world.steps()) is shown
    if shown:
        assert (subject.change()["cause"], _touched(subject.change())) == ("drift", {declared.name})
    assert subject.world.settled()


@every_kind
def test_a_removed_manifest_leaves_nothing_behind(tmp_path: Path, kind: Kind) -> None:
    subject = Subject(tmp_path, kind)
    files = subject.files()
    subject.write(spec_of(kind, 1))
    assert subject.world.settled()
    object_id = subject.id
    subject.neighbour()
    assert subject.world.settled()
    subject.remove()
    assert subject.world.steps() == [f"delete {subject.address}"]
    assert subject.world.settled()
    assert "error" in subject.raw(object_id)
    assert subject.files() == files


@every_kind
def test_an_unmanaged_object_with_the_same_content_is_adopted_as_it_is(tmp_path: Path, kind: Kind) -> None:
    subject = Subject(tmp_path, kind)
    subject.neighbour()
    subject.write(spec_of(kind), lifecycle={"on_delete": "retain"})
    assert subject.world.settled()
    object_id = subject.id
    subject.remove()
    assert subject.world.steps() == [f"forget {subject.address}"]
    assert subject.world.settled()
    subject.write(spec_of(kind), lifecycle={"adopt": object_id})
    assert subject.world.steps() == [f"adopt {subject.address}"]
    assert subject.world.settled()
    assert subject.id == object_id


@every_kind
def test_a_rename_keeps_the_object(tmp_path: Path, kind: Kind) -> None:
    subject = Subject.settled(tmp_path, kind)
    object_id = subject.id
    subject.remove()
    moved = {"moved_from": subject.address}
    subject.world.manifest(kind.form, "renamed", {**subject.choice, **spec_of(kind)}, lifecycle=moved)
    assert subject.world.steps() == [f"update {kind.form}/renamed"]
    assert subject.world.settled()
    assert subject.world.id_of(f"{kind.form}/renamed") == object_id


@pytest.mark.parametrize("kind", DOCUMENTS, ids=lambda kind: kind.name)
def test_documents_follow_their_files(tmp_path: Path, kind: DocumentKind) -> None:
    for parent in (one for one in TOP_LEVEL if one.documents is kind):
        subject = Subject(tmp_path / parent.name, parent)
        subject.write(spec_of(parent, 1))
        assert subject.world.settled()
        document = subject.desired.documents[0]
        subject.world.write(document.file, "other content\n")
        assert _touched(subject.change()) == {"files"}
        assert [item["path"] for item in subject.change()["files"]["changed"]] == [document.path]
        before = subject.files()
        assert subject.world.settled()
        assert subject.files() - before == (1 if parent.tag_place is TagPlace.VERSIONS else 0)


def test_two_runs_of_a_kind_never_share_a_place() -> None:
    places = [(kind.collection, kind.tag_place) for kind in KINDS.values()]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_declarations_are_complete(kind: Kind) -> None:
    assert kind.form in FORMS
    assert kind.documents is None or KINDS[kind.documents.name] is kind.documents
    for declared in written(kind):
        assert len(declared.examples) == 2, declared.source
        assert declared.examples[0] != declared.examples[1]
    names = [declared.name for declared in kind.fields]
    assert len(set(names)) == len(names)
    assert {declared.name for declared in kind.inputs} <= {*names, "files"}


@pytest.mark.parametrize(("left", "right"), list(moves()), ids=lambda kind: kind.name)
def test_an_object_moves_between_kinds_of_one_form(tmp_path: Path, left: Kind, right: Kind) -> None:
    subject = Subject(tmp_path / "left", left)
    files = subject.files()
    subject.write(spec_of(left, 1))
    assert subject.world.settled()
    object_id = subject.id
    subject.choice = Subject(tmp_path / "right", right).choice
    subject.write(spec_of_required(right))
    assert subject.world.steps() == [f"create {subject.address}", f"delete {subject.address}"]
    assert subject.change()["action"] == "replace"
    assert subject.world.settled()
    assert "error" in subject.raw(object_id)
    assert subject.files() == files
