"""Assistants of the v2 API: what is lowered is what it takes, and what it answers is what was sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds.assistant import ASSISTANT
from reconciler.model.json import substitute
from tests.kinds.sdk import misfits, request_type
from tests.kinds.subjects import FILES, spec_of
from tests.kinds.trees import Tree

CREATE = "beta.assistant_create_params.AssistantCreateParams"


@pytest.mark.parametrize("example", [0, 1])
def test_requests_are_of_the_sdks_types(tmp_path: Path, example: int) -> None:
    tree = Tree(tmp_path, "assistants")
    for file, text in FILES.items():
        tree.world.write(file, text)
    spec = substitute(dict(tree.lowered(**spec_of(ASSISTANT, example)).spec), lambda ref: f"id of {ref}")
    assert misfits(ASSISTANT.encode(spec, list(spec)), request_type(CREATE)) == []


def test_a_search_has_its_options_in_the_tool_and_its_stores_beside_it(tmp_path: Path) -> None:
    search = {"type": "file_search", "vector_stores": [{"id": "vs_9"}]}
    tree = Tree(tmp_path, "assistants")
    spec = tree.lowered({**search, "max_num_results": 3}).spec
    assert spec["tools"] == [{"type": "file_search", "file_search": {"max_num_results": 3}}]
    assert spec["tool_resources"] == {"file_search": {"vector_store_ids": ["vs_9"]}}
    assert tree.lowered(search).spec["tools"] == [{"type": "file_search"}]


def test_more_than_one_store_is_refused(tmp_path: Path) -> None:
    two = {"type": "file_search", "vector_stores": [{"id": "vs_1"}, {"id": "vs_2"}]}
    (problem,) = Tree(tmp_path, "assistants").problems(two)
    assert "vector_stores" in problem


def test_an_effort_is_a_field_of_its_own(tmp_path: Path) -> None:
    assert Tree(tmp_path, "assistants").lowered(reasoning={"effort": "low"}).spec["reasoning_effort"] == "low"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ({"type": "code_interpreter"}, {"type": "code_interpreter"}),
        (
            {"type": "function", "function": {"name": "f"}},
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": None,
                    "strict": False,
                    "parameters": {"type": "object", "properties": {}},
                },
            },
        ),
        (
            {"type": "file_search"},
            {
                "type": "file_search",
                "file_search": {"ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0}},
            },
        ),
        (
            {"type": "file_search", "file_search": {"ranking_options": {"score_threshold": 0.5}}},
            {"type": "file_search", "file_search": {"ranking_options": {"ranker": "auto", "score_threshold": 0.5}}},
        ),
    ],
)
def test_what_the_server_fills_in_is_no_difference(sent: Any, answered: Any) -> None:
    assert ASSISTANT.normalise({"tools": [sent]}) == ASSISTANT.normalise({"tools": [answered]})


def test_resources_that_say_nothing_are_no_difference() -> None:
    empty = {"code_interpreter": {"file_ids": []}, "file_search": {"vector_store_ids": []}, "more": "x"}
    assert ASSISTANT.normalise({"tool_resources": empty}) == ASSISTANT.normalise({"tool_resources": {}})
    assert ASSISTANT.normalise({"tool_resources": None}) == {"tool_resources": None}


def test_its_files_are_those_of_the_code_interpreter() -> None:
    raw = {"tool_resources": {"code_interpreter": {"file_ids": ["file-1", 3, "file-2"]}}}
    assert ASSISTANT.file_ids(raw) == ["file-1", "file-2"]
    assert ASSISTANT.file_ids({"tool_resources": None}) == []
