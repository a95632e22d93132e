"""show, outputs and history from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.world import World
from tests.cli.conftest import Command


def test_show_lists_objects_and_one_in_full(applied: Command) -> None:
    assert [row["address"] for row in applied("show", "--local", "--format", "json").json] == [
        "Assistant/helper",
        "Assistant/writer",
        "VectorStore/docs",
    ]
    found = applied("show", "Assistant/writer", "--local", "--format", "json").json
    assert found["spec"]["instructions"] == "Write.\n"
    assert "Write." in applied("show", "Assistant/writer", "--local").out
    documents = applied("show", "VectorStore/docs", "--local", "--format", "json").json["documents"]
    assert [item["path"] for item in documents] == ["docs/a.md", "docs/b.md"]


def test_show_of_nothing_says_so(reconciler: Command) -> None:
    assert "Nothing of this stack" in reconciler("show", "--local").out
    assert "Nothing of this stack" in reconciler("show", ".", "--local").out
    result = reconciler("show", "Assistant/nobody", "--local")
    assert result.code == 7
    assert reconciler("show", "nonsense", "--local").code == 7


def test_outputs_have_a_form_for_each_reader(applied: Command) -> None:
    found = applied("outputs", "--local", "--format", "json").json
    helper = found["Assistant/helper"]
    assert set(helper) == {"id", "resource", "version", "spec"}
    assert (helper["resource"], helper["version"]) == ("release", "2")
    shell = applied("outputs", "--local", "--format", "env").out.splitlines()
    assert f"RECONCILER_ASSISTANT_HELPER_ID={helper['id']}" in shell
    assert "RECONCILER_ASSISTANT_HELPER_VERSION=2" in shell
    assert f"RECONCILER_VECTOR_STORE_DOCS_ID={found['VectorStore/docs']['id']}" in shell
    github = applied("outputs", "--local", "--format", "github").out.splitlines()
    assert f"reconciler_assistant_helper_id={helper['id']}" in github
    assert helper["id"] in applied("outputs", "--local").out


def test_bundles_are_written_to_a_directory(applied: Command, tree: World) -> None:
    assert applied("outputs", "--local", "--format", "bundle").code == 7
    assert applied("outputs", "--local", "--format", "bundle", "--out", "build").code == 0
    request = json.loads((tree.root / "build" / "helper" / "assistant.json").read_text())["request"]
    assert request["instructions"] == "Be brief.\n"
    assert request["tools"][0]["vector_store_ids"][0].startswith("vs_")


def test_history_lists_releases(applied: Command) -> None:
    rows = applied("history", "Assistant/helper", "--local", "--format", "json").json
    assert [row["version"] for row in rows] == ["2", "1"]
    assert "VERSION" in applied("history", "Assistant/helper", "--local").out
    assert applied("history", "Assistant/writer", "--local").code == 7


def test_a_root_can_be_named_from_elsewhere(applied: Command, tree: World, tmp_path: Path, monkeypatch: object) -> None:
    (tree.root / "docs").mkdir(exist_ok=True)
    import os

    os.chdir(tree.root / "docs")
    assert "No changes" in applied("plan", "--local").out
    os.chdir(tmp_path)
    assert "No changes" in applied("plan", str(tree.root), "--local").out
    assert applied("plan", "--local").code == 7
