"""Credentials are found, placeholders are not, and nothing is repeated. No real credential stands here: all are built."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifest.text import secrets
from reconciler.manifest.text.secrets import Found, Scanner, find_secrets

RANDOM = "q7Zt2LmXv9Rk4BwYc8NsJd3HpGf6TaUe5QiWoMxKzVbCnEhDgSyAjLrPuFl1O0iI"
UPPER = "Q7ZT2LMXV9RK4BWY"
HEX = "3f9a1c7e5b2d8064af13c9e7b5d20846"
BASE64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj" + "AgEAAoIBAQC7VJTUt9Us8cKj"

SAMPLES = [
    ("OpenAI API key", "sk-" + RANDOM[:48]),
    ("OpenAI API key", "sk-proj-" + RANDOM + "_-" + RANDOM[:20]),
    ("OpenAI API key", "sk-svcacct-" + RANDOM[:40]),
    ("OpenAI API key", "sk-" + HEX),
    ("Anthropic API key", "sk-ant-api03-" + RANDOM),
    ("AWS access key id", "AKIA" + UPPER),
    ("AWS access key id", "ASIA" + UPPER),
    ("GitHub token", "ghp_" + RANDOM[:36]),
    ("GitHub token", "github_pat_" + RANDOM[:22] + "_" + RANDOM[:59]),
    ("GitLab token", "glpat-" + RANDOM[:20]),
    ("Slack token", "xoxb-17653672481-" + RANDOM[:24]),
    ("Google API key", "AIza" + RANDOM[:35]),
    ("Stripe key", "sk_live_" + RANDOM[:24]),
    ("Stripe key", "rk_live_" + RANDOM[:24]),
    ("JSON web token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0NzExIn0." + RANDOM[:43]),
]


@pytest.mark.parametrize(("kind", "secret"), SAMPLES)
@pytest.mark.parametrize("around", ["{}", "key: {}", 'KEY="{}"', "a={}&b", "https://x/{}", "line\\n{}", "é {} é"])
def test_a_credential_is_found_with_kind_and_place(kind: str, secret: str, around: str) -> None:
    text = around.format(secret)
    (found,) = find_secrets(text)
    assert found.kind == kind
    assert text[found.offset :].startswith(secret[:4])
    assert len(secret) <= found.length <= len(secret) + 1
    assert secret[8:] not in repr(found)


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize("newline", ["\n", "\\n", "\r\n    "])
def test_a_private_key_is_found(kind: str, newline: str) -> None:
    text = f"key: -----BEGIN {kind}PRIVATE KEY-----{newline}{BASE64}{newline}"
    assert find_secrets(text) == [Found("private key", 5, 27 + len(kind))]


@pytest.mark.parametrize(
    "text",
    [
        "sk-...",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-proj-YOUR_API_KEY_GOES_HERE_1234a",
        "sk-" + "aB1" * 20,
        "sk-learn-pipelines-with-many-parts-and-words",
        "sk-SOME-CONSTANT-NAME-IN-CAPITALS-42",
        "task-" + RANDOM[:40],
        "sk-short1A",
        "AKIAXXXXXXXXXXXXXXXX",
        "AKIAIOSFODNN7EXAMPLE",
        "AKIA" + UPPER + "MORE",
        "ASIAPACIFICOPERATION",
        "ghp_" + "0" * 36,
        "xoxb-your-token-here-1234567890A",
        "AIza" + "x" * 35,
        "sk_test_" + RANDOM[:24],
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0." + RANDOM[:43],
        "eyJhbGciOiJIUzI1NiJ9.abc.def",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n" + "x" * 64,
        "-----BEGIN PUBLIC KEY-----\n" + BASE64,
        "-----BEGIN CERTIFICATE-----\n" + BASE64,
        "sk-" + RANDOM[:10] + "-example-" + RANDOM[10:30],
    ],
)
def test_placeholders_and_lookalikes_pass(text: str) -> None:
    assert find_secrets(text) == []


def test_what_begins_inside_a_credential_is_not_counted_again() -> None:
    token = SAMPLES[-1][1]
    header = token.split(".")[0]
    assert len(find_secrets(f"{header}.{token}")) == 1


def test_at_most_fifty_are_reported() -> None:
    text = " ".join(["sk-" + RANDOM[:48]] * 60)
    assert len(find_secrets(text)) == 50
    scanner = Scanner()
    for _ in range(3):
        scanner.feed((text + "é" * 20_000).encode())
    assert len(scanner.finish()) == 50


def test_a_chunk_border_hides_nothing() -> None:
    secret = SAMPLES[1][1].encode()
    data = b"x " * 20_000 + secret + b" y" * 20_000
    for cut in range(39_990, 40_000 + len(secret) + 10, 7):
        scanner = Scanner()
        scanner.feed(data[:cut])
        scanner.feed(data[cut:])
        assert scanner.finish() == [Found("OpenAI API key", 40_000, len(secret))]


def test_utf16_text_is_searched_too() -> None:
    scanner = Scanner()
    scanner.feed(f"key {SAMPLES[0][1]}".encode("utf-16"))
    assert [found.kind for found in scanner.finish()] == ["OpenAI API key"]


PIECES = st.sampled_from(
    [secret for _, secret in SAMPLES]
    + ["eyJhbGciOiJIUzI1NiJ9.", "sk-", " ", ".", "-", "\\n", "-----BEGIN PRIVATE KEY-----", BASE64, "filler " * 5]
)


@given(text=st.lists(PIECES, max_size=12).map("".join), chunk=st.integers(1, 60))
def test_chunks_find_what_the_whole_text_has(text: str, chunk: int) -> None:
    before = secrets._OVERLAP
    secrets._OVERLAP = 800  # longer than any credential here
    try:
        scanner = Scanner()
        data = text.encode()
        for start in range(0, len(data), chunk):
            scanner.feed(data[start : start + chunk])
        assert scanner.finish() == find_secrets(text)
    finally:
        secrets._OVERLAP = before


@pytest.mark.parametrize(
    "piece",
    [
        "eyJ",
        "eyJ.",
        "eyJaaaaaaaaaaaa.",
        "sk-",
        "sk-aB1 ",
        "-----BEGIN PRIVATE KEY-----",
        "xoxb-",
        "AKIA",
        "\\nsk-",
        "aB1",
    ],
)
def test_hostile_text_takes_linear_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    start = time.process_time()
    find_secrets(text)
    assert time.process_time() - start < 1
