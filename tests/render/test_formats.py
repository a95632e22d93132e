"""The table of formats: what cannot be registered, what cannot be asked for, and what a new one is led through."""

import inspect
import json
import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from reconciler.render.formats import FORMATS, Format, Formats, Purpose, Report, Shown, render
from tests.render import situations, test_hostile
from tests.render.plans import HOSTILE, change, plan

ROWS = pytest.mark.parametrize("row", FORMATS.rows, ids=lambda row: row.name)


@ROWS
def test_every_function_is_there_and_takes_what_it_may_be_handed(row: Format) -> None:
    for target in row.functions.values():
        module, _, name = target.partition(":")
        parameters = list(inspect.signature(getattr(import_module(module), name)).parameters.values())
        assert parameters[0].kind is parameters[0].POSITIONAL_OR_KEYWORD
        more = {parameter.name for parameter in parameters[1:]}
        assert more <= {*Shown.__annotations__, "limit"}
        assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[1:])


@ROWS
def test_a_media_type_has_two_parts_and_an_extension_begins_with_a_dot(row: Format) -> None:
    assert row.media.count("/") == 1
    assert all(end.startswith(".") for end in row.extensions)


@pytest.mark.parametrize("report", Report)
def test_every_report_has_a_format_and_people_read_the_first(report: Report) -> None:
    assert FORMATS.of(report)[0].name == "text"


def test_what_is_handed_to_a_function_is_what_it_has_arguments_for() -> None:
    body = plan(change())
    assert render("json", Report.PLAN, body, color=True, width=40, context=0, prefix="x", documents=None)
    assert "ops/assistants/helper.yaml" in render("sarif", Report.PLAN, body, prefix="ops")
    assert "\x1b[" in render("text", Report.PLAN, body, color=True)


def test_a_name_that_nothing_has_is_an_error() -> None:
    with pytest.raises(ValueError, match="There is no format 'typo'; there are text, json, markdown, html, "):
        render("typo", Report.PLAN, {})


def test_a_report_that_a_format_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match="'markdown' is no format of a drift report"):
        render("markdown", Report.DRIFT, {})


def test_the_longest_extension_that_fits_counts() -> None:
    names = {"a.json": "json", "A.MD": "markdown", "a.sarif.json": "sarif", "a.docx": None, "json": None}
    for name, expected in names.items():
        row = FORMATS.of_file(Report.PLAN, name)
        assert (row and row.name) == expected


def test_knowing_the_formats_imports_none_of_them() -> None:
    code = "import sys, reconciler.render.formats; print(*(name for name in sys.modules if 'reconciler.' in name))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.split() == ["reconciler.render", "reconciler.render.formats"]


# --- a new format -----------------------------------------------------------------------------------------------------


def as_digest(body: Mapping[str, Any]) -> str:
    """A format that somebody adds."""
    return json.dumps({"digest": body["digest"]}) + "\n"


def as_count(report: Mapping[str, Any], *, prefix: str = "") -> str:
    """The other function that it needs."""
    return json.dumps({"problems": len(report["problems"]), "prefix": prefix}) + "\n"


def new(**given: Any) -> Formats:
    """The table with a format called `quality`, as far as it is given."""
    row = {"name": "quality", "purpose": Purpose.FINDINGS, "media": "application/x-quality+json", "functions": {}}
    return Formats((*FORMATS, Format(**{**row, **given})))


def test_a_new_format_is_led_through_everything_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="The format 'quality' has no function for a plan, the problems of a tree"):
        new()
    functions = {Report.PLAN: f"{__name__}:as_digests"}
    with pytest.raises(ValueError, match="The format 'quality' has no function for the problems of a tree"):
        new(functions=functions)
    functions[Report.PROBLEMS] = f"{__name__}:as_count"
    with pytest.raises(ValueError, match=r"Two formats have '\.json'"):
        new(functions=functions, extensions=(".json",))
    with pytest.raises(ValueError, match="Two formats have 'junit'"):
        new(functions=functions, name="junit")
    table = new(functions=functions, extensions=(".quality",))
    with pytest.raises(ValueError, match=r"The format 'quality' names .*test_formats:as_digests, which is not there"):
        table["quality"].render(Report.PLAN, plan())
    functions[Report.PLAN] = f"{__name__}:as_digest"
    with pytest.raises(AssertionError, match=r"How does a hostile text look in application/x-quality\+json"):
        test_hostile.pour(Report.PLAN, plan(change()), table)
    monkeypatch.setitem(test_hostile.CHECKS, "application/x-quality+json", test_hostile.visible)
    for report in (Report.PLAN, Report.PROBLEMS):
        test_hostile.pour(report, test_hostile.BODIES[report](HOSTILE[4]), table)
    assert situations.forms(table)["quality"](plan(digest="sha256:0")) == '{"digest": "sha256:0"}\n'
    assert [row.name for row in table.of(Report.PLAN)][-1] == "quality"
