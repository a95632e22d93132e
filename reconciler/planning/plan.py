"""Desired and observed → a plan: ordered steps with their edges, replacements, and the safety rules.

Everything is decided here; apply only walks the edges. The same inputs give the same plan, byte for byte.

Edges come from references alone: a step that needs the id of an object waits for the step that creates it, and an
object is deleted only after everything that used it has been moved or deleted. A replacement is "create the new" and
"delete the old", so "create, move the users, delete" falls out of the edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.model.desired import Desired
from reconciler.model.plan import Plan
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.planning.changes import drafts_of
from reconciler.planning.leftovers import leftovers, needed_by_held, with_users
from reconciler.planning.matching import decide_replacement, ids_of, match_of, users_of
from reconciler.planning.order import in_order, with_edges
from reconciler.planning.rules.delete_budget import delete_budget
from reconciler.planning.rules.empty_set import empty_set
from reconciler.planning.rules.only import restrict
from reconciler.planning.rules.upload_limit import upload_limit


def make_plan(desired: Sequence[Desired], snapshot: Snapshot, rules: Rules, *, as_of: str, manifests: str) -> Plan:
    """The plan that makes the account equal to `desired`. `as_of` is today's date (ISO), `manifests` their digest."""
    wanted = [] if rules.destroy else sorted(desired, key=lambda item: item.address)
    here = snapshot.by_address
    matches = [match_of(item, here, snapshot.adoptable) for item in wanted]
    ids = ids_of(matches, snapshot, rules)
    matches = [decide_replacement(match, ids) for match in matches]
    ids = ids_of(matches, snapshot, rules)
    users = users_of(wanted)
    warnings = list(snapshot.warnings)
    drafts = [draft for match in matches for draft in drafts_of(match, ids, snapshot, rules, users, warnings)]
    drafts += leftovers(matches, snapshot, rules, needed_by_held(matches, ids, snapshot, rules), warnings)
    drafts = restrict(drafts, wanted, rules, warnings)
    drafts = empty_set(drafts, wanted, rules)
    drafts = delete_budget(drafts, snapshot, rules)
    drafts = upload_limit(drafts, rules)
    drafts = with_users(drafts, wanted, snapshot)
    drafts.sort(key=lambda draft: (draft.change.address, draft.change.kind))
    return replace(
        plan_of_nothing(snapshot, as_of=as_of, manifests=manifests),
        changes=tuple(draft.change for draft in drafts),
        steps=in_order(with_edges(drafts)),
        warnings=tuple(dict.fromkeys(warnings)),
        known=ids.known,
    )


def plan_of_nothing(snapshot: Snapshot, *, as_of: str, manifests: str) -> Plan:
    """For which stack and account a plan is, without any change."""
    return Plan(
        stack=snapshot.stack,
        environment=snapshot.environment,
        lineage=snapshot.lineage,
        serial=snapshot.serial,
        first_apply=snapshot.first_apply,
        account=snapshot.account,
        manifests=manifests,
        as_of=as_of,
    )
