"""Tags survive the way through metadata and descriptions, and nothing that others write there is taken for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.address import Address
from reconciler.model.observed import Tags
from reconciler.ownership import tags as tagging
from reconciler.ownership.tags import TagTooLongError

NAMES = st.from_regex(r"\A[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}\Z")
HEX = st.text("0123456789abcdef", min_size=12, max_size=12)
WORDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789_.:+-", max_size=16)
FIELDS = st.dictionaries(st.from_regex(r"\A[a-z_]{1,12}\Z"), HEX, max_size=8)
TAGS = st.builds(
    Tags,
    stack=st.one_of(NAMES, st.builds("{}/{}".format, NAMES, NAMES)),
    lineage=HEX,
    address=st.builds(Address, st.sampled_from(["Assistant", "VectorStore", "Anchor"]), NAMES),
    state=st.sampled_from(["ready", "pending"]),
    op=WORDS,
    spec=WORDS,
    rev=WORDS,
    protect=st.booleans(),
    retain=st.booleans(),
    retiring=WORDS,
    files=WORDS,
    refs=WORDS,
    fields=FIELDS,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)
KEYS = [tagging.STACK, tagging.ADDRESS, tagging.STATE, tagging.FIELDS]
SAMPLE = Tags("acme/staging", "0123456789ab", Address("Assistant", "helper"), op="12345678.1", spec="0" * 16, rev="a1")


@given(TAGS)
def test_tags_come_back_from_metadata_as_they_were(tags: Tags) -> None:
    pairs = tagging.encode(tags)
    assert len(pairs) == 4
    assert all(len(value) <= 512 for value in pairs.values())
    assert tagging.decode(pairs) == tags


@given(TAGS, st.text("Ab c.[]\n", max_size=40))
def test_a_tag_line_comes_back_from_the_end_of_any_description(tags: Tags, text: str) -> None:
    bare = replace(tags, fields={})
    line = tagging.encode_line(bare)
    assert tagging.decode_line(f"{text} {line}") == bare
    assert tagging.strip_line(f"{text.strip()} {line}") == text.strip()


@given(st.one_of(JSON, st.dictionaries(st.sampled_from(KEYS), JSON)))
def test_whatever_stands_in_metadata_is_tags_or_nothing(metadata: Any) -> None:
    tags = tagging.decode(metadata)
    assert tags is None or isinstance(tags, Tags)
    assert all(isinstance(value, str) for value in tagging.user_pairs(metadata).values())


@given(st.one_of(JSON, st.text("[]reconciler acme#0123456789ab Assistant/x ready;v=1", max_size=80)))
def test_whatever_stands_in_a_description_is_a_tag_or_nothing(description: Any) -> None:
    assert tagging.decode_line(description) is None or isinstance(description, str)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (tagging.STACK, "acme"),
        (tagging.STACK, "Acme#0123456789ab"),
        (tagging.STACK, "acme#0123"),
        (tagging.STACK, "acme#0123456789ab\n"),
        (tagging.ADDRESS, "assistant/helper"),
        (tagging.ADDRESS, ""),
        (tagging.STATE, "gone;op=;spec=;v=1"),
        (tagging.STATE, "ready;op=;spec="),
        (tagging.STATE, "ready;op=a b;spec=;v=1"),
        (tagging.STATE, "ready;v=2"),
    ],
)
def test_a_tag_with_a_part_that_does_not_parse_is_no_tag(key: str, value: str) -> None:
    assert tagging.decode({**tagging.encode(SAMPLE), key: value}) is None


@pytest.mark.parametrize(
    "line",
    [
        "[reconciler acme#0123456789ab Assistant/helper ready;v=2]",
        f"[reconciler acme#0123456789ab Assistant/{'x' * 41} ready;v=1]",
        "[reconciler acme#0123456789ab Assistant/helper ready;v=1] and more",
    ],
)
def test_a_line_that_is_not_quite_one_is_none(line: str) -> None:
    assert tagging.decode_line(line) is None


def test_a_tag_that_would_not_fit_is_refused() -> None:
    fields = {f"field_{number}": "0" * 12 for number in range(30)}
    with pytest.raises(TagTooLongError, match=r"reconciler\.fields of Assistant/helper takes \d+ characters, 512"):
        tagging.encode(replace(SAMPLE, fields=fields))
    with pytest.raises(TagTooLongError, match=r"the tag line of Assistant/helper takes \d+ characters, 300"):
        tagging.encode_line(replace(SAMPLE, files="0" * 250))


def test_the_longest_names_fit() -> None:
    name = "a" * 40
    tags = replace(SAMPLE, stack=f"{name}/{name}", address=Address("VectorStore", name), rev="0" * 12)
    full = replace(tags, retiring="12345678.1234", files=f"10000:{'0' * 32}:{10**12}", protect=True, retain=True)
    assert tagging.decode(tagging.encode(full)) == full
    line = replace(tags, refs="0" * 8, op="12345678.1234")
    assert tagging.decode_line(tagging.encode_line(line)) == line


def test_a_state_that_leaves_parts_out_reads_as_empty() -> None:
    tags = tagging.decode({**tagging.encode(SAMPLE), tagging.STATE: "ready;v=1", tagging.FIELDS: "broken"})
    assert tags is not None
    assert (tags.op, tags.spec, tags.fields) == ("", "", {})


def test_user_pairs_are_what_is_neither_ours_nor_no_text() -> None:
    metadata = {**tagging.encode(SAMPLE), "team": "cx", "count": 3}
    assert tagging.user_pairs(metadata) == {"team": "cx"}
    assert tagging.user_pairs(None) == {}
