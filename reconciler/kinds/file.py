"""An uploaded File that an assistant's code interpreter reads.

Files carry no tags at all: which file an id stands for is known from the release's own `files.json`, or from the
anchor's inventory. A File never changes; another content or name is another File.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.kinds.field import Field
from reconciler.kinds.kind import DocumentKind
from reconciler.model.desired import Document
from reconciler.model.json import Json
from reconciler.model.observed import Attachment
from reconciler.model.reasons import ReasonCode


class File(DocumentKind):
    """A File of the account that belongs to one assistant."""

    name = "file"
    title = "file"
    form = "Assistant"
    collection = "/files"
    fields = (
        Field("path", None, replaces=True),
        Field("sha256", None, replaces=True),
        Field("name", None, replaces=True),
    )

    def read(self, raw: Mapping[str, Json]) -> Attachment:
        """A File says nothing but its name; what it is stands elsewhere."""
        return Attachment(str(raw["id"]), None, None, str(raw.get("filename")))

    def difference(self, document: Document, live: Attachment) -> ReasonCode | None:
        """Why the live file is not the document; the inventory keeps a digest's start and no name."""
        if live.status == "missing":
            return ReasonCode.MISSING
        if not live.sha256 or not document.sha256.startswith(live.sha256):
            return ReasonCode.CONTENT
        return ReasonCode.NAME if live.name not in {None, document.name} else None


FILE = File()
