"""plan, apply, destroy, drift, rollback: the commands that compare, and those that write."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options as opt
from reconciler.cli.asking import agreed, pin, wait_for_lock, winding_down
from reconciler.cli.loop import run_loop
from reconciler.cli.rendering import TargetType
from reconciler.render.formats import FORMATS, Asked, Format, Purpose, Report

if TYPE_CHECKING:
    from reconciler.apply.session import Session
    from reconciler.cli.terminal import Terminal
    from reconciler.commands.plan import Prepared
    from reconciler.review.approvals import Approval

LOCAL = "local"
"""The host of an embedded account: nothing of it belongs into Git."""

FIRST_APPLY = (
    "First apply. To have a wrong key or project refused from now on, put this into reconciler.yaml and commit it:"
)
"""With the anchor's id in Git, a wrong key or project is refused at once."""


def _extension(row: Format) -> str:
    """`.json (the saved plan, for `apply --plan`)`."""
    return f"{row.extensions[0]} ({row.remark})" if row.remark else row.extensions[0]


EXTENSIONS = ", ".join(_extension(row) for row in FORMATS.of(Report.PLAN) if row.extensions)


@click.command(short_help="Show what apply would do. Reads only.")
@opt.root
@opt.tree
@opt.account
@opt.planning
@opt.formats(Report.PLAN)
@opt.option(
    "-o",
    "--out",
    multiple=True,
    type=TargetType(),
    metavar="FILE",
    help=f"Also write the plan to FILE (repeatable), in the format of its extension: {EXTENSIONS}. "
    "FORMAT:FILE for other names.",
)
@opt.context
@opt.show
@opt.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there are changes.")
@opt.option("--roll-forward", is_flag=True, help="Ignore holds that a rollback left.")
@opt.output
def plan(root: Path | None, **options: Any) -> int:
    """Read the account and show what apply would do.

    Nothing is written: a key that may only read is enough. Exit codes: 0 planned, 2 with --detailed-exitcode when there
    are changes, 4 when a safety rule forbids the plan.

    --format github writes annotations for GitHub Actions, and appends the job's summary and the step's outputs
    (changes, digest, blocked, risks, summary) to the files that GITHUB_STEP_SUMMARY and GITHUB_OUTPUT name.

    \b
    Examples:
        reconciler plan --local
        reconciler plan --env production -o plan.json
        reconciler plan --format markdown > comment.md
        reconciler plan --show documents --context 1
        reconciler plan --out plan.json --out plan.html --out plan.sarif
    """
    from reconciler.cli.opening import find_root, load_tree, open_session, terminal
    from reconciler.cli.rendering import in_repository, save, tell_runner
    from reconciler.model.diagnostics import Rejected

    screen = terminal(options)
    options["_prefix"] = prefix = in_repository(find_root(root))
    try:
        loaded = load_tree(root, options, cached=True)
    except Rejected as rejected:
        if FORMATS[screen.format].purpose is not Purpose.FINDINGS:
            raise
        screen.diagnostics(rejected.diagnostics, prefix=prefix)
        return 7

    async def work() -> int:
        from reconciler.commands.plan import prepare

        async with open_session(loaded, options) as session:
            prepared = await prepare(session)
        if options["show"] == "documents":
            from reconciler.review import history

            options["_documents"] = history.texts(loaded, prepared.plan)
        _print_plan(screen, prepared, options)
        if screen.format == "github":
            tell_runner(prepared.body, **_asked(options))
        for target in options["out"]:
            save(screen, target, prepared.body, **_asked(options))
        return _plan_exit(prepared, detailed=options["detailed_exitcode"])

    _ignored(screen, loaded)
    return run_loop(work())


def _plan_exit(prepared: Prepared, *, detailed: bool) -> int:
    if prepared.plan.blocked:
        return 4
    return 2 if detailed and not prepared.plan.empty else 0


def _ignored(screen: Terminal, loaded: Any) -> None:
    """Warnings about manifests go to stderr, whatever the plan's own format is."""
    if loaded.warnings:
        replace(screen, format="text").diagnostics(loaded.warnings)


def _print_plan(screen: Terminal, prepared: Prepared, options: dict[str, Any]) -> None:
    screen.show(Report.PLAN, prepared.body, **_asked(options))


def _asked(options: dict[str, Any]) -> Asked:
    """How a plan was asked to be shown."""
    return {
        "context": options.get("context", 3),
        "documents": options.get("_documents"),
        "prefix": options.get("_prefix", ""),
    }


@click.command(short_help="Make the account equal to the manifests.")
@opt.root
@opt.tree
@opt.account
@opt.planning
@opt.writing
@opt.formats(Report.EVENT)
@opt.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Apply what this saved plan approved, and nothing else.",
)
@opt.option("--expect", metavar="DIGEST", help="Only if the plan has this digest.")
@opt.option("--roll-forward", is_flag=True, help="Ignore holds that a rollback left.")
@opt.context
@opt.output
def apply(root: Path | None, **options: Any) -> int:
    """Plan, ask, and apply; or apply a saved plan.

    Exit 0 means that the account was read again after the last write and is equal to the manifests. Exit 3 means
    incomplete or in doubt: run it again, it goes on where it stopped.

    \b
    Examples:
        reconciler apply --local --yes
        reconciler apply --env production
        reconciler apply --plan plan.json
        reconciler apply --yes --expect sha256:7b1d…
    """
    from reconciler.cli.opening import load_tree, open_session, terminal

    screen = terminal(options)
    approval = _approval(options["plan_file"]) if options["plan_file"] else None
    loaded = load_tree(root, options, cached=False)
    _ignored(screen, loaded)

    async def work() -> int:
        async with open_session(loaded, options) as session:
            return await wait_for_lock(session, screen, options, lambda: _apply(session, screen, options, approval))

    return run_loop(work())


def _approval(path: Path) -> Approval:
    from reconciler.model.errors import Exit, Stop
    from reconciler.review.approvals import MAX_BYTES, load

    try:
        with path.open("rb") as file:
            return load(file.read(MAX_BYTES + 1), str(path))
    except OSError as error:
        raise Stop(
            Exit.INVALID,
            f"{path} cannot be read: {error.strerror}.",
            "Save a plan with `reconciler plan -o plan.json`.",
        ) from error


async def _apply(session: Session, screen: Terminal, options: dict[str, Any], approval: Approval | None) -> int:
    from reconciler.commands.apply import check_approval
    from reconciler.commands.plan import prepare
    from reconciler.model.errors import Exit, Stop

    prepared = await prepare(session)
    if options["expect"] and options["expect"] != prepared.digest:
        raise Stop(
            Exit.STALE,
            f"The plan's digest is {prepared.digest}, not the expected one.",
            "Plan again and review what changed.",
        )
    if approval is not None:
        check_approval(prepared, approval)
    if screen.format == "text" and options.get("_printed") != prepared.digest:
        _print_plan(screen, prepared, options)
    options["_printed"] = prepared.digest
    if prepared.plan.blocked:
        return _blocked(screen, prepared)
    if prepared.plan.empty:
        return await _run(session, screen, prepared)
    if approval is None and not options["expect"] and not agreed(options, "Apply this plan?"):
        screen.note("Nothing was changed.")
        return 4
    return await _run(session, screen, prepared, digest=approval.digest if approval else None)


def _blocked(screen: Terminal, prepared: Prepared) -> int:
    lines = tuple(f"{change.address}: {change.blocked.summary}" for change in prepared.plan.blocked if change.blocked)
    screen.error("A safety rule forbids this plan; nothing was changed.", "", lines if screen.format != "text" else ())
    return 4


async def _run(
    session: Session, screen: Terminal, prepared: Prepared, *, destroy: bool = False, digest: str | None = None
) -> int:
    """Carry out, showing events as they come; SIGINT and SIGTERM wind the run down."""
    import asyncio

    from reconciler.apply import Conclusion
    from reconciler.cli.progress import Display
    from reconciler.commands.apply import carry_out

    conclusion = Conclusion()
    interrupt = asyncio.Event()
    with winding_down(screen, interrupt), Display.on(screen) as display:
        async for event in carry_out(
            session, prepared, conclusion, destroy=destroy, digest=digest, interrupt=interrupt
        ):
            display.show(event.to_json())
    if conclusion.anchor is not None and not destroy and session.info.host != LOCAL:
        screen.note(pin(FIRST_APPLY, conclusion.anchor, session.loaded.environment))
    return int(conclusion.exit)


@click.command(short_help="Delete everything of this stack.")
@opt.root
@opt.tree
@opt.account
@opt.writing
@opt.formats(Report.EVENT)
@opt.option("--confirm", metavar="STACK", help="The stack's name; with --yes, in place of typing it.")
@opt.output
def destroy(root: Path | None, **options: Any) -> int:
    """Plan the deletion of everything of this stack, ask for the stack's name, and delete.

    Protected objects are not deleted, and nothing else is deleted while there are any. Objects with `on_delete: retain`
    are forgotten: they stay, without our tags.

    \b
    Examples:
        reconciler destroy --local
        reconciler destroy --env staging --yes --confirm acme-support/staging
    """
    from reconciler.cli.opening import load_tree, open_session, terminal

    screen = terminal(options)
    loaded = load_tree(root, options, cached=False)

    async def work() -> int:
        async with open_session(loaded, options) as session:
            return await wait_for_lock(session, screen, options, lambda: _destroy(session, screen, options))

    return run_loop(work())


async def _destroy(session: Session, screen: Terminal, options: dict[str, Any]) -> int:
    from reconciler.commands.plan import prepare
    from reconciler.model.errors import Exit, Stop

    prepared = await prepare(session, destroy=True)
    if screen.format == "text":
        _print_plan(screen, prepared, options)
    if prepared.plan.blocked:
        return _blocked(screen, prepared)
    if prepared.found.anchor is None:
        screen.note("There is nothing of this stack in the account.")
        return 0
    name = session.scope().owner
    given = options["confirm"]
    if given is None and options["yes"]:
        raise Stop(Exit.INVALID, "destroy with --yes needs the stack's name.", f"Add --confirm {name}.")
    if given is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise Stop(Exit.INVALID, "There is no terminal to ask at.", f"Add --yes --confirm {name}.")
        given = click.prompt(f"Type {name} to delete all of this", err=True, default="", show_default=False)
    if given != name:
        screen.error(f"{given!r} is not the stack's name; nothing was changed.")
        return 4
    return await _run(session, screen, prepared, destroy=True)


@click.command(short_help="Compare the account with what was last applied. Reads everything.")
@opt.root
@opt.tree
@opt.account
@opt.formats(Report.DRIFT)
@opt.option("--detailed-exitcode", is_flag=True, help="Exit 2 when there is drift.")
@opt.context
@opt.output
def drift(root: Path | None, **options: Any) -> int:
    """Show what was changed in the account behind our back.

    Every object and every document is read, whatever its tags vouch for. Nothing is written; the next apply restores
    what the manifests say.

    \b
    Examples:
        reconciler drift --local
        reconciler drift --env production --detailed-exitcode
    """
    from reconciler.cli.opening import load_tree, open_session, terminal

    screen = terminal(options)
    loaded = load_tree(root, options, cached=True)

    async def work() -> int:
        from reconciler.commands import drift as drift_command

        async with open_session(loaded, options) as session:
            report = await drift_command.drift(session)
        screen.show(Report.DRIFT, report, context=options["context"])
        return 2 if options["detailed_exitcode"] and report["changes"] else 0

    return run_loop(work())


@click.command(short_help="Make an earlier release of an assistant the current one.")
@click.argument("address")
@opt.root
@opt.tree
@opt.account
@opt.writing
@opt.formats(Report.EVENT)
@opt.option(
    "--to", "version", metavar="VERSION", help="The release to go back to; default: the one before the current."
)
@opt.option("--as-of", metavar="DATE", help="Today's date, for reproducible plans (YYYY-MM-DD).")
@opt.output
def rollback(address: str, root: Path | None, **options: Any) -> int:
    """Move an assistant's pointer back to an earlier release.

    Everything that the old release uses is checked to exist still. The assistant is then held: apply leaves it alone,
    with a warning, until its manifest changes, or with --roll-forward. Saved agents and v2 assistants have no versions
    in the account: revert in Git.

    \b
    Examples:
        reconciler history Assistant/customer-support
        reconciler rollback Assistant/customer-support
        reconciler rollback Assistant/customer-support --to 3 --yes
    """
    from reconciler.cli.opening import load_tree, open_session, parse_address, terminal

    screen = terminal(options)
    target = parse_address(address)
    loaded = load_tree(root, options, cached=False)

    async def work() -> int:
        from reconciler.commands.rollback import prepare_rollback

        async def attempt() -> int:
            prepared = await prepare_rollback(session, target, options["version"])
            if screen.format == "text":
                _print_plan(screen, prepared, options)
            if not agreed(options, "Roll back?"):
                screen.note("Nothing was changed.")
                return 4
            return await _run(session, screen, prepared)

        async with open_session(loaded, options) as session:
            return await wait_for_lock(session, screen, options, attempt)

    return run_loop(work())


COMMANDS = (plan, apply, destroy, drift, rollback)
