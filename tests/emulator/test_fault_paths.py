from __future__ import annotations

import pytest

from reconciler.emulator.fault_paths import pattern_of, reaches, shown, steps_of

PATHS = ("/files", "/vector_stores", "/vector_stores/vs_1", "/vector_stores/vs_1/files")


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("/vector_stores", ["/vector_stores"]),
        ("/vector_stores/*", ["/vector_stores/vs_1"]),
        ("/vector_stores/vs_1", ["/vector_stores/vs_1"]),
        ("/vector_stores/vs_*", ["/vector_stores/vs_1"]),
        ("/vector_stores/x*", []),
        ("/vector_stores/**", ["/vector_stores/vs_1", "/vector_stores/vs_1/files"]),
        ("/**/files", ["/files", "/vector_stores/vs_1/files"]),
        ("/**", list(PATHS)),
        ("/*/*/files", ["/vector_stores/vs_1/files"]),
        ("/**/**/files", ["/files", "/vector_stores/vs_1/files"]),
        ("/fi.es", []),
    ],
)
def test_a_pattern_matches_steps_of_a_path(pattern: str, matching: list[str]) -> None:
    compiled = pattern_of(steps_of(pattern))
    assert [path for path in PATHS if compiled.fullmatch(path)] == matching


@pytest.mark.parametrize(
    ("pattern", "reached"),
    [
        ("/vector_stores/vs_1/files", True),
        ("/vector_stores/*/f*", True),
        ("/**/files", True),
        ("/**", True),
        ("/vector_stores/vs_1", False),
        ("/vector_stores/*/x*", False),
        ("/vector_stores/*/files/*", False),
    ],
)
def test_a_pattern_reaches_an_endpoint_whose_ids_may_be_anything(pattern: str, reached: bool) -> None:
    assert reaches(steps_of(pattern), "/vector_stores/{vector_store_id}/files") is reached


def test_an_endpoint_is_shown_as_a_rule_may_name_it() -> None:
    assert shown("GET", "/vector_stores/{vector_store_id}/files") == "GET /vector_stores/*/files"
