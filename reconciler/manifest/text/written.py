"""A value with the places of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model.address import Span
from reconciler.model.json import Json, Path


@dataclass(frozen=True, slots=True)
class Written:
    """A document as written: its value, where each value starts (`spans`), and where each mapping key stands (`keys`).

    The empty path is the document; patches and included files make it come from several files. A value that comes
    through an alias has the alias's position; what is inside it, the position at the anchor.
    """

    value: Json
    spans: Mapping[Path, Span]
    keys: Mapping[Path, Span]

    def span(self, path: Path) -> Span | None:
        """Where a value stands, or the nearest one around it."""
        while path and path not in self.spans:
            path = path[:-1]
        return self.spans.get(path)

    def key(self, path: Path) -> Span | None:
        """Where a mapping key stands."""
        return self.keys.get(path)
