"""Formats of plan and validate on stdout, in files, and in the files of GitHub's runner."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from reconciler.cli.rendering import write
from reconciler.model.errors import Stop
from reconciler.render.formats import FORMATS, Report
from tests.acceptance.world import World
from tests.cli.conftest import Command

BEGINS = {
    "text": "Stack    acme",
    "json": '{\n  "format_version": 1',
    "markdown": "<!-- reconciler plan: acme -->\n### Reconciler plan\n",
    "html": "<!doctype html>",
    "github": "::notice file=",
    "sarif": '{\n  "$schema": "https://json.schemastore.org/sarif-2.1.0.json"',
    "junit": '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="reconciler"',
}


FORMS = FORMATS.of(Report.PLAN)


@pytest.mark.parametrize("name", [row.name for row in FORMS])
def test_a_plan_has_every_format(reconciler: Command, name: str) -> None:
    result = reconciler("plan", "--local", "--format", name)
    assert result.code == 0
    assert result.out.lower().startswith(BEGINS[name].lower())
    assert result.err == ""


def test_one_run_writes_as_many_files_as_asked_for(reconciler: Command, tree: World) -> None:
    names = {f"a{row.extensions[0]}": row.name for row in FORMS if row.extensions}
    more = {"github:commands": "github", "sarif:report.txt": "sarif", "b.sarif.json": "sarif", "UPPER.MD": "markdown"}
    outs = [word for name in (*names, *more) for word in ("--out", name)]
    result = reconciler("plan", "--local", *outs)
    assert result.code == 0
    assert result.out.startswith("Stack    acme")
    for name, form in (names | more).items():
        text = (tree.root / name.rpartition(":")[2]).read_text(encoding="utf-8")
        assert text.lower().startswith(BEGINS[form].lower())
    assert "Saved the plan to a.json. Apply it with `reconciler apply --plan a.json`." in result.err
    assert "Wrote the plan as junit to a.xml." in result.err
    assert reconciler("apply", "--local", "--plan", "a.json").code == 0


WITH_ANOTHER = """
import contextlib, io, json, sys
from reconciler.render import formats
from tests.render.test_formats import new
functions = {formats.Report.PLAN: "tests.render.test_formats:as_digest",
             formats.Report.PROBLEMS: "tests.render.test_formats:as_count"}
formats.FORMATS = new(functions=functions, extensions=(".quality",), remark="of code")
from reconciler import cli
cli._register()
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = cli.run(arguments)
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""


def with_another(*commands: list[str]) -> list[tuple[int, str, str]]:
    """What commands of the tool end with and print when its table has one more format: one process for all of them."""
    done = subprocess.run(
        [sys.executable, "-c", WITH_ANOTHER, json.dumps(commands)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [(code, out, err) for code, out, err in map(json.loads, done.stdout.splitlines())]


def test_a_format_of_the_table_is_in_the_help_on_stdout_and_in_files(
    tree: World, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tree.root)
    broken = World(tmp_path_factory.mktemp("broken"), tree.emulator, tree.time)
    broken.stack()
    broken.assistant("helper", modle="x")
    (_, told, _), (_, of_validate, _), (_, plan, remarks), *refused = with_another(
        ["plan", "--help"],
        ["validate", "--help"],
        ["plan", "--local", "--format", "quality", "--out", "a.quality"],
        ["validate", str(broken.root), "--format", "quality"],
        ["plan", str(broken.root), "--local", "--format", "quality"],
    )
    told = " ".join(told.split())
    assert "|sarif|junit|quality]" in told
    assert ".xml (JUnit), .quality (of code). FORMAT:FILE" in told
    assert "|junit|quality]" in of_validate
    assert plan == Path("a.quality").read_text(encoding="utf-8")
    assert "Wrote the plan as quality to a.quality." in remarks
    assert [(code, out[:13]) for code, out, _ in refused] == [(7, '{"problems": ')] * 2


def test_a_file_is_replaced_as_a_whole(reconciler: Command, tree: World) -> None:
    (tree.root / "a.md").write_text("old")
    assert reconciler("plan", "--local", "-q", "--out", "a.md").err == ""
    assert (tree.root / "a.md").read_text(encoding="utf-8").startswith("<!--")
    assert [path.name for path in tree.root.iterdir() if path.name.startswith(".a.md")] == []


def test_a_name_without_a_known_extension_is_refused_before_anything_is_read(reconciler: Command) -> None:
    result = reconciler("plan", "--local", "--out", "plan.docx")
    assert result.code == 7
    assert "'plan.docx' does not say its format" in result.err
    assert ".sarif" in result.err
    assert result.out == ""


def test_a_misspelt_format_is_no_part_of_a_files_name(reconciler: Command, tree: World) -> None:
    result = reconciler("plan", "--local", "--out", "sraif:plan.md")
    assert (result.code, result.out) == (7, "")
    assert "There is no format 'sraif'; there are text, json, markdown, html, github, sarif, junit." in result.err
    assert reconciler("plan", "--local", "-q", "--out", "./sraif:plan.md").code == 0
    assert (tree.root / "sraif:plan.md").is_file()


@pytest.mark.parametrize("name", ["missing/plan.md", "docs.md", "sarif:"])
def test_a_place_that_cannot_be_written_is_refused(reconciler: Command, tree: World, name: str) -> None:
    (tree.root / "docs.md").mkdir()
    result = reconciler("plan", "--local", "--out", name)
    assert result.code == 7
    assert "is not a file in a directory that exists" in result.err


def test_a_disk_that_refuses_gives_one_message(
    reconciler: Command, tree: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "n" * 252 + ".md"
    result = reconciler("plan", "--local", "--out", long)
    assert result.code == 7
    assert f"could not be saved to {long}: File name too long." in result.err
    monkeypatch.setenv("GITHUB_OUTPUT", str(tree.root))
    result = reconciler("plan", "--local", "--format", "github")
    assert result.code == 7
    assert "GITHUB_OUTPUT names" in result.err


def test_what_was_begun_is_removed_when_it_cannot_be_put_in_place(tmp_path: Path) -> None:
    (tmp_path / "plan.md").mkdir()
    with pytest.raises(Stop) as stopped:
        write(tmp_path / "plan.md", "text")
    assert stopped.value.code == 7
    assert [path.name for path in tmp_path.iterdir()] == ["plan.md"]


def test_files_may_be_named_by_the_environment_one_to_a_line(
    reconciler: Command, tree: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_OUT", "my plan.md\njunit:report")
    assert reconciler("plan", "--local").code == 0
    assert (tree.root / "my plan.md").is_file()
    assert (tree.root / "report").is_file()


def test_a_file_is_for_its_owner_only(reconciler: Command, tree: World) -> None:
    reconciler("plan", "--local", "--out", "plan.html")
    assert stat.S_IMODE((tree.root / "plan.html").stat().st_mode) == 0o600


def test_github_gets_annotations_a_summary_and_outputs(
    reconciler: Command, tree: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary, output = tmp_path / "summary", tmp_path / "output"
    output.write_text("before=1\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tree.root.parent))
    result = reconciler("plan", "--local", "--format", "github")
    assert "::notice file=stack/assistant-helper.yaml,line=" in result.out
    assert "\nPlan: 3 to create; +2 documents" in result.out
    assert summary.read_text(encoding="utf-8").startswith("<!-- reconciler plan: acme -->")
    written = output.read_text(encoding="utf-8")
    assert written.startswith("before=1\nchanges<<END\ntrue\nEND\ndigest<<END\nsha256:")
    reconciler("plan", "--local", "--format", "text")
    assert output.read_text(encoding="utf-8") == written


def test_places_are_relative_to_the_checkout_or_to_here(
    reconciler: Command, tree: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uris() -> set[str]:
        log = reconciler("plan", str(tree.root), "--local", "--format", "sarif").json
        places = [result["locations"][0]["physicalLocation"] for result in log["runs"][0]["results"]]
        return {place["artifactLocation"]["uri"].rpartition("/")[0] for place in places}

    assert uris() == {""}
    monkeypatch.chdir(tree.root.parent)
    assert uris() == {"stack"}
    monkeypatch.setenv("CI_PROJECT_DIR", str(tree.root.parent.parent))
    assert uris() == {f"{tree.root.parent.name}/stack"}
    monkeypatch.setenv("CI_PROJECT_DIR", str(tree.root / "elsewhere"))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tree.root))
    assert uris() == {""}


def test_a_stack_outside_of_everything_has_paths_of_its_own(
    reconciler: Command, tree: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    assert "::notice file=assistant-helper.yaml" in reconciler("plan", "../stack", "--local", "--format", "github").out


@pytest.mark.parametrize("command", [["validate"], ["plan", "--local"]])
def test_problems_have_the_formats_of_machines(reconciler: Command, tree: World, command: list[str]) -> None:
    tree.assistant("helper", modle="x")
    github = reconciler(*command, "--format", "github")
    assert github.code == 7
    assert github.out.startswith("::error file=assistant-helper.yaml,line=")
    assert "Did you mean 'model'?" in github.out
    sarif = reconciler(*command, "--format", "sarif")
    assert (sarif.code, sarif.json["runs"][0]["results"][0]["level"]) == (7, "error")
    junit = reconciler(*command, "--format", "junit")
    assert junit.code == 7
    assert ET.fromstring(junit.out.encode()).find("testsuite/testcase/failure") is not None


def test_a_valid_tree_has_no_problem_in_any_format(reconciler: Command) -> None:
    assert reconciler("validate", "--format", "github").out == "No problems.\n"
    assert reconciler("validate", "--format", "sarif").json["runs"][0]["results"] == []
    assert ET.fromstring(reconciler("validate", "--format", "junit").out.encode()).attrib["failures"] == "0"


def test_warnings_about_manifests_do_not_break_a_plan_in_json(reconciler: Command, tree: World) -> None:
    tree.manifest("VectorStore", "docs", {"files": [{"glob": "docs/*.md"}, {"glob": "docs/*.md"}]})
    result = reconciler("plan", "--local", "--format", "json")
    assert "W501" in result.err
    assert result.json["format_version"] == 1
