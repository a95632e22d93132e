"""show, outputs, history: what is in the account, for people and for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reconciler.cli import options as opt
from reconciler.cli.loop import run_loop
from reconciler.render.formats import Report


@click.command(short_help="List the managed objects, or one of them in full.")
@click.argument("address", required=False)
@opt.root
@opt.tree
@opt.account
@opt.formats(Report.OBJECTS)
@opt.output
def show(address: str | None, root: Path | None, **options: Any) -> int:
    """List the live objects of this stack with ids, state and last apply; with ADDRESS one of them in full.

    \b
    Examples:
        reconciler show --local
        reconciler show Assistant/customer-support --format json
    """
    from reconciler.cli.opening import load_tree, open_session, parse_address, terminal

    screen = terminal(options)
    if address is not None and root is None and Path(address).is_dir():
        root, address = Path(address), None
    target = parse_address(address) if address else None
    loaded = load_tree(root, options, cached=True)

    async def work() -> Any:
        from reconciler.commands import show as show_command

        async with open_session(loaded, options) as session:
            return await (show_command.show_one(session, target) if target else show_command.show(session))

    screen.show(Report.OBJECT if target else Report.OBJECTS, run_loop(work()))
    return 0


@click.command(short_help="Ids by address, for applications and pipelines.")
@opt.root
@opt.tree
@opt.account
@opt.formats(Report.OUTPUTS, "bundle")
@opt.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="With --format bundle: the directory to write to."
)
@opt.output
def outputs(root: Path | None, **options: Any) -> int:
    """Print the ids that applications need, by address.

    env prints shell assignments such as RECONCILER_ASSISTANT_CUSTOMER_SUPPORT_ID, github the same names in lower case
    for $GITHUB_OUTPUT. bundle writes the files of each release, to bake into an application's image.

    \b
    Examples:
        reconciler outputs --local
        reconciler outputs --format env > assistants.env
        reconciler outputs --format github >> "$GITHUB_OUTPUT"
        reconciler outputs --format bundle --out build/assistants
    """
    from reconciler.cli.opening import load_tree, open_session, terminal
    from reconciler.model.errors import Exit, Stop

    screen = terminal(options)
    if (screen.format == "bundle") != (options["out"] is not None):
        raise Stop(
            Exit.INVALID, "--format bundle and --out DIR go together.", "reconciler outputs --format bundle --out DIR"
        )
    loaded = load_tree(root, options, cached=True)

    async def work() -> Any:
        from reconciler.commands import outputs as outputs_command

        async with open_session(loaded, options) as session:
            return await (
                outputs_command.bundles(session) if screen.format == "bundle" else outputs_command.outputs(session)
            )

    found = run_loop(work())
    if screen.format == "bundle":
        _write_bundles(options["out"], found)
        screen.note(f"Wrote {len(found)} releases to {options['out']}.")
    else:
        screen.show(Report.OUTPUTS, found)
    return 0


def _write_bundles(directory: Path, found: dict[str, dict[str, bytes]]) -> None:
    from reconciler.model.errors import Exit, Stop

    for name, files in found.items():
        for path, content in files.items():
            parts = Path(path).parts
            if any(part in {"..", "/"} or "\\" in part for part in parts):
                raise Stop(
                    Exit.UNAVAILABLE, f"The release of {name} has a file named {path!r}.", "Nothing of it was written."
                )
            target = directory / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


@click.command(short_help="The releases of an assistant.")
@click.argument("address")
@opt.root
@opt.tree
@opt.account
@opt.formats(Report.HISTORY)
@opt.output
def history(address: str, root: Path | None, **options: Any) -> int:
    """List the releases of an assistant, newest first.

    \b
    Examples:
        reconciler history Assistant/customer-support --local
    """
    from reconciler.cli.opening import load_tree, open_session, parse_address, terminal

    screen = terminal(options)
    target = parse_address(address)
    loaded = load_tree(root, options, cached=True)

    async def work() -> Any:
        from reconciler.commands import history as history_command

        async with open_session(loaded, options) as session:
            return await history_command.history(session, target)

    screen.show(Report.HISTORY, run_loop(work()))
    return 0


COMMANDS = (show, outputs, history)
