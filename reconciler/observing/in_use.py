"""Which kinds to look at: what the manifests want, and what the stack ever had; and what if one cannot be read."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.account.port import Failure, FailureKind
from reconciler.kinds import KINDS
from reconciler.kinds.kind import Kind, TagPlace
from reconciler.model.errors import Stop
from reconciler.observing.look import Look

_NOT_FOR_US = frozenset({FailureKind.REFUSED, FailureKind.PERMISSION})
"""How servers answer at a path that this key may not use; no matter where this stack has and wants nothing."""


async def kinds_in_use(look: Look) -> list[Kind]:
    """Those that can be read, one list after the other. Raises Failure or Stop for what has to be read and cannot."""
    wanted = {item.kind for item in look.scope.desired}
    return [kind for kind in _kinds(look, wanted) if kind.name in wanted or await _is_there(look, kind)]


def _kinds(look: Look, wanted: set[str]) -> list[Kind]:
    """By name. Where there is no record, any kind may show objects of ours: then it was lost."""
    anchor = look.anchor
    had = KINDS.keys() if anchor is None else {*anchor.kinds, *(entry.kind for entry in anchor.inventory)}
    kinds = [KINDS[name] for name in sorted(wanted | had) if name in KINDS]
    return [kind for kind in kinds if kind.tag_place is not TagPlace.ATTACHED]


async def _is_there(look: Look, kind: Kind) -> bool:
    """Whether to look at a kind that no manifest asks for any more: it may have been retired with all it held."""
    scope, anchor = look.scope, look.anchor
    had = [entry.id for entry in look.entries(kind)]
    used = anchor is not None and kind.name in anchor.kinds
    try:
        await look.lists.read(kind)
    except Failure as failure:
        if failure.kind not in _NOT_FOR_US or had or used:
            raise
        return False
    except Stop as stop:
        begun = scope.reviewed and look.unclean and used
        if scope.destroy and (had or begun) and not kind.shut_down:
            raise Stop(stop.code, stop.summary, _left_behind(kind, had)) from stop
        if had:
            look.warn("W303", f"{stop.summary} What this stack had there is out of reach: {', '.join(had[:5])}.")
        return False
    return True


def _left_behind(kind: Kind, had: Sequence[str]) -> str:
    """Why nothing can be destroyed while a collection is not there, and what to do."""
    left = f" ({', '.join(had[:5])})" if had else ""
    return (
        f"What this stack has there{left} would be left behind, and the record of it deleted. Run it again when "
        f"{kind.collection} answers; if it never will, give those resources another runtime, apply, then destroy."
    )
