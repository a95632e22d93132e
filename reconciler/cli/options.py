"""Options that several commands share. Every option can also be given as RECONCILER_<OPTION>; flags win."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.render.formats import FORMATS, Report

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULT_DATABASE = "default"
"""What `--local` without a file stands for: `.reconciler/local.db` beside reconciler.yaml."""


class Duration(click.ParamType[float]):
    """`90`, `90s`, `2m`, `1h`, `500ms`: seconds as a float."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; fails on anything else."""
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h)?", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is not a duration; write 90s, 2m, 1h or 500ms.", param, ctx)
        return float(match[1]) * {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600}[match[2]]


def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
    """A click option with its environment variable."""
    long = next(name for name in names if name.startswith("--")).split("/")[0]
    variable = "RECONCILER_" + long.removeprefix("--").upper().replace("-", "_")
    return click.option(*names, envvar=variable, **settings)


def chain(*decorators: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several decorators as one, the first outermost."""

    def apply(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return apply


root = click.argument("root", required=False, type=click.Path(path_type=Path))

output = chain(
    option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        help="Colour. Honours NO_COLOR, FORCE_COLOR and CI.",
    ),
    option("-q", "--quiet", is_flag=True, help="Only data and errors."),
    option("-v", "--verbose", is_flag=True, help="Every request, on stderr."),
    option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Format of what -v prints."),
)


def formats(document: Report, *others: str) -> Callable[[Command], Command]:
    """`--format` with the formats that a document has, and what else a command writes; the first is the default."""
    names = [*(row.name for row in FORMATS.of(document)), *others]
    return option(
        "--format",
        "format_",
        type=click.Choice(names),
        default=names[0],
        show_default=True,
        help="Format of the output.",
    )


tree = chain(
    option(
        "--env", "environment", metavar="NAME", help="Environment of the stack; needed when the stack declares any."
    ),
    option(
        "--follow-symlinks",
        type=click.Choice(["never", "within-root"]),
        default="never",
        show_default=True,
        help="Links in the tree: refuse them, or follow those that stay in it.",
    ),
)

account = chain(
    option(
        "--local",
        is_flag=False,
        flag_value=DEFAULT_DATABASE,
        metavar="[FILE]",
        help="Use the account embedded on this machine, kept in FILE (.reconciler/local.db).",
    ),
    option(
        "--parallelism",
        type=click.IntRange(1, 64),
        default=16,
        show_default=True,
        metavar="N",
        help="Upper bound of concurrent requests.",
    ),
    option(
        "--timeout",
        type=Duration(),
        default="1h",
        show_default=True,
        metavar="D",
        help="The whole run may take this long.",
    ),
)

planning = chain(
    option(
        "--refresh",
        type=click.Choice(["auto", "full"]),
        default="auto",
        show_default=True,
        help="full: read everything, whatever the tags vouch for.",
    ),
    option(
        "--only",
        multiple=True,
        metavar="ADDRESS",
        help="Only this address (repeatable) and what it needs; deletes nothing.",
    ),
    option(
        "--allow-deletes",
        type=click.IntRange(0),
        metavar="N",
        help="Allow up to N deletions, whatever the stack's limits say.",
    ),
    option("--no-prune", is_flag=True, help="Leave objects alone whose manifest is gone."),
    option("--as-of", metavar="DATE", help="Today's date, for reproducible plans (YYYY-MM-DD)."),
)

context = option(
    "--context",
    type=click.IntRange(0, 100),
    default=3,
    show_default=True,
    metavar="N",
    help="Unchanged lines around each change of a text.",
)

show = option(
    "--show",
    type=click.Choice(["documents"]),
    help="documents: also compare each changed text document with what was last applied, where Git has that.",
)

yes = option("--yes", is_flag=True, help="Do not ask.")

leasing = chain(
    yes,
    option(
        "--settle",
        type=Duration(),
        default="60s",
        show_default=True,
        metavar="D",
        help="How long to look for the result of a request whose answer was lost.",
    ),
    option(
        "--lock-timeout",
        type=Duration(),
        default="0s",
        show_default=True,
        metavar="D",
        help="How long to wait for another run of this stack to end.",
    ),
)

writing = chain(
    leasing,
    option(
        "--file-timeout",
        type=Duration(),
        default="10m",
        show_default=True,
        metavar="D",
        help="How long one document may be processed.",
    ),
)
