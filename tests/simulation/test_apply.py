"""The whole life of a stack under the virtual loop: a seed is a trace, seeds differ, and every one of them converges."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.emulator import Profile
from reconciler.errors import Exit
from reconciler.manifest.loader import Loaded, load
from tests.simulation.loop import Run, World, run
from tests.simulation.stage import Stage
from tests.simulation.trees import edit, write_tree

SEEDS = range(10)
PROFILES = pytest.mark.parametrize("profile", list(Profile), ids=lambda profile: profile.value)


@dataclass(frozen=True, slots=True)
class Life:
    """What an onlooker wrote down at each stage; `plans` are the steps of every plan that should be empty."""

    exits: list[Exit | None]
    plans: list[list[str]]
    edited: list[str]
    busy: list[bool | None]
    stable_ids: bool
    left: list[str]
    orphans: int
    strangers_unchanged: bool


@dataclass(frozen=True, slots=True)
class Trees:
    """The small tree, and the same after one changed document and one changed word of a prompt."""

    before: Loaded
    after: Loaded


def _trees(root: Path, profile: Profile) -> Trees:
    before = load(write_tree(root / "before", profile))
    changed = write_tree(root / "after", profile)
    edit(changed)
    return Trees(before, load(changed))


def _live(seed: int, profile: Profile, trees: Trees) -> Run[Life]:
    async def main(world: World) -> Life:
        stage = Stage(world, profile)
        try:
            return await _whole_life(stage, trees)
        finally:
            stage.close()

    return run(seed, main)


async def _whole_life(stage: Stage, trees: Trees) -> Life:
    await stage.settle_strangers()
    files, strangers = await stage.files(), await stage.strangers()
    exits, plans, busy, ids = [], [], [], []
    edited: list[str] = []
    for tree in (trees.before, trees.after):
        edited = [str(step) for step in (await stage.plan_once(tree)).plan.steps]
        exits.append((await stage.apply_once(tree)).exit)
        plans += [[str(step) for step in (await stage.plan_once(tree)).plan.steps] for _ in range(3)]
        anchor = await stage.anchor()
        busy.append(anchor.busy if anchor else None)
        ids.append(sorted(object_id for _, object_id, _ in await stage.ours()))
    exits.append((await stage.apply_once(trees.after, destroy=True)).exit)
    return Life(
        exits,
        plans,
        edited,
        busy,
        ids[0] == ids[1],
        [object_id for _, object_id, _ in await stage.ours()] + (["anchor"] if await stage.anchor() else []),
        len(await stage.files() - files),
        await stage.strangers() == strangers,
    )


@PROFILES
def test_one_seed_is_one_trace(tmp_path: Path, profile: Profile) -> None:
    trees = _trees(tmp_path, profile)
    first, second = _live(1, profile, trees), _live(1, profile, trees)
    assert len(first.trace.lines) > 100
    assert first.trace.hash == second.trace.hash
    assert (first.result, first.seconds) == (second.result, second.seconds)


@PROFILES
def test_seeds_differ_in_their_traces_and_all_converge(tmp_path: Path, profile: Profile) -> None:
    trees = _trees(tmp_path, profile)
    runs = [_live(seed, profile, trees) for seed in SEEDS]
    assert len({ended.trace.hash for ended in runs}) >= 5
    for seed, ended in zip(SEEDS, runs, strict=True):
        assert ended.result == Life(
            exits=[Exit.DONE, Exit.DONE, Exit.DONE],
            plans=[[]] * 6,
            edited=["update Assistant/helper", "update VectorStore/handbook"],
            busy=[False, False],
            stable_ids=True,
            left=[],
            orphans=0,
            strangers_unchanged=True,
        ), f"seed {seed}"


@PROFILES
def test_an_apply_with_nothing_to_do_only_reads(tmp_path: Path, profile: Profile) -> None:
    trees = _trees(tmp_path, profile)

    async def main(world: World) -> tuple[Exit | None, int]:
        stage = Stage(world, profile)
        try:
            await stage.apply_once(trees.before)
            again = await stage.apply_once(trees.before)
            return again.exit, len(again.wire.writes)
        finally:
            stage.close()

    assert run(2, main).result == (Exit.DONE, 0)
