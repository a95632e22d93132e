"""Anything as JSON: keys in the order given, and no character in it that could fool a terminal or a runner.

The escapes are JSON's own, so what a program parses is the value itself.
"""

from typing import Any

from reconciler.render import escape


def render(body: Any) -> str:
    """The JSON form of a plan or of anything else, indented, ending with a line break."""
    return escape.json_text(body, indent=2) + "\n"


def render_event(event: Any) -> str:
    """One line of JSON, without the line break."""
    return escape.json_text(event)
