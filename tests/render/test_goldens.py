"""What a reviewer gets to see, in every form, for the same plans: byte for byte as it was read and found good.

`python -m tests.render.situations --write` writes the goldens anew; read what differs before it is committed.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from reconciler.review import approvals, planfile
from tests.render.situations import FORMS, GOLDEN, SITUATIONS, Body, golden_of, made, plan_of


@cache
def published() -> Draft202012Validator:
    """The plan's own schema, as it is published."""
    file = Path(__file__).parents[2] / "schema" / "plan.schema.json"
    return Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_tool_makes_this_plan(name: str) -> None:
    body = made(name)
    published().validate(body)
    assert approvals.load(planfile.dumps(body).encode(), name).body == body
    path, written = golden_of(name, "json", FORMS["json"](body))
    assert path.read_bytes().decode("utf-8") == written


@pytest.mark.parametrize(("form", "render"), [item for item in FORMS.items() if item[0] != "json"])
@pytest.mark.parametrize("name", SITUATIONS)
def test_the_plan_reads_like_this(name: str, form: str, render: Callable[[Body], str]) -> None:
    path, written = golden_of(name, form, render(plan_of(name)))
    assert path.read_bytes().decode("utf-8") == written


def test_every_golden_is_compared_and_none_is_large() -> None:
    found = sorted(path for path in GOLDEN.glob("*.*"))
    assert {path.name.removesuffix(".cut").rsplit(".", 1)[0] for path in found} == set(SITUATIONS)
    assert len(found) == len(SITUATIONS) * len(FORMS)
    assert max(path.stat().st_size for path in found) <= 200_000
