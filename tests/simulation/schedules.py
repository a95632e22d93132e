"""A seed → one life: a kind of account, a small tree, what is done to it and with it, and the weather.

Everything is drawn before the life is played, so that a life is a value that can be printed, changed and played again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from reconciler.emulator import Profile
from reconciler.model.address import Address
from tests.simulation.designs import SEARCHES, Design, Helper, Mishap, Paper, Piece, Shelf
from tests.simulation.extras import extended
from tests.simulation.history import Crash, Position, Role
from tests.simulation.people import DEEDS, Deed
from tests.simulation.play import Episode, Life
from tests.simulation.stage import ADOPTABLE_AGENT, ADOPTABLE_STORE, Start
from tests.simulation.weather import draw_climate

PAPERS = ("returns.md", "shipping.md", "warranty.md")
SHELVES = ("catalogue", "handbook")
HELPERS = ("guide", "helper")
DAY = 86_400.0
IDLE = (0.0, 0.0, 5.0, 40.0, 700.0, 700.0, 700.0)
"""Seconds between two commands: at once, within the settle window, or beyond the takeover."""
COMMON_DEEDS = tuple(name for name in DEEDS if name != "relabel")
"""In any life; the other is among what `extras` puts on top."""
QUIET_DEEDS = tuple(sorted(set(COMMON_DEEDS) - {"drop_anchor", "copy"}))


OFTEN = 4.0
"""How much more often the rare things happen in a life that is to have many of them; what is below `RARE` is rare."""
RARE = 0.25


def life(seed: int, *, rare: bool = False) -> Life:
    """The life of a seed. `rare`: protection, adoption, expiry, renames, rollbacks and the like meet each other often."""
    if not rare:
        return _Draw(Random(f"life {seed}"), Random(f"climate {seed}")).life(seed)
    drawn = _Draw(Random(f"rare life {seed}"), Random(f"climate {seed}"), OFTEN).life(seed)
    return extended(drawn, Random(f"extras {seed}"))


@dataclass(slots=True)
class _Draw:
    random: Random
    sky: Random
    often: float = 1.0

    def chance(self, share: float) -> bool:
        return self.random.random() < (share * self.often if share < RARE else share)

    def life(self, seed: int) -> Life:
        profile = Profile.OPENAI if self.chance(0.65) else Profile.COMPATIBLE
        design = self.design(profile)
        episodes = [self.episode(Role.APPLY, design, idle=0.0)]
        for _ in range(self.random.choice((0, 1, 1, 2, 2, 3))):
            episode, design = self.next(profile, design)
            episodes.append(episode)
        return Life(seed, profile, tuple(episodes), design, draw_climate(self.sky))

    # --- trees ---

    def design(self, profile: Profile) -> Design:
        """Up to two shelves and up to two helpers, at least one of all."""
        design = Design()
        for name in SHELVES:
            if self.chance(0.55):
                design = design.with_piece(self.shelf(name))
        for name in HELPERS:
            if self.chance(0.55) or (name == HELPERS[-1] and not design.pieces):
                design = design.with_piece(self.helper(name, profile, design))
        return design

    def shelf(self, name: str) -> Shelf:
        papers = tuple(Paper(path, self.random.choice((1, 1, 2, 3))) for path in PAPERS if self.chance(0.5))
        adopt = ADOPTABLE_STORE if name == SHELVES[0] and self.chance(0.1) else None
        days = 7 if self.chance(0.2) else None
        return Shelf(name, papers, days=days, protect=self.chance(0.06), retain=self.chance(0.06), adopt=adopt)

    def helper(self, name: str, profile: Profile, design: Design) -> Helper:
        runtimes = (
            ("responses", "agents", "responses") if profile is Profile.OPENAI else ("assistants", "agents", "responses")
        )
        runtime = self.random.choice(runtimes)
        helper = Helper(name, runtime, protect=self.chance(0.06), retain=self.chance(0.06))
        if runtime not in SEARCHES:
            return replace(helper, adopt=ADOPTABLE_AGENT if name == HELPERS[0] and self.chance(0.2) else None)
        most = 1 if runtime == "assistants" else 2
        shelves = tuple(shelf.name for shelf in design.shelves if self.chance(0.7))[:most]
        files = (Paper("prices.csv"),) if self.chance(0.4) else ()
        return replace(helper, shelves=shelves, files=files)

    def edited(self, profile: Profile, design: Design) -> Design:
        """One to three edits."""
        for _ in range(self.random.choice((1, 1, 2, 3))):
            design = self.edit(profile, design)
        return design

    def edit(self, profile: Profile, design: Design) -> Design:
        if not design.pieces or self.chance(0.15):
            return self.another(profile, design)
        piece = self.random.choice(design.pieces)
        if len(design.pieces) > 1 and self.chance(0.12):
            return design.without(piece)
        if self.chance(0.08):
            return self.renamed(design, piece)
        if self.chance(0.06):
            return design.with_piece(replace(piece, protect=not piece.protect))
        if self.chance(0.06):
            return design.with_piece(replace(piece, retain=not piece.retain))
        return design.with_piece(
            self.shelf_edit(piece) if isinstance(piece, Shelf) else self.helper_edit(piece, profile, design)
        )

    def another(self, profile: Profile, design: Design) -> Design:
        names = {name for piece in design.pieces for name in (piece.name, piece.moved_from, piece.directory)}
        free = [name for name in (*SHELVES, *HELPERS) if name not in names]
        if not free:
            return design
        name = self.random.choice(free)
        return design.with_piece(self.shelf(name) if name in SHELVES else self.helper(name, profile, design))

    def shelf_edit(self, shelf: Shelf) -> Shelf:
        edit = self.random.randrange(5)
        if edit == 0:
            return replace(shelf, title=shelf.title % 3 + 1)
        if edit == 1:
            return replace(shelf, audience=shelf.audience % 3 + 1)
        if edit == 2:
            return replace(shelf, days=None if shelf.days else 7)
        return replace(shelf, papers=self.papers(shelf.papers, PAPERS))

    def helper_edit(self, helper: Helper, profile: Profile, design: Design) -> Helper:
        edit = self.random.randrange(4)
        if edit == 0:
            fresh = self.helper(helper.name, profile, design)  # perhaps another runtime
            return replace(fresh, adopt=None, protect=helper.protect, retain=helper.retain, home=helper.home)
        if edit == 1 and helper.runtime in SEARCHES:
            return replace(helper, files=self.papers(helper.files, ("prices.csv", "stock.csv")))
        return replace(helper, prompt=helper.prompt % 3 + 1)

    def papers(self, papers: Sequence[Paper], names: Sequence[str]) -> tuple[Paper, ...]:
        """One added, changed or removed."""
        there = {paper.path: paper for paper in papers}
        name = self.random.choice(list(names))
        if name not in there:
            there[name] = Paper(name)
        elif self.chance(0.3):
            del there[name]
        else:
            there[name] = Paper(name, there[name].edition % 4 + 1)
        return tuple(there[path] for path in sorted(there))

    def renamed(self, design: Design, piece: Piece) -> Design:
        """Under a new name, with `moved_from`; those who search it say the new name."""
        name = f"{piece.directory}-{self.random.choice('xyz')}"
        if name == piece.name:
            return design
        moved = replace(piece, name=name, moved_from=piece.name, home=piece.directory, adopt=None)
        rest = design.without(piece).with_piece(moved)
        if isinstance(piece, Shelf):
            for helper in design.helpers:
                shelves = tuple(name if shelf == piece.name else shelf for shelf in helper.shelves)
                rest = rest.with_piece(replace(helper, shelves=shelves))
        return rest

    # --- episodes ---

    def next(self, profile: Profile, design: Design) -> tuple[Episode, Design]:
        """The next thing that is done, and the tree after it."""
        if self.chance(0.07):
            return self.episode(Role.DESTROY, replace(Design(), destroyed=True)), replace(Design(), destroyed=True)
        if design.destroyed:
            design = self.design(profile)
        if self.chance(0.08):
            return self.episode(self.random.choice((Role.PLAN, Role.DRIFT, Role.SHOW, Role.GC)), design), design
        released = [helper for helper in design.helpers if helper.runtime == "responses"]
        if released and self.chance(0.1):
            address = Address("Assistant", self.random.choice(released).name)
            episode = self.episode(Role.ROLLBACK, design)
            return replace(episode, start=replace(episode.start, address=address)), design
        before = design
        if self.chance(0.75):
            design = self.edited(profile, design)
        episode = self.episode(Role.APPLY, design, saved=self.chance(0.12))
        if self.chance(0.12) and not episode.saved:
            rival = self.episode(Role.APPLY, before if self.chance(0.5) else design)
            after = self.random.choice((0.0, 0.3, 1.0, 4.0, 10.0))
            episode = replace(episode, rival=rival, after=after)
        return episode, design

    def episode(self, role: Role, design: Design, *, idle: float | None = None, saved: bool = False) -> Episode:
        if idle is None:
            idle = self.random.choice(IDLE)
            if self.chance(0.06):
                idle = 8 * DAY
        return Episode(role, design, self.start(role), idle, saved=saved)

    def start(self, role: Role) -> Start:
        crash, mishap, interrupt = None, None, None
        if role.writes and self.chance(0.3):
            crash = Crash(int(self.random.triangular(1, 60, 12)), self.random.choice(list(Position)))
        elif role.writes and self.chance(0.08):
            interrupt = self.random.choice((0.5, 3.0, 6.0, 15.0))
        if role is Role.APPLY and self.chance(0.07):
            mishap = Mishap(self.random.choice(("full", "longer", "other")), self.random.choice((1, 2, 3)))
        deeds: dict[int, tuple[Deed, ...]] = {}
        if self.chance(0.25):
            names = list(COMMON_DEEDS if self.chance(0.3) else QUIET_DEEDS)
            for _ in range(self.random.choice((1, 1, 2))):
                deeds[self.random.randint(1, 40)] = (Deed(self.random.choice(names), self.random.randrange(12)),)
        return Start(crash, deeds, mishap=mishap, interrupt=interrupt)
