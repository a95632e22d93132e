"""An account to test against: the emulator with a clock that stands still and ids that count."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.emulator import Profile, Request, Response, Switches
from tests.accounts import account

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START = 1_795_300_000.0
HEADERS = {"authorization": "Bearer sk-test", "openai-beta": "agents=v1, assistants=v2"}
BOUNDARY = "boundary-of-a-test"


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Answer:
    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def json(self) -> Any:
        return json.loads(self.response.body)

    @property
    def error(self) -> tuple[int, str | None, str | None]:
        """Status, code and param."""
        error = self.json["error"]
        assert sorted(error) == ["code", "message", "param", "type"]
        return self.status, error["code"], error["param"]


@dataclass
class Account:
    database: str | Path = ":memory:"
    profile: Profile = Profile.COMPATIBLE
    switches: Switches = field(default_factory=Switches)

    def __post_init__(self) -> None:
        self.clock = Clock()
        self._numbers = itertools.count(1)
        self.emulator = account(
            self.database, profile=self.profile, clock=self.clock, ids=self._id, switches=self.switches
        )

    def _id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):04}"

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        pairs = tuple((name, str(value)) for name, value in query.items())
        return Answer(self.emulator.handle(Request(method, path, pairs, {**HEADERS, **(headers or {})}, raw)))

    def get(self, path: str, **query: Any) -> Any:
        return self._good(self.send("GET", path, **query))

    def post(self, path: str, body: Any = None) -> Any:
        return self._good(self.send("POST", path, body))

    def delete(self, path: str) -> Any:
        return self._good(self.send("DELETE", path))

    def refused(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, str | None, str | None]:
        return self.send(method, path, body, **query).error

    def form(self, path: str, parts: Sequence[tuple[str, str | None, str | bytes]]) -> Answer:
        """Post parts given as (name, file name or None, content)."""
        content_type = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
        return self.send("POST", path, multipart(parts), headers=content_type)

    def upload(self, name: str, content: str | bytes = "Some text.", purpose: str = "assistants") -> str:
        answer = self.form("/files", [("purpose", None, purpose), ("file", name, content)])
        file_id: str = self._good(answer)["id"]
        return file_id

    def store(self, **fields: Any) -> str:
        store_id: str = self.post("/vector_stores", fields)["id"]
        return store_id

    @staticmethod
    def _good(answer: Answer) -> Any:
        assert answer.status in (200, 201), answer.response
        return answer.json


def multipart(parts: Sequence[tuple[str, str | None, str | bytes]]) -> bytes:
    body = b""
    for name, filename, content in parts:
        shown = "" if filename is None else f'; filename="{filename}"'
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'.encode()
        body += (content.encode() if isinstance(content, str) else content) + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()
