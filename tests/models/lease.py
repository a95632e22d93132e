"""A model of the lease: several runs, one anchor, and no compare-and-swap.

A run reads the anchor, writes its id into it if nobody has it (or if whoever has it has not been heard of for long),
gives up if that took too long, waits, reads back, and works if it still finds itself there. While it works it shows
signs of life, each after a look, and it looks before a write if its last look is old. One unit of time is a second, but
the long spans of the code (20 s and 600 s) are shortened; all keep their order, `most` < `pause` < `stale` < `beat` <
`takeover`, and a slow request takes longer than `pause`. Requests take a while to arrive and a while to be answered,
each as long as the weather likes; an answer that comes late is waited for.

What stands for what:

- reading, writing its id, reading back and giving up: taking.take, _Claim, _read_back and _unclaim (of the two reads of
  a claim only the later one is here);
- writes: Leased.send and Lease.confirm, which the limiter asks once more when the write leaves. That it leaves is all
  that counts here, and only if it leaves later than is promised;
- looks and signs of life: Lease.look, heartbeat and save, which reads before it writes;
- giving back: Lease.release; a person who unlocks: upkeep.unlock.

Left out: that a request fails (an anchor's write whose answer is lost is read back, and sent again only over what was
there before), and parts of the anchor beyond the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.models.checker import Model

NOBODY = -1
STALE = 5
NAMES = "ABCD"

Delay = tuple[int, int]
"""How long a request takes to arrive, and then its answer."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The protocol as it is meant, in units of time; every other value is a mistake that somebody could make.

    `most` is how long reading and claiming may take (None: for ever), `pause` the wait before reading back,
    `undo_after` the wait of a run that gave up before it puts back what it had found, `stale` the age of a look that a
    write relies on (None: any), `beat` the time between signs of life (None: there are none) and `takeover` the silence
    after which a run counts as dead (None: never). `from_sending`: a look is as old as its request. `looks`: a claim is preceded by a
    read; `reads_back`: and followed by one; `looks_before_undoing`: a run puts back what it had found only where it
    finds itself. `tries` is how often a run claims (the code: three times).
    """

    most: int | None = 2
    pause: int = 3
    undo_after: int = STALE + 2
    stale: int | None = STALE
    beat: int | None = 7
    takeover: int | None = 20
    from_sending: bool = True
    looks: bool = True
    reads_back: bool = True
    looks_before_undoing: bool = True
    tries: int = 2


@dataclass(frozen=True, slots=True)
class Weather:
    """Who runs, and what may go wrong.

    `runs` begin when they like; with `holding` the first of them has the stack already. `stay` is how long a run works.
    `crashes`, `pauses` and `unlocks` are how many of each there may be; a paused process goes on when it likes. `naps`
    are pauses between a look at the watch and the write that relies on it.
    """

    runs: int = 2
    delays: tuple[Delay, ...] = ((0, 0), (1, 0), (0, 1))
    holding: bool = False
    stay: int = 5
    crashes: int = 0
    pauses: int = 0
    naps: int = 0
    unlocks: int = 0


class Message(NamedTuple):
    """A request under way: `out` until it arrives, then `back` until its answer is there.

    `what` is whom it writes into the anchor, or READ; `found` is what a read has found.
    """

    what: int
    out: int
    back: int
    arrived: bool = False
    found: int = NOBODY


class Run(NamedTuple):
    """One process: `doing` is what it waits for, and `message` the request that it has sent for that.

    `wait` and `left` are what is left of the pause and of its work, `tries` how often it gave up. `took`, `asked`,
    `seen` and `shown` are the ages of its first read, of the look that is under way, of the last one that was answered,
    and of its last sign of life; `lost` is for how long the anchor has not named it while it held the stack. `late` is
    that age when it sent a write, if it was beyond what is promised. `armed`: it was paused after it had looked at its
    watch, right before a write.
    """

    doing: str = ""
    message: Message | None = None
    wait: int = 0
    left: int = 0
    tries: int = 0
    took: int = 0
    asked: int = 0
    seen: int = 0
    shown: int = 0
    lost: int = 0
    late: int = 0
    paused: bool = False
    armed: bool = False


class State(NamedTuple):
    """The anchor names `holder`, whose last sign of life is `silent` old; `stray` are requests of dead processes."""

    holder: int
    silent: int
    runs: tuple[Run, ...]
    stray: tuple[Message, ...] = ()
    crashes: int = 0
    pauses: int = 0
    naps: int = 0
    unlocks: int = 0


Step = tuple[str, State]

READ = -2
HOLDS = frozenset({"holds", "looks", "shows", "beats", "ends"})
HELD = HOLDS | {"reads back"}
ASKS = frozenset({"reads back", "looks", "shows"})
WORKS = HOLDS - {"ends"}
ENDED = frozenset({"done", "locked", "gave up", "lost it", "dead"})
AT_ONCE: Delay = (0, 0)

ALONE = "no two runs may write without a look"
NOTICED = "no write leaves a run that must have noticed that it lost the stack"
FREE = "in the end a run without a rival gets the stack"
SOMEBODY = "one of the runs gets the stack"


def model(rules: Rules, weather: Weather, promises: Iterable[str], *, notice: int = STALE) -> Model[State]:
    """The protocol under some rules in some weather; a run must have noticed after `notice`."""
    world = _World(rules, weather, notice)
    always = {ALONE: world.alone, NOTICED: _noticed}
    at_rest = {FREE: _free, SOMEBODY: _somebody}
    wanted = set(promises)
    return Model(
        [world.start()],
        world.steps,
        {name: holds for name, holds in always.items() if name in wanted},
        {name: holds for name, holds in at_rest.items() if name in wanted},
    )


def _noticed(state: State) -> bool:
    return not any(run.late for run in state.runs)


def _free(state: State) -> bool:
    """The last run begins when all others have ended."""
    return state.runs[-1].doing == "done"


def _somebody(state: State) -> bool:
    return any(run.doing == "done" for run in state.runs[:-1])


@dataclass(frozen=True, slots=True)
class _World:
    rules: Rules
    weather: Weather
    bound: int

    def start(self) -> State:
        """The last run is the one that comes when all is over."""
        runs = [Run() for _ in range(self.weather.runs + 1)]
        if self.weather.holding:
            runs[0] = Run("holds", left=self.weather.stay)
        holder = 0 if self.weather.holding else NOBODY
        weather = self.weather
        return State(holder, 0, tuple(runs), (), weather.crashes, weather.pauses, weather.naps, weather.unlocks)

    def alone(self, state: State) -> bool:
        """Whether at most one run works whose last look is young enough."""
        return sum(run.doing in WORKS and self._fresh(run) for run in state.runs) <= 1

    def _fresh(self, run: Run) -> bool:
        return self.rules.stale is None or run.seen <= self.rules.stale

    def steps(self, state: State) -> Iterator[Step]:
        """What happens at once, in any order; when nothing does, what may happen, and time."""
        due = [*self._arrivals(state), *self._at_once(state)]
        if due:
            yield from due
            return
        later = self._later(state)
        if later != state:
            yield TICK, later
        for number, run in enumerate(state.runs):
            yield from self._begins(state, number, run)
            yield from self._works(state, number, run)
            yield from self._suffers(state, number, run)
        if state.unlocks and state.holder != NOBODY and not _over(state):
            yield "a person unlocks the stack", state._replace(holder=NOBODY, silent=0, unlocks=state.unlocks - 1)

    # --- time and the account -----------------------------------------------------------------------------------------

    def _later(self, state: State) -> State:
        silent = 0 if state.holder == NOBODY else min(state.silent + 1, self.rules.takeover or 0)
        runs = tuple(self._older(state, number, run) for number, run in enumerate(state.runs))
        return state._replace(silent=silent, runs=runs, stray=tuple(_closer(stray) for stray in state.stray))

    def _older(self, state: State, number: int, run: Run) -> Run:
        if run.doing == "" or run.doing in ENDED:
            return run
        message = run.message and _closer(run.message)
        older = run._replace(
            message=message,
            asked=min(run.asked + 1, STALE + 1) if run.doing in ASKS else 0,
            shown=min(run.shown + 1, self.rules.beat or 0),
            lost=min(run.lost + 1, self.bound + 1) if run.doing in HELD and state.holder != number else 0,
        )
        if run.doing in HOLDS:
            seen = min(run.seen + 1, (self.rules.stale or 0) + 1)
            return older._replace(left=max(0, run.left - 1), seen=seen)
        return older._replace(wait=max(0, run.wait - 1), took=min(run.took + 1, (self.rules.most or 0) + 1))

    def _arrivals(self, state: State) -> Iterator[Step]:
        """Requests that arrive now; in which order is anybody's guess."""
        for number, run in enumerate(state.runs):
            message = run.message
            if message is not None and not message.arrived and message.out == 0:
                if message.what == READ:
                    dead = self.rules.takeover is not None and state.silent >= self.rules.takeover
                    found = NOBODY if dead and state.holder != number else state.holder
                    message = message._replace(arrived=True, found=found)
                    yield f"its read arrives ({NAMES[number]})", _with(state, number, run._replace(message=message))
                else:
                    there = _with(state, number, run._replace(message=message._replace(arrived=True)))
                    yield self._written(there, message.what, NAMES[number])
        for number, message in enumerate(state.stray):
            if message.out == 0:
                rest = state._replace(stray=state.stray[:number] + state.stray[number + 1 :])
                yield self._written(rest, message.what, "a dead run")

    def _written(self, state: State, what: int, who: str) -> Step:
        names = "nobody" if what == NOBODY else NAMES[what]
        return f"the anchor names {names} (written by {who})", state._replace(holder=what, silent=0)

    # --- what a run does at once --------------------------------------------------------------------------------------

    def _at_once(self, state: State) -> Iterator[Step]:
        for number, run in enumerate(state.runs):
            if run.paused or run.doing in ENDED:
                continue
            message = run.message
            if message is not None and message.arrived and message.back == 0:
                answered = run._replace(message=None)
                yield from self._answered(state, number, answered, message.found)
            elif run.doing == "waits" and run.wait == 0:
                yield from self._undoes(state, number, run)
            elif run.doing == "pauses" and run.wait == 0:
                yield from self._sends(state, number, run._replace(doing="reads back"), READ, "reads the anchor back")
            elif run.doing == "holds" and run.left == 0:
                yield from self._sends(state, number, run._replace(doing="ends"), READ, "has ended its work, and looks")
            elif run.doing == "holds" and self.rules.beat is not None and run.shown >= self.rules.beat:
                yield from self._sends(state, number, run._replace(doing="shows"), READ, "looks before a sign of life")

    def _answered(self, state: State, number: int, run: Run, found: int) -> Iterator[Step]:
        name, mine = NAMES[number], found == number
        if run.doing == "reads" and found == NOBODY:
            yield from self._claims(state, number, run)
        elif run.doing == "reads":
            yield f"{name} finds {NAMES[found]} there, and ends", _ended(state, number, run, "locked")
        elif run.doing == "claims":
            yield self._claimed(state, number, run)
        elif run.doing == "undoes" and mine:
            yield from self._sends(
                state, number, run._replace(doing="puts back"), NOBODY, "puts back what it had found"
            )
        elif run.doing in {"undoes", "puts back"}:
            yield from self._tries_again(state, number, run)
        elif run.doing == "gives back":
            yield f"{name} is done", _ended(state, number, run, "done")
        else:
            yield from self._held(state, number, run, mine=mine)

    def _held(self, state: State, number: int, run: Run, *, mine: bool) -> Iterator[Step]:
        """An answer to a run that has the stack, or is about to."""
        name, seen = NAMES[number], run.asked if self.rules.from_sending else 0
        if run.doing == "beats":
            yield f"{name}'s sign of life is written", _with(state, number, run._replace(doing="holds", shown=0))
        elif not mine:
            lost = "lost it" if run.doing in HOLDS else "locked"
            yield f"{name} does not find itself there, and ends", _ended(state, number, run, lost)
        elif run.doing == "ends":
            yield from self._sends(state, number, run._replace(doing="gives back"), NOBODY, "gives the stack back")
        elif run.doing == "shows":
            beats = run._replace(doing="beats", seen=seen, asked=0)
            yield from self._sends(state, number, beats, number, "shows a sign of life")
        else:
            yield f"{name} finds itself there", _with(state, number, self._holding(run, seen))

    def _holding(self, run: Run, seen: int) -> Run:
        left = run.left if run.doing in HOLDS else self.weather.stay
        shown = min(run.shown, self.rules.beat or 0)
        return Run("holds", left=left, seen=seen, shown=shown, lost=run.lost, paused=run.paused)

    def _claims(self, state: State, number: int, run: Run) -> Iterator[Step]:
        yield from self._sends(state, number, run._replace(doing="claims"), number, "writes its id")

    def _claimed(self, state: State, number: int, run: Run) -> Step:
        name = NAMES[number]
        if self.rules.most is not None and run.took > self.rules.most:
            run = Run("waits", wait=self.rules.undo_after, tries=run.tries, paused=run.paused)
            return f"{name} was too slow, and gives up", _with(state, number, run)
        if self.rules.reads_back:
            run = run._replace(doing="pauses", wait=self.rules.pause, took=0, shown=0)
            return f"{name} has written, and waits", _with(state, number, run)
        return f"{name} has written, and holds the stack", _with(state, number, self._holding(run._replace(shown=0), 0))

    def _undoes(self, state: State, number: int, run: Run) -> Iterator[Step]:
        if self.rules.looks_before_undoing:
            yield from self._sends(state, number, run._replace(doing="undoes"), READ, "looks whether its claim stands")
        else:
            yield from self._sends(
                state, number, run._replace(doing="puts back"), NOBODY, "puts back what it had found"
            )

    def _tries_again(self, state: State, number: int, run: Run) -> Iterator[Step]:
        if run.tries + 1 < self.rules.tries:
            again = Run("reads", tries=run.tries + 1, paused=run.paused)
            yield from self._sends(state, number, again, READ, "tries again, and reads the anchor")
        else:
            yield f"{NAMES[number]} ends", _ended(state, number, run, "gave up")

    def _sends(self, state: State, number: int, run: Run, what: int, does: str) -> Iterator[Step]:
        """The last run has good luck."""
        delays = (AT_ONCE,) if number == len(state.runs) - 1 else self.weather.delays
        for out, back in delays:
            label = f"{NAMES[number]} {does}{_said(out, back)}"
            yield label, _with(state, number, run._replace(message=Message(what, out, back)))

    # --- what a run may do --------------------------------------------------------------------------------------------

    def _begins(self, state: State, number: int, run: Run) -> Iterator[Step]:
        if run.doing:
            return
        if number < len(state.runs) - 1:
            if self.rules.looks:
                yield from self._sends(state, number, Run("reads"), READ, "reads the anchor")
            else:
                yield from self._claims(state, number, run)
            return
        free = state.holder == NOBODY or (self.rules.takeover is not None and state.silent >= self.rules.takeover)
        if free and not state.stray and _over(state):
            yield from self._sends(state, number, Run("reads"), READ, "reads the anchor, when all is over")

    def _works(self, state: State, number: int, run: Run) -> Iterator[Step]:
        if run.doing not in WORKS or run.paused or number == len(state.runs) - 1:
            return
        if self._fresh(run):
            if run.lost > self.bound:  # any other write is as it should be, and changes nothing here
                yield self._writes(state, number, run)
            if state.naps:
                armed = _with(state, number, run._replace(paused=True, armed=True))
                yield f"{NAMES[number]} is about to write, and is paused", armed._replace(naps=state.naps - 1)
        elif run.doing == "holds":
            yield from self._sends(state, number, run._replace(doing="looks"), READ, "looks before a write")

    def _writes(self, state: State, number: int, run: Run) -> Step:
        late = run.lost if run.lost > self.bound else 0
        label = f"{NAMES[number]} writes, {run.lost} s after the anchor stopped naming it"
        return label, _with(state, number, run._replace(late=late, armed=False, paused=False))

    def _suffers(self, state: State, number: int, run: Run) -> Iterator[Step]:
        if number == len(state.runs) - 1 or run.doing == "" or run.doing in ENDED:
            return
        name = NAMES[number]
        if state.crashes:
            message = run.message
            late = (message,) if message is not None and message.what != READ and not message.arrived else ()
            dead = _ended(state, number, run, "dead")
            yield f"{name} dies", dead._replace(crashes=state.crashes - 1, stray=(*state.stray, *late))
        if run.armed:
            yield self._writes(state, number, run)
        elif run.paused:
            yield f"{name} goes on", _with(state, number, run._replace(paused=False))
        elif state.pauses:
            yield f"{name} is paused", _with(state, number, run._replace(paused=True))._replace(pauses=state.pauses - 1)


TICK = "1 s passes"


def story(trace: Iterable[str]) -> list[str]:
    """A trace in fewer words: waits are added up, and what follows from the step before is left out."""
    told: list[str] = []
    waited = 0
    for label in (*trace, ""):
        if label == TICK:
            waited += 1
        elif not label.startswith("its read arrives"):
            told += [f"{waited} s pass" if waited > 1 else TICK] * (waited > 0) + [label] * (label != "")
            waited = 0
    return told


def _with(state: State, number: int, run: Run) -> State:
    return state._replace(runs=(*state.runs[:number], run, *state.runs[number + 1 :]))


def _ended(state: State, number: int, run: Run, how: str) -> State:
    return _with(state, number, Run(how, late=run.late))


def _over(state: State) -> bool:
    return all(run.doing in ENDED for run in state.runs[:-1])


def _closer(message: Message) -> Message:
    if message.out:
        return message._replace(out=message.out - 1)
    return message._replace(back=max(0, message.back - 1))


def _said(out: int, back: int) -> str:
    words = [f"arrives after {out} s"] * (out > 0) + [f"is answered after {back} s"] * (back > 0)
    return f" (which {' and '.join(words)})" if words else ""
