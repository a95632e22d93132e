"""The anchor's record comes back from metadata of any number of stores, and fits into each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.ownership import anchor as anchors
from reconciler.ownership.anchor import Anchor, Entry
from reconciler.ownership.tags import TagTooLongError
from tests.ownership.test_tags import JSON, KEYS, NAMES

IDS = st.from_regex(r"\A[A-Za-z0-9_-]{1,40}\Z")
PATHS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from(["release", "vector_store", "file"]),
    address=st.builds(Address, st.sampled_from(["Assistant", "VectorStore"]), NAMES, st.none() | PATHS),
    id=IDS,
    version=st.none() | st.from_regex(r"\A[A-Za-z0-9_-]{1,20}\Z"),
    protect=st.booleans(),
    retain=st.booleans(),
)
EMPTY = Anchor("acme", "0123456789ab", ids=("vs_1",))


def stores(anchor: Anchor) -> list[dict[str, Any]]:
    return [{"id": f"vs_{n}", "metadata": part, "created_at": 7} for n, part in enumerate(anchors.encode(anchor), 1)]


def filled(count: int) -> Anchor:
    entries = (
        Entry("vector_store", Address("VectorStore", f"store-{n:03}"), f"vs_{n:032x}", protect=n % 2 == 0)
        for n in range(count)
    )
    return replace(EMPTY, inventory=tuple(entries))


@given(ENTRIES)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert len(entry.encode().split()) == 1
    assert Entry.decode(entry.encode()) == entry


@given(st.text(max_size=60))
def test_any_text_is_an_entry_or_none(text: str) -> None:
    assert Entry.decode(text) is None or isinstance(Entry.decode(text), Entry)


@pytest.mark.parametrize("text", ["", "release:Assistant/x", "release:Assistant/UPPER=id", "a:b=c", "x:A/b=i d"])
def test_what_is_no_entry_is_left_out(text: str) -> None:
    assert Entry.decode(text) is None


@given(st.lists(ENTRIES, max_size=8), st.lists(ENTRIES, max_size=8))
def test_a_line_takes_the_place_of_the_one_for_the_same_object_and_goes_by_its_address(
    before: list[Entry], noted: list[Entry]
) -> None:
    anchor = replace(EMPTY, inventory=tuple({(entry.kind, entry.address): entry for entry in before}.values()))
    expected = {(entry.kind, entry.address): entry for entry in before}
    for entry in noted:
        anchor = anchor.with_entry(entry)
        expected[entry.kind, entry.address] = entry
    assert {(entry.kind, entry.address): entry for entry in anchor.inventory} == expected
    for kind, address in [*expected, ("release", Address("Assistant", "nobody-0"))]:
        assert anchor.entry(kind, address) == expected.pop((kind, address), None)
        anchor = anchor.without(kind, address)
        assert anchor.entry(kind, address) is None
    assert anchor.inventory == ()


def test_once_something_is_noted_the_lines_stand_by_address() -> None:
    lines = [Entry("agent", Address("Assistant", name), f"agt_{name}") for name in ("c", "a", "b")]
    anchor = replace(EMPTY, inventory=tuple(lines[:2]))
    assert [entry.id for entry in anchor.without("agent", lines[1].address).inventory] == ["agt_c"]
    assert [entry.id for entry in anchor.with_entry(lines[2]).inventory] == ["agt_a", "agt_b", "agt_c"]


@given(st.integers(0, 500))
def test_an_inventory_of_any_size_comes_back_in_parts_that_fit(count: int) -> None:
    anchor = filled(count)
    parts = anchors.encode(anchor)
    assert all(len(part) <= 16 for part in parts)
    assert all(len(value) <= 512 for part in parts for value in part.values())
    decoded = anchors.decode("acme", stores(anchor))
    assert decoded == replace(anchor, ids=tuple(f"vs_{n + 1}" for n in range(len(parts))), created_at=7)
    assert len(parts) <= count // 60 + 1


def test_everything_that_the_record_says_comes_back() -> None:
    anchor = replace(
        filled(3),
        serial=12,
        busy=True,
        run="12345678",
        plan="0" * 16,
        beat=1_790_000_000,
        kinds=("agent", "release"),
        holds={Address("Assistant", "helper"): "f" * 16},
        journal=("file-1", "file-2"),
        created_at=7,
    )
    assert anchors.decode("acme", stores(anchor)) == anchor


def test_holds_beyond_one_value_go_into_further_parts() -> None:
    holds = {Address("Assistant", f"{'a' * 36}-{number:02}"): "f" * 16 for number in range(30)}
    anchor = replace(EMPTY, holds=holds)
    parts = anchors.encode(anchor)
    assert len(parts) > 1
    assert all(len(value) <= 512 for part in parts for value in part.values())
    decoded = anchors.decode("acme", stores(anchor))
    assert decoded is not None
    assert decoded.holds == holds


def test_an_entry_that_fits_nowhere_is_refused() -> None:
    entry = Entry("file", Address("Assistant", "helper", "%" * 250), "file-1")
    with pytest.raises(TagTooLongError, match="of 512 characters"):
        anchors.encode(EMPTY.with_entry(entry))


@given(st.lists(st.sampled_from(["file-1", "file-" + "a" * 24, "x" * 100, "y" * 128]), max_size=120))
def test_any_number_of_files_is_journalled_in_chunks_that_fit(files: Sequence[str]) -> None:
    chunks = anchors.journal_chunks(files)
    assert [item for chunk in chunks for item in chunk] == list(files)
    for chunk in chunks:
        assert len(chunk) <= 40
        decoded = anchors.decode("acme", stores(replace(EMPTY, journal=tuple(chunk))))
        assert decoded is not None
        assert decoded.journal == tuple(chunk)


@given(ENTRIES, ENTRIES)
def test_an_address_has_one_line(first: Entry, second: Entry) -> None:
    same = replace(first, id="another")
    anchor = EMPTY.with_entry(first).with_entry(second).with_entry(same)
    assert anchor.entry(first.kind, first.address) == same
    assert anchor.without(first.kind, first.address).entry(first.kind, first.address) is None


@pytest.mark.parametrize(
    ("metadata", "part"),
    [
        ({"reconciler.stack": "acme#0", "reconciler.address": "Anchor/2"}, 2),
        ({"reconciler.stack": "acme#0", "reconciler.address": "Anchor/0"}, None),
        ({"reconciler.stack": "acme#0", "reconciler.address": "Assistant/anchor"}, None),
        ({"reconciler.stack": "acme/staging#0", "reconciler.address": "Anchor/1"}, None),
        ({"reconciler.stack": ["acme"], "reconciler.address": "Anchor/1"}, None),
        ({"reconciler.stack": "acme#0"}, None),
        (None, None),
    ],
)
def test_a_part_is_known_by_stack_and_number(metadata: Any, part: int | None) -> None:
    assert anchors.is_part(metadata, "acme") == part


def test_another_format_cannot_be_read() -> None:
    (part,) = anchors.encode(EMPTY)
    later = {**part, anchors.ANCHOR: "idle;v=2"}
    assert anchors.decode("acme", [{"id": "vs_1", "metadata": later}]) is None
    assert anchors.decode("acme", [{"id": "vs_1", "metadata": {}}]) is None


@given(st.dictionaries(st.sampled_from([*KEYS, anchors.ANCHOR, anchors.HOLDS, *anchors.INVENTORY]), JSON))
def test_a_record_that_somebody_wrote_into_is_read_or_not(metadata: dict[str, Any]) -> None:
    (part,) = anchors.encode(EMPTY)
    decoded = anchors.decode("acme", [{"id": "vs_1", "metadata": {**part, **metadata}}])
    assert decoded is None or decoded.stack == "acme"


def test_broken_words_in_a_record_are_skipped() -> None:
    (part,) = anchors.encode(replace(filled(1), holds={Address("Assistant", "helper"): "f" * 16}))
    part[anchors.HOLDS] += " Assistant/=x"
    part[anchors.INVENTORY[0]] += " broken"
    part[anchors.ANCHOR] = part[anchors.ANCHOR].replace("serial=0", "serial=many")
    decoded = anchors.decode("acme", [{"id": "vs_1", "metadata": part}])
    assert decoded is not None
    assert (len(decoded.holds), len(decoded.inventory), decoded.serial) == (1, 1, 0)
