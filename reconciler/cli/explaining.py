"""graph, explain: what belongs together, and why something is in the plan."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options as opt
from reconciler.cli.loop import run_loop
from reconciler.render.formats import Report, render

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.manifest.load.loader import Loaded
    from reconciler.review.explain import Evidence

saved_plan = opt.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Take what a saved plan says; the account is not read.",
)


@click.command(short_help="Draw who uses whom, offline.")
@opt.root
@opt.tree
@saved_plan
@opt.formats(Report.GRAPH)
@opt.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to a file.")
@opt.output
def graph(root: Path | None, **options: Any) -> int:
    """Show the assistants of a tree with the tools and vector stores that they use. Needs no key and no network.

    With --plan, everything is marked with what the plan does to it. mermaid is for Markdown on GitHub and GitLab, dot
    for Graphviz, svg is a picture in one file.

    \b
    Examples:
        reconciler graph
        reconciler graph --env production --plan plan.json
        reconciler graph --format mermaid >> README.md
        reconciler graph --format svg --out graph.svg
    """
    from reconciler.cli.opening import load_tree, terminal
    from reconciler.render.graph.svg import MAX_NODES, too_many
    from reconciler.review import graph as graphs

    screen = terminal(options)
    body = _saved(options["plan_file"]) if options["plan_file"] else None
    loaded = load_tree(root, options, cached=True)
    found = graphs.of_tree(loaded)
    if body is not None:
        _check_plan(screen, body, loaded, options["plan_file"])
        found = graphs.with_plan(found, body)
    color = screen.colored(sys.stdout) and options["out"] is None
    text = render(screen.format, Report.GRAPH, found, color=color, width=screen.width)
    if screen.format == "svg" and len(found["nodes"]) > MAX_NODES:
        screen.note(f"{too_many(len(found['nodes']))} --format dot has them all.")
    if options["out"] is None:
        screen.data(text)
    else:
        _write(options["out"], text)
        screen.note(f"Wrote the graph to {options['out']}.")
    return 0


@click.command(short_help="Tell why something is in the plan, or why it is not.")
@click.argument("address")
@opt.root
@opt.tree
@opt.account
@opt.planning
@saved_plan
@opt.formats(Report.EXPLANATION)
@opt.context
@opt.option("--roll-forward", is_flag=True, help="Ignore holds that a rollback left.")
@opt.output
def explain(address: str, root: Path | None, **options: Any) -> int:
    """Tell why the plan does what it does at one address: who changed what, and where it is written.

    ADDRESS is a resource (Assistant/customer-support) or one document (VectorStore/docs:guides/a.md). For each field it
    shows what the manifest says, with its position, what is live, and what was last applied; then the defaults, the
    references, who uses it, and what has to happen before and after. The account is read as by plan, or a saved plan is
    taken at its word.

    \b
    Examples:
        reconciler explain Assistant/customer-support --local
        reconciler explain VectorStore/product-docs:guides/a.md --refresh full
        reconciler explain Assistant/customer-support --plan plan.json
    """
    from reconciler.cli.opening import load_tree, open_session, terminal
    from reconciler.review.explain import Evidence, explain

    screen = terminal(options)
    body = _saved(options["plan_file"]) if options["plan_file"] else None
    loaded = load_tree(root, options, cached=True)

    async def work() -> Evidence:
        from reconciler.commands.plan import prepare

        async with open_session(loaded, options) as session:
            prepared = await prepare(session)
        return Evidence(loaded, prepared.body, prepared.found.snapshot, session.rules.only)

    if body is not None:
        _check_plan(screen, body, loaded, options["plan_file"])
        evidence = Evidence(loaded, body)
    else:
        evidence = run_loop(work())
    screen.show(Report.EXPLANATION, explain(address, evidence), context=options["context"])
    return 0


def _saved(path: Path) -> Mapping[str, Any]:
    """The body of a saved plan. Raises Stop."""
    from reconciler.model.errors import Exit, Stop
    from reconciler.review.approvals import MAX_BYTES, load

    try:
        with path.open("rb") as file:
            return load(file.read(MAX_BYTES + 1), str(path)).body
    except OSError as error:
        hint = "Save a plan with `reconciler plan -o plan.json`."
        raise Stop(Exit.INVALID, f"{path} cannot be read: {error.strerror}.", hint) from error


def _check_plan(screen: Terminal, body: Mapping[str, Any], loaded: Loaded, path: Path) -> None:
    """A plan of another stack says nothing here; one of other manifests says what was so. Raises Stop."""
    from reconciler.model.errors import Exit, Stop

    there = (body["stack"], body["environment"])
    here = (loaded.stack.name, loaded.environment)
    if there != here:
        named = ["/".join(filter(None, pair)) for pair in (there, here)]
        raise Stop(
            Exit.STALE, f"{path} is a plan for {named[0]}, and this is {named[1]}.", "Use its own plan, or --env."
        )
    if body["manifests"] != loaded.manifests:
        screen.note(f"The manifests or documents changed since {path} was made.")


def _write(path: Path, text: str) -> None:
    from reconciler.model.errors import Exit, Stop

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Stop(Exit.INVALID, f"{path} could not be written: {error.strerror}.") from error


COMMANDS = (graph, explain)
