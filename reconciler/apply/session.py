"""A tree, an account, and how a command treats them."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from reconciler.account.port import Account, Clock
from reconciler.manifest.load.loader import Loaded
from reconciler.model.observed import AccountInfo
from reconciler.model.rules import Rules
from reconciler.observing.scope import Refresh, Scope
from reconciler.ownership.liveness import Liveness, Unknown
from reconciler.ownership.taking import SERVICE, Timing


@dataclass(frozen=True, slots=True)
class Session:
    """A tree, an account, and how to treat it. `settle` and `file_deadline` are in seconds, `as_of` is an ISO date."""

    loaded: Loaded
    account: Account
    info: AccountInfo
    clock: Clock
    random: Random
    as_of: str
    rules: Rules
    refresh: Refresh = "auto"
    revision: str = ""
    settle: float = 60.0
    file_deadline: float = 600.0
    deadline: float | None = None
    """When an apply winds down, on the clock's monotonic scale; the account has to bear with it for a while longer."""
    timing: Timing = SERVICE
    liveness: Liveness = field(default_factory=Unknown)

    def scope(
        self,
        *,
        destroy: bool = False,
        refresh: Refresh | None = None,
        full: frozenset[str] = frozenset(),
        anchor: str | None = None,
        reviewed: bool = False,
    ) -> Scope:
        """What to observe; `anchor` is the anchor's id where that is known from elsewhere than the stack."""
        stack = self.loaded.stack
        return Scope(
            self.info,
            stack.name,
            self.loaded.environment,
            () if destroy else self.loaded.desired,
            stack.anchor or anchor,
            refresh or self.refresh,
            full,
            reviewed,
            destroy,
        )

    def hex(self, digits: int) -> str:
        """Random hex digits."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"
