"""The JSON form as bytes: the order given, nothing that could fool a terminal."""

import json

import pytest

from reconciler.render.json import render, render_event
from tests.render.plans import HOSTILE, everywhere
from tests.render.test_text import COMMAND


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_parses_back_and_shows_nothing(text: str) -> None:
    written = render(everywhere(text))
    assert json.loads(written) == everywhere(text)
    assert all(char.isprintable() or char in "\n\u3000" for char in written)
    assert not COMMAND.search(written)


def test_keys_keep_their_order_and_letters_stay_readable() -> None:
    assert render({"b": "größe", "a": [1]}) == '{\n  "b": "größe",\n  "a": [\n    1\n  ]\n}\n'


def test_an_event_is_one_line() -> None:
    assert render_event({"event": "step", "step": "a\nb"}) == '{"event": "step", "step": "a\\nb"}'
