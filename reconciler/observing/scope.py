"""What to look at, and what one look gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.model.desired import Desired
from reconciler.model.observed import AccountInfo
from reconciler.model.snapshot import Snapshot
from reconciler.ownership.anchor import Anchor, Entry

Refresh = Literal["auto", "full"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What to look at: whose stack in which account, and what the manifests want (to know what need not be read)."""

    account: AccountInfo
    stack: str
    environment: str | None = None
    desired: tuple[Desired, ...] = ()
    anchor: str | None = None
    refresh: Refresh = "auto"
    full: frozenset[str] = frozenset()
    """Ids of objects to read fully, whatever their tags say."""
    reviewed: bool = False
    """Whether somebody decides on the plan, before a run takes the stack: they also hear when models are shut down."""
    destroy: bool = False
    """Whether the record goes as well: then nothing that it knows of may be out of reach."""

    @property
    def owner(self) -> str:
        """The stack's identity in the account: `stack` or `stack/environment`."""
        return self.stack if self.environment is None else f"{self.stack}/{self.environment}"


@dataclass(frozen=True, slots=True)
class Found:
    """The snapshot for planning, and the anchor for applying (None: there is none yet)."""

    snapshot: Snapshot
    anchor: Anchor | None
    inventory: tuple[Entry, ...] = ()
    """What the anchor's inventory should say, by what was seen: after a crash it may lag behind."""
    began: float = 0.0
    """When the reading began, by a clock that never goes back, in seconds."""
