"""Deadlines, digests, media types: what all ways of sending a file have in common."""

from __future__ import annotations

import hashlib
import io

import pytest

from reconciler.apply.uploads.sending import Deadline, Digests, Reader, media_type, seconds_for
from reconciler.emulator.files import ASSISTANT_EXTENSIONS
from reconciler.emulator.processing import MAGIC, TEXT_EXTENSIONS
from reconciler.manifest.files.refusals import TreeError
from reconciler.model.desired import Document

DOCUMENT = Document("a.md", "docs/a.md", "a.md", 4, "0" * 64)


class Still:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_a_deadline_does_not_run_before_its_first_byte() -> None:
    clock = Still()
    deadline = Deadline(clock, 60.0)
    clock.time += 1000
    assert deadline.left == 60.0
    deadline.begin()
    clock.time += 10
    deadline.begin()
    assert deadline.left == 50.0
    clock.time += 60
    assert deadline.left == -10.0


def test_a_deadline_may_have_begun_before() -> None:
    deadline = Deadline(Still(), 60.0)
    deadline.begin(ago=100.0)
    assert deadline.left == -40.0


def test_a_reader_stops_where_its_part_ends_and_digests_what_it_gave() -> None:
    digests = Digests()
    reader = Reader(io.BytesIO(b"# A and more"), DOCUMENT, digests, 3)
    assert reader.readable()
    assert [reader.read(2), reader.read(), reader.read(1)] == [b"# ", b"A", b""]
    assert digests.sha256.hexdigest() == hashlib.sha256(b"# A").hexdigest()
    assert digests.md5.hexdigest() == hashlib.md5(b"# A").hexdigest()


def test_a_copy_of_digests_goes_its_own_way() -> None:
    digests = Digests()
    digests.update(b"one")
    other = digests.copy()
    other.update(b"two")
    assert digests.sha256.hexdigest() == hashlib.sha256(b"one").hexdigest()
    assert other.md5.hexdigest() == hashlib.md5(b"onetwo").hexdigest()


@pytest.mark.parametrize(("number", "words"), [(5, "Input/output error"), (None, "gone bad")])
def test_a_disk_that_does_not_give_the_bytes_is_named_with_the_file(number: int | None, words: str) -> None:
    class Bad(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(number, "Input/output error") if number else OSError("gone bad")

    with pytest.raises(TreeError, match=rf"docs/a\.md cannot be read: {words}\."):
        Reader(Bad(), DOCUMENT, Digests()).read(1)


def test_every_extension_that_a_store_or_an_assistant_takes_has_a_media_type() -> None:
    without = {ext for ext in {*TEXT_EXTENSIONS, *MAGIC, *ASSISTANT_EXTENSIONS} if "octet" in media_type(f"x.{ext}")}
    assert without == {"pkl"}


def test_media_types_do_not_depend_on_the_machine() -> None:
    assert [media_type(name) for name in ("a.md", "A.MD", "a.b.pdf", "Makefile", "md")] == [
        "text/markdown",
        "text/markdown",
        "application/pdf",
        "application/octet-stream",
        "application/octet-stream",
    ]


def test_large_requests_may_take_longer() -> None:
    assert seconds_for(0) == 60.0
    assert seconds_for(2**20) == 64.0
