"""What the documentation says is so: pages, links, commands, manifests, and every output that is shown."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler import cli
from reconciler.account.port import Call
from reconciler.emulator.account import embedded
from reconciler.manifest.check.codes import CODES
from reconciler.manifest.schema import schemas
from reconciler.model.address import Address

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
EXAMPLE = ("reconciler.yaml", "assistants", "knowledge")

page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


# --- pages that are made from the code --------------------------------------------------------------------------------


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_what_the_code_says() -> None:
    """`make docs` writes them."""
    for name, text in generator().pages().items():
        found = (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")
        assert found == text, f"docs/reference/{name} is out of date: run `make docs`"


def test_the_states_in_the_guarantees_are_what_the_code_says() -> None:
    """`make docs` writes them."""
    found = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    assert found == generator().guarantees(found), "docs/guarantees.md is out of date: run `make docs`"


def test_the_reference_has_no_page_that_nothing_generates() -> None:
    """A page whose source is gone would never change again."""
    assert {path.name for path in (ROOT / "docs" / "reference").iterdir()} == set(generator().pages())


def test_every_code_has_a_row() -> None:
    """A code without a family would be missing from the page."""
    text = (ROOT / "docs" / "reference" / "diagnostics.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"`{code}`" not in text] == []


# --- links and files --------------------------------------------------------------------------------------------------


def _prose(path: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def _anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", _prose(path), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@page
def test_links_lead_somewhere(path: Path) -> None:
    """To a file of this repository, and to a heading that it has."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _prose(path)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{target} in {path.name}"
        assert not fragment or fragment in _anchors(file), f"{target} in {path.name}"


@page
def test_files_that_a_page_mentions_exist(path: Path) -> None:
    """Paths below the directories of this repository, as they stand in backquotes."""
    places = ("reconciler/", "tests/", "docs/", "schema/", "assistants/", "knowledge/", ".github/", ".ci/")
    for name in re.findall(r"`([\w./-]+)`", _prose(path)):
        if name.startswith(places) and name != schemas.API_VERSION:
            assert (ROOT / name).exists(), f"{name} in {path.name}"


def test_code_that_points_at_the_documentation_points_at_a_page() -> None:
    """Comments and docstrings name `docs/….md`."""
    for source in sorted((ROOT / "reconciler").rglob("*.py")):
        for name in re.findall(r"\bdocs/[\w/.-]+\.md", source.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{name} in {source.relative_to(ROOT)}"


def test_the_make_targets_that_a_page_names_exist() -> None:
    """`make demo` and the others."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for path in PAGES:
        for name in re.findall(r"(?:^|`)make ([a-z]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
            assert name in targets, f"make {name} in {path.name}"


def test_the_changelog_and_the_package_agree_on_the_version() -> None:
    """The first heading is that of the version in pyproject.toml."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[?([^\]\s]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert version in headings


# --- commands ---------------------------------------------------------------------------------------------------------


def _blocks(path: Path, *languages: str) -> Iterator[str]:
    for language, text in re.findall(
        r"^[ ]*```(\w+)\n(.*?)^[ ]*```$", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    ):
        if language in languages:
            yield text


def _command_lines(path: Path) -> Iterator[str]:
    """Every `reconciler …` of a page: in shell blocks, in workflow files, and in the running text."""
    for block in _blocks(path, "bash", "console", "yaml"):
        for line in block.splitlines():
            yield from _in_shell(line)
    yield from re.findall(r"`(reconciler [a-z][^`]*)`", _prose(path))


def _in_shell(line: str) -> Iterator[str]:
    code = re.sub(r"\s#\s.*", "", line).replace("$(", "; ").rstrip(")")
    code = re.sub(r"^\s*(- )?(run: )?(\$ )?", "", code)
    for part in re.split(r"[;|]|&&", code):
        words = re.sub(r"[<>].*", "", re.sub(r"^\s*(?:\w+=\S*\s+)*", "", part)).strip()
        if re.match(r"reconciler [a-z]", words):
            yield words


def _parse(line: str) -> None:
    """As click would; raises click's errors. Words that stand for something are taken as they are."""
    if not cli.cli.commands:
        cli._register()
    words = shlex.split(line)[1:]
    group: click.Command = cli.cli
    name = "reconciler"
    while isinstance(group, click.Group):
        name = words.pop(0)
        found = group.commands.get(name)
        assert found is not None, f"there is no command {name!r}"
        group = found
    if words not in ([], ["--help"], ["[options]"]):
        group.make_context(name, words)


@page
def test_commands_are_ones_that_the_tool_has(path: Path) -> None:
    """Names, arguments and options of every command line."""
    for line in _command_lines(path):
        if "…" in line or "${{" in line or line.split()[1].isupper():
            continue
        try:
            _parse(line)
        except click.ClickException as error:
            pytest.fail(f"{path.name}: {line}: {error.format_message()}")


def test_a_wrong_option_in_a_page_is_noticed() -> None:
    """The check above is not blind."""
    with pytest.raises(click.NoSuchOption):
        _parse("reconciler plan --no-such-option")
    assert list(_in_shell("$ A=1 reconciler plan --local > x; cd y && reconciler show")) == [
        "reconciler plan --local",
        "reconciler show",
    ]


# --- manifests --------------------------------------------------------------------------------------------------------


@page
def test_whole_manifests_fit_their_schema(path: Path) -> None:
    """YAML blocks with `apiVersion` and `spec`; what a patch leaves out is no mistake of the page."""
    for block in _blocks(path, "yaml"):
        for document in yaml.safe_load_all(block):
            if not isinstance(document, dict) or "apiVersion" not in document:
                continue
            errors = Draft202012Validator(schemas.published(document["kind"])).iter_errors(document)
            assert [error.message for error in errors] == [], block


# --- outputs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_rivals: None) -> Path:
    """A copy of the example stack under Git; nothing of the developer's own environment reaches a command."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "RECONCILER_PROFILE", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "fellside"
    root.mkdir()
    for name in EXAMPLE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name)
        else:
            shutil.copy(source, root / name)
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "The example stack"]):
        subprocess.run(["git", *who, *command], cwd=root, check=True, capture_output=True)
    monkeypatch.chdir(root)
    if not cli.cli.commands:
        cli._register()
    return root


def _sessions(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each command of the console blocks, with the lines shown below it."""
    for block in _blocks(path, "console"):
        command, shown = "", list[str]()
        for line in block.splitlines():
            if line.startswith("$ "):
                if command:
                    yield command, shown
                command, shown = line[2:], []
            else:
                shown.append(line)
        yield command, shown


def _plain(line: str) -> str:
    """Without what differs from run to run: ids, commits, digests, seconds."""
    line = re.sub(r"\bat commit [0-9a-f]{12}\b", "at commit COMMIT", line)
    line = re.sub(r"\b(vs_|skill_|agt_|file-)[0-9a-f]{8,}", r"\1ID", line)
    return re.sub(r"\b\d+\.\d s\b", "N s", re.sub(r"sha256:[0-9a-f]{64}", "sha256:DIGEST", line)).rstrip()


def _assert_shown(command: str, shown: list[str], printed: str) -> None:
    """Every line shown was printed, in this order and without gaps except at `…`."""
    lines = [_plain(line) for line in printed.splitlines()]
    at, free = 0, False
    for line in map(_plain, shown):
        if line == "…":
            free = True
            continue
        where = next((i for i in range(at, len(lines)) if lines[i] == line), None) if free else at
        assert where is not None, f"$ {command}\nwas to print {line!r}, but printed:\n{printed}"
        assert where < len(lines), f"$ {command}\nwas to print {line!r}, but printed:\n{printed}"
        assert lines[where] == line, f"$ {command}\nwas to print {line!r}, but printed:\n{printed}"
        at, free = where + 1, False
    assert free or at == len(lines), f"$ {command}\nalso printed:\n" + "\n".join(lines[at:])


def _run(command: str, root: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command of a page prints: the tool in this process, curl as a request to the account, others in a shell."""
    capsys.readouterr()
    if command.startswith("reconciler "):
        cli.run(shlex.split(command)[1:])
        printed = capsys.readouterr()
        return printed.out + printed.err
    if command.startswith("WRITER="):
        return ""
    if command.startswith("curl "):
        _request(shlex.split(command), root, capsys)
        return ""
    done = subprocess.run(["bash", "-c", command], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def _request(words: list[str], root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["outputs", "--local", "--format", "json"])
    ids = json.loads(capsys.readouterr().out)
    writer = ids[str(Address("Assistant", "technical-writer"))]["id"]
    path = next(word for word in words if word.startswith("http")).partition("/v1")[2].replace("$WRITER", writer)
    body: dict[str, Any] = json.loads(words[words.index("-d") + 1])

    async def send() -> None:
        account = embedded(root / ".reconciler" / "local.db")
        await account.send(Call("POST", path, json=body, beta="agents=v1"))
        await account.aclose()

    asyncio.run(send())


def test_the_tutorial_prints_what_it_shows(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the first command to the last, in order, on one account."""
    for command, shown in _sessions(ROOT / "docs" / "tutorial.md"):
        _assert_shown(command, shown, _run(command, stack, capsys))


def test_the_page_about_explanations_prints_what_it_shows(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Three edits of the applied example stack, and what is said about them."""
    cli.run(["apply", "--local", "--yes"])
    for command, shown in _sessions(ROOT / "docs" / "explain.md"):
        _assert_shown(command, shown, _run(command, stack, capsys))


def test_the_plan_in_the_readme_is_what_the_tool_prints(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One word of a prompt and one amount in a document, on the applied example stack."""
    cli.run(["apply", "--local", "--yes"])
    for name, before, after in (
        ("assistants/prompts/customer-support.md", "list of at most six", "list of at most five"),
        ("knowledge/policies/returns.md", "at most £15", "at most £12"),
    ):
        text = (stack / name).read_text(encoding="utf-8")
        assert text.count(before) == 1
        (stack / name).write_text(text.replace(before, after), encoding="utf-8")
    (command, shown), *_ = _sessions(ROOT / "README.md")
    _assert_shown(command, shown, _run(command, stack, capsys))
