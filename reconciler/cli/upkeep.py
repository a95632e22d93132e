"""gc, unlock, recover: what keeps a stack's place in the account in order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options as opt
from reconciler.cli.asking import agreed, pin, wait_for_lock, winding_down
from reconciler.cli.loop import run_loop
from reconciler.render.formats import Report

if TYPE_CHECKING:
    from reconciler.apply.session import Session
    from reconciler.cli.terminal import Terminal
    from reconciler.upkeep import Orphan, Orphans, Recovery

GROUPS = ("journal", "objects", "versions", "files")


@click.command(short_help="List what interrupted runs and old releases left, and delete it.")
@opt.root
@opt.tree
@opt.account
@opt.option("--delete", is_flag=True, help="Delete what is listed; of the last group only what --file names.")
@opt.option(
    "--file",
    "files",
    multiple=True,
    metavar="ID",
    help="With --delete: also this File of those that nothing is seen to use (repeatable).",
)
@opt.option(
    "--group",
    "groups",
    multiple=True,
    type=click.Choice(GROUPS),
    help="Only this group (repeatable): journal, objects, versions, files.",
)
@opt.leasing
@opt.formats(Report.ORPHANS)
@opt.output
def gc(root: Path | None, **options: Any) -> int:
    """List orphans: what interrupted runs and old releases left behind, and nothing needs any more.

    Without --delete nothing is written. There are four groups. journal: Files that an interrupted run was about to
    delete. objects: unconfirmed creations that no manifest completes, and replaced objects that were not deleted.
    versions: releases behind the ten newest, with the Files that only they name; never the current one, the applied
    one, or one that a rollback points at. files: Files of purpose `assistants` that no vector store, assistant or
    release in this project is seen to use. These may be somebody else's: they are deleted only by --file.

    \b
    Examples:
        reconciler gc --local
        reconciler gc --env production --format json
        reconciler gc --delete --yes
        reconciler gc --delete --group versions
        reconciler gc --delete --file file-6f9xQm2Lk1
    """
    from reconciler.cli.opening import load_tree, open_session, terminal
    from reconciler.model.errors import Exit, Stop

    screen = terminal(options)
    if options["files"] and not options["delete"]:
        raise Stop(Exit.INVALID, "--file names what is to be deleted.", "Add --delete.")
    loaded = load_tree(root, options, cached=not options["delete"])

    async def work() -> int:
        async with open_session(loaded, options) as session:
            return await wait_for_lock(session, screen, options, lambda: _gc(session, screen, options))

    return run_loop(work())


async def _gc(session: Session, screen: Terminal, options: dict[str, Any]) -> int:
    from reconciler.upkeep import Group, find_orphans

    groups = [Group(name) for name in options["groups"] or GROUPS]
    if options["files"]:
        groups.append(Group.FILES)
    found = await find_orphans(session, groups)
    chosen = _chosen(found, options["files"]) if options["delete"] else ()
    report = {
        "stack": session.scope().owner,
        "anchor": found.anchor.ids[0] if found.anchor else None,
        "delete": options["delete"],
        "orphans": [item.to_json() for item in found.items],
        "notes": list(found.notes),
    }
    if screen.format == "text":
        screen.show(Report.ORPHANS, report)
    if not chosen:
        if screen.format != "text":
            screen.show(Report.ORPHANS, report)
        return 0
    if not agreed(options, f"Delete {len(chosen)} of them?" if len(chosen) < len(found.items) else "Delete them?"):
        screen.note("Nothing was deleted.")
        return 4
    return await _sweep(session, screen, report, found, chosen)


def _chosen(found: Orphans, files: tuple[str, ...]) -> tuple[Orphan, ...]:
    """What --delete deletes: the provable groups, and the Files that a person named; they have to be in the list."""
    from reconciler.model.errors import Exit, Stop
    from reconciler.upkeep import Group

    listed = {item.id for item in found.of(Group.FILES)}
    unknown = [file_id for file_id in files if file_id not in listed]
    if unknown:
        raise Stop(
            Exit.REFUSED,
            f"--file {unknown[0]}: this is none of the Files that nothing is seen to use.",
            "Nothing was deleted. `reconciler gc` lists them.",
        )
    return tuple(item for item in found.items if item.group is not Group.FILES or item.id in files)


async def _sweep(
    session: Session, screen: Terminal, report: dict[str, Any], found: Orphans, chosen: tuple[Orphan, ...]
) -> int:
    import asyncio

    from reconciler.render.upkeep import render_ending, render_swept
    from reconciler.upkeep import Swept, sweep

    swept, interrupt = Swept(), asyncio.Event()
    color = screen.colored(sys.stderr)
    with winding_down(screen, interrupt):
        await sweep(
            session,
            found,
            chosen,
            swept=swept,
            tell=lambda ending: screen.note(render_ending(ending.to_json(), color=color)),
            interrupt=interrupt,
        )
    for note in swept.notes:
        screen.note(note)
    done = {
        **report,
        "orphans": [ending.to_json() for ending in swept.endings],
        "notes": [*report["notes"], *swept.notes],
        "exit_code": int(swept.exit),
    }
    if screen.format == "text":
        screen.note(render_swept(done, color=color))
    else:
        screen.show(Report.ORPHANS, done)
    return int(swept.exit)


@click.command(short_help="End the lease of a run that died.")
@opt.root
@opt.tree
@opt.account
@opt.yes
@opt.option("--force", is_flag=True, help="Even if the run showed a sign of life less than 60 s ago.")
@opt.formats(Report.HOLDER)
@opt.output
def unlock(root: Path | None, **options: Any) -> int:
    """Take the stack from a run that died without giving it back, instead of waiting ten minutes.

    Shows whose run it is and how old its last sign of life is, and asks. A run that shows one every few seconds is
    alive: exit code 6, unless --force. If it is alive all the same, it notices within five seconds, and stops. The
    next apply knows that the last run did not end, waits for what that may have left under way, and repairs it.

    \b
    Examples:
        reconciler unlock --local
        reconciler unlock --env production --yes
    """
    from reconciler.cli.opening import load_tree, open_session, terminal

    screen = terminal(options)
    loaded = load_tree(root, options, cached=True)

    async def work() -> int:
        async with open_session(loaded, options) as session:
            return await _unlock(session, screen, options)

    return run_loop(work())


async def _unlock(session: Session, screen: Terminal, options: dict[str, Any]) -> int:
    from reconciler.upkeep import check_dead, find_holder
    from reconciler.upkeep import unlock as free

    found = await find_holder(session)
    owner = session.scope().owner
    if screen.format == "text":
        screen.show(Report.HOLDER, found.to_json(owner, unlocked=False))
    if found.held:
        if not options["force"]:
            check_dead(found, session.liveness, "If you know that it is dead: --force.")
        if not agreed(options, "Take the stack from this run?"):
            screen.note("Nothing was changed.")
            return 4
        await free(session, found)
        screen.note("Unlocked. The next apply repairs what that run left.")
    if screen.format != "text":
        screen.show(Report.HOLDER, found.to_json(owner, unlocked=found.held))
    return 0


@click.command(short_help="Rebuild the anchor from the account's tags.")
@opt.root
@opt.tree
@opt.account
@opt.option("--lineage", metavar="HEX", help="Which lineage is this stack's, when objects of several name it.")
@opt.leasing
@opt.formats(Report.RECOVERY)
@opt.output
def recover(root: Path | None, **options: Any) -> int:
    """Rebuild the anchor, the vector store that holds the stack's record, when it is lost or damaged.

    Every object in the account says in its own tags which stack and address it belongs to. They are read, shown and,
    after a question, written into the anchor; the next apply then repairs what is left. What only the anchor knew is
    named. When nothing is wrong, nothing is written.

    \b
    Examples:
        reconciler recover --local
        reconciler recover --env production
        reconciler recover --lineage 3fa91c0b77d2
    """
    from reconciler.cli.opening import load_tree, open_session, terminal

    screen = terminal(options)
    loaded = load_tree(root, options, cached=False)

    async def work() -> int:
        async with open_session(loaded, options) as session:
            return await wait_for_lock(session, screen, options, lambda: _recover(session, screen, options))

    return run_loop(work())


async def _recover(session: Session, screen: Terminal, options: dict[str, Any]) -> int:
    from reconciler.upkeep import find_recovery
    from reconciler.upkeep import recover as rebuild

    found = await find_recovery(session, options["lineage"])
    if screen.format == "text":
        screen.show(Report.RECOVERY, found.to_json(written=None))
    written = None
    if not found.empty:
        if not agreed(options, "Write this?" if found.anchor is not None else "Delete it?"):
            screen.note("Nothing was changed.")
            return 4
        written = await rebuild(session, found)
        screen.note(f"The anchor is {written}. Run `reconciler apply`: it repairs what is left, and ends clean.")
    _repin(session, screen, found, written)
    if screen.format != "text":
        screen.show(Report.RECOVERY, found.to_json(written=written))
    return 0


def _repin(session: Session, screen: Terminal, found: Recovery, written: str | None) -> None:
    anchor = found.repin(written)
    if anchor is not None:
        why = f"reconciler.yaml pins {found.pinned}, which is gone. Put this into it instead, and commit it:"
        screen.note(pin(why, anchor, session.loaded.environment))


COMMANDS = (gc, unlock, recover)
