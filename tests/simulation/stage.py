"""One emulated account under the virtual clock, the processes that talk to it, and the people who change it.

A `Stage` outlives processes; everything a process holds in memory is made anew by `Stage.start`. Nothing here decides
anything: observe, plan and apply are the real ones, put together by `reconciler.commands` as the command line does.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import traceback
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from io import BytesIO
from random import Random
from typing import Any, Protocol

from reconciler.account.limiter import Throttled
from reconciler.account.port import Call, Failure, Reply, Upload
from reconciler.apply.session import Session
from reconciler.commands import drift as drift_command
from reconciler.commands import outputs as outputs_command
from reconciler.commands import show as show_command
from reconciler.commands.apply import carry_out, check_approval
from reconciler.commands.plan import Prepared, prepare, rules_for
from reconciler.commands.rollback import prepare_rollback
from reconciler.emulator import Profile, Switches
from reconciler.emulator.faults import Fault, Faulty, applies
from reconciler.emulator.wire import Request, Response
from reconciler.model.address import Address
from reconciler.model.errors import Stop
from reconciler.model.observed import AccountInfo
from reconciler.model.rules import Rules
from reconciler.observing.scope import Refresh
from reconciler.review.approvals import Approval
from reconciler.upkeep import find_orphans, find_recovery, recover
from tests.direct import DirectAccount, request_of
from tests.simulation.designs import Design, Mishap, with_mishap
from tests.simulation.history import Crash, History, Position, Process, Role, Sent
from tests.simulation.loop import Conditions, Family
from tests.simulation.onlooker import MARK, Recorded, View

BETA = "agents=v1, assistants=v2"
AS_OF = "2026-11-18"
CANARY = "sk-canary-4e1d7"
"""The API key. Servers quote it in their error messages; no output may."""

ADOPTABLE_STORE = "vs_00000001"
ADOPTABLE_AGENT = "agt_00000003"
"""Untagged objects that stand about in every account."""

LATENCIES = (0.0, 0.05, 0.05, 0.4)
"""Seconds that a request takes."""


class Weather(Protocol):
    """What befalls requests."""

    def strike(self, request: Request, sent: Sent) -> Fault | None:
        """The fault that happens to a request."""
        ...


class Doable(Protocol):
    """Something that a person does."""

    def do(self, stage: Stage) -> None:
        """Do it."""
        ...


@dataclass(frozen=True, slots=True)
class _Marked:
    """The account as one request of one process reaches it: marked for the onlooker, and struck where it dies."""

    stage: Stage
    sent: Sent
    dies: bool

    def handle(self, request: Request) -> Response:
        headers = {**request.headers, MARK: str(self.sent.number)}
        try:
            marked = Request(request.method, request.path, request.query, headers, request.body)
            response = self.stage.faulty.handle(marked)
        finally:
            if self.dies:
                self.sent.process.died.set()
        if self.dies:
            raise asyncio.CancelledError
        if response.status >= 400:
            body = response.body.replace(b'"message": "', f'"message": "Key {CANARY}: '.encode(), 1)
            return replace(response, body=body)
        return response


@dataclass(frozen=True, slots=True)
class _Wire:
    """The way from one process to the account; after its death nothing is sent any more."""

    stage: Stage
    process: Process
    start: Start

    async def send(self, call: Call) -> Reply:
        """Send one call once, unless this is where the process dies."""
        process, history = self.process, self.stage.history
        if process.crashed:
            raise asyncio.CancelledError
        placed = self.start.placed(len(process.sent) + 1, call)
        sent = Sent(history.tick(), process, call, self.stage.conditions.clock.now(), placed)
        history.sent.append(sent)
        process.sent.append(sent)
        self.stage.machine.sent[str(sent.number)] = sent
        self._note(sent, "→")
        for deed in self.start.deeds.get(len(process.sent), ()):
            deed.do(self.stage)
            history.deeds += 1
        crash = process.crash if process.crash and process.crash.request == len(process.sent) else None
        if crash is not None and crash.position is Position.BEFORE:
            process.died.set()
            raise asyncio.CancelledError
        dies = crash is not None and crash.position is Position.AFTER
        reply = await self._travel(sent, dies=dies)
        if crash is not None:
            process.died.set()
        return reply

    async def _travel(self, sent: Sent, *, dies: bool) -> Reply:
        stage = self.stage
        account = DirectAccount(
            _Marked(stage, sent, dies),
            clock=stage.conditions.clock,
            latency=lambda _: stage.conditions.random.choice(LATENCIES),
        )
        try:
            reply = await account.send(sent.call)
        except Failure as failure:
            sent.failure, sent.status, sent.heard = failure, failure.status, stage.history.tick()
            self._note(sent, f"{failure.execution.value} {failure.kind.value} {failure.status or '-'}")
            raise
        sent.data, sent.status, sent.heard = reply.data, reply.status, stage.history.tick()
        self._note(sent, str(reply.status))
        return reply

    def _note(self, sent: Sent, what: str) -> None:
        if not self.stage.conditions.trace.kept:
            return
        query = "".join(f" {key}={value}" for key, value in sent.call.query)
        at = self.stage.conditions.clock.monotonic()
        struck = f" [{sent.fault}]" if sent.fault else ""
        self.stage.conditions.trace.note(f"{at:.3f} #{sent.process.number} {sent.name}{query} {what}{struck}")


@dataclass(frozen=True, slots=True)
class Start:
    """How a process is started, beside its role and its tree.

    `interrupt` is in seconds from its start. `deeds` happen when the process is about to send its n-th request, and
    `faults` happen to that request. `struck`: what happens to every request whose `METHOD /path` fits an expression.
    """

    crash: Crash | None = None
    deeds: Mapping[int, Sequence[Doable]] = field(default_factory=dict)
    faults: Mapping[int, Fault] = field(default_factory=dict)
    struck: tuple[tuple[str, Fault], ...] = ()
    approval: Approval | None = None
    mishap: Mishap | None = None
    address: Address | None = None
    refresh: Refresh = "auto"
    interrupt: float | None = None
    lineage: str | None = None
    only: frozenset[Address] = frozenset()

    def placed(self, number: int, call: Call) -> Fault | None:
        """The fault that happens to the n-th request, whatever the weather."""
        if number in self.faults or not self.struck:
            return self.faults.get(number)
        name = f"{call.method} {call.path}"
        return next((fault for pattern, fault in self.struck if re.fullmatch(pattern, name)), None)


NORMAL = Start()


class Stage:
    """An account of one profile. Requests take a seeded time, and attached files a second and a half to process."""

    def __init__(self, conditions: Conditions, profile: Profile, weather: Weather) -> None:
        numbers = itertools.count(1)
        self.conditions = conditions
        self.profile = profile
        self.weather = weather
        self.history = History()
        self.machine = Recorded(
            self.history,
            profile=profile,
            clock=conditions.clock.now,
            ids=lambda prefix: f"{prefix}{next(numbers):08d}",
            switches=Switches(processing_seconds=1.5),
        )
        self.faulty = Faulty(self.machine, self._strike, clock=conditions.clock.now)

    def close(self) -> None:
        """Close the account."""
        self.machine.close()

    def _strike(self, request: Request) -> Fault | None:
        sent = self.machine.sent[request.headers[MARK]]
        fault = sent.placed or self.weather.strike(request, sent)
        if fault is not None and applies(fault.effect, request):
            sent.fault = fault.effect.value
            sent.process.disturbed = True
            self.history.count(sent.fault)
        return fault

    # --- processes ---

    async def run(self, role: Role, design: Design, start: Start = NORMAL) -> Process:
        """Run one process to its end, or to its death."""
        process = Process(len(self.history.processes) + 1, role, design, self.conditions.clock.now(), start.crash)
        process.approval, process.only, process.started = start.approval, start.only, self.history.tick()
        self.history.processes.append(process)
        family = Family()
        task = asyncio.ensure_future(family.within(self._main(process, start)))
        family.add(task)
        death = asyncio.ensure_future(process.died.wait())
        await asyncio.wait([task, death], return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        while left := family.unfinished():
            for one in left:
                one.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        process.seconds = self.conditions.clock.now() - process.began
        process.ended, process.until = self.history.tick(), self.conditions.clock.now()
        process.final = self.machine.look()
        self.conditions.trace.note(f"{process.name} ends with {process.exit!r}")
        return process

    async def _main(self, process: Process, start: Start) -> None:
        try:
            await self._command(process, start)
        except Stop as stop:
            process.stop = stop
            process.said += [stop.summary, stop.detail, *stop.lines]
            self.conditions.trace.note(f"stop {int(stop.code)} {stop.summary}")
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it is what this process ends with
            process.error = traceback.format_exc()
            self.conditions.trace.note(process.error)

    async def _command(self, process: Process, start: Start) -> None:
        session = self._session(process, start)
        if process.role is Role.DRIFT:
            process.said.append(json.dumps(await drift_command.drift(session), default=str))
        elif process.role is Role.SHOW:
            process.said.append(
                json.dumps([await show_command.show(session), await outputs_command.outputs(session)], default=str)
            )
        elif process.role is Role.GC:
            found = await find_orphans(session)
            process.orphans = frozenset(item.id for item in found.items)
            process.said.append(json.dumps([item.to_json() for item in found.items], default=str))
        elif process.role is Role.RECOVER:
            recovery = await find_recovery(session, start.lineage)
            process.said.append(json.dumps(recovery.to_json(written=None), default=str))
            if not recovery.empty:
                await recover(session, recovery)
        elif process.role is Role.PLAN:
            self._planned(process, await prepare(session, destroy=process.design.destroyed, refresh=start.refresh))
        else:
            await self._change(process, session, start)

    async def _change(self, process: Process, session: Session, start: Start) -> None:
        destroy = process.role is Role.DESTROY
        if process.role is Role.ROLLBACK and start.address is not None:
            prepared = await prepare_rollback(session, start.address, None)
        else:
            prepared = await prepare(session, destroy=destroy)
        self._planned(process, prepared)
        if start.approval is not None:
            check_approval(prepared, start.approval)
        if destroy and prepared.found.anchor is None and not prepared.plan.blocked:
            return
        digest = start.approval.digest if start.approval else None
        stopping = asyncio.Event()
        if start.interrupt is not None:
            asyncio.get_running_loop().call_later(start.interrupt, self._interrupt, process, stopping)
        events = carry_out(session, prepared, process.conclusion, destroy=destroy, digest=digest, interrupt=stopping)
        async for event in events:
            line = json.dumps(event.to_json(), default=str)
            process.said.append(line)
            self.conditions.trace.note(line)

    def _interrupt(self, process: Process, stopping: asyncio.Event) -> None:
        process.interrupted = True
        stopping.set()

    def _planned(self, process: Process, prepared: Prepared) -> None:
        process.prepared = prepared
        process.said.append(json.dumps(prepared.body))
        self.conditions.trace.note(f"plan {[str(step) for step in prepared.plan.steps]} {prepared.digest}")

    def _session(self, process: Process, start: Start) -> Session:
        """A freshly started process: what it knows is the tree and the key."""
        conditions = self.conditions
        random = Random(f"{conditions.seed} process {process.number}")
        loaded = with_mishap(process.design.load(), process.design, start.mishap)
        account = Throttled(_Wire(self, process, start), clock=conditions.clock, random=random)
        process.counters = account.counters
        info = AccountInfo("emulator")
        return Session(
            loaded, account, info, conditions.clock, random, AS_OF, rules_for(loaded, Rules(only=start.only))
        )

    # --- people ---

    def person(self, deed: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """What somebody else does in the account, truthfully answered."""
        headers = {
            "authorization": "Bearer person",
            "openai-beta": BETA,
            "content-type": "application/json",
            MARK: deed,
        }
        data = b"" if body is None else json.dumps(body).encode()
        response = self.machine.handle(Request(method, path, (), headers, data))
        self.conditions.trace.note(f"person: {deed}: {method} {path} {response.status}")
        answer: dict[str, Any] = json.loads(response.body)
        return answer

    def upload(self, deed: str, name: str, content: bytes) -> str:
        """A File that nobody tagged."""
        return str(self._post_parts(deed, "/files", (("purpose", "assistants"),), "file", name, content)["id"])

    def post_bundle(self, deed: str, path: str, archive: bytes, fields: tuple[tuple[str, str], ...]) -> None:
        """A skill or a version, made by hand."""
        self._post_parts(deed, path, fields, "files", "bundle.zip", archive)

    def _post_parts(
        self, deed: str, path: str, fields: tuple[tuple[str, str], ...], field: str, name: str, content: bytes
    ) -> dict[str, Any]:
        upload = Upload(field, name, lambda: nullcontext(BytesIO(content)), len(content))
        request = request_of(Call("POST", path, form=fields, uploads=(upload,)))
        response = self.machine.handle(replace(request, headers={**request.headers, MARK: deed}))
        self.conditions.trace.note(f"person: {deed}: POST {path} {response.status}")
        answer: dict[str, Any] = json.loads(response.body)
        return answer

    # --- what an onlooker sees ---

    def view(self) -> View:
        """The account as it is now, late requests whose time has come included."""
        self.faulty.catch_up()
        return self.machine.look()

    def thaw(self) -> None:
        """What never ended to be processed ends now: the last of the faults is over."""
        self.machine.thaw()

    def settle_strangers(self) -> None:
        """Objects of others: to adopt, with our names, with the tags of a stack whose name begins like ours."""
        store = self.person("moves in", "POST", "/vector_stores", {"name": "An old handbook"})
        agent = self.person("moves in", "POST", "/agents", {"name": "An old writer", "model": "gpt-6.1-terra"})
        assert (store["id"], agent["id"]) == (ADOPTABLE_STORE, ADOPTABLE_AGENT)
        theirs = {"reconciler.stack": "smaller#0123456789ab", "reconciler.address": "VectorStore/handbook"}
        theirs["reconciler.state"] = "ready;op=00000000.1;spec=0000000000000000;v=1"
        store = self.person("moves in", "POST", "/vector_stores", {"name": "Shelf handbook 1", "metadata": theirs})
        file_id = self.upload("moves in", "returns.md", b"Returns are somebody else's business.\n")
        self.person("moves in", "POST", f"/vector_stores/{store['id']}/files", {"file_id": file_id})
