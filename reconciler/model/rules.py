"""What a run allows."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.model.address import Address


@dataclass(frozen=True, slots=True)
class Rules:
    """What a run allows. `allow_deletes` overrides both delete limits; `only` restricts to addresses, never deletes."""

    max_deletes: int = 5
    max_delete_percent: int = 20
    max_upload_bytes: int = 2 * 1024**3
    allow_deletes: int | None = None
    prune: bool = True
    only: frozenset[Address] = frozenset()
    destroy: bool = False
    roll_forward: bool = False
