"""Two specs of one kind → what differs, where, and which side changed."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from deepdiff import DeepDiff
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.field import Field
from reconciler.kinds.kind import DocumentKind, Kind, TagPlace
from reconciler.model.address import Address, Ref, Unknown
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.json import ABSENT, Json, Path, canonical, same
from reconciler.model.observed import Attachment, Observed, Tags
from reconciler.model.plan import Cause, Delta, Reason
from reconciler.model.reasons import ReasonCode
from reconciler.ownership.digests import field_digests, label_key, managed_labels
from reconciler.planning.diff import Ids, diff
from reconciler.planning.documents import diff_documents, settled
from tests.model.test_model import JSON


class Lamp(Kind):
    """A kind with one field of every sort."""

    name = "lamp"
    title = "lamp"
    form = "Lamp"
    collection = "/lamps"
    fields = (
        Field("name", {}),
        Field("glow", {}, default=1),
        Field("parts", {}, item=("name", "server_label", "function")),
        Field("shade", {}),
        Field("secret", {}, readable=False),
        Field("mood", {}, readable=False),
    )

    def normalise(self, spec: Mapping[str, Json]) -> dict[str, Json]:
        """The server says what the shade is made of."""
        full = dict(spec)
        if isinstance(full.get("shade"), Mapping):
            full["shade"] = {"cloth": "linen", **full["shade"]}
        return full


class Beacon(Lamp):
    """The same, in versions."""

    tag_place = TagPlace.VERSIONS


class Leaf(DocumentKind):
    """Files that differ by their content alone."""

    name = "leaf"
    fields = ()

    def read(self, raw: Mapping[str, Json]) -> Attachment:
        return Attachment(str(raw["id"]), None, None, None)

    def difference(self, document: Document, live: Attachment) -> ReasonCode | None:
        if live.sha256 != document.sha256:
            return ReasonCode.CONTENT
        return None if dict(live.attributes) == dict(document.attributes) else ReasonCode.ATTRIBUTES


LAMP, BEACON, LEAF = Lamp(), Beacon(), Leaf()
ADDRESS = Address("Lamp", "desk")
STORE = Address("VectorStore", "docs")


def desired(labels: Mapping[str, str] | None = None, ignore: Sequence[str] = (), **spec: Any) -> Desired:
    return Desired(ADDRESS, "lamp", spec, labels or {}, lifecycle=Lifecycle(ignore_changes=tuple(ignore)))


def applied(wanted: Desired, kind: Kind = LAMP, labels: Mapping[str, str] | None = None, **live: Any) -> Observed:
    """A live object to which `wanted` was applied; its values are those of `live` by now."""
    tags = Tags("acme", "0" * 12, ADDRESS, spec=wanted.digest(), fields=field_digests(kind, wanted))
    return Observed("lamp", "lamp_1", live, {}, tags, dict(wanted.labels) if labels is None else labels)


def foreign(**live: Any) -> Observed:
    return Observed("lamp", "lamp_1", live, {})


def deltas(wanted: Desired, live: Observed, kind: Kind = LAMP, ids: Ids | None = None) -> dict[str, tuple[Any, Any]]:
    return {_dotted(item.path): (item.before, item.after) for item in diff(kind, wanted, live, ids or Ids())}


def causes(wanted: Desired, live: Observed, kind: Kind = LAMP, ids: Ids | None = None) -> dict[str, str]:
    return {_dotted(item.path): item.cause.value for item in diff(kind, wanted, live, ids or Ids())}


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("want", "have", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (None, None, True),
        (None, ABSENT, True),
        ([], None, True),
        ([], ABSENT, True),
        ({}, None, True),
        ("", None, False),
        ("", ABSENT, False),
        (0, None, False),
        ("x", None, False),
        ({"a": None}, {"a": None}, True),
        ({"a": None}, {}, False),
    ],
)
def test_a_value_is_compared_as_json(want: Any, have: Any, *, equal: bool) -> None:
    live = {} if have is ABSENT else {"name": have}
    assert (not deltas(desired(name=want), foreign(**live))) is equal


def test_the_servers_default_is_equal_to_not_shown() -> None:
    assert deltas(desired(glow=1), foreign(glow=None)) == {}
    assert deltas(desired(glow=2), foreign(glow=None)) == {"glow": (None, 2)}


def test_a_field_that_was_never_managed_is_left_alone() -> None:
    assert deltas(desired(name="a"), foreign(name="a", glow=5)) == {}


@given(JSON)
def test_equal_values_differ_in_nothing(value: Any) -> None:
    assert deltas(desired(name=value, shade=value, parts=value), foreign(name=value, shade=value, parts=value)) == {}


def patched(value: Any, found: Sequence[Delta]) -> Any:
    """A value after all its deltas."""
    whole = copy.deepcopy({"shade": value})
    for delta in found:
        place: Any = whole
        for step in delta.path[:-1]:
            place = place[step]
        if delta.after is ABSENT:
            del place[delta.path[-1]]
        else:
            place[delta.path[-1]] = delta.after
    return whole["shade"]


@given(JSON, JSON)
def test_the_differences_inside_a_field_add_up_to_the_whole(left: Any, right: Any) -> None:
    found = diff(LAMP, desired(shade={"cloth": 1, "x": left}), foreign(shade={"cloth": 1, "x": right}), Ids())
    assert same(patched({"cloth": 1, "x": right}, found), {"cloth": 1, "x": left})
    assert len({item.path for item in found}) == len(found)


def test_an_object_that_was_not_read_differs_in_nothing() -> None:
    assert diff(LAMP, desired(name="a"), replace(foreign(), complete=False), Ids()) == ()


# --- lists whose order means nothing ----------------------------------------------------------------------------------

RED = {"type": "bulb", "name": "red"}
BLUE = {"type": "bulb", "name": "blue"}
PLUG = {"type": "plug"}
LABELLED = {"type": "wire", "server_label": "mains"}
NESTED = {"type": "switch", "function": {"name": "toggle", "strict": False}}
PARTS = [RED, BLUE, PLUG, LABELLED, NESTED]


@given(st.permutations(PARTS))
def test_reordered_items_are_no_change(parts: list[Json]) -> None:
    assert deltas(desired(parts=PARTS), foreign(parts=parts)) == {}


def test_items_are_matched_by_type_and_name() -> None:
    live = [{**NESTED, "function": {"name": "toggle", "strict": True}}, {**RED, "watts": 5}, PLUG, BLUE]
    assert deltas(desired(parts=PARTS), foreign(parts=live)) == {
        "parts.bulb:red.watts": (5, ABSENT),
        "parts.switch:toggle.function.strict": (True, False),
        "parts.wire:mains": (ABSENT, LABELLED),
    }


@pytest.mark.parametrize("odd", [[RED, RED], [RED, "text"], [RED, {}]], ids=["twice", "no object", "no type"])
def test_items_that_cannot_be_told_apart_are_compared_as_one_list(odd: list[Json]) -> None:
    assert list(deltas(desired(parts=[RED]), foreign(parts=odd))) == ["parts"]


# --- free-form values -------------------------------------------------------------------------------------------------

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "kind": {"anyOf": [{"const": 1}, {"const": 2}]}},
    "required": ["id"],
}


KEYS = st.sampled_from(["type", "__private", "a.b", "it's", 'a "quote"', "0", ""])
SCHEMAS = st.recursive(
    st.one_of(st.booleans(), st.sampled_from([0, 1, 1.0, -0.0, "1", None])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def _schema(path: Sequence[str | int], value: Any) -> dict[str, Any]:
    if not path:
        return dict(value)
    copy: Any = {**SCHEMA, "properties": {**SCHEMA["properties"], "kind": {"anyOf": [{"const": 1}, {"const": 2}]}}}
    place = copy
    for step in path[:-1]:
        place[step] = place[step].copy()
        place = place[step]
    place[path[-1]] = value
    return dict(copy)


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        (("properties", "id", "type"), "integer", "properties.id.type"),
        (("properties", "id", "minLength"), 3, "properties.id.minLength"),
        (("required",), ["id", "kind"], "required"),
        (("properties", "kind", "anyOf", 1, "const"), 3, "properties.kind.anyOf.1.const"),
        (("properties", "kind", "anyOf"), [{"const": 1}], "properties.kind.anyOf"),
        (("properties", "with.dot"), {"type": "null"}, "properties.with.dot"),
    ],
)
def test_a_changed_schema_is_shown_at_the_place_that_changed(path: Sequence[str | int], value: Any, shown: str) -> None:
    want = {"type": "tool", "name": "find", "parameters": _schema(path, value)}
    have = {"type": "tool", "name": "find", "parameters": SCHEMA}
    found = deltas(desired(parts=[want]), foreign(parts=[have]))
    assert list(found) == [f"parts.tool:find.parameters.{shown}"]


def test_true_is_not_one_inside_a_schema() -> None:
    want, have = {"parameters": {"default": 1}}, {"parameters": {"default": True}}
    assert deltas(desired(shade=want), foreign(shade=have)) == {"shade.parameters.default": (True, 1)}


@given(SCHEMAS, SCHEMAS)
def test_the_differences_inside_a_schema_add_up_to_the_whole(left: Any, right: Any) -> None:
    want, have = {"cloth": 1, "schema": left}, {"cloth": 1, "schema": right}
    found = diff(LAMP, desired(shade=want), foreign(shade=have), Ids())
    assert same(patched(have, found), want)


@given(SCHEMAS, SCHEMAS)
def test_no_difference_that_a_library_finds_inside_a_schema_is_missed(left: Any, right: Any) -> None:
    want, have = ({"schema": {"inner": value}} for value in (left, right))
    found = diff(LAMP, desired(shade=want), foreign(shade=have), Ids())
    theirs = DeepDiff(*(json.loads(canonical(value)) for value in (right, left)))
    assert found or not theirs  # the library takes False for 0 inside lists, so it finds no more than we do


def test_one_is_one_inside_a_schema() -> None:
    want, have = {"schema": {"minimum": 1, "maximum": 6}}, {"schema": {"minimum": 1.0, "maximum": 5}}
    assert deltas(desired(shade=want), foreign(shade=have)) == {"shade.schema.maximum": (5, 6)}


def test_a_large_schema_takes_moments() -> None:
    draw = random.Random(1)
    words = [str(draw.random()) for _ in range(2_000)]
    left, right = {"enum": words, "x": {"a": 1}}, {"enum": words[1:] + words[:1], "x": {"a": 2}}
    started = time.process_time()
    assert len(deltas(desired(shade={"schema": left}), foreign(shade={"schema": right}))) == 2
    assert time.process_time() - started < 5


@pytest.mark.parametrize("repeats", [7, 12_000])
def test_a_large_list_inside_a_schema_is_one_difference(repeats: int) -> None:
    left = {"enum": [f"a{number % repeats}" for number in range(12_000)]}
    right = {"enum": [f"a{number * 5 % repeats}" for number in range(11_999)]}
    started = time.process_time()
    assert list(deltas(desired(shade={"schema": left}), foreign(shade={"schema": right}))) == ["shade.schema.enum"]
    assert time.process_time() - started < 5


def test_no_difference_inside_a_schema_lies_inside_another() -> None:
    left, right = {"anyOf": [{"const": 1}]}, {"anyOf": [{"const": 2}, {"const": 3}]}
    assert list(deltas(desired(shade={"schema": left}), foreign(shade={"schema": right}))) == ["shade.schema.anyOf"]


# --- causes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "now", "live", "cause"),
    [
        ("a", "b", "a", "manifest"),
        ("a", "a", "b", "drift"),
        ("a", "b", "c", "both"),
        ("a", "b", "b", None),
        ("a", ABSENT, "a", "manifest"),
        ("a", ABSENT, "c", "both"),
        ("a", ABSENT, None, None),
        (ABSENT, "b", "c", "manifest"),
        ("a", "a", ABSENT, "drift"),
    ],
)
@pytest.mark.parametrize("kind", [LAMP, BEACON], ids=["tagged", "versioned"])
def test_the_cause_is_the_side_that_left_what_was_applied(
    then: Any, now: Any, live: Any, cause: str | None, kind: Kind
) -> None:
    before, after = ({} if value is ABSENT else {"name": value} for value in (then, now))
    observed = applied(desired(**before), kind, **({} if live is ABSENT else {"name": live}))
    if kind is BEACON:
        observed = replace(observed, last_applied=before, tags=None)
        if then is ABSENT:
            cause = "both"
    assert causes(desired(**after), observed, kind) == ({} if cause is None else {"name": cause})


def test_another_object_behind_a_reference_is_its_own_cause() -> None:
    wanted = desired(name=[Ref(STORE)])
    ids = Ids({STORE: "vs_new"}, {"vs_old": STORE, "vs_new": STORE})
    live = applied(wanted, name=["vs_old"])
    (delta,) = diff(LAMP, wanted, live, ids)
    assert (delta.cause, delta.before, delta.after) == (Cause.REFERENCE, ["vs_old"], [Ref(STORE)])
    assert diff(LAMP, wanted, replace(live, spec={"name": ["vs_new"]}), ids) == ()


@pytest.mark.parametrize("kind", [LAMP, BEACON], ids=["tagged", "versioned"])
def test_an_id_that_only_apply_will_know_is_said_to_be_unknown(kind: Kind) -> None:
    wanted = desired(name=[Ref(STORE)])
    live = applied(wanted, kind, name=["vs_old"])
    if kind is BEACON:
        live = replace(live, last_applied={"name": ["vs_old"]}, tags=None)
    (delta,) = diff(kind, wanted, live, Ids({}, {"vs_old": STORE}))
    assert (delta.after, delta.cause) == ([Unknown(Ref(STORE))], Cause.REFERENCE)


def test_the_same_manifest_lowered_differently_is_the_tools_doing() -> None:
    wanted = desired(glow=2, shade={"cloth": "linen"})
    live = applied(wanted, glow=2, shade={"cloth": "silk"})
    tags = replace(live.tags or Tags("", "", ADDRESS), fields={"shade": field_digests(LAMP, wanted)["shade"]})
    silk = replace(live, tags=replace(tags, fields={"shade": "0" * 12}))
    assert causes(wanted, silk)["shade.cloth"] == "both"
    ids = Ids({}, {"linen": Address("Cloth", "linen")})
    assert causes(desired(name=["x"]), applied(desired(name=["x"]), name=["y"]), ids=ids) == {"name": "drift"}


def test_where_the_account_keeps_what_was_applied_every_value_has_its_own_cause() -> None:
    last: dict[str, Any] = {
        "shade": {"cloth": "silk", "size": 1, "colour": "red"},
        "parts": [RED, NESTED],
        "name": [Ref(STORE)],
    }
    live = {**last, "shade": {"cloth": "silk", "size": 5, "colour": "green"}, "name": ["vs_old"]}
    want = {**last, "shade": {"cloth": "wool", "size": 1, "colour": "blue"}, "parts": [BLUE, NESTED]}
    observed = replace(foreign(**live), last_applied={**last, "name": ["vs_old"]})
    found = {_dotted(d.path): d for d in diff(BEACON, desired(**want), observed, Ids({}, {"vs_old": STORE}))}
    assert {path: (delta.cause.value, delta.last_applied) for path, delta in found.items()} == {
        "name": ("reference", [Ref(STORE)]),
        "parts.bulb:blue": ("manifest", ABSENT),
        "parts.bulb:red": ("manifest", RED),
        "shade.cloth": ("manifest", "silk"),
        "shade.colour": ("both", "red"),
        "shade.size": ("drift", 1),
    }


def test_a_value_that_was_applied_is_found_inside_items_and_schemas() -> None:
    def part(value: int, strict: bool) -> Json:
        schema = {"anyOf": [{"const": 1}, {"const": value}]}
        return {"type": "switch", "function": {"name": "toggle", "strict": strict, "parameters": schema}}

    observed = replace(foreign(parts=[part(2, True)]), last_applied={"parts": [part(2, False)]})
    found = {_dotted(d.path): d for d in diff(BEACON, desired(parts=[part(3, False)]), observed, Ids())}
    assert {path: (delta.cause.value, delta.last_applied) for path, delta in found.items()} == {
        "parts.switch:toggle.function.parameters.anyOf.1.const": ("manifest", 2),
        "parts.switch:toggle.function.strict": ("drift", False),
    }


# --- what the server does not show ------------------------------------------------------------------------------------


def test_a_hidden_value_that_was_applied_is_equal() -> None:
    wanted = desired(secret="low")
    assert deltas(wanted, applied(wanted)) == {}
    assert causes(wanted, applied(wanted, secret="high")) == {"secret": "drift"}


def test_a_hidden_value_that_changed_or_was_removed_is_sent() -> None:
    live = applied(desired(secret="low"))
    assert deltas(desired(secret="high"), live) == {"secret": (ABSENT, "high")}
    assert causes(desired(secret="high"), live) == {"secret": "manifest"}
    assert deltas(desired(), live) == {"secret": (ABSENT, ABSENT)}
    assert causes(desired(secret="low"), applied(desired())) == {"secret": "manifest"}
    assert deltas(desired(), applied(desired())) == {}


def test_of_a_value_that_the_server_fills_up_only_what_was_asked_for_is_compared() -> None:
    wanted = desired(mood={"tone": "warm"})
    assert deltas(wanted, applied(wanted, mood={"tone": "warm", "tempo": "slow"})) == {}
    assert causes(wanted, applied(wanted, mood={"tone": None, "tempo": "slow"})) == {
        "mood.tempo": "drift",
        "mood.tone": "drift",
    }
    changed = desired(mood={"tempo": "fast"})
    assert causes(changed, applied(wanted, mood={"tone": "warm", "tempo": "fast"})) == {"mood.tone": "both"}


def test_what_passes_through_is_compared_as_far_as_the_server_shows_it() -> None:
    wanted = desired(raw={"new": 1, "hidden": 2})
    assert deltas(wanted, applied(wanted, raw={"new": 1})) == {}
    assert causes(wanted, applied(wanted, raw={"new": 3})) == {"raw.hidden": "drift", "raw.new": "drift"}
    assert deltas(wanted, applied(desired(raw={"new": 1}), raw={"new": 1})) == {"raw.hidden": (ABSENT, 2)}
    assert deltas(desired(), applied(wanted)) == {}


# --- what is left alone -----------------------------------------------------------------------------------------------


def test_drift_of_an_ignored_field_is_left_alone_and_a_change_of_it_is_not() -> None:
    then = desired(name="a", glow=2)
    live = applied(then, name="a", glow=9)
    assert deltas(desired(name="a", glow=2, ignore=["glow"]), live) == {}
    assert deltas(desired(name="a", glow=3, ignore=["glow"]), live) == {"glow": (9, 3)}
    assert list(deltas(desired(name="b", glow=2, ignore=["glow"]), live)) == ["name"]


def test_a_new_version_rewrites_ignored_fields_too_and_says_so() -> None:
    live = replace(foreign(name="a", glow=9), last_applied={"name": "a", "glow": 2})
    assert deltas(desired(name="a", glow=2, ignore=["glow"]), live, BEACON) == {}
    assert list(deltas(desired(name="b", glow=2, ignore=["glow"]), live, BEACON)) == ["name", "glow"]


# --- labels -----------------------------------------------------------------------------------------------------------


def test_pairs_that_others_put_there_are_not_ours() -> None:
    wanted = desired({"team": "cx"})
    assert deltas(wanted, applied(wanted, labels={"team": "cx", "server": "7"})) == {}
    assert deltas(desired(), applied(desired(), labels={"server": "7"})) == {}


def test_a_removed_label_is_removed_and_nothing_else() -> None:
    live = applied(desired({"team": "cx", "tier": "1"}), labels={"team": "cx", "tier": "1", "server": "7"})
    assert deltas(desired({"team": "cx"}), live) == {"labels.tier": ("1", ABSENT)}
    assert managed_labels(live) == {"team", "tier"}
    assert managed_labels(foreign()) == frozenset()


@pytest.mark.parametrize(
    ("then", "now", "live", "cause"),
    [
        ({"a": "1"}, {"a": "2"}, {"a": "1"}, "manifest"),
        ({"a": "1"}, {"a": "1"}, {"a": "2"}, "drift"),
        ({"a": "1"}, {"a": "1"}, {}, "drift"),
        ({"a": "1"}, {"a": "3"}, {"a": "2"}, "both"),
        ({}, {"a": "1"}, {"a": "2"}, "manifest"),
    ],
)
def test_labels_have_causes_too(then: dict[str, str], now: dict[str, str], live: dict[str, str], cause: str) -> None:
    assert causes(desired(now), applied(desired(then), labels=live)) == {"labels.a": cause}
    versioned = replace(foreign(), labels=live, last_applied={"labels": then})
    expected = "both" if not then else cause
    assert causes(desired(now), versioned, BEACON) == {"labels.a": expected}


def test_drift_of_labels_can_be_ignored() -> None:
    wanted = desired({"a": "1"}, ignore=["labels"])
    assert deltas(wanted, applied(desired({"a": "1"}), labels={"a": "2"})) == {}


def test_a_version_without_a_past_takes_its_labels_from_the_manifest() -> None:
    live = replace(foreign(), labels={"a": "2"})
    assert causes(desired({"a": "1"}), live, BEACON) == {"labels.a": "manifest"}


def test_a_foreign_key_that_looks_like_ours_is_not_taken_for_it() -> None:
    ours = "team"
    double = "k106874"  # the first of this form with the same key
    assert label_key(double) == label_key(ours)
    live = applied(desired({ours: "cx"}), labels={ours: "cx", double: "theirs"})
    assert managed_labels(live) == frozenset()
    assert deltas(desired({ours: "cx"}), live) == {}
    both = applied(desired({ours: "cx", double: "x"}), labels={ours: "cx", double: "x"})
    assert managed_labels(both) == {ours, double}


# --- documents --------------------------------------------------------------------------------------------------------


def doc(path: str, sha: str = "a", **attributes: str) -> Document:
    return Document(path, path, path, 3, sha, attributes)


def live(file_id: str, path: str | None, sha: str = "a", **more: Any) -> Attachment:
    return Attachment(file_id, path, sha, path, **more)


def _paths(wanted: Sequence[Document], there: Sequence[Attachment]) -> dict[str, list[str]]:
    changes = diff_documents(LEAF, tuple(wanted), tuple(there))
    names = ("added", "changed", "updated", "removed", "unmanaged")
    return {name: [item.path for item in getattr(changes, name)] for name in names if getattr(changes, name)}


def test_documents_are_added_changed_updated_removed_or_somebody_elses() -> None:
    wanted = [doc("new.md"), doc("other.md", "b"), doc("same.md"), doc("tagged.md", audience="staff")]
    there = [
        live("f1", "same.md"),
        live("f2", "other.md"),
        live("f3", "tagged.md"),
        live("f4", "old.md"),
        live("f5", None),
    ]
    assert _paths(wanted, there) == {
        "added": ["new.md"],
        "changed": ["other.md"],
        "updated": ["tagged.md"],
        "removed": ["old.md"],
        "unmanaged": ["f5"],
    }


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ({"status": "failed"}, {"status": "completed"}, "f2"),
        ({"status": "completed"}, {"status": "cancelled"}, "f1"),
        ({"sha": "b"}, {"sha": "a"}, "f2"),
        ({"sha": "b"}, {"sha": "a", "status": "failed"}, "f1"),
        ({}, {}, "f1"),
        ({"created_at": 9}, {"created_at": 2}, "f2"),
        ({"status": "in_progress"}, {"status": "completed"}, "f2"),
        ({"sha": "b"}, {"sha": "a", "status": "in_progress"}, "f2"),
    ],
)
def test_of_two_files_of_one_path_the_usable_then_the_wanted_then_the_processed_then_the_older_one_counts(
    first: dict[str, Any], second: dict[str, Any], counts: str
) -> None:
    there = (live("f1", "a.md", **first), live("f2", "a.md", **second))
    assert settled((doc("a.md"),), there)["a.md"].file_id == counts
    assert settled((doc("a.md"),), there[::-1])["a.md"].file_id == counts


def test_all_but_one_attachment_of_a_document_that_stays_are_removed_as_doubles() -> None:
    there = (live("f1", "a.md", sha="b"), live("f2", "a.md"), live("f3", "a.md"), live("f4", "b.md"))
    removed = diff_documents(LEAF, (doc("a.md"),), there).removed
    double = Reason(ReasonCode.ATTACHED_TWICE, "attached twice")
    assert [(item.path, item.sha256, item.reason) for item in removed] == [
        ("a.md", "a", double),
        ("a.md", "b", double),
        ("b.md", "a", None),
    ]


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        (
            {"sha": "b"},
            {"status": "in_progress"},
            "the new version is still being processed (f2, attached 2026-11-22 09:00 UTC); the old one serves until then",
        ),
        (
            {"sha": "b", "status": "failed"},
            {"status": "in_progress"},
            "the new version is still being processed (f2, attached 2026-11-22 09:00 UTC)",
        ),
        (
            {"status": "failed"},
            {"status": "in_progress"},
            "the one that stays is still being processed (f2, attached 2026-11-22 09:00 UTC)",
        ),
        ({}, {"status": "in_progress"}, "this one is still being processed (f2, attached 2026-11-22 09:00 UTC)"),
        ({}, {"status": "in_progress", "at": 0}, "this one is still being processed (f2)"),
        ({}, {"status": "in_progress", "at": 10**20}, "this one is still being processed (f2)"),
    ],
)
def test_a_double_says_which_of_the_two_is_not_processed_yet(
    first: dict[str, Any], second: dict[str, Any], reason: str
) -> None:
    moment = second.pop("at", 1795338000)
    there = (live("f1", "a.md", **first), replace(live("f2", "a.md", **second), created_at=moment))
    (removed,) = diff_documents(LEAF, (doc("a.md"),), there).removed
    assert removed.reason == Reason(ReasonCode.ATTACHED_TWICE, f"attached twice; {reason}")


def test_a_document_that_is_sent_anew_needs_no_word_about_its_doubles() -> None:
    there = (live("f1", "a.md", sha="b"), live("f2", "a.md", sha="c"))
    assert _paths([doc("a.md")], there) == {"changed": ["a.md"]}


@given(st.lists(st.sampled_from("abcdef")), st.lists(st.sampled_from("abcdef")), st.randoms())
def test_the_order_of_documents_means_nothing(wanted: list[str], there: list[str], draw: random.Random) -> None:
    documents = [doc(path) for path in sorted(set(wanted))]
    attached = [live(f"file-{n}", path) for n, path in enumerate(there)]
    expected = _paths(documents, attached)
    draw.shuffle(documents)
    draw.shuffle(attached)
    assert _paths(documents, attached) == expected
    assert set(expected.get("added", [])) == set(wanted) - set(there)
    doubles = {path for path in wanted if there.count(path) > 1}
    assert set(expected.get("removed", [])) == (set(there) - set(wanted)) | doubles


def test_a_delta_is_a_plain_value() -> None:
    assert Delta(("a",), 1, 2, Cause.TOOL) == Delta(("a",), 1, 2, Cause.TOOL)
