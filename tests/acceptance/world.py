"""A tree, an account, and the stages between them: the whole tool without a command line and without HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from random import Random
from stat import S_ISREG
from typing import Any, TypeVar

from reconciler.account.limiter import Throttled
from reconciler.account.port import Call
from reconciler.apply import Conclusion
from reconciler.apply.session import Session
from reconciler.commands.apply import carry_out
from reconciler.commands.outputs import outputs
from reconciler.commands.plan import Prepared, prepare, rules_for
from reconciler.emulator import Emulator, Profile, Request, Switches
from reconciler.manifest.load.loader import Loaded, load
from reconciler.model.observed import AccountInfo
from reconciler.model.rules import Rules
from tests.accounts import account
from tests.direct import DirectAccount
from tests.simulation.loop import run

T = TypeVar("T")


class Time:
    """A clock that only waiting moves: the emulator's, and that of every run. Each run is one virtual loop."""

    def __init__(self) -> None:
        self.base = 1_790_000_000.0
        self.runs = 0

    def now(self) -> float:
        """Epoch seconds."""
        try:
            return self.base + asyncio.get_running_loop().time()
        except RuntimeError:
            return self.base

    def monotonic(self) -> float:
        """The same; it never goes back."""
        return self.now()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def run(self, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run to the end, and let the time that it took pass."""
        self.runs += 1
        done = run(self.runs, lambda _: main())
        self.base += done.seconds
        return done.result


def _files(root: Path) -> dict[str, bytes] | None:
    """Every file of a tree, by its path in it; None if there is anything else than files that are quickly read."""
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            path = Path(directory, name)
            state = path.lstat()
            if not S_ISREG(state.st_mode) or state.st_size > 100_000:
                return None
            found[str(path.relative_to(root))] = path.read_bytes()
    return found


@dataclass
class Applied:
    """How an apply ended, and what it sent."""

    exit: int
    events: list[dict[str, Any]]
    calls: list[Call]

    @property
    def writes(self) -> list[str]:
        """`METHOD /path` of all that was not a GET."""
        return [f"{call.method} {call.path}" for call in self.calls if call.method != "GET"]


@dataclass
class World:
    """One tree in `root` and one account; several worlds may share an account."""

    root: Path
    emulator: Emulator
    time: Time
    rules: Rules = field(default_factory=Rules)
    environment: str | None = None
    runs: int = 0
    profile: str = "openai"
    _last: tuple[str | None, dict[str, bytes] | None, Loaded] | None = None

    @classmethod
    def new(cls, root: Path, *, profile: str = "openai", switches: Switches | None = None) -> World:
        """An empty tree with a stack, and an empty account."""
        time = Time()
        emulator = account(profile=Profile(profile), clock=time.now, switches=switches or Switches())
        world = cls(root, emulator, time, profile=profile)
        world.stack()
        return world

    def stack(self, name: str = "acme", **spec: Any) -> None:
        """Write reconciler.yaml."""
        spec.setdefault("defaults", {"model": "gpt-6.1-terra"})
        self.manifest("Stack", name, spec, file="reconciler.yaml")

    def write(self, file: str, text: str | bytes) -> None:
        """Write a file of the tree."""
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def manifest(self, kind: str, name: str, spec: Mapping[str, Any], *, file: str | None = None, **more: Any) -> None:
        """Write one manifest; JSON is YAML."""
        metadata = {"name": name, **more.pop("metadata", {})}
        document = {"apiVersion": "reconciler/v1", "kind": kind, "metadata": metadata, **more, "spec": spec}
        self.write(file or f"{kind.lower()}-{name}.yaml", json.dumps(document, indent=2))

    def assistant(self, name: str, runtime: str = "responses", *, lifecycle: Any = None, **spec: Any) -> None:
        """Write an Assistant."""
        more = {"lifecycle": lifecycle} if lifecycle else {}
        self.manifest("Assistant", name, {"runtime": runtime, **spec}, **more)

    def store(self, name: str, documents: Mapping[str, str], *, lifecycle: Any = None, **spec: Any) -> None:
        """Write a VectorStore with its documents."""
        for path, text in documents.items():
            self.write(f"{name}/{path}", text)
        more = {"lifecycle": lifecycle} if lifecycle else {}
        self.manifest("VectorStore", name, {"files": [{"glob": f"{name}/**/*.md"}], **spec}, **more)

    def remove(self, kind: str, name: str) -> None:
        """Delete a manifest."""
        (self.root / f"{kind.lower()}-{name}.yaml").unlink()

    # --- the tool ---

    def load(self) -> Loaded:
        """The tree as it is now. One that has the same bytes as the last one is not read again: most plans are of it."""
        files = _files(self.root)
        if self._last is not None and files is not None and self._last[:2] == (self.environment, files):
            return self._last[2]
        self._last = (self.environment, files, load(self.root, environment=self.environment))
        return self._last[2]

    def session(self) -> tuple[Session, DirectAccount]:
        """A session as the command line opens it."""
        loaded = self.load()
        direct = DirectAccount(self.emulator, clock=self.time)
        self.runs += 1
        account = Throttled(direct, clock=self.time, random=Random(self.runs))
        rules = rules_for(loaded, self.rules)
        session = Session(
            loaded, account, AccountInfo("local"), self.time, Random(self.runs), "2026-11-22", rules, revision="0" * 12
        )
        return session, direct

    def plan(self, **options: Any) -> Prepared:
        """What apply would do."""
        session, _ = self.session()
        return self.time.run(lambda: prepare(session, **options))

    def steps(self) -> list[str]:
        """The steps of the plan by name."""
        return [str(step) for step in self.plan().plan.steps]

    def changes(self) -> dict[str, dict[str, Any]]:
        """The changes of the plan's JSON form, by address."""
        return {change["address"]: change for change in self.plan().body["changes"]}

    def apply(self, *, destroy: bool = False, prepared: Prepared | None = None) -> Applied:
        """Plan and apply."""
        session, direct = self.session()

        async def work() -> Applied:
            ready = prepared or await prepare(session, destroy=destroy)
            seen = len(direct.calls)
            conclusion = Conclusion()
            events = [event.to_json() async for event in carry_out(session, ready, conclusion, destroy=destroy)]
            return Applied(int(conclusion.exit), events, direct.calls[seen:])

        return self.time.run(work)

    def settled(self) -> bool:
        """Apply says done, and a plan is empty (that the next two are as well is the simulation's to see)."""
        return self.apply().exit == 0 and not self.steps()

    # --- the account, behind the tool's back ---

    def api(self, method: str, path: str, body: Any = None, *, beta: str = "assistants=v2") -> Any:
        """One request of somebody else."""
        headers = {"authorization": "Bearer sk-other", "openai-beta": beta, "content-type": "application/json"}
        data = b"" if body is None else json.dumps(body).encode()
        target, _, query = path.partition("?")
        pairs = tuple((key, value) for key, _, value in (item.partition("=") for item in query.split("&") if item))
        response = self.emulator.handle(Request(method, target, pairs, headers, data))
        return json.loads(response.body) if response.body else None

    def everything(self) -> dict[str, Any]:
        """The whole account as the API shows it, without activity times."""
        found: dict[str, Any] = {}
        for path, beta in (
            ("/vector_stores", "assistants=v2"),
            ("/agents", "agents=v1"),
            ("/skills", ""),
            ("/files", ""),
        ):
            for item in self.api("GET", f"{path}?limit=100", beta=beta)["data"]:
                item.pop("last_active_at", None)
                found[item["id"]] = item
        return found

    def id_of(self, address: str) -> str:
        """The live id of an address."""
        session, _ = self.session()
        return str(self.time.run(lambda: outputs(session))[address]["id"])


# --- worlds that many tests begin with --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """The tree, the account and the moment of a world, to go on from as often as wanted: each time in another copy."""

    files: Mapping[str, bytes]
    account: bytes
    base: float
    time_runs: int
    runs: int

    @classmethod
    def of(cls, world: World) -> Kept:
        """What a world is now."""
        files, account = _files(world.root), _database(world).serialize()
        assert files is not None
        return cls(files, account, world.time.base, world.time.runs, world.runs)

    def into(self, world: World) -> World:
        """Make a world of the same profile and switches like this one, whatever it has been before."""
        for file in (_files(world.root) or {}).keys() - self.files.keys():
            (world.root / file).unlink()
        for file, data in self.files.items():
            world.write(file, data)
        _database(world).deserialize(self.account)
        world.time.base, world.time.runs, world.runs = self.base, self.time_runs, self.runs
        return world

    def again(self, like: World) -> World:
        """A copy in the place of another world, whose account is left as it is."""
        copy = World.new(like.root, profile=like.profile, switches=_real(like).switches)
        copy._last = like._last
        return self.into(copy)


def _real(world: World) -> Emulator:
    """The account, also if it is behind a server that misbehaves."""
    real: Emulator = getattr(world.emulator, "real", world.emulator)
    return real


def _database(world: World) -> sqlite3.Connection:
    return _real(world)._storage._connection


def made_once(make: Callable[[World], World]) -> Callable[[World], World]:
    """For functions that bring a new world into a state: that is done once in a process, and copied from then on."""
    done: dict[tuple[str, Switches], tuple[Kept, Kept]] = {}

    @wraps(make)
    def made(world: World) -> World:
        like = (world.profile, _real(world).switches)
        if like not in done:
            with tempfile.TemporaryDirectory() as directory:
                fresh = World.new(Path(directory), profile=like[0], switches=like[1])
                done[like] = (Kept.of(fresh), Kept.of(make(fresh)))
        before, after = done[like]
        assert Kept.of(world) == before, "something has happened in this world already"
        return after.into(world)

    return made
