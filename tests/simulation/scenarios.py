"""What a process was about to do when something happened to it: the situations that are tried exhaustively."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.emulator import Profile
from reconciler.emulator.faults import Effect, Fault
from reconciler.model.address import Address
from tests.simulation.designs import Design, Helper, Paper, Shelf
from tests.simulation.history import Crash, Position, Process, Role
from tests.simulation.people import Deed
from tests.simulation.play import TAKEOVER, Episode, Life, Played, play
from tests.simulation.stage import ADOPTABLE_AGENT, ADOPTABLE_STORE, Start

RUNTIME = {Profile.OPENAI: "responses", Profile.COMPATIBLE: "assistants"}
"""What realises the helper in each kind of account."""
SEED = 1
EXPIRY = 8 * 86_400.0
"""Virtual seconds after which a shelf with seven days has expired."""

RETURNS, SHIPPING, WARRANTY = Paper("returns.md"), Paper("shipping.md"), Paper("warranty.md")
PRICES = Paper("prices.csv")
SHELF = Shelf("handbook", (RETURNS, SHIPPING))
WRITER = Helper("writer", "agents")


@dataclass(frozen=True, slots=True)
class Scenario:
    """`before` has happened; then `struck` is under way. `final` is what has to be reached."""

    before: tuple[Episode, ...]
    struck: Episode
    final: Design

    def life(self, profile: Profile, start: Start | None = None, seed: int = SEED) -> Life:
        """With something happening to the struck run."""
        struck = self.struck if start is None else replace(self.struck, start=start)
        return Life(seed, profile, (*self.before, struck), self.final)

    def process(self, played: Played) -> Process:
        """The run that was struck."""
        return played.history.processes[len(self.before)]


def _helper(profile: Profile) -> Helper:
    return Helper("helper", RUNTIME[profile], shelves=("handbook",), files=(PRICES,))


def small(profile: Profile) -> Design:
    """A store with two documents, a helper that searches it and computes with a file, and a saved agent."""
    return Design((SHELF,), (_helper(profile), WRITER))


def _applied(design: Design, idle: float = 0.0) -> Episode:
    return Episode(Role.APPLY, design, idle=idle)


def _change(before: Design, after: Design) -> Scenario:
    return Scenario((_applied(before),), _applied(after), after)


def _first(profile: Profile) -> Scenario:
    return Scenario((), _applied(small(profile)), small(profile))


def _prompt(profile: Profile) -> Scenario:
    after = small(profile).with_piece(replace(_helper(profile), prompt=2)).with_piece(replace(WRITER, prompt=2))
    return _change(small(profile), after)


def _documents(profile: Profile) -> Scenario:
    papers = (replace(RETURNS, edition=2), WARRANTY)
    return _change(small(profile), small(profile).with_piece(replace(SHELF, papers=papers)))


def _attributes(profile: Profile) -> Scenario:
    return _change(small(profile), small(profile).with_piece(replace(SHELF, audience=2, title=2)))


def _replacement(profile: Profile) -> Scenario:
    design = small(profile).with_piece(replace(SHELF, days=7))
    return Scenario((_applied(design),), _applied(design, idle=EXPIRY), design)


def _destroy(profile: Profile) -> Scenario:
    gone = Design(destroyed=True)
    return Scenario((_applied(small(profile)),), Episode(Role.DESTROY, gone), gone)


def _rename(profile: Profile) -> Scenario:
    shelf = replace(SHELF, name="manual", moved_from="handbook", home="handbook")
    helper = replace(_helper(profile), name="guide", moved_from="helper", home="helper", shelves=("manual",))
    if RUNTIME[profile] == "responses":
        helper = _helper(profile)  # a skill is never renamed in the account, but its address may change
        helper = replace(helper, name="guide", moved_from="helper", home="helper", shelves=("manual",))
    return _change(small(profile), Design((shelf,), (helper, WRITER)))


def _runtime(profile: Profile) -> Scenario:
    return _change(small(profile), small(profile).with_piece(Helper("helper", "agents")))


def _runtime_back(profile: Profile) -> Scenario:
    return _change(small(profile).with_piece(Helper("helper", "agents")), small(profile))


def _adopt(profile: Profile) -> Scenario:
    shelf = replace(SHELF, adopt=ADOPTABLE_STORE)
    return _scenario_of_one(Design((shelf,), (replace(WRITER, adopt=ADOPTABLE_AGENT), _helper(profile))))


def _scenario_of_one(design: Design) -> Scenario:
    return Scenario((), _applied(design), design)


def _retain(profile: Profile) -> Scenario:
    before = Design((replace(SHELF, retain=True),), (replace(_helper(profile), retain=True), WRITER))
    return _change(before, Design((), (WRITER,)))


def _destroy_retained(profile: Profile) -> Scenario:
    before = Design((replace(SHELF, retain=True),), (replace(_helper(profile), retain=True), WRITER))
    gone = Design(destroyed=True)
    return Scenario((_applied(before),), Episode(Role.DESTROY, gone), gone)


def _files(profile: Profile) -> Scenario:
    files = (replace(PRICES, edition=2), Paper("stock.csv"))
    return _change(small(profile), small(profile).with_piece(replace(_helper(profile), files=files)))


def _no_files(profile: Profile) -> Scenario:
    return _change(small(profile), small(profile).with_piece(replace(_helper(profile), files=())))


def _rollback(profile: Profile) -> Scenario:
    helper = Helper("helper", "responses", shelves=("handbook",), files=(PRICES,))
    first = Design((SHELF,), (helper, WRITER))
    second = first.with_piece(replace(helper, prompt=2))
    start = Start(address=Address("Assistant", "helper"))
    del profile
    return Scenario((_applied(first), _applied(second)), Episode(Role.ROLLBACK, second, start), second)


def _one_less(profile: Profile) -> Scenario:
    return _change(small(profile), small(profile).without(_helper(profile)))


def _store_less(profile: Profile) -> Scenario:
    return _change(small(profile), small(profile).without(SHELF))


def _repair(profile: Profile) -> Scenario:
    deeds = (Deed("edit", 0), Deed("edit", 1), Deed("edit", 2), Deed("detach"), Deed("label", 1))
    touched = Episode(Role.PLAN, small(profile), Start(deeds={1: deeds}))
    return Scenario((_applied(small(profile)), touched), _applied(small(profile)), small(profile))


def _recreate(profile: Profile) -> Scenario:
    deeds = (Deed("strip", 1), Deed("delete", 1), Deed("unfile", 1))
    touched = Episode(Role.PLAN, small(profile), Start(deeds={1: deeds}))
    return Scenario((_applied(small(profile)), touched), _applied(small(profile)), small(profile))


def _doubles(profile: Profile) -> Scenario:
    """A proxy sent a creation twice, and the process died: two that nobody confirmed."""
    twice = dict.fromkeys(range(4, 14), Fault(Effect.TWICE))
    died = Episode(Role.APPLY, small(profile), Start(Crash(18, Position.AFTER), faults=twice))
    return Scenario((died,), _applied(small(profile), idle=700.0), small(profile))


def _half_made(profile: Profile) -> Scenario:
    died = Episode(Role.APPLY, small(profile), Start(Crash(24, Position.AFTER)))
    gone = Design(destroyed=True)
    return Scenario((died,), Episode(Role.DESTROY, gone, idle=700.0), gone)


def _half_replaced(profile: Profile) -> Scenario:
    design = small(profile).with_piece(replace(SHELF, days=7))
    died = Episode(Role.APPLY, design, Start(Crash(30, Position.AFTER)), idle=EXPIRY)
    return Scenario((_applied(design), died), _applied(design, idle=700.0), design)


def _unclean(profile: Profile) -> Scenario:
    after = small(profile).with_piece(replace(_helper(profile), prompt=2))
    died = Episode(Role.APPLY, after, Start(Crash(16, Position.AFTER)))
    return Scenario((_applied(small(profile)), died), _applied(after, idle=700.0), after)


def _guests(profile: Profile) -> Scenario:
    """Somebody attached a document of theirs, and an object of another lineage stands about."""
    deeds = (Deed("attach"), Deed("move_in"))
    touched = Episode(Role.PLAN, small(profile), Start(deeds={1: deeds}))
    after = small(profile).with_piece(replace(SHELF, papers=(replace(RETURNS, edition=2), SHIPPING)))
    return Scenario((_applied(small(profile)), touched), _applied(after), after)


def _protection(profile: Profile) -> Scenario:
    before = Design((replace(SHELF, protect=True),), (replace(_helper(profile), protect=True), WRITER))
    return _change(before, small(profile))


def _many(profile: Profile) -> Scenario:
    """Two shelves, two helpers that search both; everything changes at once."""
    other = Shelf("catalogue", (Paper("a.md"), Paper("b.md"), Paper("c.md")))
    both = ("catalogue", "handbook") if profile is Profile.OPENAI else ("handbook",)  # v2 assistants search one
    helper = Helper("helper", RUNTIME[profile], shelves=both)
    guide = Helper("guide", RUNTIME[profile], shelves=("catalogue",), files=(PRICES,))
    before = Design((other, SHELF), (guide, helper))
    changed = replace(other, papers=(Paper("a.md", 2), Paper("d.md")))
    return _change(before, Design((changed,), (replace(guide, prompt=3), replace(helper, shelves=("catalogue",)))))


def _told_once(profile: Profile) -> Scenario:
    """The rename dies, and the manifest that is applied next does not say any more what the helper was called."""
    after = replace(_helper(profile), name="guide", moved_from="helper", home="helper")
    final = small(profile).without(_helper(profile)).with_piece(replace(after, moved_from=None))
    return Scenario(
        (_applied(small(profile)),), _applied(small(profile).without(_helper(profile)).with_piece(after)), final
    )


def _adopted_expires(profile: Profile) -> Scenario:
    design = Design((replace(SHELF, adopt=ADOPTABLE_STORE, days=7),), (_helper(profile), WRITER))
    return Scenario((_applied(design),), _applied(design, idle=EXPIRY), design)


def _moved_expires(profile: Profile) -> Scenario:
    """What expired was protected, and gets another name in the run that replaces it."""
    shelf = replace(SHELF, name="manual", moved_from="handbook", home="handbook")
    helper = replace(_helper(profile), shelves=("manual",))
    before = small(profile).with_piece(replace(SHELF, days=7, protect=True))
    after = Design((shelf,), (helper, WRITER))
    return Scenario((_applied(before),), _applied(after, idle=EXPIRY), after)


def _renamed_runtimes(profile: Profile) -> Scenario:
    """Two helpers get another name and another runtime, each the other's."""
    guide = Helper("guide", "agents", moved_from="helper", home="helper")
    author = Helper("author", RUNTIME[profile], moved_from="writer", home="writer")
    return _change(small(profile), Design((SHELF,), (author, guide)))


def _documents_come(profile: Profile) -> Scenario:
    return _change(small(profile).with_piece(replace(SHELF, papers=())), small(profile))


def _documents_go(profile: Profile) -> Scenario:
    return _change(small(profile), small(profile).with_piece(replace(SHELF, papers=())))


def _renamed_and_edited(profile: Profile) -> Scenario:
    papers = (replace(RETURNS, edition=2), WARRANTY)
    shelf = replace(SHELF, name="manual", moved_from="handbook", home="handbook", title=2, papers=papers)
    helper = replace(_helper(profile), name="guide", moved_from="helper", home="helper", shelves=("manual",), prompt=2)
    return _change(small(profile), Design((shelf,), (helper, WRITER)))


def _other_name(profile: Profile) -> Scenario:
    """The same documents under another name, and nobody says that they were moved: one store goes, another comes."""
    shelf = replace(SHELF, name="manual", home="handbook")
    return _change(small(profile), Design((shelf,), (replace(_helper(profile), shelves=("manual",)), WRITER)))


def _shared_documents(profile: Profile) -> Scenario:
    """Two stores show the same files; one of the files changes, and one of the stores loses the other."""
    other = replace(SHELF, name="manual", home="handbook")
    before = small(profile).with_piece(other)
    papers = (replace(RETURNS, edition=2), SHIPPING)
    after = small(profile).with_piece(replace(SHELF, papers=papers)).with_piece(replace(other, papers=papers[:1]))
    return _change(before, after)


def _back_again(profile: Profile) -> Scenario:
    gone = Design(destroyed=True)
    destroyed = Episode(Role.DESTROY, gone)
    return Scenario((_applied(small(profile)), destroyed), _applied(small(profile)), small(profile))


def _wanted_again(profile: Profile) -> Scenario:
    """What was let go, and kept in the account, is wanted again: it is somebody else's by now."""
    before = Design((replace(SHELF, retain=True),), (replace(_helper(profile), retain=True), WRITER))
    return Scenario((_applied(before), _applied(Design((), (WRITER,)))), _applied(before), before)


def _hold_ends(profile: Profile) -> Scenario:
    held = _rollback(profile)
    after = held.final.with_piece(replace(held.final.helpers[0], prompt=3))
    return Scenario((*held.before, held.struck), _applied(after), after)


def _held_and_moved(profile: Profile) -> Scenario:
    held = _rollback(profile)
    after = held.final.with_piece(Helper("helper", "agents"))
    return Scenario((*held.before, held.struck), _applied(after), after)


def _half_destroyed(profile: Profile) -> Scenario:
    """The destruction dies, and then the stack is wanted after all."""
    died = Episode(Role.DESTROY, Design(destroyed=True), Start(Crash(28, Position.AFTER)))
    return Scenario((_applied(small(profile)), died), _applied(small(profile), idle=700.0), small(profile))


def _recovered(profile: Profile) -> Scenario:
    """Somebody deleted the anchor, and it is made anew from the tags."""
    touched = Episode(Role.PLAN, small(profile), Start(deeds={1: (Deed("drop_anchor"),)}))
    return Scenario((_applied(small(profile)), touched), Episode(Role.RECOVER, small(profile)), small(profile))


def _called_off(profile: Profile) -> Scenario:
    """Ctrl-C in the middle of many changes; then the tree is put back as it was, and applied."""
    struck = _many(profile)
    stopped = replace(struck.struck, start=Start(interrupt=3.0))
    before = struck.before[0].design
    return Scenario((*struck.before, stopped), _applied(before), before)


SCENARIOS: Mapping[str, Callable[[Profile], Scenario]] = {
    "first apply": _first,
    "prompts change": _prompt,
    "documents change": _documents,
    "an expired store is replaced": _replacement,
    "destroy": _destroy,
    "rename": _rename,
    "another runtime": _runtime,
    "adopt": _adopt,
    "retain": _retain,
    "code files change": _files,
    "rollback": _rollback,
    "one resource less": _one_less,
    "drift is repaired": _repair,
    "unconfirmed doubles": _doubles,
    "destroy of a half-made stack": _half_made,
    "destroy with retain": _destroy_retained,
    "attributes change": _attributes,
    "runtime with tools": _runtime_back,
    "code files go": _no_files,
    "one store less": _store_less,
    "gone and stripped": _recreate,
    "half-done replacement": _half_replaced,
    "half-done update": _unclean,
    "guests": _guests,
    "protection ends": _protection,
    "everything at once": _many,
    "a rename is told once": _told_once,
    "what was adopted expires": _adopted_expires,
    "documents come": _documents_come,
    "documents go": _documents_go,
    "renamed and edited": _renamed_and_edited,
    "another name, not told": _other_name,
    "documents of two stores": _shared_documents,
    "destroyed and wanted again": _back_again,
    "let go and wanted again": _wanted_again,
    "a hold ends": _hold_ends,
    "held, then another runtime": _held_and_moved,
    "half destroyed and wanted again": _half_destroyed,
    "the anchor is recovered": _recovered,
    "called off and put back": _called_off,
    "renamed when it has expired": _moved_expires,
    "renamed into another runtime": _renamed_runtimes,
}
"""By name; the first `ON_PUSH` of them are tried on every push."""
ON_PUSH = 16


def crashes(scenario: Scenario, profile: Profile) -> Iterator[Crash]:
    """Everywhere that the struck run can die: at every request, in three positions."""
    count = len(scenario.process(play(scenario.life(profile))).sent)
    for request in range(1, count + 1):
        for position in Position:
            yield Crash(request, position)


def dying(scenario: Scenario, profile: Profile, first: Crash, second: Crash | None = None) -> Life:
    """The struck run dies, and perhaps the one that was to repair it dies as well."""
    start = replace(scenario.struck.start, crash=first)
    life = scenario.life(profile, start)
    if second is None:
        return life
    role = Role.DESTROY if scenario.final.destroyed else Role.APPLY
    again = Episode(role, scenario.final, Start(crash=second), idle=TAKEOVER)
    return replace(life, episodes=(*life.episodes, again))


def second_crashes(scenario: Scenario, profile: Profile, first: Crash) -> Iterator[Crash]:
    """After each write that the run sends which comes after a death."""
    played = play(dying(scenario, profile, first))
    repair = played.history.processes[len(scenario.before) + 1]
    for number, sent in enumerate(repair.sent, 1):
        if not sent.call.reads:
            yield Crash(number, Position.AFTER)
