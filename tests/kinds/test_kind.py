"""What holds for a kind that says nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.kinds import FORMS, KINDS
from reconciler.kinds.field import Field, identity
from reconciler.kinds.form import Form, Shape
from reconciler.kinds.kind import DocumentKind, Kind, document_kind_of
from reconciler.kinds.manifest import Manifest
from reconciler.kinds.words import raw_schema
from reconciler.model.address import Address, Span
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.json import ABSENT, Json
from reconciler.model.observed import Attachment
from reconciler.model.reasons import ReasonCode


class Lamp(Kind):
    name = "lamp"
    title = "lamp"
    form = "Lamp"
    collection = "/lamps"
    fields = (
        Field("glow", {}, manifest="brightness", default=1),
        Field("shade", {}, clear=ABSENT),
        Field("bulb", {}),
        Field("wiring", None, manifest="bulb"),
    )
    inputs = (Field("glow", {}, manifest="watts"),)


class Leaf(DocumentKind):
    name = "leaf"
    fields = ()

    def read(self, raw: Mapping[str, Json]) -> Attachment:
        return Attachment(str(raw["id"]), None, None, None)

    def difference(self, document: Document, live: Attachment) -> ReasonCode | None:
        return None if document.sha256 == live.sha256 else ReasonCode.CONTENT


class Page(Form):
    name = "Page"
    title = "page"

    def spec_schema(self, choice: str | None = None) -> dict[str, Json]:
        return {"type": "object", "title": str(choice)}

    def lower(self, manifest: Manifest, context: object) -> Desired | None:
        return None


LAMP, LEAF = Lamp(), Leaf()


class Shelf(Kind):
    name = "shelf"
    documents = LEAF
    fields = ()


def manifest(**more: Any) -> Manifest:
    return Manifest("Lamp", "desk", {}, "lamps", **more)


# --- requests and answers ---


def test_a_request_has_what_changed_and_clears_what_is_gone() -> None:
    spec = {"glow": 2, "bulb": "red", "raw": {"new": 1}}
    assert LAMP.encode(spec, ["glow", "raw"]) == {"glow": 2, "new": 1}
    assert LAMP.encode({}, ["glow", "shade", "raw", "unknown"]) == {"glow": None}


def test_an_answer_is_read_as_far_as_it_is_known_or_asked_for() -> None:
    raw = {"id": "lamp_1", "glow": 2, "new": {"a": 1, "b": 2}, "list": [{"x": 1, "y": 2}], "long": [1, 2]}
    assert LAMP.decode(raw, {}) == {"glow": 2}
    like = {"raw": {"new": {"a": 5, "c": 3}, "list": [{"x": 1}], "long": [1], "missing": 1}}
    assert LAMP.decode(raw, like) == {
        "glow": 2,
        "raw": {"new": {"a": 1, "c": None}, "list": [{"x": 1}], "long": [1, 2]},
    }


@pytest.mark.parametrize(
    ("name", "value", "default"),
    [
        ("glow", 1.0, True),
        ("glow", 2, False),
        ("shade", None, True),
        ("shade", [], True),
        ("shade", {}, True),
        ("shade", ABSENT, True),
        ("shade", "", False),
        ("unknown", 0, False),
    ],
)
def test_a_default_is_what_the_server_has_when_nothing_was_sent(name: str, value: Any, *, default: bool) -> None:
    assert LAMP.is_default(name, value) is default


def test_a_plain_kind_is_always_usable_and_has_no_files() -> None:
    assert (LAMP.unusable({}), LAMP.file_ids({}), LAMP.normalise({"a": 1})) == (None, None, {"a": 1})


def test_a_plain_kind_waits_for_approval_and_is_asked_for_by_no_field() -> None:
    assert (LAMP.asks_first(), LAMP.chosen_by, LAMP.attaches) == (True, None, False)


def test_only_a_kind_with_documents_has_a_kind_of_documents() -> None:
    assert document_kind_of(Shelf()) is LEAF
    with pytest.raises(TypeError, match="lamp has no documents"):
        document_kind_of(LAMP)


def test_files_are_attached_where_there_is_a_path_for_many_of_them() -> None:
    assert [(kind.documents is not None, kind.attaches) for kind in (LAMP, Shelf())] == [(False, False), (True, False)]
    assert {kind.name for kind in KINDS.values() if kind.attaches} == {"vector_store"}


def test_nobody_knows_what_is_shown_of_unknown_fields() -> None:
    assert LAMP.readable("glow")
    assert not LAMP.readable("raw")


def test_attachments_carry_the_users_attributes_and_no_more() -> None:
    document = Document("a.md", "a.md", "a.md", 1, "0" * 64, {"audience": "public"})
    assert Leaf().tags(document, "run.1") == {"audience": "public"}


def test_a_form_has_one_shape_and_no_advice_unless_it_says_so() -> None:
    assert (Page().selector, dict(Page().choices), Page().unavailable("a", "b")) == (None, {}, None)


def test_a_form_stands_alone_unless_it_says_so() -> None:
    assert (Page().plural, Page().drawn_as, Page().shared) == ("pages", Shape.BOX, False)
    assert (list(Page().references(manifest())), Page().compiled_into(), Page().defaults()) == ([], "", {})


# --- manifests ---


def test_positions_are_those_of_the_manifest_or_of_what_encloses_them() -> None:
    spans = {(): Span("a.yaml", 1), ("spec", "tools"): Span("a.yaml", 5)}
    assert manifest(spans=spans).at("spec", "tools", 3, "name") == Span("a.yaml", 5)
    assert manifest(spans=spans).at("metadata") == Span("a.yaml", 1)
    assert manifest().at("spec") is None
    assert manifest().address == Address("Lamp", "desk")


def test_a_resource_has_the_positions_and_ignored_fields_under_the_apis_names() -> None:
    spans = {("spec", "watts"): Span("a.yaml", 4), ("spec", "bulb"): Span("a.yaml", 5), ("spec",): Span("a.yaml", 3)}
    lifecycle = Lifecycle(protect=True, ignore_changes=("brightness", "bulb", "labels"))
    desired = manifest(spans=spans, lifecycle=lifecycle, labels={"a": "1"}).desired(LAMP, {"glow": 2})
    assert desired.spans == {
        ("glow",): Span("a.yaml", 4),
        ("bulb",): Span("a.yaml", 5),
        ("wiring",): Span("a.yaml", 5),
    }
    assert set(desired.lifecycle.ignore_changes) >= {"glow", "bulb", "wiring", "labels"}
    assert desired.lifecycle.protect
    assert desired.span is None
    assert manifest(spans={(): Span("a.yaml")}).desired(LAMP, {}).span == Span("a.yaml")


# --- schemas ---


def test_what_a_manifest_has_a_field_for_does_not_pass_through() -> None:
    from jsonschema import Draft202012Validator

    schema = Draft202012Validator(LAMP.raw)
    assert schema.is_valid({"new": 1, "glow_more": 2})
    for name in ("glow", "brightness", "watts", "metadata"):
        assert not schema.is_valid({name: 1}), name
    assert raw_schema("b", "a", "a")["propertyNames"]["pattern"] == "^(?!(?:a|b)$)"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"type": "mcp", "server_label": "wiki"}, "mcp:wiki"),
        ({"type": "function", "name": "f", "server_label": "x"}, "function:f"),
        ({"type": "function", "function": {"name": "f"}}, "function:f"),
        ({"type": "function", "function": {}}, "function"),
        ({"type": None}, ""),
        ("text", ""),
    ],
)
def test_an_item_is_known_by_type_and_name(item: Json, expected: str) -> None:
    assert identity(item, ("name", "server_label", "function")) == expected


def test_kinds_and_forms_are_found_by_themselves() -> None:
    assert list(KINDS) == sorted(KINDS)
    assert {kind.form for kind in KINDS.values()} <= set(FORMS)
