"""A file of rules is obeyed to the letter, or refused with its line and the way out."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.emulator import Request
from reconciler.emulator.fault_rules import Rules, RulesError, parse, read
from reconciler.emulator.faults import Effect, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

STORES = "/vector_stores"
MAKE, LIST = Request("POST", STORES), Request("GET", STORES)


def rules(*lines: str, **top: Any) -> Rules:
    """Rules in YAML's short form, without the braces."""
    return parse("".join(f"{key}: {value}\n" for key, value in top.items()) + _faults(lines), "faults.yaml")


def _faults(lines: Sequence[str]) -> str:
    return "faults:\n" + "".join(f"  - {{{line}}}\n" for line in lines)


def happened(chooser: Rules, *requests: Request) -> list[str]:
    """The effect that each request meets, or a dash."""
    return [fault.effect.value if fault else "-" for fault in map(chooser, requests)]


# --- which requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "matching"),
    [
        ("POST /vector_stores", {"POST /v1/vector_stores"}),
        ("POST /v1/vector_stores", {"POST /v1/vector_stores"}),
        ("'* /vector_stores'", {"POST /v1/vector_stores", "GET /v1/vector_stores"}),
    ],
)
def test_a_rule_names_a_method_and_a_path(on: str, matching: set[str]) -> None:
    requests = [("POST", "/v1/vector_stores"), ("GET", "/v1/vector_stores"), ("GET", "/v1/files")]
    obeyed = {
        f"{method} {path}" for method, path in requests if rules(f"on: {on}, effect: lost")(Request(method, path))
    }
    assert obeyed == matching


def test_only_requests_that_the_effect_can_happen_to_are_counted() -> None:
    chooser = rules("on: '* /**', effect: stale, seconds: 5, nth: 2")
    assert happened(chooser, LIST, MAKE, Request("GET", f"{STORES}/vs_1"), LIST, LIST) == ["-", "-", "-", "stale", "-"]


# --- when -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "hits"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7]),
        (", nth: 3", [3]),
        (", every: 3", [3, 6]),
        (", every: 1", [1, 2, 3, 4, 5, 6, 7]),
        (", times: 2", [1, 2]),
        (", every: 2, times: 2", [2, 4]),
        (", probability: 1, times: 3", [1, 2, 3]),
        (", probability: 1.0", [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_rule_happens_when_it_says(when: str, hits: list[int]) -> None:
    chooser = rules(f"on: POST {STORES}, effect: lost{when}")
    assert [at for at in range(1, 8) if chooser(LIST) is None and chooser(MAKE)] == hits


def test_a_probability_is_a_share_and_repeats_with_its_seed() -> None:
    line = f"on: POST {STORES}, effect: lost, probability: 0.1"
    first = happened(rules(line, seed=7), *[MAKE] * 2000)
    assert 150 < Counter(first)["lost"] < 250
    assert first == happened(rules(line, seed=7), *[MAKE] * 2000)
    assert first != happened(rules(line, seed=8), *[MAKE] * 2000)


def test_a_further_rule_leaves_the_chances_of_the_others_as_they_were() -> None:
    line = f"on: POST {STORES}, effect: lost, probability: 0.3"
    alone = happened(rules(line), *[MAKE] * 50)
    joined = rules(line, "on: GET /files, effect: empty", f"on: POST {STORES}, effect: dropped")
    assert [word == "lost" for word in happened(joined, *[MAKE] * 50)] == [word == "lost" for word in alone]


def test_of_several_rules_the_first_happens_and_all_count() -> None:
    chooser = rules(f"on: POST {STORES}, effect: lost, nth: 2", f"on: '* {STORES}', effect: dropped, every: 2")
    assert happened(chooser, MAKE, MAKE, MAKE, MAKE) == ["-", "lost", "-", "dropped"]


def test_a_rule_that_another_one_forestalled_has_not_been_used_up() -> None:
    chooser = rules(f"on: POST {STORES}, effect: lost, nth: 1", f"on: POST {STORES}, effect: dropped, times: 1")
    assert happened(chooser, MAKE, MAKE, MAKE) == ["lost", "dropped", "-"]


def test_every_fault_is_one_line_with_the_requests_number() -> None:
    lines: list[str] = []
    chooser = parse(_faults([f"on: POST {STORES}, effect: lost, nth: 2"]), "faults.yaml", say=lines.append)
    happened(chooser, LIST, MAKE, Request("POST", "/v1/vector_stores"))
    assert lines == ["fault: lost POST /v1/vector_stores (request 3)"]


def test_a_line_has_no_control_characters() -> None:
    lines: list[str] = []
    chooser = parse(_faults(["on: GET /models/*, effect: lost"]), "faults.yaml", say=lines.append)
    chooser(Request("GET", "/v1/models/\x1b[31m\nx"))
    assert lines == ["fault: lost GET /v1/models/?[31m?x (request 1)"]


HEADERS = "headers: {retry-after: -5, x-a: 'b c', retry-after-ms: .nan}"


# --- what -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f"on: POST {STORES}, effect: lost", Fault(Effect.LOST)),
        (f"on: POST {STORES}, effect: late, seconds: 2.5", Fault(Effect.LATE, seconds=2.5)),
        (f"on: POST {STORES}, effect: html, executed: false", Fault(Effect.HTML, executed=False)),
        (
            f"on: POST {STORES}, effect: status, status: 429, code: slow_down, executed: true, " + HEADERS,
            Fault(
                Effect.STATUS,
                status=429,
                code="slow_down",
                executed=True,
                headers={"retry-after": "-5", "x-a": "b c", "retry-after-ms": ".nan"},
            ),
        ),
        (f"on: GET {STORES}, effect: cursor_gone, status: 400", Fault(Effect.CURSOR_GONE, status=400)),
        (
            f"on: POST {STORES}/*/files, effect: failing, code: invalid_file",
            Fault(Effect.FAILING, code="invalid_file"),
        ),
    ],
)
def test_a_rule_says_what_happens(line: str, fault: Fault) -> None:
    assert [rule.fault for rule in rules(line).rules] == [fault]


@pytest.mark.parametrize("effect", list(Effect))
def test_every_effect_has_a_rule(effect: Effect) -> None:
    timed = {Effect.LATE, Effect.DELAY, Effect.STALE, Effect.GHOST, Effect.SLOW}
    more = ", seconds: 5" if effect in timed else ""
    assert rules(f"on: '* /**', effect: {effect.value}{more}").rules[0].fault.effect is effect
    if more:
        assert f"The effect {effect.value} needs `seconds`" in refused(f"on: '* /**', effect: {effect.value}")


def test_json_is_read_as_well_also_with_tabs() -> None:
    rule = {"on": f"POST {STORES}", "effect": "status", "status": 503, "headers": {"retry-after": "1"}}
    text = json.dumps({"seed": 3, "faults": [rule]}, indent="\t")
    found = parse(text, "faults.json")
    assert (found.seed, found.rules[0].fault.headers) == (3, {"retry-after": "1"})


def test_no_rules_are_no_faults() -> None:
    assert happened(parse("faults: []", "faults.yaml"), MAKE) == ["-"]


# --- mistakes ---------------------------------------------------------------------------------------------------------


def refused(*lines: str) -> str:
    """The message for rules that cannot be obeyed: what is wrong, then what was expected."""
    with pytest.raises(RulesError) as caught:
        rules(*lines)
    assert caught.value.summary.startswith("faults.yaml:")
    return f"{caught.value.summary.removeprefix('faults.yaml:')} {caught.value.detail}".strip()


ON = f"on: POST {STORES}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{ON}, efect: lost", "3: 'efect' is not a field of a rule. Did you mean `effect`?"),
        (f"{ON}, effect: lots", "3: `effect: lots` is not known. Did you mean `lost`?"),
        (f"{ON}, effect: [lost]", "3: `effect` is not a text."),
        (ON, "3: `effect` is missing."),
        ("effect: lost", "3: `on` is missing."),
        (f"{ON}, {ON}, effect: lost", "3: 'on' is given twice. Remove one of them."),
        ("on: POST /vector_store, effect: lost", "3: There is no endpoint `POST /vector_store`. Did you mean `POST /vector_stores`?"),
        ("on: DELETE /vector_stores, effect: lost", "3: There is no endpoint `DELETE /vector_stores`. Did you mean `DELETE /vector_stores/*`?"),
        ("on: 'GET /files?limit=1', effect: lost", "3: There is no endpoint `GET /files?limit=1`. Did you mean `GET /files`?"),
        ("on: GET /zzzzzzzzzzzzzzzz/qqqqqqqqqqqqqqq, effect: lost", "3: There is no endpoint `GET /zzzzzzzzzzzzzzzz/qqqqqqqqqqqqqqq`. Paths are written without /v1 and without a query."),
        ("on: GETT /files, effect: lost", "3: `on: GETT /files` is not a method and a path. Did you mean `GET /files`?"),
        ("on: /files, effect: lost", "3: `on: /files` is not a method and a path. Did you mean `GET /files`?"),
        ("on: POST files, effect: lost", "3: `on: POST files` is not a method and a path. Did you mean `POST /files`?"),
        ("on: '!!', effect: lost", "3: `on: !!` is not a method and a path. Write it like: POST /vector_stores/*"),
        (f"on: GET /{'a/' * 13}, effect: lost", f"3: `on: GET /{'a/' * 13}` is not a method and a path. Write it like: POST /vector_stores/*"),
        ("on: GET /files, effect: ghost, seconds: 5", "3: The effect ghost cannot happen to `GET /files`. It happens to: DELETE."),
        ("on: POST /files, effect: empty", "3: The effect empty cannot happen to `POST /files`. It happens to: lists (GET)."),
        (f"{ON}, effect: slow, seconds: 5", "3: The effect slow cannot happen to `POST /vector_stores`. It happens to: POST /vector_stores/*/files and POST /vector_stores/*/file_batches."),
        ("on: GET /files, effect: twice", "3: The effect twice cannot happen to `GET /files`. It happens to: writes (POST and DELETE)."),
        (f"{ON}, effect: lost, seconds: 5", "3: `seconds` does not go with the effect lost. It goes with: delay, ghost, late, slow, stale."),
        (f"{ON}, effect: lost, executed: false", "3: `executed` does not go with the effect lost. It goes with: html, status."),
        (f"{ON}, effect: late", "3: The effect late needs `seconds` above 0. Write it like 5 or 0.5."),
        (f"{ON}, effect: late, seconds: 0", "3: The effect late needs `seconds` above 0. Write it like 5 or 0.5."),
        (f"{ON}, effect: late, seconds: 5s", "3: `seconds` is not a number from 0 to 1,000,000,000. Write it like 0.5."),
        (f"{ON}, effect: late, seconds: -1", "3: `seconds` is not a number from 0 to 1,000,000,000. Write it like 0.5."),
        (f"{ON}, effect: late, seconds: .inf", "3: `seconds` is not a number from 0 to 1,000,000,000. Write it like 0.5."),
        (f"{ON}, effect: late, seconds: 99999999999", "3: `seconds` is not a number from 0 to 1,000,000,000. Write it like 0.5."),
        (f"{ON}, effect: lost, nth: 0", "3: `nth` is not a whole number from 1."),
        (f"{ON}, effect: lost, nth: '2'", "3: `nth` is not a whole number from 1."),
        (f"{ON}, effect: lost, nth: 1.5", "3: `nth` is not a whole number from 1."),
        (f"{ON}, effect: lost, every: x", "3: `every` is not a whole number from 1."),
        (f"{ON}, effect: lost, times: 0", "3: `times` is not a whole number from 1."),
        (f"{ON}, effect: lost, times: [1]", "3: `times` is not a whole number from 1."),
        (f"{ON}, effect: lost, nth: 1, every: 2", "3: `nth` and `every` cannot both say when. Keep one of them."),
        (f"{ON}, effect: lost, probability: 1.1", "3: `probability` is not a number from 0 to 1. Write it like 0.5."),
        (f"{ON}, effect: lost, probability: 0", "3: With a `probability` of 0 the rule never happens. Remove the rule."),
        (f"{ON}, effect: status, status: 199", "3: `status` is not a whole number from 200."),
        (f"{ON}, effect: status, status: 600", "3: 600 is not a status. A status is from 200 to 599."),
        ("on: GET /files, effect: cursor_gone, status: 500", "3: A cursor that is gone is answered with 404 or 400, not 500."),
        (f"{ON}, effect: status, code: 'a b'", "3: 'a b' is not an error code. A code looks like rate_limit_exceeded."),
        ("on: POST /vector_stores/*/files, effect: failing, code: invalid", "3: `code: invalid` is not known. Did you mean `invalid_file`?"),
        ("on: POST /vector_stores/*/files, effect: failing, code: zzz", "3: `code: zzz` is not known. Known: server_error, invalid_file, unsupported_file."),
        (f"{ON}, effect: html, executed: NO", "3: `executed` is neither true nor false."),
        (f"{ON}, effect: status, headers: [a]", "3: `headers` is not a mapping of names to values."),
        (f"{ON}, effect: status, headers: {{a b: c}}", "3: 'a b' with 'c' cannot be a header. Use printable ASCII."),
        (f"{ON}, effect: status, headers: {{a: 'ü'}}", "3: 'a' with 'ü' cannot be a header. Use printable ASCII."),
        (f"{ON}, effect: status, headers: {{a: ' b'}}", "3: 'a' with ' b' cannot be a header. Use printable ASCII."),
        (f"{ON}, effect: status, headers: {{a: }}", "3: `a` is not a text."),
        (f"{ON}, effect: status, headers: {{Content-Length: 5}}", "3: The header Content-Length is written by the emulator itself. Leave it out."),
        ("on: * /files, effect: lost", "3: expected alphabetic or numeric character, but found ' '. A text that begins with * needs quotes."),
        (f"{ON}, effect: !!python/name:os.system lost", "3: `effect` is not a text."),
    ],
)  # fmt: skip
def test_a_mistake_names_its_line_what_was_expected_and_what_is_near(line: str, message: str) -> None:
    assert refused("on: GET /files, effect: lost", line) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "faults.yaml is empty. It needs `faults:` with a list of rules."),
        ("seed: 1\n", "faults.yaml:1: `faults` is missing."),
        ("fault: []\n", "faults.yaml:1: 'fault' is not a field of the file of rules. Did you mean `faults`?"),
        ("- {on: x}\n", "faults.yaml:1: the file of rules is not a mapping of names to values. Known: faults, seed."),
        ("faults: {}\n", "faults.yaml:1: `faults` is not a list. It is a list of rules; each begins with `- on: POST /files`."),
        ("faults:\n", "faults.yaml:1: `faults` is not a list. It is a list of rules; each begins with `- on: POST /files`."),
        ("faults:\n  - lost\n", "faults.yaml:2: a rule is not a mapping of names to values. Known: on, effect, times, nth, every, probability, seconds, status, code, executed, headers."),
        ("seed: x\nfaults: []\n", "faults.yaml:1: `seed` is not a whole number from 0."),
        ("faults: [\n", "faults.yaml:2: expected the node content, but found '<stream end>'. It is neither YAML nor JSON."),
        ("faults: []\n---\nfaults: []\n", "faults.yaml:2: but found another document. It is neither YAML nor JSON."),
        ("faults: \x00", "faults.yaml cannot be read: a character is not allowed. It is neither YAML nor JSON."),
        ("faults: " + "[" * 1000, "faults.yaml cannot be read: it is nested too deeply. It is neither YAML nor JSON."),
        ("faults: *a\n", "faults.yaml:1: found undefined alias 'a'. It is neither YAML nor JSON."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_file_of_rules_says_what_it_should_be(text: str, message: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse(text, "faults.yaml")
    assert f"{caught.value.summary} {caught.value.detail}".strip() == message


def test_a_file_is_read_with_its_name_in_messages(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_bytes(b"\xef\xbb\xbffaults:\r\n  - on: POST /files\r\n    effect: lots\r\n")
    with pytest.raises(RulesError, match=r"faults\.yaml:3: `effect: lots`"):
        read(file)
    file.write_text("faults: [{on: POST /files, effect: lost}]")
    assert len(read(file).rules) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory."),
        (b"\xff\xfef\x00", "is not UTF-8."),
        (b"#" * 300_000, "is too large."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "faults.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RulesError) as caught:
        read(file)
    assert caught.value.summary == f"{file} {message}"


def test_a_directory_is_no_file_of_rules(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="cannot be read: Is a directory"):
        read(tmp_path)


# --- the documentation ------------------------------------------------------------------------------------------------

PAGE = Path(__file__).parent.parent.parent / "docs" / "rehearsing-failures.md"


def test_every_rule_of_the_documentation_can_be_obeyed_and_every_effect_is_in_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = re.findall(r"`(\{on: .*?\})`", text)
    effects = {rule.fault.effect for line in shown for rule in parse(f"faults: [{line}]", "page").rules}
    assert effects == set(Effect)
    blocks = [
        block for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL) if "\nfaults:\n" in f"\n{block}"
    ]
    assert [len(parse(block, "page").rules) for block in blocks] == [3, 4]


def test_the_messages_and_the_python_of_the_documentation_are_real() -> None:
    text = PAGE.read_text(encoding="utf-8")
    with pytest.raises(RulesError) as caught:
        parse("faults:\n  - effect: lost\n    on: POST /vector_store\n", "faults.yaml")
    assert f"Error: {caught.value.summary}\n{caught.value.detail}\n" in text
    (code,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    exec(code, {})
