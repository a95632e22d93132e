"""What one look at the account found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.model.address import Address
from reconciler.model.observed import AccountInfo, Observed, created_at
from reconciler.model.plan import Notice


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What observe found. `objects` are ours by their evidence; `adoptable` the live objects that manifests name by id.

    `lineage` is empty on a first apply. `unclean`: the last run did not end. `verified` says by object id how its
    documents were checked: `tag` or `full`. `inventory` is what the anchor says: (kind, address, id). `models` says
    when models are shut down (ISO date, or None), as far as the account tells.
    """

    account: AccountInfo
    stack: str
    environment: str | None = None
    lineage: str = ""
    serial: int = 0
    first_apply: bool = False
    unclean: bool = False
    objects: tuple[Observed, ...] = ()
    adoptable: Mapping[str, Observed] = field(default_factory=dict)
    verified: Mapping[str, str] = field(default_factory=dict)
    holds: Mapping[Address, str] = field(default_factory=dict)
    inventory: tuple[tuple[str, Address, str], ...] = ()
    warnings: tuple[Notice, ...] = ()
    models: Mapping[str, str | None] = field(default_factory=dict)
    _at: dict[Address, list[Observed]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def by_address(self) -> Mapping[Address, Sequence[Observed]]:
        """Our live objects by address, oldest first; sorted once."""
        if not self._at:
            for item in sorted(self.objects, key=age):
                if item.tags is not None:
                    self._at.setdefault(item.tags.address, []).append(item)
        return self._at

    def of(self, address: Address) -> Sequence[Observed]:
        """Our live objects at an address, oldest first."""
        return self.by_address.get(address, ())


def age(item: Observed) -> tuple[int, str]:
    """Sorts live objects, the oldest first."""
    return (created_at(item.raw), item.id)
