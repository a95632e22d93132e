"""The values that all stages share: addresses, canonical JSON, references, and what digests cover."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address, Ref, Span, Unknown
from reconciler.model.desired import Desired, Document, documents_digest
from reconciler.model.events import Event
from reconciler.model.json import ABSENT, ID_PATTERN, canonical, refs, same, sha256, substitute
from reconciler.model.observed import AccountInfo
from reconciler.model.plan import Action, Blocked, Cause, Change, Delta, FileChange, FileChanges, Plan, Step, Verb

STORE = Address("VectorStore", "docs")
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


def document(path: str, **more: Any) -> Document:
    return Document(path, path, path, 3, "0" * 64, **more)


def shuffled(value: Any, random: random.Random) -> Any:
    """The same JSON with its object keys in another order."""
    if isinstance(value, dict):
        pairs = [(key, shuffled(item, random)) for key, item in value.items()]
        random.shuffle(pairs)
        return dict(pairs)
    return [shuffled(item, random) for item in value] if isinstance(value, list) else value


# --- addresses ---


@given(
    st.from_regex(r"\A[A-Z][A-Za-z]{0,39}\Z"),
    st.from_regex(r"\A[a-z0-9]{1,20}(-[a-z0-9]{1,8}){0,2}\Z"),
    st.none() | st.text(min_size=1),
)
def test_an_address_is_its_text(kind: str, name: str, path: str | None) -> None:
    address = Address(kind, name, path)
    assert Address.parse(str(address)) == address
    assert str(address.owner) == f"{kind}/{name}"


@pytest.mark.parametrize(
    "text", ["", "Assistant", "assistant/x", "Assistant/X", "Assistant/a--b", "Assistant/-a", f"A/{'a' * 41}", "A/x:"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        Address.parse(text)


def test_addresses_sort_by_kind_name_and_path() -> None:
    first, second = replace(STORE, path="a.md"), replace(STORE, path="b.md")
    assert sorted([Address("Z", "a"), second, STORE, first]) == [STORE, first, second, Address("Z", "a")]


def test_values_print_as_people_know_them() -> None:
    assert (str(Ref(STORE)), str(Span("a.yaml", 3, 7)), repr(ABSENT)) == ("VectorStore/docs", "a.yaml:3:7", "ABSENT")
    assert str(Step(Verb.DELETE, STORE, "vector_store", 0)) == "delete VectorStore/docs"
    assert str(Step(Verb.DELETE, STORE, "vector_store", 0, ordinal=2)) == "delete VectorStore/docs #2"


@pytest.mark.parametrize("text", ["", "a/b", "..", "vs_1\n", "a" * 129, "ä"])
def test_an_id_that_could_leave_its_place_in_a_url_is_none(text: str) -> None:
    assert ID_PATTERN.match(text) is None


# --- canonical JSON ---


@given(JSON, st.randoms())
def test_equal_values_have_one_text(value: Any, random: random.Random) -> None:
    assert canonical(shuffled(value, random)) == canonical(value)
    assert canonical(json.loads(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (0, -0.0, True),
        (None, ABSENT, False),
        (ABSENT, ABSENT, True),
        ([], None, False),
        ([], {}, False),
        ("", None, False),
        ([1, 2], [2, 1], False),
        ((1, 2), [1, 2], True),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        (Ref(STORE), Ref(Address("VectorStore", "docs")), True),
        (Ref(STORE), "VectorStore/docs", False),
        (Ref(STORE), Unknown(Ref(STORE)), False),
        (Unknown(Ref(STORE)), Unknown(Ref(STORE)), True),
        ("\ud800", "\ud801", False),
    ],
)
def test_absent_null_empty_and_numbers_are_told_apart(left: Any, right: Any, *, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_json_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": value})


def test_a_digest_takes_any_text() -> None:
    assert len(sha256({"lone surrogate": "\ud800"})) == 64


# --- references ---


def test_references_are_found_once_and_in_order() -> None:
    other = Address("VectorStore", "more")
    value = {"b": [Ref(STORE), Ref(other)], "a": ({"x": Ref(other)},), "c": "VectorStore/none"}
    assert refs(value) == [Ref(other), Ref(STORE)]


def test_substitution_replaces_references_and_nothing_else() -> None:
    value = {"a": [Ref(STORE), 1, None], "b": (Ref(STORE),), "c": "text"}
    assert substitute(value, lambda ref: f"id of {ref}") == {
        "a": ["id of VectorStore/docs", 1, None],
        "b": ["id of VectorStore/docs"],
        "c": "text",
    }


# --- what digests cover ---


def test_the_digest_of_documents_does_not_depend_on_their_order() -> None:
    one, two = document("a.md"), document("b.md")
    assert documents_digest([one, two]) == documents_digest((two, one))


@pytest.mark.parametrize(
    "change",
    [
        {"path": "b.md"},
        {"name": "b.md"},
        {"sha256": "1" * 64},
        {"attributes": {"a": 1}},
        {"chunking": {"type": "auto"}},
    ],
    ids=str,
)
def test_the_digest_of_documents_covers_what_a_reader_could_notice(change: dict[str, Any]) -> None:
    assert documents_digest([replace(document("a.md"), **change)]) != documents_digest([document("a.md")])


def test_the_digest_of_a_resource_covers_fields_labels_and_documents() -> None:
    bare = Desired(STORE, "vector_store", {"name": "Docs"})
    others = [
        replace(bare, spec={"name": "Other"}),
        replace(bare, labels={"team": "cx"}),
        replace(bare, documents=(document("a.md"),)),
    ]
    digests = {item.digest() for item in (bare, *others)}
    assert len(digests) == 4
    assert {len(item) for item in digests} == {16}


def test_the_digest_of_a_resource_covers_neither_lifecycle_nor_position() -> None:
    bare = Desired(STORE, "vector_store", {"name": "Docs"})
    placed = replace(bare, lifecycle=replace(bare.lifecycle, protect=True), spans={(): Span("a.yaml")})
    assert placed.digest() == bare.digest()
    assert (bare.span, placed.span) == (None, Span("a.yaml"))


# --- plans and events ---


def test_a_plan_is_empty_when_there_is_nothing_to_do_and_nothing_forbidden() -> None:
    plan = Plan("acme", None, "", 0, first_apply=True, account=AccountInfo("local"), manifests="", as_of="2026-11-22")
    idle = Change(STORE, "vector_store", Action.NONE)
    forbidden = replace(idle, blocked=Blocked("protect", ""))
    assert plan.empty
    assert replace(plan, changes=(idle,)).empty
    assert not replace(plan, changes=(idle, forbidden)).empty
    assert replace(plan, changes=(idle, forbidden)).blocked == (forbidden,)
    assert not replace(plan, steps=(Step(Verb.DELETE, STORE, "vector_store", 0),)).empty


def test_documents_that_are_not_ours_are_no_change() -> None:
    item = FileChange("a.md", 812, None)
    assert not FileChanges(unmanaged=(item,))
    assert FileChanges(removed=(item,))
    assert FileChanges(added=(item,), changed=(item,), removed=(item,)).upload_bytes == 2 * 812


def test_a_delta_names_its_field_and_an_event_its_sort() -> None:
    assert Delta(("tools", "function:x", "name"), 1, 2, Cause.MANIFEST).field == "tools"
    assert Event("step", {"outcome": "done"}).to_json() == {"event": "step", "outcome": "done"}
