"""What people read of the costs: only what is worth saying, and nothing that a name could pass off as ours."""

from typing import Any

import pytest

from reconciler.render.markdown import render_plan as markdown
from reconciler.render.text import render_plan
from tests.render.plans import HOSTILE, change, plan
from tests.render.test_text import COMMAND

GIB = 2**30
LUNA = {"model": "gpt-6-luna", "input_usd": 0.1, "output_usd": 0.5}
TERRA = {"model": "gpt-6.1-terra", "input_usd": 1.0, "output_usd": 5.0}
PRICES = {"as_of": "2026-11-22", "source": "the table"}


def section(**estimate: Any) -> str:
    """The section with the costs, or nothing."""
    written = render_plan(plan(change(), estimate={"requests": 3, "upload_bytes": 0, **estimate}))
    return next((part for part in written.split("\n\n") if part.startswith("Cost ")), "")


def model(before: Any, after: Any, address: str = "Assistant/a") -> dict[str, Any]:
    return {"address": address, "before": before, "after": after}


def stored(before: float, after: float, before_usd: float, after_usd: float) -> dict[str, Any]:
    return {
        "before_bytes": round(before * GIB),
        "after_bytes": round(after * GIB),
        "before_usd_per_day": before_usd,
        "after_usd_per_day": after_usd,
    }


@pytest.mark.parametrize(
    "estimate",
    [
        {},
        {"files": 40, "minutes": None, "storage": None, "models": [], "prices": None},
        {"storage": stored(0.01, 0.02, 0.0, 0.0), "prices": PRICES},
        {"storage": stored(800, 800.2, 79.9, 79.904), "prices": PRICES},
    ],
)
def test_what_is_not_worth_saying_is_not_said(estimate: dict[str, Any]) -> None:
    assert section(**estimate) == ""
    assert "Cost" not in render_plan(plan(change()))


def test_minutes_come_with_the_files_that_take_them() -> None:
    said = section(files=4_500, upload_bytes=9_000_000, minutes=4)
    assert said == "Cost     4,500 files, 9.0 MB to upload: at least 4 minutes at OpenAI's rate\n           limits"
    assert "at least 1 minute at" in section(files=1_001, upload_bytes=1, minutes=1)


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        (stored(1.2, 2.4, 0.02, 0.14), "storage $0.02 → $0.14 a day (estimated; 1.2 → 2.4 GiB, this stack alone,"),
        (stored(0.1, 0.6, 0.0, 0.0), "storage $0.00 → $0.00 a day (estimated; 0.1 → 0.6 GiB,"),
        (stored(1.0, 1.02, 0.0, 0.002), "storage $0.00 → <$0.01 a day"),
        (stored(150, 12_000, 14.9, 1_199.9), "storage $14.90 → $1,199.90 a day (estimated; 150 → 12,000 GiB,"),
    ],
)
def test_storage_says_that_it_is_an_estimate_of_this_stack_alone(storage: dict[str, Any], said: str) -> None:
    written = " ".join(section(storage=storage, prices=PRICES).split())
    assert said in written
    assert written.endswith("prices of 2026-11-22")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (None, TERRA, "gpt-6.1-terra: input $1.00, output $5.00 per 1M tokens, for Assistant/a"),
        (
            LUNA,
            TERRA,
            "gpt-6-luna → gpt-6.1-terra: input $0.10 → $1.00 (+900 %), output $0.50 → $5.00 (+900 %) per 1M tokens, for Assistant/a",
        ),
        (
            {**TERRA, "model": "old", "output_usd": 20.0},
            TERRA,
            "old → gpt-6.1-terra: input $1.00, output $20.00 → $5.00 (-75 %) per 1M tokens, for",
        ),
        (
            {"model": "mystery", "input_usd": None, "output_usd": None},
            LUNA,
            "mystery → gpt-6-luna: input now $0.10, output now $0.50 per 1M tokens, for",
        ),
        (
            {**LUNA, "model": "gift", "input_usd": 0},
            LUNA,
            "gift → gpt-6-luna: input $0.00 → $0.10, output $0.50 per 1M tokens, for",
        ),
    ],
)
def test_a_model_says_what_a_million_tokens_cost(before: Any, after: Any, said: str) -> None:
    written = " ".join(section(models=[model(before, after)], prices=PRICES).split())
    assert said in written
    assert written.endswith("prices of 2026-11-22")


def test_assistants_with_the_same_change_share_a_line() -> None:
    models = [model(None, TERRA, f"Assistant/a{number}") for number in range(10)]
    written = " ".join(section(models=models, prices=PRICES).split())
    assert written.count("gpt-6.1-terra") == 1
    assert "Assistant/a7 and 2 more" in written


def test_no_name_and_no_number_of_names_fills_a_page() -> None:
    models = [model({**LUNA, "model": f"{number}{'x' * 100_000}", "input_usd": 9}, TERRA) for number in range(500)]
    written = section(models=models, prices=PRICES)
    assert len(written) < 4_000
    assert "and 490 more changes of models" in written


@pytest.mark.sampled(5)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_neither_escape_nor_command(text: str) -> None:
    models = [
        model({**LUNA, "model": text}, {**TERRA, "model": text}, text),
        model(None, {**TERRA, "model": text}, text),
    ]
    hostile = plan(change(), estimate={"models": models, "prices": {"as_of": text, "source": text}})
    written = render_plan(hostile)
    assert all(char.isprintable() or char in "\n\u3000" for char in written)
    assert not COMMAND.search(written)
    assert not COMMAND.search(markdown(hostile))


def test_costs_stand_between_the_changes_and_the_warnings() -> None:
    warning = {"code": "W1", "summary": "careful", "address": None, "source": None}
    written = render_plan(
        plan(change(), warnings=[warning], estimate={"models": [model(None, TERRA)], "prices": PRICES})
    )
    assert written.index("~ update") < written.index("Cost ") < written.index("Warning W1") < written.index("Plan: ")


def test_no_line_begins_with_the_name_of_a_model() -> None:
    models = [model(None, {**TERRA, "model": name * 64}) for name in "ab"]
    assert [
        line[:10] for line in section(models=models, prices=PRICES).split("\n") if "aaa" in line or "bbb" in line
    ] == [
        "Cost     a",
        "         b",
    ]
