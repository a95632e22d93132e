"""The composite action: its scripts do what the workflow asks for, and nothing that comes in becomes part of a script."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github/actions/reconciler"
TOOL = Path(sys.executable).with_name("reconciler")
EVIL = '"; echo PWNED; $(echo PWNED) `echo PWNED` ::error::PWNED'

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts are for bash")


@dataclass
class Job:
    """A job on a runner, with a stack of its own and the account embedded on this machine."""

    home: Path

    def __post_init__(self) -> None:
        tools = self.home / "temp/reconciler/venv/bin"
        tools.mkdir(parents=True)
        (tools / "reconciler").write_text(f'#!/bin/sh\nexec "{TOOL}" "$@"\n')
        (tools / "reconciler").chmod(0o755)
        (self.home / "stack").mkdir()
        self.write("reconciler.yaml", {"kind": "Stack", "metadata": {"name": "acme"}, "spec": {}})
        self.assistant("Be brief.")

    def write(self, file: str, manifest: dict[str, Any]) -> None:
        """A manifest."""
        text = yaml.safe_dump({"apiVersion": "reconciler/v1", **manifest})
        (self.home / "stack" / file).write_text(text)

    def assistant(self, instructions: str) -> None:
        """One assistant."""
        spec = {"runtime": "agents", "model": "gpt-6.1-terra", "instructions": instructions}
        self.write("helper.yaml", {"kind": "Assistant", "metadata": {"name": "helper"}, "spec": spec})

    def run(self, script: str = "run.sh", **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the action as a runner does."""
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "RECONCILER_", "OPENAI_"))
        }
        files = {"GITHUB_OUTPUT": str(self.home / "outputs"), "GITHUB_STEP_SUMMARY": str(self.home / "summary.md")}
        defaults = {"ROOT": str(self.home / "stack"), "ENVIRONMENT": "", "EXPECT": "", "OPTIONS": ""}
        environment = {
            **kept,
            **files,
            "RUNNER_TEMP": str(self.home / "temp"),
            "GITHUB_ACTIONS": "true",
            "RECONCILER_LOCAL": str(self.home / "account.db"),
            **defaults,
            **inputs,
        }
        return subprocess.run(
            ["bash", str(ACTION / script)], env=environment, cwd=self.home, capture_output=True, text=True, check=False
        )

    @property
    def outputs(self) -> dict[str, str]:
        """What the step has said to the next ones, in both forms that GitHub knows."""
        found: dict[str, str] = {}
        lines = iter((self.home / "outputs").read_text().splitlines())
        for line in lines:
            name, sign, end = line.partition("<<")
            if sign and "=" not in name:
                found[name] = "\n".join(iter(lambda end=end: next(lines), end))  # type: ignore[misc]
            else:
                key, _, value = line.partition("=")
                found[key] = value
        return found


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job that has done nothing yet."""
    return Job(tmp_path)


def test_validate_needs_no_account_and_points_at_the_line(job: Job) -> None:
    assert job.run(COMMAND="validate").returncode == 0
    job.write("helper.yaml", {"kind": "Assistant", "metadata": {"name": "helper"}, "spec": {"modell": "gpt-6.1-terra"}})
    said = job.run(COMMAND="validate")
    assert said.returncode == 7
    assert "::error file=" in said.stdout
    assert "helper.yaml" in said.stdout
    assert job.outputs["exit-code"] == "7"


def test_plan_and_apply_by_digest(job: Job) -> None:
    planned = job.run(COMMAND="plan")
    assert (planned.returncode, planned.stderr) == (0, planned.stderr)
    outputs = job.outputs
    assert outputs["changes"] == "true"
    assert json.loads(Path(outputs["plan"]).read_text())["digest"] == outputs["digest"]
    assert "Assistant/helper" in (job.home / "summary.md").read_text()
    assert job.run(COMMAND="apply", EXPECT="sha256:" + "0" * 64).returncode == 5
    assert job.run(COMMAND="apply", EXPECT=outputs["digest"]).returncode == 0
    assert job.run(COMMAND="plan").returncode == 0
    assert job.outputs["changes"] == "false"
    assert job.run(COMMAND="drift").returncode == 0


def test_a_plan_that_a_rule_forbids_still_has_its_page(job: Job) -> None:
    spec = {"runtime": "agents", "model": "gpt-6.1-terra", "instructions": "x"}
    manifest = {"kind": "Assistant", "metadata": {"name": "a"}, "spec": spec, "lifecycle": {"protect": True}}
    job.write("a.yaml", manifest)
    assert job.run(COMMAND="apply").returncode == 0
    (job.home / "stack/a.yaml").unlink()
    assert job.run(COMMAND="plan").returncode == 4
    assert job.outputs["blocked"] == "1"
    assert (job.home / "temp/reconciler/out/plan.md").is_file()


def stand_in(job: Job) -> Path:
    """In place of the tool: one that writes down its arguments. Starting Python takes most of the time of these tests."""
    record = job.home / "arguments"
    tool = job.home / "temp/reconciler/venv/bin/reconciler"
    tool.write_text(f'#!/bin/sh\nfor one in "$@"; do printf "%s\\n" "$one" >> "{record}"; done\n')
    return record


@pytest.mark.parametrize("name", ["COMMAND", "ENVIRONMENT", "EXPECT", "OPTIONS", "ROOT"])
def test_what_comes_in_is_never_run(job: Job, name: str) -> None:
    record = stand_in(job)
    said = job.run(**{"COMMAND": "apply", name: EVIL})
    assert not [line for line in said.stdout.splitlines() if line.startswith(("PWNED", "::error::PWNED"))]
    if name == "COMMAND":
        assert said.returncode == 7
        return
    assert [line for line in record.read_text().splitlines() if line.endswith(EVIL)]


def fake_gh(job: Job, answer: str) -> Path:
    """A `gh` that writes down how it is called, and answers the first question."""
    tools = job.home / "tools"
    tools.mkdir()
    record = job.home / "calls.jsonl"
    lines = [
        "#!/usr/bin/env python3",
        "import json, os, sys",
        f"open({str(record)!r}, 'a').write(json.dumps([os.environ.get('MARKER'), *sys.argv[1:]]) + '\\n')",
        f"print({answer!r} if '--paginate' in sys.argv else '')",
    ]
    (tools / "gh").write_text("\n".join(lines) + "\n")
    (tools / "gh").chmod(0o755)
    return record


@pytest.mark.parametrize(("found", "method"), [("4711", "PATCH"), ("", "POST")])
def test_one_comment_is_written_and_then_kept_up_to_date(job: Job, found: str, method: str) -> None:
    record = fake_gh(job, found)
    (job.home / "temp/reconciler/out").mkdir()
    (job.home / "temp/reconciler/out/plan.md").write_text("<!-- reconciler plan: acme -->\n### Reconciler plan\n")
    path = f"{job.home / 'tools'}:{os.environ['PATH']}"
    said = job.run("comment.sh", NUMBER="7", GITHUB_REPOSITORY="acme/support", GH_TOKEN="t", PATH=path)
    assert (said.returncode, said.stderr) == (0, "")
    asked, written = map(json.loads, record.read_text().splitlines())
    assert asked[0] == "<!-- reconciler plan: acme -->"
    assert f"body=@{job.home}/temp/reconciler/out/plan.md" in written
    assert written[written.index("--method") + 1] == method
    target = "issues/comments/4711" if found else "issues/7/comments"
    assert f"repos/acme/support/{target}" in written


def test_without_a_plan_there_is_no_comment(job: Job) -> None:
    record = fake_gh(job, "")
    path = f"{job.home / 'tools'}:{os.environ['PATH']}"
    assert job.run("comment.sh", NUMBER="7", GITHUB_REPOSITORY="acme/support", PATH=path).returncode == 0
    assert not record.exists()


def test_no_expression_stands_inside_a_script() -> None:
    action = yaml.safe_load((ACTION / "action.yml").read_text())
    scripts = [step["run"] for step in action["runs"]["steps"] if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]
    for step in action["runs"]["steps"]:
        if "run" in step:
            assert (ACTION / step["run"].split("/")[-1].strip('"')).is_file()


def test_every_hook_is_a_command_of_the_tool() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["reconciler-validate", "reconciler-schema"]
    for hook in hooks:
        command = hook["entry"].split()
        assert command[0] == "reconciler"
        said = subprocess.run([TOOL, *command[1:], "--help"], capture_output=True, text=True, check=False)
        assert said.returncode == 0
        assert not [option for option in command[2:] if option.startswith("-") and option not in said.stdout]
