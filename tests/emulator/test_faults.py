"""Each effect does to one request what its docstring says, and nothing to any other."""

from __future__ import annotations

import itertools
import json
import sys
import time
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.emulator import Request, Switches
from reconciler.emulator.faults import Effect, Fault, Faulty, Lost, applies
from tests.emulator.account import HEADERS, START, Account, Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reconciler.emulator import Response

STORES, ATTACH = "/vector_stores", "/vector_stores/{}/files"


@dataclass
class Weather(Account):
    """An account whose next request meets `fault`; what is sent through `account.get` and so on is weatherproof."""

    fault: Fault | None = None
    sent: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.faulty = Faulty(self.emulator, self._next, clock=self.clock)

    def _next(self, request: Request) -> Fault | None:
        self.sent.append(request)
        fault, self.fault = self.fault, None
        return fault

    def meets(self, fault: Effect | Fault, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        self.fault = Fault(fault) if isinstance(fault, Effect) else fault
        return self.through(method, path, body, **query)

    def through(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        pairs = tuple((name, str(value)) for name, value in query.items())
        return Answer(self.faulty.handle(Request(method, path, pairs, HEADERS, raw)))

    def lost(self, fault: Effect | Fault, method: str, path: str, body: Any = None) -> None:
        with pytest.raises(Lost, match="closed without an answer"):
            self.meets(fault, method, path, body)

    def names(self, path: str = STORES, **query: Any) -> list[str]:
        return [item["name"] for item in self.get(path, order="asc", **query)["data"]]

    def stores(self, number: int) -> list[str]:
        made = []
        for at in range(number):
            self.clock.now += 1
            made.append(self.store(name=f"store {at}"))
        return made

    def attached(self, fault: Effect | Fault, content: str = "Some text.") -> tuple[str, str]:
        """The path of an attachment that met a fault, and the File."""
        store, file = self.store(), self.upload("a.md", content)
        answer = self.meets(fault, "POST", ATTACH.format(store), {"file_id": file})
        assert (answer.status, answer.json["status"]) == (200, "in_progress")
        return f"{ATTACH.format(store)}/{file}", file


@pytest.fixture
def account() -> Iterator[Weather]:
    made = Weather()
    with made.emulator:
        yield made


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200
    return [item["id"] for item in answer.json["data"]]


# --- what becomes of the request --------------------------------------------------------------------------------------


def test_without_a_fault_the_answer_is_the_emulators(account: Weather) -> None:
    made = account.through("POST", STORES, {"name": "docs"})
    assert (made.status, made.response.delay, made.response.cut) == (200, 0, False)
    assert account.through("GET", f"{STORES}/{made.json['id']}").json == made.json


def test_a_request_without_a_fault_costs_next_to_nothing(account: Weather) -> None:
    request = Request("GET", f"{STORES}/{account.store()}", headers=HEADERS)
    quiet = Faulty(account.emulator, lambda _: None, clock=time.time)

    def calls(handle: Any) -> int:
        found: list[str] = []
        sys.setprofile(lambda _, event, what: found.append(event))
        try:
            handle(request)
        finally:
            sys.setprofile(None)
        return found.count("call") + found.count("c_call")

    assert 100 < calls(account.emulator.handle) <= calls(quiet.handle) < calls(account.emulator.handle) + 20


def test_lost_is_executed_and_not_answered(account: Weather) -> None:
    account.lost(Effect.LOST, "POST", STORES, {"name": "docs"})
    assert account.names() == ["docs"]


def test_dropped_is_not_executed(account: Weather) -> None:
    account.lost(Effect.DROPPED, "POST", STORES, {"name": "docs"})
    assert account.names() == []


def test_late_is_executed_when_its_time_has_come_before_the_next_request(account: Weather) -> None:
    account.lost(Fault(Effect.LATE, seconds=5), "POST", STORES, {"name": "docs"})
    account.clock.now = START + 4.9
    assert ids(account.through("GET", STORES)) == []
    assert account.faulty.outstanding == 1
    account.clock.now = START + 60
    (late,) = account.through("GET", STORES).json["data"]
    assert (late["name"], late["created_at"]) == ("docs", int(START) + 5)
    assert account.faulty.outstanding == 0


def test_late_requests_are_executed_in_the_order_of_their_times(account: Weather) -> None:
    for name, seconds in (("third", 9), ("first", 3), ("second", 9 - 3)):
        account.lost(Fault(Effect.LATE, seconds=seconds), "POST", STORES, {"name": name})
    account.clock.now = START + 6
    account.faulty.catch_up()
    assert account.names() == ["first", "second"]
    account.clock.now = START + 9
    account.faulty.catch_up()
    assert account.names() == ["first", "second", "third"]


def test_twice_makes_two_and_answers_with_the_second(account: Weather) -> None:
    answer = account.meets(Effect.TWICE, "POST", STORES, {"name": "docs"})
    made = account.get(STORES, order="asc")["data"]
    assert [item["name"] for item in made] == ["docs", "docs"]
    assert answer.json["id"] == made[1]["id"] != made[0]["id"]


def test_a_delete_that_is_executed_twice_answers_404(account: Weather) -> None:
    store = account.store()
    assert account.meets(Effect.TWICE, "DELETE", f"{STORES}/{store}").status == 404


def test_truncated_is_executed_and_breaks_off(account: Weather) -> None:
    response = account.meets(Effect.TRUNCATED, "POST", STORES, {"name": "docs"}).response
    assert response.cut
    assert int(response.headers["content-length"]) > len(response.body) > 0
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(response.body)
    assert account.names() == ["docs"]


@pytest.mark.parametrize(("executed", "made"), [(None, ["docs"]), (True, ["docs"]), (False, [])])
def test_html_is_a_web_page_with_200(account: Weather, executed: bool | None, made: list[str]) -> None:
    answer = account.meets(Fault(Effect.HTML, executed=executed), "POST", STORES, {"name": "docs"})
    assert answer.status == 200
    assert answer.response.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.response.body.startswith(b"<!doctype html>")
    assert account.names() == made


def test_redirect_names_another_host_and_is_not_executed(account: Weather) -> None:
    answer = account.meets(Effect.REDIRECT, "POST", f"/v1{STORES}", {"name": "docs"})
    assert (answer.status, answer.response.headers["location"]) == (307, "https://elsewhere.invalid/v1/vector_stores")
    assert account.names() == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(Effect.STATUS), (500, "server_error", None)),
        (Fault(Effect.STATUS, status=429), (429, "rate_limit_exceeded", None)),
        (Fault(Effect.STATUS, status=503), (503, "server_is_overloaded", None)),
        (Fault(Effect.STATUS, status=401), (401, "invalid_api_key", None)),
        (Fault(Effect.STATUS, status=418), (418, None, None)),
        (Fault(Effect.STATUS, status=429, code="insufficient_quota"), (429, "insufficient_quota", None)),
    ],
)
def test_a_status_comes_with_an_error_in_openais_format(
    account: Weather, fault: Fault, error: tuple[int, str | None, str | None]
) -> None:
    assert account.meets(fault, "POST", STORES, {"name": "docs"}).error == error
    assert account.names() == []


def test_a_status_may_have_been_executed(account: Weather) -> None:
    assert account.meets(Fault(Effect.STATUS, executed=True), "POST", STORES, {"name": "docs"}).status == 500
    assert account.names() == ["docs"]


def test_a_status_that_has_no_body_has_none(account: Weather) -> None:
    assert account.meets(Fault(Effect.STATUS, status=204), "GET", STORES).response.body == b""


def test_a_status_carries_headers_in_any_form(account: Weather) -> None:
    headers = {"Retry-After": "-5", "retry-after-ms": "NaN"}
    answer = account.meets(Fault(Effect.STATUS, status=429, headers=headers), "GET", STORES)
    assert answer.response.headers["retry-after"] == "-5"
    assert answer.response.headers["retry-after-ms"] == "NaN"
    assert answer.response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("value", "seconds"), [("date+90", 90), ("date-5", -5), ("date+0.6", 0)])
def test_a_date_in_a_header_is_relative_to_now(account: Weather, value: str, seconds: int) -> None:
    answer = account.meets(Fault(Effect.STATUS, headers={"retry-after": value}), "GET", STORES)
    assert parsedate_to_datetime(answer.response.headers["retry-after"]).timestamp() == START + seconds


def test_delay_is_executed_at_once_and_says_how_late_the_answer_is(account: Weather) -> None:
    answer = account.meets(Fault(Effect.DELAY, seconds=30), "POST", STORES, {"name": "docs"})
    assert (answer.status, answer.response.delay) == (200, 30)
    assert account.names() == ["docs"]


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_stale_list_lacks_what_is_young_and_the_next_one_does_not(account: Weather) -> None:
    old = account.store()
    account.clock.now += 10
    young = account.store()
    stale = Fault(Effect.STALE, seconds=10)
    assert ids(account.meets(stale, "GET", STORES)) == [old]
    assert ids(account.through("GET", STORES)) == [young, old]
    account.clock.now += 10
    assert ids(account.meets(stale, "GET", STORES)) == [young, old]


def test_a_lag_of_the_account_itself_is_never_shortened() -> None:
    account = Weather(switches=Switches(list_lag=60))
    account.store()
    account.clock.now += 30
    assert ids(account.meets(Fault(Effect.STALE, seconds=5), "GET", STORES)) == []


def test_a_short_page_has_half_and_says_there_is_more_and_the_rest_follows(account: Weather) -> None:
    made = account.stores(5)[::-1]
    answer = account.meets(Effect.SHORT, "GET", STORES, limit=100)
    assert ids(answer) == made[:3]
    assert (answer.json["first_id"], answer.json["last_id"], answer.json["has_more"]) == (made[0], made[2], True)
    rest = account.meets(Effect.SHORT, "GET", STORES, limit=100, after=made[2])
    assert (ids(rest), rest.json["has_more"]) == (made[3:4], True)


def test_a_short_page_of_one_object_keeps_it_and_an_empty_list_stays(account: Weather) -> None:
    assert account.meets(Effect.SHORT, "GET", STORES).json["has_more"] is False
    store = account.store()
    answer = account.meets(Effect.SHORT, "GET", STORES)
    assert (ids(answer), answer.json["has_more"]) == ([store], True)


def test_an_empty_page_says_there_is_more(account: Weather) -> None:
    account.stores(2)
    answer = account.meets(Effect.EMPTY, "GET", STORES)
    assert answer.json == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": True}


def test_a_repeated_page_is_the_first_one_whatever_the_cursor(account: Weather) -> None:
    made = account.stores(3)[::-1]
    answer = account.meets(Effect.REPEATED, "GET", STORES, limit=2, after=made[1])
    assert (ids(answer), answer.json["has_more"]) == (made[:2], True)


@pytest.mark.parametrize(("status", "expected"), [(None, 404), (400, 400), (404, 404)])
def test_a_cursor_that_is_gone(account: Weather, status: int | None, expected: int) -> None:
    made = account.stores(2)
    gone = Fault(Effect.CURSOR_GONE, status=status)
    answer = account.meets(gone, "GET", STORES, after=made[1])
    assert answer.error == (expected, "invalid_value", "after")
    assert made[1] in answer.json["error"]["message"]
    assert len(ids(account.meets(gone, "GET", STORES))) == 2


def test_a_cursor_of_an_agent_is_gone_in_the_agents_words(account: Weather) -> None:
    answer = account.meets(Effect.CURSOR_GONE, "GET", "/agents", after="agt_1")
    assert answer.error == (404, "not_found_error", None)


def test_an_error_is_not_made_a_page(account: Weather) -> None:
    for effect in (Effect.SHORT, Effect.EMPTY, Effect.REPEATED):
        assert account.meets(effect, "GET", STORES, limit=0).status == 400


# --- ghosts -----------------------------------------------------------------------------------------------------------


def test_a_ghost_stays_in_lists_and_by_id_for_its_time_at_its_place(account: Weather) -> None:
    made = account.stores(3)
    path = f"{STORES}/{made[1]}"
    before = account.get(path)
    assert account.meets(Fault(Effect.GHOST, seconds=10), "DELETE", path).json["deleted"] is True
    account.clock.now += 9.9
    assert ids(account.through("GET", STORES)) == made[::-1]
    assert ids(account.through("GET", STORES, after=made[2], limit=1)) == [made[1]]
    assert ids(account.through("GET", STORES, after=made[1])) == [made[0]]
    assert account.through("GET", path).json == before
    account.clock.now += 0.2
    assert not account.faulty.haunted
    assert ids(account.through("GET", STORES)) == [made[2], made[0]]
    assert account.through("GET", path).status == 404


def test_a_ghost_is_not_in_the_account_and_cannot_be_written_to(account: Weather) -> None:
    store = account.store()
    path = f"{STORES}/{store}"
    account.meets(Fault(Effect.GHOST, seconds=10), "DELETE", path)
    assert account.faulty.haunted
    assert account.get(STORES)["data"] == []
    assert account.through("POST", path, {"name": "x"}).status == 404
    assert account.through("DELETE", path).status == 404
    assert ids(account.through("GET", STORES)) == [store]


def test_the_ghost_of_a_detached_file_is_seen_in_its_store_until_it_is_attached_again(account: Weather) -> None:
    path, file = account.attached(Effect.STALE)
    store = path.removesuffix(f"/{file}")
    account.meets(Fault(Effect.GHOST, seconds=100), "DELETE", path)
    assert account.through("GET", path).json["status"] == "completed"
    account.through("POST", store, {"file_id": file, "attributes": {"again": True}})
    (shown,) = account.through("GET", store).json["data"]
    assert shown["attributes"] == {"again": True}
    account.clock.now += 101
    assert ids(account.through("GET", store)) == [file]


def test_the_ghost_of_a_skill_still_has_its_versions_and_its_content(account: Weather) -> None:
    text = "---\nname: helper\ndescription: Helps.\n---\n"
    skill = account.form("/skills", [("files", "helper/SKILL.md", text)]).json["id"]
    content = account.send("GET", f"/skills/{skill}/content").response.body
    account.meets(Fault(Effect.GHOST, seconds=10), "DELETE", f"/skills/{skill}")
    assert account.through("GET", f"/skills/{skill}").json["description"] == "Helps."
    assert account.through("GET", f"/skills/{skill}/content").response.body == content
    assert len(ids(account.through("GET", f"/skills/{skill}/versions"))) == 1


def test_of_two_ghosts_of_one_object_the_later_counts(account: Weather) -> None:
    path, file = account.attached(Effect.STALE)
    store = path.removesuffix(f"/{file}")
    for seconds in (100, 5):
        account.meets(Fault(Effect.GHOST, seconds=seconds), "DELETE", path)
        account.post(store, {"file_id": file})
    account.delete(path)
    account.clock.now += 6
    assert ids(account.through("GET", store)) == []


def test_a_delete_that_is_refused_leaves_no_ghost_and_no_trace(account: Weather) -> None:
    ghost = Fault(Effect.GHOST, seconds=10)
    assert account.meets(ghost, "DELETE", f"{STORES}/vs_none").status == 404
    store = account.store()
    assert ids(account.through("GET", STORES)) == [store]
    account.meets(ghost, "DELETE", f"{STORES}/{store}")
    assert ids(account.through("GET", STORES)) == [store]


def test_what_expires_while_there_are_ghosts_expires(account: Weather) -> None:
    expiring = account.store(expires_after={"anchor": "last_active_at", "days": 1})
    account.meets(Fault(Effect.GHOST, seconds=100 * 86_400), "DELETE", f"{STORES}/{account.store()}")
    account.clock.now += 2 * 86_400
    assert account.through("GET", f"{STORES}/{expiring}").json["status"] == "expired"


# --- attaching --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("files", {"file_id": "file-1"}),
        ("file_batches", {"file_ids": ["file-1", "file-2"]}),
        ("file_batches", {"files": [{"file_id": "file-1"}]}),
    ],
)
def test_attaching_may_not_find_the_file_and_does_nothing(account: Weather, path: str, body: Any) -> None:
    store, file = account.store(), account.upload("a.md")
    body = json.loads(json.dumps(body).replace("file-1", file))
    answer = account.meets(Effect.ATTACH_404, "POST", f"{STORES}/{store}/{path}", body)
    assert answer.status == 404
    message = f"Cannot find file {file} or project does not have access to it"
    assert answer.json["error"]["message"] == message
    assert account.get(ATTACH.format(store))["data"] == []


def test_an_attachment_that_names_no_file_is_refused_as_ever(account: Weather) -> None:
    store = account.store()
    bodies: tuple[Any, ...] = ({}, {"file_ids": []}, [], {"files": [3]})
    for body in bodies:
        assert account.meets(Effect.ATTACH_404, "POST", f"{STORES}/{store}/file_batches", body).status == 400


def test_a_slow_file_is_in_progress_for_its_time(account: Weather) -> None:
    path, _ = account.attached(Fault(Effect.SLOW, seconds=20))
    account.clock.now += 19
    assert account.get(path)["status"] == "in_progress"
    account.clock.now += 1
    assert account.get(path)["status"] == "completed"


def test_a_frozen_file_is_in_progress_for_ever(account: Weather) -> None:
    path, file = account.attached(Effect.FROZEN)
    account.clock.now += 365 * 86_400
    assert account.get(path)["status"] == "in_progress"
    assert account.send("DELETE", path).status == 404
    account.delete(f"/files/{file}")
    assert account.send("GET", path).status == 404


@pytest.mark.parametrize("code", ["", "server_error", "invalid_file", "unsupported_file"])
def test_a_failing_file_ends_failed_with_the_code(account: Weather, code: str) -> None:
    path, _ = account.attached(Fault(Effect.FAILING, code=code))
    shown = account.get(path)
    assert (shown["status"], shown["usage_bytes"]) == ("failed", 0)
    assert shown["last_error"]["code"] == (code or "server_error")


def test_a_failing_file_succeeds_when_it_is_attached_anew(account: Weather) -> None:
    path, file = account.attached(Effect.FAILING)
    account.delete(path)
    account.post(path.removesuffix(f"/{file}"), {"file_id": file})
    assert account.get(path)["status"] == "completed"


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(Effect.SLOW, seconds=20), "in_progress"),
        (Fault(Effect.FROZEN), "in_progress"),
        (Fault(Effect.FAILING), "failed"),
    ],
)
@pytest.mark.parametrize("shared", [True, False])
def test_a_batch_does_to_its_files_what_its_request_met(
    account: Weather, fault: Fault, status: str, shared: bool
) -> None:
    store = account.store()
    files = [account.upload("a.md"), account.upload("b.md")]
    body = {"file_ids": files} if shared else {"files": [{"file_id": file} for file in files]}
    batch = account.meets(fault, "POST", f"{STORES}/{store}/file_batches", body)
    assert batch.json["file_counts"]["in_progress"] == 2
    assert [item["status"] for item in account.get(ATTACH.format(store))["data"]] == [status, status]
    counts = account.get(f"{STORES}/{store}/file_batches/{batch.json['id']}")["file_counts"]
    assert counts[status] == 2


# --- where an effect makes no sense -----------------------------------------------------------------------------------

LIST, READ, MAKE = ("GET", STORES), ("GET", f"{STORES}/vs_1"), ("POST", STORES)
DELETE, ADD = ("DELETE", f"{STORES}/vs_1"), ("POST", ATTACH.format("vs_1"))
REQUESTS = (LIST, READ, MAKE, DELETE, ADD)
SENSE = {
    Effect.TWICE: {MAKE, DELETE, ADD},
    Effect.GHOST: {DELETE},
    **dict.fromkeys((Effect.STALE, Effect.SHORT, Effect.EMPTY, Effect.REPEATED), frozenset({LIST})),
    Effect.CURSOR_GONE: set(),
    **dict.fromkeys((Effect.ATTACH_404, Effect.SLOW, Effect.FAILING, Effect.FROZEN), frozenset({ADD})),
}


@pytest.mark.parametrize("effect", list(Effect))
def test_an_effect_happens_where_it_makes_sense(effect: Effect) -> None:
    found = {(method, path) for method, path in REQUESTS if applies(effect, Request(method, path))}
    assert found == SENSE.get(effect, set(REQUESTS))
    assert {(m, p) for m, p in REQUESTS if applies(effect, Request(m, f"/v1{p}/"))} == found


@pytest.mark.parametrize(
    "path",
    [
        "/files",
        "/skills",
        "/agents",
        "/assistants",
        ATTACH.format("vs_1"),
        "/vector_stores/vs_1/file_batches/vsfb_1/files",
        "/skills/skill_1/versions",
    ],
)
def test_every_paged_list_is_known_as_one(path: str) -> None:
    assert applies(Effect.EMPTY, Request("GET", path))
    assert applies(Effect.CURSOR_GONE, Request("GET", path, (("after", "x"),)))


@pytest.mark.parametrize("path", ["/models", "/files/file-1/content", "/vector_stores/vs_1/files/file-1/content"])
def test_what_has_no_pages_is_no_list(path: str) -> None:
    assert not applies(Effect.EMPTY, Request("GET", path))


@pytest.mark.parametrize("effect", list(SENSE))
def test_elsewhere_it_leaves_the_request_alone(account: Weather, effect: Effect) -> None:
    store, file = account.store(name="docs"), account.upload("a.md")
    account.post(ATTACH.format(store), {"file_id": file})
    account.fault = Fault(effect, seconds=9)
    shown: Response = account.through("GET", f"{STORES}/{store}").response
    expected = account.send("GET", f"{STORES}/{store}").response
    assert replace(shown, headers={}) == replace(expected, headers={})


def test_the_same_requests_and_faults_give_the_same_answers() -> None:
    def told() -> list[bytes]:
        account = Weather()
        effects = itertools.cycle(
            effect for effect in Effect if effect not in (Effect.DROPPED, Effect.LOST, Effect.LATE)
        )
        bodies = []
        for effect in itertools.islice(effects, 40):
            for method, path, body in (("POST", STORES, {"name": effect.value}), ("GET", STORES, None)):
                bodies.append(account.meets(Fault(effect, seconds=3), method, path, body).response.body)
        return bodies

    assert told() == told()
