"""A changed JSON Schema in sentences: each says the whole of a difference, and together they say all of them."""

import copy
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reconciler.model.json import ABSENT, canonical, same
from reconciler.model.plan import Cause
from reconciler.planning.diff import _free_form
from reconciler.render import fields, text
from reconciler.render.diff import schemas
from reconciler.render.diff.words import Budget
from reconciler.render.rows import Page
from tests.render.plans import field

PATH = ["tools", "function:lookup_order", "parameters"]
ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "description": "The order's number."},
        "limit": {"type": "integer", "maximum": 100},
        "status": {"type": "string", "enum": ["open", "paid"]},
        "address": {"type": "object", "properties": {"street": {"type": "string"}}, "required": ["street"]},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        "payment": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"iban": {"type": "string"}}}]},
    },
    "required": ["order_id"],
    "additionalProperties": False,
}


def fields_of(before: Any, after: Any, cause: str = "manifest", path: Sequence[Any] = PATH) -> list[dict[str, Any]]:
    """The fields of a plan that changes one schema into another."""
    if same(before, after):
        return []
    return [
        field(
            list(delta.path),
            **({} if delta.before is ABSENT else {"before": delta.before}),
            **({} if delta.after is ABSENT else {"after": delta.after}),
            cause=cause,
        )
        for delta in _free_form(tuple(path), before, after, Cause.MANIFEST)
    ]


def written(some: list[dict[str, Any]], width: int = 80, cause: str = "manifest") -> list[str]:
    page = Page(width, 3, color=False, budget=Budget())
    return text.lines(fields.all_rows(some, page, indent=0, cause=cause), color=False)


def told(change: str, value: Any = None, width: int = 200) -> list[str]:
    """What is said when one place of the schema (dots between the steps; - before it: removed) gets another value."""
    after = copy.deepcopy(ORDER)
    *above, last = change.lstrip("-").split(".")
    place: Any = after
    for step in above:
        place = place[int(step) if step.isdigit() else step]
    if change.startswith("-"):
        del place[last]
    else:
        place[last] = value
    found = written(fields_of(ORDER, after), width)
    top = "tools[function:lookup_order].parameters:"
    assert found[0][2:].startswith(top)
    return [line.replace(f"{top} ", "").removeprefix("~ ") for line in found if not line.endswith(top)]


@pytest.mark.parametrize(
    ("change", "value", "sentence"),
    [
        ("required", ["order_id", "limit"], 'property "limit" became required'),
        ("-required", None, 'property "order_id" is no longer required'),
        ("required", ["order_id", "order_id"], 'required: ["order_id"] → ["order_id", "order_id"]'),
        ("required", [], 'required: ["order_id"] → []'),
        ("properties.status.enum", ["open", "lost", "paid"], 'enum of "status": + "lost"'),
        ("properties.status.enum", ["lost"], 'enum of "status": ["open", "paid"] → ["lost"]'),
        ("properties.region", {"type": "string"}, '+ property "region" added: string'),
        ("-properties.status", None, '- property "status" removed: string, one of "open", "paid"'),
        ("properties.limit.type", "number", 'type of "limit": integer → number'),
        ("properties.limit.type", ["integer", "null"], 'type of "limit": integer → integer or null'),
        ("properties.limit.maximum", 5, 'maximum of "limit": 100 → 5'),
        ("-properties.limit.maximum", None, '- maximum of "limit": 100'),
        ("properties.status.enum", ["open", "paid", "lost"], 'enum of "status": + "lost"'),
        ("properties.status.enum", ["paid"], 'enum of "status": - "open"'),
        ("properties.status.enum", ["paid", "open"], 'enum of "status": in this order now: ["paid", "open"]'),
        ("properties.order_id.description", "Its id.", 'description of "order_id": "The order\'s number." → "Its id."'),
        ("properties.address.required", ["street", "zip"], 'property "address.zip" became required'),
        ("properties.lines.items.properties.sku.type", "integer", 'type of "lines[].sku": string → integer'),
        ("properties.payment.anyOf.1.properties.iban.type", "null", 'type of "payment(anyOf 2).iban": string → "null"'),
        ("additionalProperties", True, "additionalProperties: false → true"),
        ("-additionalProperties", None, "- additionalProperties: false"),
        ("$defs", {"a": {"type": "null"}}, '+ definition "($defs a)" added: "null"'),
        ("properties.with space", {"type": "null"}, '+ property ["with space"] added: "null"'),
    ],
)
def test_each_sort_of_change_is_a_sentence(change: str, value: Any, sentence: str) -> None:
    assert told(change, value) == [sentence]


def test_what_belongs_together_is_one_sentence() -> None:
    after = copy.deepcopy(ORDER)
    after["properties"]["region"] = {"type": "string", "description": "Where."}
    del after["properties"]["order_id"]
    after["required"] = ["region", "limit", "status"]
    assert written(fields_of({**ORDER, "required": ["order_id", "limit"]}, after)) == [
        "~ tools[function:lookup_order].parameters:",
        '  - required property "order_id" removed: string, "The order\'s number."',
        '  ~ property "status" became required',
        '  + required property "region" added: string, "Where."',
    ]


def test_required_properties_that_changed_places_are_told() -> None:
    before = {**ORDER, "required": ["a", "b"]}
    assert written(fields_of(before, {**ORDER, "required": ["b", "c", "a"]})) == [
        "~ tools[function:lookup_order].parameters:",
        '  ~ property "c" became required',
        '  ~ order of required: now ["b", "c", "a"]',
    ]


def test_several_properties_that_became_required_are_one_sentence() -> None:
    after = {**ORDER, "required": ["order_id", "limit", "status"]}
    assert written(fields_of(ORDER, after), 120) == [
        '~ tools[function:lookup_order].parameters: 2 properties became required: "limit", "status"'
    ]
    assert written(fields_of(after, ORDER), 60) == [
        "~ tools[function:lookup_order].parameters:",
        '  ~ 2 properties are no longer required: "limit", "status"',
    ]


def test_a_sentence_that_does_not_fit_goes_on_below() -> None:
    after = copy.deepcopy(ORDER)
    after["properties"]["region"] = {"type": "string", "description": "Where " * 20}
    found = written(fields_of(ORDER, after))
    assert found[1:] == [
        '  + property "region" added:',
        '  + │ string, "Where Where Where Where Where Where Where Where Where Where Where',
        '  + ┊ Where Where Where Where Where Where Where Where Where "',
    ]


def test_a_property_that_no_phrase_tells_is_shown_as_it_is() -> None:
    after = copy.deepcopy(ORDER)
    after["properties"]["region"] = {"type": "string", "pattern": "^[a-z]+$"}
    assert written(fields_of(ORDER, after))[1:] == [
        '  + property "region" added: {"type": "string", "pattern": "^[a-z]+$"}'
    ]


def test_the_cause_is_told_once_for_all_differences_of_a_schema() -> None:
    after = {**ORDER, "required": ["order_id", "limit"], "additionalProperties": True}
    found = written(fields_of(ORDER, after, cause="drift"))
    assert sum("drift:" in line for line in found) == 1
    assert not any("drift:" in line for line in written(fields_of(ORDER, after, cause="drift"), cause="drift"))


def test_a_conflict_inside_a_schema_keeps_its_middle() -> None:
    one = {**fields_of(ORDER, {**ORDER, "additionalProperties": True}, cause="both")[0], "last_applied": "x"}
    found = written([one], cause="both")
    assert found[0] == "~ tools[function:lookup_order].parameters.additionalProperties: false → true"
    assert found[1].startswith('  conflict: the last apply set "x"')


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"], "enum": ["a", None]}, 'string or null, one of "a", null'),
        ({"enum": [1, 2]}, "one of 1, 2"),
        ({"type": "array", "items": {"type": "string"}}, "array of string"),
        ({"type": "array", "items": {"type": "string", "minLength": 1}}, None),
        ({"type": "array", "items": True}, None),
        ({"type": "string", "items": {"type": "string"}}, None),
        ({"items": {"type": "string"}}, None),
        ({"items": {"type": "string"}, "enum": [1]}, None),
        ({"type": ["string"]}, None),
        ({"type": "text"}, None),
        ({"type": 1}, None),
        ({"type": "string", "enum": []}, None),
        ({"type": "string", "enum": [[1]]}, None),
        ({"type": "string", "enum": "x"}, None),
        ({"type": "string", "description": 1}, None),
        ({"type": "string", "description": "a\nb"}, None),
        ({"description": "x"}, None),
        ({}, None),
        (True, None),
    ],
)
def test_a_phrase_tells_all_of_a_schema_or_there_is_none(schema: Any, words: str | None) -> None:
    assert schemas.phrase(schema) == words


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        (["tools", "a", "parameters", "type"], (("tools", "a", "parameters"), ("type",))),
        (["text", "format", "schema", "properties", "x"], (("text", "format", "schema"), ("properties", "x"))),
        (["tools", "a", "parameters"], None),
        (["labels", "schema"], None),
        (["schema", "x"], None),
        ([], None),
    ],
)
def test_a_schema_is_known_by_the_key_it_stands_under(path: list[Any], inside: Any) -> None:
    assert schemas.split(path) == inside


# --- nothing is hidden ------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "required", "properties", "a.b", "a b", "items", "", "(not)", "[]", "3"])
WORDS = st.sampled_from(
    ["", "x", "x  y", "x y", "one of", "string", " ", "a\nb", '", "', "é", "e\u0301", "\u202e", "\\u{202e}"]
)
PLAIN = st.one_of(st.none(), st.booleans(), st.sampled_from([0, 1, 1.5, -1]), WORDS)
TYPES = st.one_of(
    st.sampled_from(["string", "number", "null", "text"]),
    st.lists(st.sampled_from(["string", "null", "x"]), max_size=3),
)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.dictionaries(NAMES, inner, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "description": WORDS,
            "enum": st.one_of(st.lists(PLAIN, max_size=4), PLAIN),
            "required": st.one_of(st.lists(NAMES, max_size=4), PLAIN),
            "properties": several,
            "$defs": several,
            "dependentSchemas": several,
            "items": inner,
            "not": inner,
            "additionalProperties": st.one_of(st.booleans(), inner),
            "anyOf": st.lists(inner, max_size=3),
            "minimum": PLAIN,
            "x": st.one_of(several, st.lists(inner, max_size=2)),
        },
    )


SCHEMAS = st.recursive(st.one_of(st.booleans(), _schemas(st.just({}))), _schemas, max_leaves=8)
TOPS = _schemas(SCHEMAS)
HALF = settings(max_examples=settings().max_examples // 2)
"""Drawing a schema takes most of the time."""


def _without_order(schema: Any) -> Any:
    """What counts: where in a set a member stands does not."""
    if isinstance(schema, list):
        return [_without_order(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {key: _without_order(value) for key, value in schema.items()}
    for key in whole.keys() & {"required", "enum"}:
        if isinstance(whole[key], list):
            whole[key] = sorted(whole[key], key=canonical)
    return whole


@st.composite
def nearly_equal(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """A schema before, and two after it that differ from each other in few places."""
    before, one = draw(TOPS), draw(TOPS)
    if draw(st.booleans()):
        one = {**before, **one} if draw(st.booleans()) else {**one, **before}
    other = copy.deepcopy(one)
    for _ in range(draw(st.integers(1, 2))):
        place = other
        while True:
            inner = [
                value
                for value in (place.values() if isinstance(place, dict) else place)
                if isinstance(value, dict | list) and value
            ]
            if not inner or draw(st.booleans()):
                break
            place = draw(st.sampled_from(inner))
        if isinstance(place, list):
            what = draw(st.sampled_from(["drop", "swap", "add"]))
            if what == "drop" and place:
                place.pop(draw(st.integers(0, len(place) - 1)))
            elif what == "swap":
                place.reverse()
            else:
                place.append(draw(st.one_of(PLAIN, NAMES)))
        else:
            key = draw(st.sampled_from(["type", "required", "enum", "properties", "a", "description", "minimum"]))
            value = draw(st.one_of(PLAIN, TYPES, st.lists(NAMES, max_size=3), SCHEMAS))
            if draw(st.booleans()):
                place.pop(key, None)
            else:
                place[key] = value
    return before, one, other


@HALF
@given(nearly_equal())
def test_two_plans_that_read_the_same_are_the_same(found: tuple[Any, Any, Any]) -> None:
    before, one, other = found
    assume(not same(_without_order(one), _without_order(other)))
    assert written(fields_of(before, one)) != written(fields_of(before, other))


@HALF
@given(TOPS, TOPS)
def test_what_differs_is_told_and_told_once(before: Any, after: Any) -> None:
    found = fields_of(before, after)
    assert bool(written(found)) is not same(before, after)
    for one, other in itertools.permutations([item["path"] for item in found], 2):
        assert one != other[: len(one)]
