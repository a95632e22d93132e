"""The command line against a server that misbehaves, over real HTTP: a clear message, the documented exit code, no double.

Not part of the default suite: it starts two processes a case. `make processes` runs it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes.kill import PATIENCE, Ended, Site, objects, split

SMALL = {
    "reconciler.yaml": "apiVersion: reconciler/v1\nkind: Stack\nmetadata: {name: fellside-support}\n"
    "spec: {defaults: {model: gpt-6.1-terra}}\n",
    "store.yaml": "apiVersion: reconciler/v1\nkind: VectorStore\nmetadata: {name: handbook}\n"
    "spec: {files: [{glob: 'docs/*.md'}]}\n",
    "writer.yaml": "apiVersion: reconciler/v1\nkind: Assistant\nmetadata: {name: writer}\n"
    "spec: {runtime: agents, instructions: You write.}\n",
    "docs/a.md": "# A\n",
}
HURRY = ("--settle", "2s", "--file-timeout", "4s")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A small stack and an empty account."""
    for name, text in SMALL.items():
        path = tmp_path / "stack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Site(tmp_path)


def under(site: Site, rule: str, *command: str) -> Ended:
    """A command against a server that obeys one rule."""
    faults = site.directory / "faults.yaml"
    faults.write_text(f"faults:\n  - {rule}\n", encoding="utf-8")
    with site.served("--faults", str(faults)) as upstream:
        ended, _ = site.run(upstream, *command)
    assert "Traceback" not in ended.err
    assert "still running" not in ended.err
    return ended


@dataclass(frozen=True, slots=True)
class Case:
    """One rule, and how a command ends under it."""

    rule: str
    code: set[int]
    says: str


READING = {
    "a web page": Case("{on: GET /vector_stores, effect: html}", {9}, "web page"),
    "a cut body": Case("{on: GET /vector_stores, effect: truncated}", {9}, "before the answer was complete"),
    "an endless list": Case("{on: GET /vector_stores, effect: empty}", {9}, "says that there is more"),
    "a repeated page": Case("{on: GET /vector_stores, effect: repeated}", {9}, "cannot be read to its end"),
    "a redirect": Case("{on: GET /vector_stores, effect: redirect}", {9}, "redirects are never followed"),
    "an absurd wait": Case(
        "{on: GET /vector_stores, effect: status, status: 429, headers: {retry-after: '-5'}}", {9}, "rate limit"
    ),
    "a wait for ever": Case(
        "{on: GET /vector_stores, effect: status, status: 429, headers: {retry-after: '86400'}}",
        {9},
        "asks to wait 24 h",
    ),
    "an outage": Case("{on: '* /**', effect: status, status: 503}", {9}, ""),
    "a closed door": Case("{on: '* /**', effect: dropped}", {9}, ""),
}


@pytest.mark.parametrize("name", list(READING))
def test_what_cannot_be_read_ends_with_one_message_and_nothing_written(site: Site, name: str) -> None:
    case = READING[name]
    ended = under(site, case.rule, "apply", "--yes", *HURRY)
    assert ended.code in case.code
    assert case.says in ended.err
    with site.served() as upstream:
        assert objects(upstream) == []


WRITING = {
    "a web page": Case("{on: POST /agents, effect: html, times: 1}", {0}, ""),
    "a cut body": Case("{on: POST /agents, effect: truncated, times: 1}", {0}, ""),
    "a lost answer": Case("{on: POST /agents, effect: lost, times: 1}", {0}, ""),
    "a lost request": Case("{on: POST /agents, effect: dropped, times: 1}", {0}, ""),
    "a late request": Case("{on: POST /agents, effect: late, seconds: 1, times: 1}", {0}, ""),
    "a doubled request": Case("{on: POST /agents, effect: twice, times: 1}", {0, 3}, ""),
    "an upload that is redirected": Case("{on: POST /files, effect: redirect}", {3}, "redirects are never followed"),
    "a frozen document": Case("{on: POST /vector_stores/*/files, effect: frozen}", {3}, "a.md"),
    "a failing document": Case(
        "{on: POST /vector_stores/*/files, effect: failing, code: invalid_file}", {3}, "a.md: invalid_file"
    ),
    "an anchor whose answer is lost": Case("{on: POST /vector_stores, effect: lost, times: 1}", {0}, ""),
}


@pytest.mark.parametrize("name", list(WRITING))
def test_what_was_lost_while_writing_is_found_again_and_made_only_once(site: Site, name: str) -> None:
    case = WRITING[name]
    ended = under(site, case.rule, "apply", "--yes", *HURRY)
    assert ended.code in case.code, ended.err + ended.out
    assert case.says in ended.err + ended.out
    with site.served("--ahead", "20m") as upstream:
        site.run(upstream, "apply", "--yes", *HURRY)
        again, methods = site.run(upstream, "apply", "--yes", *HURRY)
        plan, _ = site.run(upstream, "plan", "--detailed-exitcode")
        assert (again.code, plan.code, set(methods)) == (0, 0, {"GET"}), again.err + plan.out
        ours, _ = split(objects(upstream))
    assert Counter(ours) == Counter(["Anchor/1", "Assistant/writer", "VectorStore/handbook"])


def test_two_applies_at_once_end_well_or_locked(site: Site) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with site.served() as upstream:
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(site.run, upstream, "apply", "--yes", *HURRY) for _ in range(2)]
            codes = sorted(run.result(PATIENCE)[0].code for run in runs)
        assert codes in ([0, 0], [0, 5], [0, 6], [6, 6], [5, 6]), codes
    with site.served("--ahead", "20m") as upstream:
        ended, _ = site.run(upstream, "apply", "--yes", *HURRY)
        assert ended.code == 0
        ours, _ = split(objects(upstream))
    assert Counter(ours) == Counter(["Anchor/1", "Assistant/writer", "VectorStore/handbook"])
