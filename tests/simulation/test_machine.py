"""The same invariants, driven by hypothesis: it searches for short lives that break one, and shows the shortest."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler.emulator import Profile
from tests.simulation.designs import Design, Helper, Paper, Shelf
from tests.simulation.history import Crash, Position, Role
from tests.simulation.people import DEEDS, Deed
from tests.simulation.play import Episode, Life, play
from tests.simulation.scenarios import RUNTIME
from tests.simulation.stage import Start
from tests.simulation.weather import FAIR, MAKERS, Climate

PAPERS = ("returns.md", "shipping.md")
MOST = 4
"""Commands in one life."""


class LifeOfAStack(RuleBasedStateMachine):
    """Rules put a life together; it is played after each of them, from its beginning, as a seed's life is."""

    def __init__(self) -> None:
        super().__init__()
        self.profile = Profile.OPENAI
        self.design = Design()
        self.episodes: list[Episode] = []
        self.climate = FAIR
        self.idle = 0.0
        self.played = 0

    @initialize(profile=st.sampled_from(list(Profile)), searches=st.booleans())
    def begin(self, profile: Profile, searches: bool) -> None:
        """A shelf, a helper that may search it, and a first apply."""
        self.profile = profile
        helper = Helper("helper", RUNTIME[profile], shelves=("handbook",) if searches else ())
        self.design = Design((Shelf("handbook", (Paper("returns.md"),)),), (helper,))
        self.command(Role.APPLY, Start())

    def command(self, role: Role, start: Start) -> None:
        """One more command on the tree as it is now."""
        design = Design(destroyed=True) if role is Role.DESTROY else self.design
        self.episodes.append(Episode(role, design, start, self.idle))
        self.idle = 0.0

    @precondition(lambda self: len(self.episodes) < MOST)
    @rule()
    def apply(self) -> None:
        """Apply."""
        self.command(Role.APPLY, Start())

    @precondition(lambda self: len(self.episodes) < MOST)
    @rule(request=st.integers(1, 45), position=st.sampled_from(list(Position)))
    def apply_and_die(self, request: int, position: Position) -> None:
        """Apply, and die on the way."""
        self.command(Role.APPLY, Start(Crash(request, position)))

    @precondition(lambda self: len(self.episodes) < MOST)
    @rule()
    def destroy(self) -> None:
        """Destroy."""
        self.command(Role.DESTROY, Start())

    @precondition(lambda self: len(self.episodes) < MOST)
    @rule(
        name=st.sampled_from(sorted(set(DEEDS) - {"drop_anchor"})), pick=st.integers(0, 5), request=st.integers(1, 30)
    )
    def apply_while_a_person_acts(self, name: str, pick: int, request: int) -> None:
        """Somebody does something when the run is about to send a request."""
        self.command(Role.APPLY, Start(deeds={request: (Deed(name, pick),)}))

    @rule(path=st.sampled_from(PAPERS), edition=st.integers(0, 3))
    def edit_a_document(self, path: str, edition: int) -> None:
        """Another edition; edition 0 takes it out."""
        shelf = self.design.shelves[0]
        papers = [paper for paper in shelf.papers if paper.path != path] + ([Paper(path, edition)] if edition else [])
        papers.sort(key=lambda paper: paper.path)
        self.design = self.design.with_piece(replace(shelf, papers=tuple(papers)))

    @rule(prompt=st.integers(1, 3), runtime=st.sampled_from(("same", "agents")))
    def edit_the_helper(self, prompt: int, runtime: str) -> None:
        """Another prompt, or another runtime."""
        helper = replace(self.design.helpers[0], prompt=prompt)
        if runtime == "agents":
            helper = replace(helper, runtime="agents", shelves=(), files=())
        self.design = self.design.with_piece(helper)

    @rule(idle=st.sampled_from((10.0, 100.0, 700.0)))
    def time_passes(self, idle: float) -> None:
        """Before the next command."""
        self.idle += idle

    @rule(
        kinds=st.lists(st.sampled_from(sorted(MAKERS)), max_size=4, unique=True), rate=st.sampled_from((0.0, 0.1, 0.3))
    )
    def weather_changes(self, kinds: list[str], rate: float) -> None:
        """Faults for the whole life, within what the settle window covers."""
        self.climate = Climate(rate, tuple(kinds), 27.5, 27.5)

    @invariant()
    def all_fifteen_hold(self) -> None:
        """Played when a command was added."""
        if len(self.episodes) == self.played:
            return
        self.played = len(self.episodes)
        final = self.episodes[-1].design
        wrong = play(Life(1, self.profile, tuple(self.episodes), final, self.climate)).wrong
        assert [str(violation) for violation in wrong] == []


TestLifeOfAStack = LifeOfAStack.TestCase
TestLifeOfAStack.settings = settings(max_examples=settings().max_examples // 4, stateful_step_count=8)
