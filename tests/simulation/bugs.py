"""Bugs planted into the real code: a harness that does not catch them proves nothing.

Each one replaces functions, methods or constants of the reconciler by wrong ones, and says where that shows and which
invariants it may break there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from reconciler.account import limiter, looks, outcomes, paging
from reconciler.apply import conclude, healing, lifecycle
from reconciler.apply.documents import attaching, processing
from reconciler.apply.documents import rolling as documents
from reconciler.apply.options import Conclusion
from reconciler.apply.run import Run
from reconciler.apply.steps import creation, tagged
from reconciler.apply.steps import journalled as heal
from reconciler.apply.uploads import uploading as uploads
from reconciler.commands import plan as plan_command
from reconciler.emulator import Profile
from reconciler.emulator.faults import Effect, Fault
from reconciler.kinds.kind import Kind
from reconciler.observing import observer
from reconciler.ownership import anchor, record, taking
from reconciler.ownership import tags as tagging
from reconciler.ownership.journal import Journal
from reconciler.ownership.lease import Lease
from reconciler.planning import order, plan, replacing, updating
from reconciler.review import approvals, planfile
from tests.simulation import hunts
from tests.simulation import mutations as wrong
from tests.simulation.history import Position
from tests.simulation.hunts import LOST, Hunt
from tests.simulation.people import Deed

Patch = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Bug:
    """What is wrong, which invariants may show it, the wrong code, and where to look."""

    name: str
    invariants: frozenset[int]
    hunt: Hunt
    patches: tuple[Patch, ...]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Inside, the code is wrong. What is replaced has to be there."""
        with ExitStack() as stack:
            for owner, name, version in self.patches:
                stack.callback(setattr, owner, name, vars(owner)[name])
                setattr(owner, name, version)
            yield


def _bug(name: str, invariants: set[int], hunt: Hunt, *patches: Patch) -> Bug:
    return Bug(name, frozenset(invariants), hunt, patches)


def _status(status: int, **more: Any) -> Fault:
    return Fault(Effect.STATUS, status=status, **more)


DROPPED = Fault(Effect.DROPPED)
READS = r"GET /(agents|vector_stores|assistants|skills)/[^/]+"
COMPATIBLE = Profile.COMPATIBLE

BUGS: tuple[Bug, ...] = (
    # --- creation
    _bug(
        "the SDK's retries on",
        {2, 11},
        Hunt("first apply", r"POST /agents", LOST),
        (limiter, "_repeatable", wrong.retries_everything),
    ),
    _bug(
        "an ambiguous creation is sent again at once",
        {2},
        Hunt("first apply", r"POST /agents", LOST),
        (creation, "_look", wrong.no_settling),
    ),
    _bug(
        "a look that began too early is the last",
        {2},
        Hunt(hunts.slow_lists),
        (looks.Looks, "again", wrong.again_until_it_is_over),
    ),
    _bug(
        "a 5xx is taken for a definite answer",
        {2},
        Hunt("first apply", r"POST /agents", _status(503, executed=True)),
        (outcomes, "_judge", wrong.definite(500, 502, 503, 504)),
    ),
    _bug(
        "a 409 is taken for a definite answer",
        {15},
        Hunt("first apply", r"POST /files", _status(409, executed=True)),
        (outcomes, "_judge", wrong.definite(409)),
    ),
    _bug("two attempts share an op", {11}, Hunt("first apply"), (Run, "op", wrong.same_op)),
    _bug("no confirmation: ready at once", {5}, Hunt("first apply"), (tagged, "_tags", wrong.always_ready)),
    _bug(
        "an upload is adopted by name and size",
        {1, 3, 7, 10},
        Hunt("first apply", r"GET /vector_stores/[^/]+/files", Deed("twin")),
        (uploads, "_in_one_request", wrong.adopts_upload),
    ),
    # --- reading
    _bug(
        "one order of a list is trusted",
        {2},
        Hunt(hunts.hidden_order),
        (observer._Observer, "_something_missing", lambda *_: False),
    ),
    _bug("what no list shows is not there", {2}, Hunt(hunts.hidden_lists), (observer._Observer, "_get", wrong.no_get)),
    _bug("an empty page ends a list", {15}, Hunt(hunts.bad_pages(Effect.EMPTY)), (paging, "_page", wrong.empty_ends)),
    _bug("the first page is the list", {15}, Hunt(hunts.bad_pages(Effect.SHORT)), (paging, "_page", wrong.page_is_all)),
    _bug(
        "the lineage is not compared",
        {1, 3, 4, 6},
        Hunt("one resource less", r"GET /vector_stores", Deed("move_in", 1), COMPATIBLE),
        (observer._Observer, "_mine", wrong.mine_by_name),
        (Run, "ours", wrong.without_lineage),
    ),
    _bug(
        "the stack is compared by its beginning",
        {7},
        Hunt("first apply"),
        (tagging, "decode", wrong.prefix_is_enough),
    ),
    # --- planning
    _bug(
        "the old one goes before the new one is there",
        {10},
        Hunt("an expired store is replaced"),
        (replacing, "deletions", wrong.without_needs),
        (order._Uses, "lets_go", lambda *_: False),
    ),
    _bug("of two the oldest stays", {4, 10}, Hunt(hunts.double_pending), (plan, "match_of", wrong.oldest_first)),
    _bug(
        "a confirmed double is deleted",
        {4, 10},
        Hunt("prompts change", r"GET /agents", Deed("copy", 0)),
        (plan, "match_of", wrong.rivals_go),
    ),
    _bug(
        "what moves into another runtime goes once its successor was begun",
        {10},
        Hunt("renamed into another runtime", r"POST /skills", Position.AFTER),
        (plan, "match_of", wrong.only_same_kind_waits),
    ),
    # --- evidence
    _bug(
        "no evidence before an update",
        {1, 3},
        Hunt("prompts change", r"GET /agents/[^/]+", Deed("strip", 0)),
        (Run, "ours", wrong.trusting),
    ),
    _bug(
        "no evidence before a deletion",
        {1},
        Hunt("one resource less", profile=COMPATIBLE),
        (tagged, "_delete_one", wrong.deletes_unseen),
    ),
    _bug(
        "other people's labels are removed",
        {3},
        Hunt("drift is repaired", profile=COMPATIBLE),
        (tagged, "our_labels", wrong.every_label),
    ),
    # --- documents
    _bug(
        "nothing is journalled before a deletion",
        {15},
        Hunt("documents change", r"DELETE /vector_stores/.*", Position.AFTER),
        (Journal, "deleting", wrong.no_journal),
    ),
    _bug(
        "what the journal names is forgotten",
        {15},
        Hunt("documents change", r"DELETE /vector_stores/.*", Position.AFTER),
        (healing, "clear_journal", wrong.journal_is_old),
    ),
    _bug(
        "the old document goes before the new one is ready",
        {5},
        Hunt("documents change"),
        (documents, "wait", wrong.no_waiting),
    ),
    _bug("the old document goes first", {5}, Hunt("documents change"), (tagged, "roll_out", wrong.old_first)),
    _bug("the tag comes before the documents", {5}, Hunt("first apply"), (tagged, "roll_out", wrong.tag_first)),
    _bug(
        "the batch's own status is trusted",
        {5, 7},
        Hunt("first apply", r"POST /vector_stores/[^/]+/file_batches", DROPPED),
        (attaching, "_attach_group", wrong.trusts_batch),
        (processing, "_missed", lambda *_: ""),
    ),
    _bug("other people's documents are removed", {3}, Hunt("guests"), (documents, "_surplus", wrong.strangers_too)),
    _bug(
        "what was sent is not compared with the plan",
        {7},
        Hunt(hunts.changing_file),
        (uploads, "_in_one_request", wrong.sends_anything),
    ),
    # --- the stack's record
    _bug(
        "no lease",
        {2, 3, 7},
        Hunt(hunts.two_at_once, seeds=10),
        (taking, "_held_by_another", lambda *_: False),
        (taking, "_read_back", wrong.no_look),
        (taking, "run_state", lambda _: ()),
        (record, "run_state", lambda _: ()),
        (Lease, "_read", wrong.whoever_has_it),
    ),
    _bug(
        "no heartbeat",
        {2},
        Hunt(hunts.overtaken),
        (Lease, "_beat", wrong.no_beat),
        (Lease, "confirm", wrong.reads_only),
    ),
    _bug(
        "a dead run is waited for for ever",
        {6},
        Hunt("prompts change", r"POST /agents/[^/]+", Position.AFTER),
        (taking, "TAKEOVER", 10**9),
    ),
    _bug(
        "no wait after an unclean run", {2}, Hunt(hunts.interrupted), (Lease, "seconds_to_settle", lambda _: -math.inf)
    ),
    _bug(
        "what was read before the wait was over counts",
        {2},
        Hunt(hunts.interrupted, r"GET /models", Fault(Effect.STATUS, status=429, headers={"retry-after": "90"})),
        (Lease, "seconds_to_settle", wrong.only_what_is_left),
    ),
    _bug(
        "the wait is over, and the old plan is carried out",
        {2},
        Hunt(hunts.interrupted, seeds=2),
        (lifecycle, "_settle_earlier", wrong.as_planned_before),
    ),
    _bug(
        "every run counts as a clean one",
        {7},
        Hunt(hunts.failing_step),
        (Lease, "release", wrong.counts_always),
    ),
    # --- ends
    _bug(
        "exit 0 without reading back",
        {7},
        Hunt("prompts change", READS, Deed("edit", 0)),
        (conclude, "_read_back", wrong.no_read_back),
    ),
    _bug("a failed step does not show", {7}, Hunt(hunts.failing_step), (Conclusion, "worsen", wrong.never_worse)),
    _bug("a saved plan approves everything", {4, 10}, Hunt(hunts.saved), (approvals, "check_approved", wrong.approves)),
    _bug(
        "a saved plan approves what happened since",
        {4},
        Hunt(hunts.saved_too_long),
        (approvals, "check_approved", wrong.approves),
    ),
    _bug(
        "the stack is touched before the rules are asked",
        {9},
        Hunt(hunts.forbidden),
        (plan_command, "observe", wrong.touching),
    ),
    _bug("a plan depends on chance", {13}, Hunt(hunts.planned), (planfile, "_upload_bytes", wrong.chance)),
    _bug("a plan writes", {8}, Hunt(hunts.planned), (plan_command, "observe", wrong.touching)),
    _bug("ignored fields are restored", {3}, Hunt(hunts.left_alone), (updating, "diff", wrong.minds_everything)),
    _bug("ignored labels are sent along", {3}, Hunt(hunts.left_alone), (tagged, "diff", wrong.minds_everything)),
    _bug(
        "ignored documents are attached again",
        {3},
        Hunt(hunts.left_alone),
        (updating, "_is_ignored", lambda *_: False),
    ),
    _bug("--only does everything", {10}, Hunt(hunts.only_one), (plan, "restrict", lambda drafts, *_: drafts)),
    _bug(
        "the record goes while something is out of reach",
        {10},
        Hunt(hunts.out_of_reach),
        (Kind, "shut_down", True),
    ),
    _bug(
        "errors are quoted as they are",
        {14},
        Hunt(hunts.failing_step),
        (outcomes.Redaction, "__call__", wrong.quotes),
    ),
    _bug(
        "a limit is run against without end",
        {12},
        Hunt(hunts.refused_for_ever),
        (limiter, "RETRIES", 60),
        (limiter, "BUDGET", 10**6),
    ),
    _bug(
        "the anchor's inventory is not kept",
        {7},
        Hunt("prompts change"),
        (anchor.Anchor, "with_entry", lambda self, _: self),
    ),
    _bug("references are all the same", {6, 7}, Hunt("everything at once"), (Run, "resolve", wrong.first_id)),
    _bug(
        "the journal says what is used",
        {10, 15},
        Hunt("documents change", r"POST /vector_stores/[^/]+", Position.AFTER),
        (heal._Uses, "user", wrong.never_used),
    ),
)
