"""Trees of a few manifests, and what becomes of them: the resource, or the problems as people read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.manifest.load.loader import load
from reconciler.model.desired import Desired
from reconciler.model.diagnostics import Rejected
from tests.acceptance.world import World


class Tree:
    """One assistant called `helper` on a runtime, with whatever else stands in the tree."""

    def __init__(self, root: Path, runtime: str = "responses") -> None:
        self.world = World.new(root, profile="compatible")
        self.runtime = runtime

    def tool(self, name: str, **spec: Any) -> None:
        self.world.manifest("Tool", name, spec)

    def helper(self, *tools: dict[str, Any], **spec: Any) -> None:
        more = {"tools": list(tools)} if tools else {}
        self.world.assistant("helper", self.runtime, **{"model": "gpt-6.1-terra", **more, **spec})

    def lowered(self, *tools: dict[str, Any], **spec: Any) -> Desired:
        """What the assistant lowers to."""
        self.helper(*tools, **spec)
        return next(item for item in load(self.world.root).desired if item.address.kind == "Assistant")

    def problems(self, *tools: dict[str, Any], **spec: Any) -> list[str]:
        """`code summary` of everything that is wrong."""
        self.helper(*tools, **spec)
        return self.found()

    def found(self) -> list[str]:
        """The problems of the tree as it stands."""
        try:
            load(self.world.root)
        except Rejected as rejected:
            return [f"{item.code} {item.summary}" for item in rejected.diagnostics]
        return []

    def details(self, *tools: dict[str, Any], **spec: Any) -> str:
        """The advice that goes with them."""
        self.helper(*tools, **spec)
        try:
            load(self.world.root)
        except Rejected as rejected:
            return " ".join(item.detail for item in rejected.diagnostics)
        return ""
