"""Stages inside one process, at sizes that no example has: many documents, many manifests, a long prompt."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from reconciler.commands.plan import prepare
from reconciler.manifest.load.loader import load
from reconciler.model.address import Address
from reconciler.model.desired import Desired
from reconciler.model.observed import AccountInfo, Observed, Tags
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.planning.plan import make_plan
from reconciler.render.text import render_plan
from reconciler.review.planfile import to_json
from tests.acceptance.world import Time, World
from tests.accounts import account
from tests.benchmarks.measure import Case

STACK = "apiVersion: reconciler/v1\nkind: Stack\nmetadata: {name: small}\n"
STORE = """\
apiVersion: reconciler/v1
kind: VectorStore
metadata: {name: library}
spec:
  files: [{glob: "docs/*.md"}]
"""
TOOL = """\
apiVersion: reconciler/v1
kind: Tool
metadata: {{name: tool-{number}}}
spec:
  type: function
  function:
    name: tool_{number}
    description: Looks up one of many things.
    parameters: {{type: object, properties: {{key: {{type: string}}}}, required: [key], additionalProperties: false}}
    strict: true
"""
WORDS = 40_000
"""About 256 kB of prompt."""


def cases(workplace: Path, *, documents: int, manifests: int) -> Iterator[Case]:
    """Everything is built below `workplace`."""
    many = _Library(workplace / "many", documents)
    few = _Library(workplace / "few", 10)
    requests = many.plan(), few.plan()
    if requests[0] != requests[1]:
        raise RuntimeError(f"the plan costs {requests[0]} requests with {documents} documents, {requests[1]} with 10")
    note = f"{requests[0]} requests, both"
    yield Case(f"plan, {documents} documents verified by tag", many.plan, "the same with 10", few.plan, note=note)
    many.close()
    few.close()

    tree = workplace / "manifests"
    texts = [TOOL.format(number=number) for number in range(manifests)]
    _write(tree, {"reconciler.yaml": STACK, **{f"tool-{number}.yaml": text for number, text in enumerate(texts)}})

    def parse() -> None:
        for text in texts:
            yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    yield Case(f"load {manifests} manifests", lambda: load(tree), "yaml.load of their text", parse)
    yield _long_prompt()
    yield from _hostile_texts()


def _long_prompt() -> Case:
    """One changed word in a prompt of a quarter of a megabyte: planned, and shown as text."""
    chance = random.Random(1)
    words = [chance.choice(("answer", "every", "customer", "politely", "and", "never")) for _ in range(WORDS)]
    lines = [" ".join(words[start : start + 12]) for start in range(0, WORDS, 12)]
    old = "\n".join(lines)
    lines[len(lines) // 2] += " changed"
    new = "\n".join(lines)
    address = Address("Assistant", "helper")
    spec = {"model": "gpt-6.1-terra", "instructions": old}
    desired = Desired(address, "release", {**spec, "instructions": new})
    tags = Tags("small", "0123456789ab", address, spec=Desired(address, "release", spec).digest())
    live = Observed("release", "skill_1", spec, {}, tags, version="2", documents=(), last_applied=spec)
    snapshot = Snapshot(AccountInfo("emulator"), "small", lineage="0123456789ab", objects=(live,))

    def show() -> None:
        text = render_plan(to_json(make_plan([desired], snapshot, Rules(), as_of="2026-11-18", manifests="")))
        if "changed" not in text:
            raise RuntimeError(text)

    def compare() -> None:
        list(difflib.unified_diff(old.splitlines(), new.splitlines()))

    return Case(f"plan and text of a {len(old) // 1000} kB prompt", show, "difflib.unified_diff", compare)


def _hostile_texts() -> Iterator[Case]:
    """Texts made to be slow to compare: the reviewer has to see them within five seconds (SECURITY, slow review)."""
    chance = random.Random(2)
    words = [f"{chance.choice(('answer', 'every', 'customer'))}{chance.randrange(300)}" for _ in range(WORDS // 2)]
    few = [chance.choice(("yes", "no")) for _ in range(50_000)]
    numbered = [f"rule {number} says yes" for number in range(50_000)]
    pairs = {
        "rewritten 256 kB": ("\n".join(words), "\n".join(reversed(words))),
        "50,000 lines, a word of each": ("\n".join(numbered), "\n".join(numbered).replace("yes", "no")),
        "50,000 lines of two words": ("\n".join(few), "\n".join(few[::-1])),
        "one line of 256 kB": (" ".join(words), " ".join(reversed(words))),
        "100,000 blank lines": ("\n" * 100_000, "\n \n" * 50_000),
    }
    for name, (before, after) in pairs.items():
        change = {
            "address": "Assistant/helper",
            "action": "update",
            "fields": [{"path": ["instructions"], "before": before, "after": after, "cause": "manifest"}],
        }

        def show(change: Mapping[str, object] = change) -> None:
            render_plan({"changes": [change], "summary": {"update": 1}}, color=True)

        def join(before: str = before, after: str = after) -> None:
            "\n".join([*before.split("\n"), *after.split("\n")])

        yield Case(f"text of a hostile change: {name}", show, "splitting and joining it", join, limit=5.0)


class _Library:
    """A store with many documents in an account of its own, applied."""

    def __init__(self, root: Path, documents: int) -> None:
        texts = {f"docs/{number:05d}.md": f"Number {number} of many.\n" for number in range(documents)}
        _write(root, {"reconciler.yaml": STACK, "library.yaml": STORE, **texts})
        time = Time()
        self._world = World(root, account(clock=time.now), time)
        ended = self._world.apply()
        if ended.exit:
            raise RuntimeError(f"the library could not be applied: {ended}")
        self._session, self._account = self._world.session()

    def plan(self) -> int:
        """Read the account and plan; how many requests that took."""
        seen = len(self._account.calls)
        prepared = self._world.time.run(lambda: prepare(self._session))
        if not prepared.plan.empty:
            raise RuntimeError("the library changed")
        return len(self._account.calls) - seen

    def close(self) -> None:
        """Let go of the account."""
        self._world.emulator.close()


def _write(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
