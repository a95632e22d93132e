"""What no manifest may hold: invisible characters, credentials, private addresses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.trees import assistant, desired, manifest, problems, rejected, stack

KEY = "sk-" + "q7Zt2LmXv9Rk4BwYc8NsJd3HpGf6TaUe5QiWoMxKzVbCnEhD"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJuYW1lIjoiQWRhIExvdmVsYWNlIn0." + "q7Zt2LmXv9Rk4BwYc8NsJd3HpGf6"
PEM = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj" + "\n"


def tool(text: str) -> dict[str, str | bytes]:
    return {"t.yaml": manifest("Tool", "t", text)}


@pytest.mark.parametrize("secret", [KEY, JWT, PEM])
def test_a_credential_in_an_included_prompt_is_told_without_repeating_it(tmp_path: Path, secret: str) -> None:
    files: dict[str, str | bytes] = {"a.yaml": assistant("a", "instructions: {file: p.md}"), "p.md": f"Hi\n x {secret}"}
    (found,) = rejected(tmp_path, files)
    assert (found.code, str(found.span)) == ("E602", "p.md:2:4")
    assert f"It is {len(secret) if secret != PEM else 27} characters long" in found.detail
    assert secret[30:] not in repr(found)


def test_a_credential_in_a_variable_is_told_once_and_where_it_stands(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "reconciler.yaml": stack(f"vars: {{key: {KEY}}}"),
        "a.yaml": assistant("a", "instructions: ${var.key}"),
    }
    assert problems(tmp_path, files) == ["E602 reconciler.yaml:5:15 This looks like a secret: OpenAI API key"]


def test_a_value_that_is_wrong_is_quoted_without_what_is_secret_in_it(tmp_path: Path) -> None:
    token = "ghp_" + "q7Zt2LmXv9Rk4BwYc8NsJd3HpGf6TaUe5QiW"
    found = rejected(tmp_path, {"a.yaml": assistant("a", f"temperature: {token}\n{token}: 1")})
    assert [item.code for item in found] == ["E307", "E602", "E303", "E602"]
    assert token[8:] not in repr(found)


def test_a_line_that_is_part_of_a_key_is_not_shown(tmp_path: Path) -> None:
    found = rejected(tmp_path, {"a.yaml": assistant("a", f"description: x\n{PEM}")})
    assert "MIIEvQ" not in repr(found)


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ('description: "a\\u200bb"', "6:16"),
        ('"descr\\u202eiption": x', "6:3"),
        ('raw: {a: [{b: "\\U000E0041"}]}', "6:17"),
    ],
)
def test_invisible_characters_are_told_in_values_and_keys(tmp_path: Path, spec: str, place: str) -> None:
    found = [line for line in problems(tmp_path, {"a.yaml": assistant("a", spec)}) if line.startswith("E603")]
    assert len(found) == 1
    assert found[0].startswith(f"E603 a.yaml:{place} ")


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("server_url: http://mcp.example.com", "E604 t.yaml:7:15 server_url is 'http://mcp.example.com'"),
        ("server_url: https://169.254.169.254/", "E604 t.yaml:7:15 server_url is"),
        ("raw: {new: [{server_url: https://localhost/}]}", "E604 t.yaml:7:28 server_url is"),
        ("raw: {new: {authorization: Bearer x}}", "E602 t.yaml:7:30 'authorization' would hold a credential"),
        ("raw: {new: {headers: {X-Api-Key: x}}}", "E602 t.yaml:7:36 The header 'X-Api-Key' would hold a credential"),
        (
            "transport: {type: http, server_url: https://x.example.com, headers: {Authorization: Bearer}}",
            "E602 t.yaml:7:87 'Authorization' would hold a credential",
        ),
    ],
)
def test_addresses_are_public_and_credentials_go_by_reference(tmp_path: Path, spec: str, problem: str) -> None:
    (found,) = problems(tmp_path, tool(f"type: mcp\nserver_label: x\n{spec}"))
    assert found.startswith(problem)


def test_a_password_in_a_url_is_not_repeated(tmp_path: Path) -> None:
    (found,) = rejected(tmp_path, tool("type: mcp\nserver_label: x\nserver_url: https://me:hunter22@mcp.example.com"))
    assert found.code == "E604"
    assert "hunter22" not in repr(found)


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ("allowed_domains: [example.com, intranet]", "6:34"),
        ("filters: {allowed_domains: ['*.example.com']}", "6:31"),
    ],
)
def test_domains_are_public_and_bare(tmp_path: Path, spec: str, place: str) -> None:
    (found,) = problems(tmp_path, tool(f"type: web_search\n{spec}"))
    assert found.startswith(f"E605 t.yaml:{place} allowed_domains is ")


def test_harmless_headers_and_what_only_looks_like_an_address_pass(tmp_path: Path) -> None:
    mcp = """
        type: mcp
        server_label: x
        transport: {type: http, server_url: https://x.example.com, headers: {X-Team: a, Authorization: ""}}
        """
    function = """
        type: function
        function:
          description: d
          parameters: {type: object, properties: {password: {type: string}, server_url: {const: http://x}}}
        """
    bot = assistant("a", "runtime: agents\ntools:\n  - tool: m\n  - tool: f")
    files: dict[str, str | bytes] = {"a.yaml": bot, "m.yaml": manifest("Tool", "m", mcp)}
    assert len(desired(tmp_path, files | {"f.yaml": manifest("Tool", "f", function)})) == 1
