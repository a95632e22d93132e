"""The Tool manifest: a tool with a name, shared by assistants. It lowers to nothing of its own."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.form import Context, Form, Shape
from reconciler.kinds.form_assistant import ASSISTANT_FORM, any_tool_schema
from reconciler.kinds.manifest import Manifest, Reference
from reconciler.kinds.tools import MEANINGS, references
from reconciler.model.desired import Desired
from reconciler.model.json import Json


class ToolForm(Form):
    """What users write as `kind: Tool`. Its users' runtimes check the rest where it is used."""

    name = "Tool"
    title = "tool"
    meanings = MEANINGS
    drawn_as = Shape.PART
    shared = True

    def spec_schema(self, choice: str | None = None) -> dict[str, Json]:
        """Any tool of any runtime."""
        del choice
        return any_tool_schema()

    def lower(self, manifest: Manifest, context: Context) -> Desired | None:
        """Nothing: it is compiled into the assistants that use it."""
        del manifest, context
        return None

    def references(self, manifest: Manifest) -> Iterator[Reference]:
        """The vector stores that it searches."""
        return references(manifest.spec, ("spec",))

    def compiled_into(self) -> str:
        """Assistants."""
        return ASSISTANT_FORM.plural


TOOL_FORM = ToolForm()
