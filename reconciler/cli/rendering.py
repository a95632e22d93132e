"""Plans and problems in every format that there is: for stdout, for the files of --out, for a runner's own files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal

PLAN_FORMATS = ("text", "json", "markdown", "html", "github", "sarif", "junit")
PROBLEM_FORMATS = ("github", "sarif", "junit")
"""Formats of `validate` beside text and JSON."""

EXTENSIONS = {
    ".txt": "text",
    ".json": "json",
    ".md": "markdown",
    ".html": "html",
    ".sarif": "sarif",
    ".xml": "junit",
    ".sarif.json": "sarif",
}
"""What a file's name says about its format; the longest that fits counts."""


class Target(NamedTuple):
    """A file to write, and the format it gets."""

    format: str
    path: Path


class TargetType(click.ParamType[Target]):
    """`FILE` with a known extension, or `FORMAT:FILE`. In an environment variable: one to a line."""

    name = "file"
    envvar_list_splitter = "\n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Target:
        """The target; fails where nothing tells the format, or the directory does not exist."""
        text = str(value).strip()
        format_, colon, file = text.partition(":")
        if not (colon and format_ in PLAN_FORMATS):
            file = text
            known = [extension for extension in EXTENSIONS if text.lower().endswith(extension)]
            if not known:
                names = ", ".join(sorted(EXTENSIONS))
                self.fail(
                    f"{text!r} does not say its format. Known extensions: {names}; or write FORMAT:FILE.", param, ctx
                )
            format_ = EXTENSIONS[max(known, key=len)]
        if not file or Path(file).is_dir() or not Path(file).parent.is_dir():
            self.fail(f"{file!r} is not a file in a directory that exists.", param, ctx)
        return Target(format_, Path(file))


def render_plan(
    format_: str,
    plan: Mapping[str, Any],
    *,
    prefix: str = "",
    color: bool = False,
    width: int = 80,
    **shown: Any,
) -> str:
    """A plan in one of `PLAN_FORMATS`. `shown` is what forms for people take: `context` and the like."""
    if format_ == "text":
        from reconciler.render.text import render_plan as as_text

        return as_text(plan, color=color, width=width, **shown)
    if format_ == "markdown":
        from reconciler.render.markdown import render_plan as as_markdown

        return as_markdown(plan, **shown)
    if format_ == "html":
        from reconciler.render.html.page import render_plan as as_html

        return as_html(plan, **shown)
    if format_ == "github":
        from reconciler.render.github import render_plan as as_annotations

        return as_annotations(plan, prefix=prefix)
    if format_ == "sarif":
        from reconciler.render.sarif import render_plan as as_sarif

        return as_sarif(plan, prefix=prefix)
    if format_ == "junit":
        from reconciler.render.junit import render_plan as as_junit

        return as_junit(plan, prefix=prefix)
    from reconciler.render.json import render_plan as as_json

    return as_json(plan)


def render_problems(format_: str, found: Iterable[Any], *, prefix: str = "") -> str:
    """Diagnostics in one of `PROBLEM_FORMATS`."""
    items = [item.to_json() for item in found]
    if format_ == "github":
        from reconciler.render.github import render_problems as as_annotations

        return as_annotations(items, prefix=prefix)
    if format_ == "sarif":
        from reconciler.render.sarif import render_problems as as_sarif

        return as_sarif(items, prefix=prefix)
    from reconciler.render.junit import render_problems as as_junit

    return as_junit(items, prefix=prefix)


def save(screen: Terminal, target: Target, plan: Mapping[str, Any], *, prefix: str = "", **shown: Any) -> None:
    """Write a plan to a file; as JSON it is a saved plan, for `apply --plan`. Raises Stop."""
    from reconciler.cli.terminal import redact
    from reconciler.review.planfile import dumps

    path = target.path
    if target.format == "json":
        write(path, dumps(plan))
        screen.note(f"Saved the plan to {path}. Apply it with `reconciler apply --plan {path}`.")
        return
    write(path, redact(render_plan(target.format, plan, prefix=prefix, **shown)))
    screen.note(f"Wrote the plan as {target.format} to {path}.")


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


def tell_runner(plan: Mapping[str, Any], **shown: Any) -> None:
    """Append the job's summary and the step's outputs to the files that GitHub's runner names. Raises Stop."""
    from reconciler.cli.terminal import redact
    from reconciler.model.errors import Exit, Stop
    from reconciler.render import github

    files = {name: os.environ.get(name) for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    for variable, named in files.items():
        if named:
            text = github.outputs(plan) if variable == "GITHUB_OUTPUT" else github.job_summary(plan, **shown)
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
