"""init, validate, schema and emulator from the command line."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.world import World
from tests.cli.conftest import Command

PROGRAM = (sys.executable, "-c", "from reconciler.cli import main; main()")


def test_init_writes_a_stack_that_validates_and_applies(
    reconciler: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reconciler("init", str(tmp_path / "My Stack")).code == 0
    monkeypatch.chdir(tmp_path / "My Stack")
    assert reconciler("validate").code == 0
    assert reconciler("apply", "--local", "--yes").code == 0
    assert "No changes" in reconciler("plan", "--local").out
    assert "my-stack" in (tmp_path / "My Stack" / "reconciler.yaml").read_text()


def test_init_never_touches_what_is_there(reconciler: Command, tree: World) -> None:
    before = (tree.root / "reconciler.yaml").read_bytes()
    result = reconciler("init")
    assert result.code == 7
    assert "exists already" in result.err
    assert (tree.root / "reconciler.yaml").read_bytes() == before


def test_init_that_cannot_finish_leaves_nothing_behind(reconciler: Command, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "knowledge").write_text("a file where a directory has to be")
    result = reconciler("init", str(tmp_path / "new"))
    assert result.code == 7
    assert "could not be written" in result.err
    assert [path.name for path in (tmp_path / "new").rglob("*") if path.is_file()] == ["knowledge"]


def test_validate_counts_what_it_checked(reconciler: Command) -> None:
    assert reconciler("validate").out == "Valid: 2 Assistant, 1 VectorStore, 2 documents.\n"
    assert reconciler("validate", "--format", "json").json["resources"] == {"Assistant": 2, "VectorStore": 1}


def test_validate_reports_problems_with_exit_7(reconciler: Command, tree: World) -> None:
    tree.assistant("helper", modle="x")
    result = reconciler("validate")
    assert result.code == 7
    assert "assistant-helper.yaml:" in result.err
    assert "Did you mean 'model'?" in result.err
    assert result.out == ""
    found = reconciler("validate", "--format", "json").json
    assert found["valid"] is False
    assert found["problems"][0]["file"] == "assistant-helper.yaml"


def test_plan_reports_problems_with_exit_7_too(reconciler: Command, tree: World) -> None:
    tree.assistant("helper", modle="x")
    assert reconciler("plan", "--local").code == 7


def test_schemas_are_printed_and_written(reconciler: Command, tmp_path: Path) -> None:
    assert reconciler("schema").out.split() == ["Stack", "Assistant", "Tool", "VectorStore", "plan"]
    assert reconciler("schema", "assistant").json["title"].startswith("Assistant")
    assert reconciler("schema", "plan").json["properties"]["format_version"] == {"const": 1}
    assert reconciler("schema", "Assistent").code == 7
    assert reconciler("schema", "--write", str(tmp_path / "out")).code == 0
    assert len(list((tmp_path / "out").glob("*.schema.json"))) == 5


def test_commands_that_need_no_account_do_not_import_openai(tree: World) -> None:
    code = (
        "import sys\nfrom reconciler import cli\ncli._register()\n"
        "for arguments in ['--help'], ['validate'], ['schema', 'Assistant'], ['plan', '--help']:\n"
        "    assert cli.run(arguments) == 0, arguments\n"
        "    heavy = {'openai', 'httpx2', 'pydantic', 'starlette', 'uvicorn', 'rich.console', 'deepdiff', 'jinja2'}\n"
        "    assert not heavy & set(sys.modules), (arguments, heavy & set(sys.modules))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tree.root, check=True, capture_output=True, timeout=60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_served_account_answers_the_same_commands(
    tree: World, reconciler: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    database = tmp_path / "served.db"
    serve = [*PROGRAM, "emulator", "serve", "--port", str(port), "--db", str(database)]
    server = subprocess.Popen(serve, stderr=subprocess.PIPE, cwd=tree.root, text=True)
    try:
        assert server.stderr is not None
        assert f"127.0.0.1:{port}" in server.stderr.readline()
        assert _wait(port)
        _use(port, monkeypatch)
        applied = reconciler("apply", "--yes")
        assert applied.code == 0, applied.err
        assert "spec:\n  account:\n    anchor: vs_" in applied.err
        assert "No changes" in reconciler("plan", "--detailed-exitcode").out
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
        assert server.stderr is not None
        server.stderr.close()
    local = reconciler("outputs", "--local", str(database), "--format", "json").json
    assert set(local) == {"Assistant/helper", "Assistant/writer", "VectorStore/docs"}


def _use(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-local-0123456789")


def _wait(port: int) -> bool:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/models", headers={"Authorization": "Bearer sk-x"})
    for _ in range(200):
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            continue
    return False


def test_a_taken_port_is_one_clear_message(reconciler: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = reconciler("emulator", "serve", "--port", str(port), "--db", str(tmp_path / "x.db"))
    assert result.code == 9
    assert str(port) in result.err


def test_a_faulty_account_says_what_it_does_and_the_tool_copes(
    tree: World, reconciler: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("faults: [{on: POST /vector_stores/*, nth: 1, effect: lost}]\n")
    port = free_port()
    serve = [*PROGRAM, "emulator", "serve", "--port", str(port), "--db", str(tmp_path / "x.db")]
    server = subprocess.Popen([*serve, "--faults", str(faults)], stderr=subprocess.PIPE, cwd=tree.root, text=True)
    try:
        assert server.stderr is not None
        said = [server.stderr.readline() for _ in range(5)]
        assert said[0] == f"The emulator misbehaves: it obeys 1 rule of {faults}.\n"
        _use(port, monkeypatch)
        applied = reconciler("apply", "--yes")
        assert applied.code == 0, applied.err
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0
        assert server.stderr is not None
        (fault,) = server.stderr.readlines()
        server.stderr.close()
    assert fault.startswith("fault: lost POST /v1/vector_stores/vs_")


def test_rules_that_cannot_be_obeyed_are_refused_before_anything_is_served(reconciler: Command, tmp_path: Path) -> None:
    faults = tmp_path / "faults.yaml"
    faults.write_text("faults:\n  - on: POST /vector_store\n    effect: lost\n")
    result = reconciler("emulator", "serve", "--db", str(tmp_path / "x.db"), "--faults", str(faults))
    assert (result.code, result.out) == (7, "")
    assert result.err == (
        f"Error: {faults}:2: There is no endpoint `POST /vector_store`.\nDid you mean `POST /vector_stores`?\n"
    )
    assert not (tmp_path / "x.db").exists()


def test_rules_that_are_not_there_are_one_clear_message(reconciler: Command, tmp_path: Path) -> None:
    result = reconciler("emulator", "serve", "--faults", str(tmp_path / "none.yaml"))
    assert result.code == 7
    assert "none.yaml cannot be read: No such file or directory." in result.err
