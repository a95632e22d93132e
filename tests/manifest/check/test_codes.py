"""The table of codes: every code that the package raises is in it, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import reconciler
from reconciler.manifest.check.codes import CODES

PACKAGE = Path(reconciler.__file__).parent


def test_every_code_has_a_meaning_and_every_meaning_a_code() -> None:
    texts = [path.read_text() for path in sorted(PACKAGE.rglob("*.py")) if path.name != "codes.py"]
    used = {code for text in texts for code in re.findall(r'"([EWR][0-9]{3})"', text)}
    assert used == set(CODES)


def test_the_table_is_in_order_and_each_meaning_is_one_sentence() -> None:
    order = {"E": 0, "R": 1, "W": 2}
    assert list(CODES) == sorted(CODES, key=lambda code: (order[code[0]], code))
    assert all(re.fullmatch(r"[A-Z`].*[^ ]\.", meaning) for meaning in CODES.values())
    assert len(set(CODES.values())) == len(CODES)
