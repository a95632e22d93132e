"""plan, apply, destroy, drift and rollback from the command line, under the real SDK on the embedded account."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.world import World
from tests.cli.conftest import Command


def test_apply_then_plan_is_empty_with_exit_0_three_times(reconciler: Command) -> None:
    assert reconciler("apply", "--local", "--yes").code == 0
    for _ in range(3):
        result = reconciler("plan", "--local", "--detailed-exitcode")
        assert result.code == 0
        assert "No changes" in result.out


def test_nothing_of_an_account_on_this_machine_is_advised_for_git(reconciler: Command) -> None:
    assert "anchor" not in reconciler("apply", "--local", "--yes").err


def test_plan_says_with_an_exit_code_that_there_are_changes(reconciler: Command) -> None:
    assert reconciler("plan", "--local").code == 0
    assert reconciler("plan", "--local", "--detailed-exitcode").code == 2


def test_plan_as_json_is_the_documented_form(reconciler: Command) -> None:
    plan = reconciler("plan", "--local", "--format", "json", "--as-of", "2026-11-22").json
    assert plan["format_version"] == 1
    assert plan["as_of"] == "2026-11-22"
    assert plan["summary"]["create"] == 3
    assert plan["first_apply"] is True
    assert {"step": "create Assistant/helper", "change": 0, "needs": ["create VectorStore/docs"]} in plan["steps"]


def test_plan_as_markdown_starts_with_text_of_ours(reconciler: Command) -> None:
    assert reconciler("plan", "--local", "--format", "markdown").out.lstrip()[0] in "#*<"


def test_the_same_inputs_give_the_same_bytes(reconciler: Command) -> None:
    arguments = ("plan", "--local", "--format", "json", "--as-of", "2026-11-22")
    assert reconciler(*arguments).out == reconciler(*arguments).out


def test_without_a_terminal_and_without_yes_nothing_is_written(reconciler: Command) -> None:
    result = reconciler("apply", "--local")
    assert result.code == 7
    assert "--yes" in result.err
    assert reconciler("plan", "--local", "--detailed-exitcode").code == 2


def test_a_saved_plan_is_applied_and_then_is_stale(reconciler: Command, tree: World) -> None:
    assert reconciler("plan", "--local", "-o", "plan.json").code == 0
    assert reconciler("apply", "--local", "--plan", "plan.json").code == 0
    result = reconciler("apply", "--local", "--plan", "plan.json")
    assert result.code == 5
    assert "Plan again" in result.err


def test_a_saved_plan_that_was_edited_is_refused(reconciler: Command, tree: World) -> None:
    reconciler("plan", "--local", "-o", "plan.json")
    path = tree.root / "plan.json"
    body = json.loads(path.read_text())
    body["steps"].append({"step": "delete VectorStore/other", "change": 0, "needs": []})
    path.write_text(json.dumps(body))
    assert reconciler("apply", "--local", "--plan", "plan.json").code == 5
    path.write_text("{}")
    assert reconciler("apply", "--local", "--plan", "plan.json").code == 7
    assert reconciler("apply", "--local", "--plan", "missing.json").code == 7


def test_expect_applies_only_the_plan_with_that_digest(reconciler: Command) -> None:
    digest = reconciler("plan", "--local", "--format", "json").json["digest"]
    assert reconciler("apply", "--local", "--yes", "--expect", "sha256:" + "0" * 64).code == 5
    assert reconciler("apply", "--local", "--expect", digest).code == 0


def test_events_as_json_are_one_object_a_line(reconciler: Command) -> None:
    result = reconciler("apply", "--local", "--yes", "--format", "json")
    events = [json.loads(line) for line in result.out.splitlines()]
    assert events[-1]["event"] == "summary"
    assert events[-1]["exit_code"] == 0
    done = [event for event in events if event["event"] == "step"]
    assert {(event["step"], event["outcome"]) for event in done} == {
        ("create VectorStore/docs", "done"),
        ("create Assistant/helper", "done"),
        ("create Assistant/writer", "done"),
    }


def test_destroy_wants_the_name_of_the_stack(applied: Command) -> None:
    assert applied("destroy", "--local").code == 7
    assert applied("destroy", "--local", "--yes").code == 7
    assert applied("destroy", "--local", "--yes", "--confirm", "other").code == 4
    assert applied("show", "--local", "--format", "json").json != []
    assert applied("destroy", "--local", "--yes", "--confirm", "acme").code == 0
    assert applied("show", "--local", "--format", "json").json == []
    assert "nothing of this stack" in applied("destroy", "--local").err


def test_a_blocked_plan_exits_4_and_changes_nothing(reconciler: Command, tree: World) -> None:
    tree.assistant("writer", "agents", lifecycle={"protect": True}, model="gpt-6.1-terra")
    assert reconciler("apply", "--local", "--yes").code == 0
    tree.remove("Assistant", "writer")
    assert reconciler("plan", "--local").code == 4
    result = reconciler("apply", "--local", "--yes")
    assert result.code == 4
    assert "protect" in result.out
    assert len(reconciler("show", "--local", "--format", "json").json) == 3


def test_drift_reports_and_rollback_moves_back(applied: Command, tree: World) -> None:
    assert applied("drift", "--local", "--detailed-exitcode").code == 0
    tree.assistant("helper", model="gpt-6.1-terra", instructions="Be kind.\n")
    assert applied("apply", "--local", "--yes").code == 0
    result = applied("rollback", "Assistant/helper", "--local", "--yes")
    assert result.code == 0
    assert "Be kind." in result.out
    assert "held" in applied("plan", "--local").out.lower()
    assert applied("rollback", "Assistant/writer", "--local", "--yes").code == 7


def test_an_unknown_address_for_only_names_the_nearest(reconciler: Command) -> None:
    result = reconciler("plan", "--local", "--only", "Assistant/helpr")
    assert result.code == 7
    assert "Assistant/helper" in result.err


def test_without_a_key_the_message_says_what_to_do(reconciler: Command) -> None:
    result = reconciler("plan")
    assert result.code == 8
    assert "OPENAI_API_KEY" in result.err
    assert "--local" in result.err


@pytest.mark.parametrize("url", ["http://example.com/v1", "https://user:pw@example.com", "ftp://x", "nonsense"])
def test_a_base_url_that_would_leak_the_key_is_refused(
    reconciler: Command, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    result = reconciler("plan")
    assert result.code == 7
    assert "sk-test" not in result.err


def test_a_dead_port_ends_with_exit_9(reconciler: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    result = reconciler("plan", "--timeout", "1s")
    assert result.code == 9
    assert "Traceback" not in result.err


def test_another_project_than_the_stack_names_is_refused(
    reconciler: Command, tree: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.stack("acme", account={"project": "proj_mine"})
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj_other")
    result = reconciler("plan")
    assert result.code == 8
    assert "proj_other" in result.err


def test_a_directory_for_local_is_explained(reconciler: Command) -> None:
    result = reconciler("plan", "--local", ".")
    assert result.code == 7
    assert "takes a file" in result.err


def test_a_file_that_is_no_account_is_explained(reconciler: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a database, but long enough to look at " * 10)
    result = reconciler("plan", "--local", str(tmp_path / "notes.db"))
    assert result.code == 9
    assert "Traceback" not in result.err


def test_verbose_logs_requests_without_bodies_or_keys(reconciler: Command) -> None:
    result = reconciler("plan", "--local", "-v")
    assert "GET /vector_stores" in result.err
    lines = [json.loads(line) for line in reconciler("plan", "--local", "-v", "--log-format", "json").err.splitlines()]
    assert {line["event"] for line in lines} == {"request"}


def test_the_local_account_is_one_sqlite_file(reconciler: Command, tree: World) -> None:
    reconciler("apply", "--local", "--yes")
    with closing(sqlite3.connect(tree.root / ".reconciler" / "local.db")) as database, database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_options_can_come_from_the_environment(
    reconciler: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECONCILER_LOCAL", str(tmp_path / "other.db"))
    monkeypatch.setenv("RECONCILER_YES", "1")
    assert reconciler("apply").code == 0
    assert (tmp_path / "other.db").exists()


def test_the_compatible_profile_serves_assistants(
    reconciler: Command, tree: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.assistant("writer", "assistants", model="gpt-6.1-terra")
    result = reconciler("plan", "--local")
    assert result.code == 9
    assert "2026-08-26" in result.err
    monkeypatch.setenv("RECONCILER_PROFILE", "compatible")
    assert reconciler("apply", "--local", "other.db", "--yes").code == 0
    assert "No changes" in reconciler("plan", "--local", "other.db").out


def _commit(tree: World) -> None:
    import os
    import subprocess

    names = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    quiet = {**os.environ, **names, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *command], cwd=tree.root, env=quiet, check=True)


def test_a_changed_document_is_compared_with_what_was_applied(reconciler: Command, tree: World) -> None:
    _commit(tree)
    assert reconciler("apply", "--local", "--yes").code == 0
    tree.write("docs/a.md", "# A\nother text\n")
    lines = reconciler("plan", "--local", "--show", "documents").out.splitlines()
    assert "~ document VectorStore/docs:docs/a.md" in lines
    assert "  + │ {+other+} text" in [line.replace("{+other +}", "{+other+} ") for line in lines]
    assert "{+other" in reconciler("plan", "--local", "--show", "documents", "--format", "markdown").out
    assert "other" not in reconciler("plan", "--local").out


def test_a_document_that_was_applied_outside_of_git_is_not_compared(applied: Command, tree: World) -> None:
    tree.write("docs/a.md", "# A\nother text\n")
    assert "not in this clone" in applied("plan", "--local", "--show", "documents").out


def test_the_lines_around_a_change_are_as_many_as_asked_for(
    reconciler: Command, tree: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"Rule {number} of the house." for number in range(20)]
    tree.assistant("helper", model="gpt-6.1-terra", instructions="\n".join(lines))
    assert reconciler("apply", "--local", "--yes").code == 0
    lines[9] = "Rule 9 of this house."
    tree.assistant("helper", model="gpt-6.1-terra", instructions="\n".join(lines))

    def around(*command: str) -> int:
        out = reconciler(*command, "--local").out
        assert "{+this+}" in out
        return sum(line.startswith("      │ Rule") for line in out.splitlines())

    assert around("plan") == 6
    assert around("plan", "--context", "1") == 2
    monkeypatch.setenv("RECONCILER_CONTEXT", "2")
    assert around("plan") == 4
    assert around("apply", "--yes", "--context", "0") == 0


def test_a_report_of_drift_has_as_many_lines_around_a_change(reconciler: Command, tree: World) -> None:
    lines = [f"Rule {number} of the house." for number in range(20)]
    tree.assistant("writer", "agents", model="gpt-6.1-terra", instructions="\n".join(lines))
    assert reconciler("apply", "--local", "--yes").code == 0
    with closing(sqlite3.connect(tree.root / ".reconciler" / "local.db")) as database, database:
        database.execute("UPDATE objects SET doc = replace(doc, 'Rule 9 of the', 'Rule 9 of that')")
    database.close()
    for context in (0, 2):
        out = reconciler("drift", "--local", "--context", str(context)).out
        assert "{+that+}" in out
        assert sum(line.startswith("      │ Rule") for line in out.splitlines()) == 2 * context
