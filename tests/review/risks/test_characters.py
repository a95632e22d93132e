"""Unusual characters: named, and never shown."""

from __future__ import annotations

from dataclasses import replace

from tests.review.risks.world import CYRILLIC_A, WIKI, edited, helper, plan_for, risks


def test_unusual_characters_are_named_and_never_shown() -> None:
    text = f"Be brief.\nHelp p{CYRILLIC_A}ypal users.\u202e"
    plan = edited(helper(instructions="Be brief.\n"), instructions=text)
    (said,) = risks(plan)
    assert said == (
        "R402 Assistant/helper unusual characters in instructions: "
        "U+0430 CYRILLIC SMALL LETTER A in a Latin word (line 2, column 7), "
        "U+202E RIGHT-TO-LEFT OVERRIDE (line 2, column 19)"
    )
    assert said.isascii()


def test_unusual_characters_that_were_there_are_no_risk() -> None:
    assert risks(edited(helper(name=f"p{CYRILLIC_A}l"), instructions="x")) == []
    was = helper(instructions=f"p{CYRILLIC_A}l\n")
    assert risks(edited(was, instructions=f"p{CYRILLIC_A}l\nx\n")) == []


def test_a_tool_with_a_name_that_looks_like_another_is_a_risk() -> None:
    label = f"p{CYRILLIC_A}ypal"
    said = risks(plan_for([helper(tools=[{**WIKI, "server_label": label}])]), "R402")
    where = "unusual characters in tools.mcp:p<U+0430>ypal.server_label: "
    assert said == [f"R402 Assistant/helper {where}U+0430 CYRILLIC SMALL LETTER A in a Latin word (line 1, column 2)"]


def test_labels_are_looked_at_too() -> None:
    wanted = replace(helper(), labels={"team": "a\u200bb"})
    assert risks(plan_for([wanted]), "R402")[0].startswith(
        "R402 Assistant/helper unusual characters in labels.team: U+200B"
    )
