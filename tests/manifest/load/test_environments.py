"""Environments: which is chosen, what its variables and patches change, and where problems of a patch stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifest.trees import assistant, desired, loaded, manifest, problems, rejected, stack

STACK = stack("""
    vars: {brand: Acme, tone: calm}
    environments:
      staging:
        vars: {brand: Acme (staging)}
      production:
        patches: [overlays/production.yaml]
    """)
BOT = assistant("bot", "instructions: ${var.brand}, ${var.tone}\ntemperature: 0.5\nfallback: [a, b]")


def patch(spec: str, name: str = "bot", kind: str = "Assistant") -> str:
    return manifest(kind, name, spec)


def tree(production: str = "", **more: str) -> dict[str, str | bytes]:
    return {"reconciler.yaml": STACK, "bot.yaml": BOT, "overlays/production.yaml": production, **more}


def test_where_environments_are_declared_one_has_to_be_chosen(tmp_path: Path) -> None:
    (found,) = rejected(tmp_path, tree())
    assert (found.code, str(found.span), found.summary) == ("E313", "reconciler.yaml:6:3", "No environment chosen")
    assert found.detail == "Use --env with one of: production, staging."


def test_an_unknown_environment_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    (found,) = rejected(tmp_path, tree(), environment="stagin")
    assert (found.code, found.detail) == ("E313", "Did you mean 'staging'?")
    (found,) = rejected(tmp_path / "b", {"bot.yaml": assistant()}, environment="x")
    assert (found.code, found.detail) == ("E313", "The stack declares no environments.")


def test_its_variables_win_over_those_of_the_stack(tmp_path: Path) -> None:
    bot = desired(tmp_path, tree(), environment="staging")["Assistant/bot"]
    assert bot.spec["instructions"] == "Acme (staging), calm"


def test_maps_merge_lists_replace_and_null_removes(tmp_path: Path) -> None:
    text = patch("model: big\ntemperature: null\nfallback: [c]\ninstructions: ${var.brand}!")
    bot = desired(tmp_path, tree(text), environment="production")["Assistant/bot"]
    assert bot.spec == {"model": "big", "fallback": ["c"], "instructions": "Acme!"}
    assert str(bot.spans["model",]) == "overlays/production.yaml:5:10"
    assert str(bot.spans[()]) == "bot.yaml:1:1"


def test_other_environments_are_as_if_the_patch_were_not_there(tmp_path: Path) -> None:
    bot = desired(tmp_path, tree(patch("model: big")), environment="staging")["Assistant/bot"]
    assert bot.spec["model"] == "m"


def test_patches_are_applied_in_order_and_the_path_may_be_written_in_other_ways(tmp_path: Path) -> None:
    files = tree(patch("model: one"), **{"overlays/second.yaml": patch("model: two\ntop_p: 1")})
    files["reconciler.yaml"] = STACK.replace(
        "[overlays", "[./overlays//production.yaml, overlays/second.yaml, overlays"
    )
    files["reconciler.yaml"] = str(files["reconciler.yaml"]).replace(", overlays/production.yaml]", "]")
    bot = desired(tmp_path, files, environment="production")["Assistant/bot"]
    assert (bot.spec["model"], bot.spec["top_p"]) == ("two", 1)


def test_a_mistake_in_a_patch_stands_in_the_patch(tmp_path: Path) -> None:
    text = patch("temperature: 3\nnickname: x")
    assert problems(tmp_path, tree(text), environment="production") == [
        "E311 overlays/production.yaml:5:16 spec.temperature is 3",
        "E303 overlays/production.yaml:6:3 Unknown field 'nickname'",
    ]


def test_what_a_patch_removes_is_missing_where_it_was(tmp_path: Path) -> None:
    found = problems(tmp_path, tree(patch("model: null")), environment="production")
    assert found == ["E306 bot.yaml:4:1 Missing field 'model'"]


def test_a_patch_for_nothing_names_what_there_is(tmp_path: Path) -> None:
    (found,) = rejected(tmp_path, tree(patch("model: x", name="bott")), environment="production")
    assert (found.code, str(found.span)) == ("E403", "overlays/production.yaml:3:18")
    assert found.detail == "Did you mean 'Assistant/bot'?"
    nameless = patch("model: x").replace("metadata: {name: bot}", "metadata: {}")
    (found,) = rejected(tmp_path / "b", tree(nameless), environment="production")
    assert (found.code, found.detail) == ("E403", "It needs metadata.name.")


def test_a_patch_of_a_broken_manifest_is_not_reported_as_well(tmp_path: Path) -> None:
    files = tree(patch("top_p: 1"), **{"bot.yaml": BOT + "  x: 'y\n"})
    assert [line[:4] for line in problems(tmp_path, files, environment="production")] == ["E203"]


@pytest.mark.parametrize("text", ["", "spec: {model: x}\n", "- a\n"])
def test_a_patch_file_without_a_manifest_is_an_error(tmp_path: Path, text: str) -> None:
    found = problems(tmp_path, tree(text), environment="production")
    assert found == ["E301 reconciler.yaml:10:17 A patch that is no part of a manifest"]


def test_a_patch_that_is_broken_is_told_in_the_patch_alone(tmp_path: Path) -> None:
    assert problems(tmp_path, tree("a: 'b"), environment="production") == ["E203 overlays/production.yaml:1:6 Not YAML"]


@pytest.mark.parametrize(("path", "code"), [("overlays/x.yaml", "E503"), ("../x.yaml", "E601")])
def test_a_patch_file_that_cannot_be_used_is_told_where_it_is_named(tmp_path: Path, path: str, code: str) -> None:
    files = tree() | {"reconciler.yaml": STACK.replace("overlays/production.yaml", path)}
    files["overlays/production.yaml"] = "# nothing\n"
    (found,) = rejected(tmp_path, files, environment="production")
    assert (found.code, str(found.span)) == (code, "reconciler.yaml:10:17")


def test_the_identity_of_a_stack_has_its_environment(tmp_path: Path) -> None:
    one = loaded(tmp_path, tree(patch("model: m")), environment="staging")
    two = loaded(tmp_path, tree(patch("model: m")), environment="production")
    assert (one.stack.name, one.environment, two.environment) == ("acme", "staging", "production")
    assert one.manifests != two.manifests


def test_an_environment_has_a_guard_and_an_anchor_of_its_own(tmp_path: Path) -> None:
    text = stack("""
        account: {organization: org-1, project: proj_1, anchor: vs_1}
        environments:
          staging: {account: {project: proj_2, anchor: vs_2}}
          production: {}
        """)
    staging = loaded(tmp_path, {"reconciler.yaml": text}, environment="staging").stack
    assert (staging.organization, staging.project, staging.anchor) == ("org-1", "proj_2", "vs_2")
    production = loaded(tmp_path, {"reconciler.yaml": text}, environment="production").stack
    assert (production.project, production.anchor) == ("proj_1", None)


def test_an_anchor_for_all_environments_is_warned_about(tmp_path: Path) -> None:
    text = stack("account: {anchor: vs_1}\nenvironments: {staging: {}}")
    found = loaded(tmp_path, {"reconciler.yaml": text}, environment="staging")
    assert [item.code for item in found.warnings] == ["W404"]
    assert found.stack.anchor is None
