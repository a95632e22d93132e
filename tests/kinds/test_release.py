"""Releases: a bundle holds the exact request, comes back as it was, and names what it needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.kinds.release import RELEASE
from reconciler.model.json import substitute
from tests.kinds.sdk import misfits, request_type
from tests.kinds.subjects import FILES, spec_of
from tests.kinds.trees import Tree
from tests.model.test_model import JSON

CREATE = "responses.response_create_params.ResponseCreateParamsNonStreaming"
SPEC: dict[str, Any] = {"model": "m", "name": "Helper", "instructions": "Be brief.\n", "fallback": ["n"]}
FILE = {"path": "a.csv", "name": "a.csv", "sha256": "0" * 64, "bytes": 3, "id": "file-1"}
STRICT = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
MCP = {"type": "mcp", "server_label": "wiki"}
EVERY_TOOL: list[dict[str, Any]] = [
    {
        "type": "file_search",
        "vector_stores": [{"id": "vs_9"}],
        "max_num_results": 3,
        "ranking_options": {
            "ranker": "auto",
            "score_threshold": 0.2,
            "hybrid_search": {"embedding_weight": 0.5, "text_weight": 0.5},
        },
        "filters": {"type": "eq", "key": "audience", "value": "public"},
    },
    {"type": "code_interpreter", "files": ["prices.csv"], "memory_limit": "4g", "network_policy": {"type": "disabled"}},
    {"type": "function", "function": {"name": "find"}},
    {"type": "function", "function": {"name": "look_up", "description": "", "parameters": STRICT, "strict": True}},
    {
        **MCP,
        "server_url": "https://mcp.example.com",
        "server_description": "A wiki",
        "allowed_tools": {"tool_names": ["read"], "read_only": True},
        "require_approval": {"never": {"tool_names": ["read"]}},
        "defer_loading": True,
    },
    {
        "type": "web_search",
        "filters": {"allowed_domains": ["example.com"]},
        "search_context_size": "low",
        "user_location": {"type": "approximate", "city": "Oslo"},
        "external_web_access": True,
    },
    {"type": "image_generation"},
    {"type": "tool_search", "execution": "server"},
    {"type": "programmatic_tool_calling"},
]


def bundle(spec: dict[str, Any], description: str = "d", **more: Any) -> dict[str, bytes]:
    return RELEASE.bundle("helper", description=description, **({"spec": spec, "labels": {}, "files": ()} | more))


def request(files: dict[str, bytes]) -> Any:
    return json.loads(files["assistant.json"])["request"]


@pytest.mark.parametrize("example", [0, 1, "tools"])
def test_a_request_is_of_the_sdks_types(tmp_path: Path, example: int | str) -> None:
    tree = Tree(tmp_path)
    for file, text in FILES.items():
        tree.world.write(file, text)
    spec = spec_of(RELEASE, int(example == 1)) | ({"tools": EVERY_TOOL} if example == "tools" else {})
    lowered = substitute(dict(tree.lowered(**spec).spec), lambda ref: f"id of {ref}")
    sent = request(bundle(lowered, labels={"team": "cx"}))
    assert sent["metadata"] == {"team": "cx"}
    assert misfits(sent | {"input": "Hello"}, request_type(CREATE)) == []


def test_a_function_is_not_strict_unless_it_says_so(tmp_path: Path) -> None:
    lowered = Tree(tmp_path).lowered({"type": "function", "function": {"name": "find"}})
    assert lowered.spec["tools"] == [{"type": "function", "name": "find", "parameters": None, "strict": False}]


def test_a_response_format_is_part_of_the_text_settings(tmp_path: Path) -> None:
    named = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": STRICT}}
    text = Tree(tmp_path).lowered(response_format=named, text={"verbosity": "low"}).spec["text"]
    assert text == {
        "verbosity": "low",
        "format": {"type": "json_schema", "name": "answer", "strict": True, "schema": STRICT},
    }


@pytest.mark.parametrize(
    ("places", "right"),
    [
        ({}, False),
        ({"server_url": "https://mcp.example.com"}, True),
        ({"tunnel_id": "tun_1"}, True),
        ({"connector_id": "connector_gmail", "server_url": "https://mcp.example.com"}, False),
    ],
    ids=str,
)
def test_an_mcp_server_is_in_one_place(tmp_path: Path, places: dict[str, str], *, right: bool) -> None:
    expected = [] if right else ["E319 The MCP server 'wiki' needs one address"]
    assert Tree(tmp_path).problems({**MCP, **places}) == expected


@pytest.mark.parametrize("name", ["headers", "authorization"])
def test_a_credential_has_no_place_and_the_message_says_where_it_goes(tmp_path: Path, name: str) -> None:
    tool = {**MCP, "server_url": "https://mcp.example.com", name: "x"}
    assert "No manifest holds a credential" in Tree(tmp_path).details(tool)


@given(
    st.dictionaries(
        st.sampled_from([item.name for item in RELEASE.fields]), JSON.filter(lambda value: value is not None)
    ),
    st.dictionaries(st.text(min_size=1), st.text(), max_size=3),
)
def test_a_bundle_comes_back_as_it_was(spec: dict[str, Any], labels: dict[str, str]) -> None:
    found = RELEASE.unbundle(bundle(spec, labels=labels, files=[FILE]))
    assert found == {"spec": spec, "labels": labels, "files": [FILE]}


def test_what_passes_through_is_in_the_request_and_known_to_be_so() -> None:
    files = bundle({**SPEC, "raw": {"brand_new": 1}})
    assert request(files)["brand_new"] == 1
    found = RELEASE.unbundle(files)
    assert found is not None
    assert found["spec"] == {**SPEC, "raw": {"brand_new": 1}}


def test_the_skill_repeats_the_instructions_for_people() -> None:
    files = bundle(SPEC, description='says "hi": [reconciler …]')
    assert files["SKILL.md"].decode() == (
        '---\nname: helper\ndescription: "says \\"hi\\": [reconciler …]"\n---\n\nBe brief.\n'
    )
    assert sorted(files) == ["SKILL.md", "assistant.json"]
    assert sorted(RELEASE.stub("helper", description="pending")) == ["SKILL.md"]


def test_equal_specs_have_equal_bundles() -> None:
    assert bundle(SPEC) == bundle(dict(reversed(SPEC.items())))


@given(st.dictionaries(st.sampled_from(["assistant.json", "files.json"]), st.binary(max_size=40)))
def test_any_files_are_a_bundle_or_none(files: dict[str, bytes]) -> None:
    assert RELEASE.unbundle(files) is None


@given(JSON, JSON, JSON)
def test_whatever_somebody_wrote_into_a_bundle_is_read(value: Any, raw: Any, listed: Any) -> None:
    content = {"request": {"metadata": value, "tools": value, "x": value}, "raw": raw, "name": value}
    files = {
        "assistant.json": json.dumps(content).encode("utf-8", "surrogatepass"),
        "files.json": json.dumps({"files": listed}).encode("utf-8", "surrogatepass"),
    }
    found = RELEASE.unbundle(files)
    assert found is not None
    assert isinstance(found["labels"], dict)
    assert isinstance(RELEASE.names(found["spec"], found["files"]), list)
    assert RELEASE.unbundle({"assistant.json": b"[" * 100_000}) is None


def test_it_names_every_object_that_it_needs_once() -> None:
    tools = [
        {"type": "file_search", "vector_store_ids": ["vs_1", "vs_2"]},
        {"type": "file_search", "vector_store_ids": ["vs_1", "../x"]},
        {"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["file-1"]}},
        {"type": "code_interpreter", "container": "cntr_1"},
    ]
    listed: list[dict[str, Any]] = [FILE, {"id": "file-2"}, {"id": "../files"}]
    assert RELEASE.names({"tools": tools}, listed) == [
        "/vector_stores/vs_1",
        "/vector_stores/vs_2",
        "/files/file-1",
        "/files/file-2",
    ]


def test_its_description_is_one_line_of_at_most_500_characters() -> None:
    assert (
        RELEASE.describe({"description": "  Answers\n  questions. " + "x" * 600}) == "Answers questions. " + "x" * 481
    )
    assert RELEASE.describe({}) == ""
