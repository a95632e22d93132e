"""init, validate, schema, emulator: the commands that need no account."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import options as opt
from reconciler.render.formats import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.emulator.fault_rules import Rules

STARTER = Path(__file__).parent / "starter"


@click.command(short_help="Write a starter stack.")
@click.argument("directory", required=False, default=".", type=click.Path(path_type=Path, file_okay=False))
@opt.output
def init(directory: Path, **options: Any) -> int:
    """Write a starter stack: a Stack, one Assistant, one VectorStore with a document.

    Existing files are never touched.

    \b
    Examples:
        reconciler init my-stack
        cd my-stack && reconciler apply --local --yes
    """
    import re

    from reconciler.cli.opening import terminal
    from reconciler.manifest.schema import schemas
    from reconciler.model.errors import Exit, Stop

    screen = terminal(options)
    files = {
        path.relative_to(STARTER): path.read_text(encoding="utf-8")
        for path in sorted(STARTER.rglob("*"))
        if path.is_file()
    }
    existing = sorted(str(path) for path in files if (directory / path).exists())
    if existing:
        raise Stop(
            Exit.INVALID, f"{directory / existing[0]} exists already; nothing was written.", "Choose another directory."
        )
    name = re.sub(r"[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-")[:40].strip("-") or "my-stack"
    written: list[Path] = []
    try:
        for path, text in files.items():
            written.append(directory / path)
            written[-1].parent.mkdir(parents=True, exist_ok=True)
            written[-1].write_text(text.replace("@NAME@", name), encoding="utf-8")
        _write_schemas(directory / "schema", schemas)
    except OSError as error:
        for begun in written:
            with contextlib.suppress(OSError):
                begun.unlink()
        place, why = written[-1], error.strerror
        raise Stop(Exit.INVALID, f"{place} could not be written: {why}.", "What was begun was removed.") from error
    screen.note(f"Wrote {len(files)} files and the editor schemas to {directory}.")
    screen.note("Next: `reconciler validate`, then `reconciler apply --local --yes` to try it on this machine.")
    return 0


@click.command(short_help="Check the manifests, offline.")
@opt.root
@opt.tree
@opt.formats(Report.PROBLEMS)
@opt.output
def validate(root: Path | None, **options: Any) -> int:
    """Check syntax, schema, references, files and limits. Needs no key and no network.

    Every problem is reported at once, each with its place, what was expected, and what to do. Exit 7 if there are any.

    \b
    Examples:
        reconciler validate
        reconciler validate my-stack --env production --format json
        reconciler validate --format github
    """
    from reconciler.cli.opening import find_root, load_tree, terminal
    from reconciler.cli.rendering import in_repository
    from reconciler.model.diagnostics import Rejected

    screen = terminal(options)
    prefix = in_repository(find_root(root))
    try:
        loaded = load_tree(root, options, cached=True)
    except Rejected as rejected:
        screen.diagnostics(rejected.diagnostics, prefix=prefix)
        return 7
    kinds: dict[str, int] = {}
    for item in loaded.desired:
        kinds[item.address.kind] = kinds.get(item.address.kind, 0) + 1
    if screen.format != "text":
        body = {
            "valid": True,
            "problems": [{**item.to_json(), "source": item.source} for item in loaded.warnings],
            "resources": kinds,
            "documents": loaded.documents,
            "ignored": loaded.ignored,
        }
        screen.show(Report.PROBLEMS, body, prefix=prefix)
        return 0
    if loaded.warnings:
        screen.diagnostics(loaded.warnings)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())) or "no resources"
    ignored = f" {loaded.ignored} YAML documents that are no manifests were ignored." if loaded.ignored else ""
    screen.data(f"Valid: {counted}, {loaded.documents} documents.{ignored}\n")
    return 0


@click.command(short_help="Print a JSON Schema of the manifests.")
@click.argument("kind", required=False)
@opt.option(
    "--write",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write all of them to this directory.",
)
@opt.output
def schema(kind: str | None, directory: Path | None, **options: Any) -> int:
    """Print the JSON Schema of a manifest kind, or of a saved plan (`schema plan`), or write all of them.

    \b
    Examples:
        reconciler schema Assistant
        reconciler schema --write schema
    """
    from reconciler.cli.opening import terminal
    from reconciler.manifest.schema import schemas
    from reconciler.model.diagnostics import did_you_mean
    from reconciler.model.errors import Exit, Stop

    screen = terminal(options)
    if directory is not None:
        names = _write_schemas(directory, schemas)
        screen.note(f"Wrote {', '.join(names)} to {directory}.")
        return 0
    chosen = _schemas(schemas)
    if kind is None:
        screen.data("".join(f"{name}\n" for name in chosen))
        return 0
    found = next((make for name, make in chosen.items() if name.lower() == kind.lower()), None)
    if found is None:
        raise Stop(Exit.INVALID, f"There is no schema of {kind!r}.", did_you_mean(kind, chosen))
    screen.data(_dump(found()))
    return 0


def _schemas(schemas: Any) -> dict[str, Any]:
    from reconciler.review.plan_schema import schema as plan_schema

    found: dict[str, Any] = {name: lambda name=name: schemas.published(name) for name in schemas.kinds()}
    return found | {"plan": plan_schema}


def _write_schemas(directory: Path, schemas: Any) -> list[str]:
    directory.mkdir(parents=True, exist_ok=True)
    names = []
    for name, make in _schemas(schemas).items():
        file = schemas.file_name(name)
        (directory / file).write_text(_dump(make()), encoding="utf-8")
        names.append(file)
    return names


def _dump(value: Any) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


@click.group(short_help="The account embedded on this machine.")
def emulator() -> None:
    """An OpenAI account on this machine, for trying things and for tests."""


@emulator.command(short_help="Serve it over HTTP on 127.0.0.1.")
@opt.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@opt.option(
    "--db",
    "database",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(".reconciler/local.db"),
    show_default=True,
    help="The file that keeps the account.",
)
@opt.option(
    "--profile",
    type=click.Choice(["openai", "compatible"]),
    default="openai",
    show_default=True,
    help="openai: as the service is today; compatible: a server that still has /v1/assistants.",
)
@opt.option(
    "--faults",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Misbehave as the rules in FILE say (docs/rehearsing-failures.md).",
)
@opt.option(
    "--ahead",
    type=opt.Duration(),
    default="0s",
    metavar="D",
    help="The account's clock is ahead by so much (11m, 200h): for leases that end, and stores that expire.",
)
@opt.output
def serve(port: int, database: Path, profile: str, faults: Path | None, ahead: float, **options: Any) -> int:
    """Serve the embedded account to any client, until Ctrl-C.

    With --faults it misbehaves by rules, so that a pipeline can be rehearsed: answers get lost, lists are late, files
    fail. Every fault is one line on stderr.

    \b
    Examples:
        reconciler emulator serve --port 8080
        OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=sk-local reconciler plan
        reconciler emulator serve --faults faults.yaml
    """
    from reconciler.cli.opening import terminal
    from reconciler.emulator.serve import serve as run
    from reconciler.emulator.settings import Profile

    screen = terminal(options)
    rules = _rules(faults, screen.note) if faults is not None else None
    database.parent.mkdir(parents=True, exist_ok=True)
    run(database, say=screen.note, port=port, profile=Profile(profile), rules=rules, ahead=ahead)
    return 0


def _rules(file: Path, say: Callable[[str], None]) -> Rules:
    from reconciler.emulator.fault_rules import RulesError, read
    from reconciler.model.errors import Exit, Stop

    try:
        rules = read(file, say=say)
    except RulesError as error:
        raise Stop(Exit.INVALID, error.summary, error.detail) from error
    number = len(rules.rules)
    say(f"The emulator misbehaves: it obeys {number} {'rule' if number == 1 else 'rules'} of {file}.")
    return rules


COMMANDS = (init, validate, schema, emulator)
