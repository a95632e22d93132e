"""What a server's text decides, and where it decides nothing."""

from __future__ import annotations

import pytest

from reconciler.account.objects import is_missing
from reconciler.account.port import Call, Execution, Failure, FailureKind
from reconciler.account.words import TABLE, Meaning, says


def refusal(status: int, message: str, sort: FailureKind = FailureKind.REFUSED) -> Failure:
    return Failure(
        Call("GET", "/files/file-1"), execution=Execution.NOT_EXECUTED, kind=sort, message=message, status=status
    )


@pytest.mark.parametrize(
    ("failure", "missing"),
    [
        (refusal(404, "No such File object", FailureKind.NOT_FOUND), True),
        (refusal(410, "Gone", FailureKind.NOT_FOUND), True),
        (refusal(400, "Vector store vs_1 not found"), True),
        (refusal(400, "Not Found"), True),
        (refusal(400, "Invalid 'metadata'"), False),
        (refusal(422, "Vector store vs_1 not found"), False),
        (refusal(403, "Project not found", FailureKind.PERMISSION), False),
    ],
)
def test_an_object_is_missing_by_its_status_or_by_words_with_400(failure: Failure, missing: bool) -> None:
    assert is_missing(failure) is missing


@pytest.mark.parametrize(
    ("text", "passing"),
    [
        ("server_error: it broke", True),
        ("invalid_file: File file-1 not found", True),
        ("invalid_file: it mentions a server_error", False),
        ("unsupported_file: no text in it", False),
    ],
)
def test_a_failure_of_the_services_own_passes_and_one_of_the_file_does_not(text: str, passing: bool) -> None:
    assert says(Meaning.PASSING, text) is passing


@pytest.mark.parametrize("status", [None, 400, 503])
def test_words_about_money_mean_something_with_429_alone(status: int | None) -> None:
    assert says(Meaning.SPENT, "insufficient_quota", status=429)
    assert not says(Meaning.SPENT, "insufficient_quota", status=status)


@pytest.mark.parametrize("meaning", Meaning)
def test_every_meaning_has_a_row_and_every_row_names_its_servers(meaning: Meaning) -> None:
    rows = [row for row in TABLE if row.meaning is meaning]
    assert rows
    assert all(row.servers for row in rows)
