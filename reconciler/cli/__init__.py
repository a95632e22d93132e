"""The command line: parse, call, print, exit code. No logic lives here.

Modules of commands import nothing heavy at the top, so that `--help` and `validate` start fast and without openai.
"""

from __future__ import annotations

import os
import sys

import click

from reconciler.cli.terminal import Terminal, have_streams

EXIT_BUG, EXIT_INVALID, EXIT_INTERRUPTED, EXIT_UNAVAILABLE = 1, 7, 130, 9


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="openai-reconciler", prog_name="reconciler", message="%(prog)s %(version)s")
def cli() -> None:
    """Plan and apply for the assistants that an organisation runs on OpenAI.

    Git holds the manifests of assistants, tools and vector-store contents; the reconciler compares them with the live
    account and applies the difference. There is no state file.

    \b
    Try it here, without a key and without a network:
        reconciler init my-stack && cd my-stack
        reconciler plan --local
        reconciler apply --local --yes
    """


def _register() -> None:
    from reconciler.cli import changing, explaining, inspecting, offline, upkeep

    for module in (offline, changing, explaining, inspecting, upkeep):
        for command in module.COMMANDS:
            cli.add_command(command)


def main() -> None:
    """Run, and turn whatever happens into one clear message and the documented exit code."""
    have_streams()
    _register()
    raise SystemExit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """The exit code of one invocation."""
    terminal = Terminal.for_errors()
    try:
        result = cli.main(arguments, prog_name="reconciler", standalone_mode=False)
    except click.exceptions.Abort:
        terminal.error("Interrupted.")
        return EXIT_INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        terminal.data(f"{error.format_message()}\n")
        return EXIT_INVALID
    except click.UsageError as error:
        _usage(terminal, error)
        return EXIT_INVALID
    except click.ClickException as error:
        terminal.error(error.format_message())
        return EXIT_INVALID
    except KeyboardInterrupt:
        terminal.error("Interrupted.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user
        return _other(terminal, error)
    return int(result or 0)


def _usage(terminal: Terminal, error: click.UsageError) -> None:
    where = error.ctx.command_path if error.ctx else "reconciler"
    terminal.error(error.format_message(), f"See `{where} --help`.")


def _other(terminal: Terminal, error: Exception) -> int:
    from reconciler.model.diagnostics import Rejected
    from reconciler.model.errors import Stop

    if isinstance(error, Rejected):
        terminal.diagnostics(error.diagnostics)
        return EXIT_INVALID
    if isinstance(error, Stop):
        terminal.error(error.summary, error.detail, error.lines)
        return int(error.code)
    if type(error).__name__ == "EmulatorError":
        terminal.error(str(error))
        return EXIT_UNAVAILABLE
    if isinstance(error, OSError):
        terminal.error(
            f"{error.filename or 'The system'}: {error.strerror or error}",
            "Nothing that was applied is lost; run the same command again.",
        )
        return EXIT_INVALID
    terminal.bug(error)
    return EXIT_BUG
