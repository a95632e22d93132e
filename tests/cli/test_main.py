"""Whatever happens, the process says one clear thing and the documented exit code."""

from __future__ import annotations

import io
import sys

import click
import pytest

from reconciler import cli
from reconciler.cli.options import Duration
from reconciler.cli.terminal import Terminal, have_streams, redact
from tests.acceptance.world import World
from tests.cli.conftest import Command


def test_usage_errors_are_exit_7_and_point_to_the_help(reconciler: Command) -> None:
    for arguments in (["plna"], ["plan", "--no-such"], ["plan", "--format", "yaml"], ["history"], ["plan", "--settle"]):
        result = reconciler(*arguments)
        assert result.code == 7, arguments
        assert "--help" in result.err


def test_every_command_has_an_example_in_its_help(reconciler: Command) -> None:
    def commands(group: click.Group, prefix: tuple[str, ...]) -> list[tuple[str, ...]]:
        found = []
        for name, command in group.commands.items():
            if isinstance(command, click.Group):
                found += commands(command, (*prefix, name))
            else:
                found.append((*prefix, name))
        return found

    every = commands(cli.cli, ())
    assert {name[0] for name in every} == {
        "init",
        "validate",
        "plan",
        "apply",
        "destroy",
        "drift",
        "show",
        "outputs",
        "history",
        "rollback",
        "schema",
        "emulator",
        "gc",
        "unlock",
        "recover",
        "explain",
        "graph",
    }
    for name in every:
        result = reconciler(*name, "--help")
        assert result.code == 0
        assert "Example" in result.out, name


def test_an_unforeseen_error_is_reported_without_a_traceback_or_a_key(
    reconciler: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("oh no sk-canary-0123456789 \x1b[31m")

    monkeypatch.setattr("reconciler.cli.opening.load_tree", broken)
    result = reconciler("plan", "--local")
    assert result.code == 1
    assert "report" in result.err
    assert "Traceback" not in result.err
    assert "sk-canary" not in result.err
    assert "\x1b[31m" not in result.err


def test_an_interruption_is_exit_130(reconciler: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.cli.opening.load_tree", interrupted)
    assert reconciler("plan", "--local").code == 130


def test_keys_are_redacted_by_value_and_by_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "an-unusual-key")
    assert redact("an-unusual-key and sk-abcdefgh12345678") == "[OPENAI_API_KEY] and [key]"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600), ("500ms", 0.5), (3, 3)]
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize(
    ("option", "variables", "colored"),
    [
        ("always", {}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {}, False),
    ],
)
def test_colour_is_decided_by_option_then_environment_then_terminal(
    option: str, variables: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Terminal(option).colored(io.TextIOWrapper(io.BytesIO())) is colored


class Broken(io.TextIOWrapper):
    """A stream whose reader went away."""

    def write(self, text: str) -> int:
        """Fail as a pipe without a reader does."""
        raise BrokenPipeError(32, "Broken pipe")


def test_a_run_goes_on_when_nobody_reads_its_progress(
    reconciler: Command, monkeypatch: pytest.MonkeyPatch, tree: World
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", Broken(io.BytesIO()))
        assert cli.run(["apply", "--local", "--yes"]) == 0
    assert "No changes" in reconciler("plan", "--local").out
    tree.assistant("writer", "agents", model="gpt-6-sol")
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Broken(io.BytesIO()))
        assert cli.run(["apply", "--local", "--yes", "--format", "json"]) == 0
    assert "No changes" in reconciler("plan", "--local").out


def test_a_process_without_streams_gets_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    have_streams()
    assert (sys.stdout.write("x"), sys.stderr.write("x")) == (1, 1)
    sys.stdout.close()
    sys.stderr.close()


def test_a_group_without_a_command_prints_its_help(reconciler: Command) -> None:
    for arguments in ([], ["emulator"]):
        result = reconciler(*arguments)
        assert result.code == 7
        assert result.out.startswith("Usage: reconciler")
        assert "\\u{a}" not in result.out


def test_a_local_file_in_no_directory_is_a_mistake_not_an_empty_account(reconciler: Command, tree: World) -> None:
    result = reconciler("plan", "--local", "typo/account.db")
    assert result.code == 7
    assert not (tree.root / "typo").exists()
