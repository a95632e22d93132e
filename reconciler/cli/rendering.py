"""Plans in files: those of --out, in any format of the table, and those that a runner names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import click

from reconciler.render.formats import FORMATS, Asked, Format, Report

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal


_WORD = re.compile(r"[A-Za-z]{2,}")
"""What may be meant as a format; a single letter may be a drive."""


class Target(NamedTuple):
    """A file to write, and the format it gets."""

    format: Format
    path: Path


class TargetType(click.ParamType[Target]):
    """`FILE` with a known extension, or `FORMAT:FILE`. In an environment variable: one to a line."""

    name = "file"
    envvar_list_splitter = "\n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """The target; fails where nothing tells the format, or the directory does not exist."""
        text = str(value).strip()
        named, colon, file = text.partition(":")
        formats = {row.name: row for row in FORMATS.of(Report.PLAN)}
        format_ = formats.get(named) if colon else None
        if format_ is None and colon and _WORD.fullmatch(named):
            known = ", ".join(formats)
            self.fail(f"There is no format {named!r}; there are {known}. A file of this name: ./{text}", param, ctx)
        if format_ is None:
            file, format_ = text, FORMATS.of_file(Report.PLAN, text)
        if format_ is None:
            known = ", ".join(sorted(end for row in FORMATS.of(Report.PLAN) for end in row.extensions))
            self.fail(f"{text!r} does not say its format. Known extensions: {known}; or write FORMAT:FILE.", param, ctx)
        if not file or Path(file).is_dir() or not Path(file).parent.is_dir():
            self.fail(f"{file!r} is not a file in a directory that exists.", param, ctx)
        return Target(format_, Path(file))


def save(screen: Terminal, target: Target, plan: Mapping[str, Any], **asked: Unpack[Asked]) -> None:
    """Write a plan to a file; as JSON it is a saved plan, for `apply --plan`. Raises Stop."""
    from reconciler.cli.terminal import redact
    from reconciler.review.planfile import dumps

    path = target.path
    if target.format.name == "json":
        write(path, dumps(plan))
        screen.note(f"Saved the plan to {path}. Apply it with `reconciler apply --plan {path}`.")
        return
    write(path, redact(target.format.render(Report.PLAN, plan, **asked)))
    screen.note(f"Wrote the plan as {target.format.name} to {path}.")


def write(path: Path, text: str) -> None:
    """Written to a temporary file, synced, renamed: a full disk leaves no half a plan. Raises Stop."""
    import tempfile

    from reconciler.model.errors import Exit, Stop

    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Stop(
            Exit.INVALID, f"The plan could not be saved to {path}: {error.strerror}.", "Nothing was changed."
        ) from error


def tell_runner(plan: Mapping[str, Any], **asked: Unpack[Asked]) -> None:
    """Append the job's summary and the step's outputs to the files that GitHub's runner names. Raises Stop."""
    from reconciler.cli.terminal import redact
    from reconciler.model.errors import Exit, Stop
    from reconciler.render import github

    for variable in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        named = os.environ.get(variable)
        if named:
            text = github.outputs(plan) if variable == "GITHUB_OUTPUT" else github.job_summary(plan, **asked)
            try:
                with Path(named).open("a", encoding="utf-8") as file:
                    file.write(redact(text))
            except OSError as error:
                raise Stop(
                    Exit.INVALID, f"{variable} names {named}, which cannot be written: {error.strerror}."
                ) from error


def in_repository(root: Path) -> str:
    """The stack's directory as a runner sees it, relative to its checkout (else to here), with `/`; or empty."""
    stack = root.resolve()
    for place in (os.environ.get("GITHUB_WORKSPACE"), os.environ.get("CI_PROJECT_DIR"), os.curdir):
        if place and stack.is_relative_to(Path(place).resolve()):
            return stack.relative_to(Path(place).resolve()).as_posix().removeprefix(".")
    return ""
