"""Plans and events as JSON: keys in the order given, and no character in it that could fool a terminal or a runner.

The escapes are JSON's own, so what a program parses is the value itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.render import escape


def render_plan(plan: Mapping[str, Any]) -> str:
    """The JSON form of a plan (or of any value), indented, ending with a line break."""
    return escape.json_text(plan, indent=2) + "\n"


def lines(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One line of JSON for each event, without the line break."""
    for event in events:
        yield escape.json_text(event)
