"""One plain line for each event of an apply."""

from typing import Any

import pytest

from reconciler.render.progress import render_event
from tests.render.plans import HOSTILE


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"event": "started", "step": "create A/b"}, "started    create A/b"),
        ({"event": "step", "step": "create A/b", "outcome": "done", "id": "vs_1", "seconds": 0.41}, "done       create A/b  (vs_1, 0.4 s)"),
        ({"event": "step", "step": "update A/b", "outcome": "failed", "error": "No such model."}, "failed     update A/b: No such model."),
        ({"event": "step", "step": "update A/b", "outcome": "skipped", "reason": {"needs": "A/c"}}, 'skipped    update A/b: {"needs": "A/c"}'),
        ({"event": "step", "step": "update A/b", "outcome": "in_doubt", "seconds": 12.4}, "in doubt   update A/b  (12 s)"),
        ({"event": "documents", "address": "V/d", "done": 3, "total": 12, "failed": 0}, "           V/d: 3 of 12 documents"),
        ({"event": "documents", "address": "V/d", "done": 1, "total": 1, "failed": 2}, "           V/d: 1 of 1 document, 2 failed"),
        ({"event": "warning", "summary": "Slow."}, "warning    Slow."),
        ({"event": "summary", "done": 3, "unchanged": 0, "failed": 0, "seconds": 200, "exit_code": 0}, "Apply: 3 done in 3 min 20 s."),
        ({"event": "summary", "done": 0, "in_doubt": 1, "skipped": 2, "exit_code": 3},
         "Apply: 0 done, 2 skipped, 1 in doubt. Exit code 3: incomplete or in doubt; it is safe to run again."),
        ({"event": "summary", "done": 1, "exit_code": 99}, "Apply: 1 done. Exit code 99: see the documentation."),
        ({"event": "heartbeat"}, ""),
    ],
)  # fmt: skip
def test_an_event_is_a_line(event: dict[str, Any], line: Any) -> None:
    assert render_event(event) == line


def test_colour_is_on_the_outcome() -> None:
    assert (
        render_event({"event": "step", "step": "create A/b", "outcome": "done"}, color=True)
        == "\x1b[32mdone     \x1b[0m  create A/b"
    )


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_on_its_line(text: str) -> None:
    events = [
        {"event": "started", "step": text},
        {"event": "step", "step": text, "outcome": text, "error": text, "id": text},
        {"event": "documents", "address": text},
        {"event": "warning", "summary": text},
    ]
    for event in events:
        line = render_event(event)
        assert line is not None
        assert all(char.isprintable() or char == "\u3000" for char in line)
        assert not line.lstrip().startswith("::")
