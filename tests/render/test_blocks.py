"""What a block says about a resource: why, which object, in which order, which documents."""

from typing import Any

import pytest

from reconciler.render.text import render_plan
from tests.render.plans import change, field, plan


def written(one: dict[str, Any], **more: Any) -> str:
    return render_plan(plan(one, **more))


def because(**texts: str) -> dict[str, Any]:
    """What the plan's JSON says of the reasons for a change, from their texts by their codes."""
    reasons = [{"code": code, "summary": text} for code, text in texts.items()]
    return {"reason": "; ".join(texts.values()), "reasons": reasons}


def document(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, "bytes": 1_000, "sha256": "0", "reason": "", **more}


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            {"cause": "drift"},
            "why      It was changed in the account since the last apply. Apply restores\n             it.",
        ),
        (
            {"cause": "removed", "reason": "Its file is gone."},
            "why      It is no longer in the manifests. Its file is gone.",
        ),
        ({"cause": "new", "reason": "It failed before."}, "why      It failed before."),
        ({"cause": "drift", "files": {"added": [document("a")]}}, "why      Its documents were changed in the account"),
        ({"cause": "removed", "files": {"removed": [document("a")]}}, "why      It is no longer in the manifests."),
        ({"moved_from": "Assistant/old"}, "was      Assistant/old; the live object stays the same"),
        ({"moved_from": "Assistant/old", "action": "replace"}, "was      Assistant/old\n"),
        ({"resource": "vector_store", "verified": "full"}, "object   vector store skill_1\n"),
        ({"verified": "tag"}, "object   release skill_1, recognised by its tag; its documents were not\n"),
        ({"replaces_kind": "assistant", "cause": None}, "object   assistant skill_1\n    becomes  release"),
        ({"version": "3"}, "version  moves the pointer to version 3"),
        ({"affects": ["Assistant/a", "Assistant/b"]}, "used by  Assistant/a, Assistant/b"),
        ({"sessions": 0}, "sessions none\n"),
        ({"sessions": 1}, "sessions 1 uses it, with the agent as it was when they began"),
        ({"sessions": 12}, "sessions 12 use it, with the agent as it was when they began"),
        ({"sessions": 100}, "sessions 100 or more use it, with the agent as it was when they began"),
        ({"applied": {"revision": "0123456789ab"}}, "applied  last at commit 0123456789ab"),
    ],
)
def test_a_fact_has_a_line(more: dict[str, Any], line: Any) -> None:
    assert f"\n    {line}" in written(change(**more))


def test_what_nobody_changed_is_not_said_to_have_changed() -> None:
    text = written(change(cause="tool", **because(unconfirmed_double="an unconfirmed double is removed: vs_2")))
    assert "\n    why      An unconfirmed double is removed: vs_2. Nobody has an unconfirmed" in text
    assert "manifest changed" not in text
    other = written(change(cause="tool", fields=[field(["model"], before="a", after="b")]))
    assert "this version of reconciler writes it differently" in " ".join(other.split())


def test_a_double_of_a_document_is_not_a_document_that_goes() -> None:
    reason = "attached twice; the new version is still being processed (file-1); the old one serves until then"
    files = {"removed": [document("a.md", bytes=None, reason=reason, code="attached_twice")]}
    text = written(change(files=files), summary={"update": 1, "files": {"add": 0, "change": 0, "remove": 1}})
    assert "\n    -1 surplus attachment, nothing to upload\n" in text
    assert "\n          the new version is still being processed" in text
    assert reason.replace("; ", " ", 1) in " ".join(text.split())
    assert "Plan: 1 to update; -1 surplus attachment." in text


def test_doubles_are_counted_beside_the_documents_that_go() -> None:
    double = {"reason": "attached twice", "code": "attached_twice"}
    gone = [document("a.md", **double), document("b.md", **double), document("c.md")]
    text = written(change(files={"removed": gone, "added": [document("d.md")]}))
    assert "+1 -1 documents, -2 surplus attachments, 1.0 kB to upload" in text


def test_a_document_with_the_text_of_one_that_goes_is_a_renamed_one() -> None:
    gone = [document("old/a.md", bytes=None, sha256="1")]
    new = [document(path, sha256="1", reason="new", code="new") for path in ("new/a.md", "new/copy.md")]
    text = written(change(files={"removed": gone, "added": new}))
    assert "      + new/a.md     1.0 kB\n          renamed from old/a.md\n      + new/copy.md  1.0 kB\n" in text


def test_a_document_that_somebody_took_away_is_not_called_new() -> None:
    files = {"added": [document("a.md", reason="new", code="new")]}
    assert "      + a.md  1.0 kB  missing in the account\n" in written(change(cause="drift", files=files))
    assert "      + a.md  1.0 kB\n" in written(change(cause="both", files=files))


def test_what_is_blocked_is_listed_and_what_follows_is_said_once() -> None:
    rule = {"rule": "delete_budget", "summary": "Too many."}
    gone = [change(f"Assistant/{name}", "delete", blocked=rule) for name in "ab"]
    assert render_plan(plan(*gone)).split("\n\n")[1] == (
        "BLOCKED  delete Assistant/a: forbidden by delete_budget.\n"
        "BLOCKED  delete Assistant/b: forbidden by delete_budget. Apply refuses the whole\n"
        "  plan (exit code 4)."
    )


def test_a_rename_is_said_once() -> None:
    text = written(
        change(moved_from="Assistant/old", **because(renamed="renamed from Assistant/old", hold_ends="a hold ends"))
    )
    assert "why      The manifest changed. A hold ends.\n    was      Assistant/old; the live" in text


def test_a_plan_of_a_version_without_codes_shows_its_reasons_as_they_are() -> None:
    renamed = written(change(moved_from="Assistant/old", reason="renamed from Assistant/old; a hold ends"))
    assert "Renamed from Assistant/old; a hold ends." in " ".join(renamed.split())
    files = {"added": [document("a.md", reason="new")], "removed": [document("b.md", reason="attached twice")]}
    assert "      - b.md  1.0 kB  attached twice\n      + a.md  1.0 kB  new\n" in written(change(files=files))


def test_what_is_new_needs_no_reason() -> None:
    assert "why" not in written(change(action="create", cause="new"))


@pytest.mark.parametrize(
    ("action", "symbol"),
    [("create", "+"), ("update", "~"), ("replace", "-/+"), ("delete", "-"), ("adopt", "»"), ("forget", "…")],
)
def test_every_action_has_its_symbol(action: str, symbol: str) -> None:
    assert f"\n{symbol} {action} Assistant/helper" in written(change(action=action))


def test_a_replacement_without_users_has_two_moves() -> None:
    steps = [{"step": "create Assistant/helper", "change": 0, "needs": ["create A/b"]},
             {"step": "delete Assistant/helper", "change": 0, "needs": ["create Assistant/helper", "create A/b"]}]  # fmt: skip
    text = written(change(action="replace"), steps=steps)
    assert "order    1. create the new Assistant/helper\n             2. delete the old one, skill_1\n" in text


def test_the_moves_between_are_those_of_the_plan() -> None:
    steps = [{"step": "create Assistant/helper", "change": 0, "needs": []},
             {"step": "delete Assistant/helper", "change": 0, "needs": ["update A/b", "update A/c", "delete A/d"]}]  # fmt: skip
    assert "2. update A/b, A/c; delete A/d\n" in written(change(action="replace"), steps=steps)


def test_fields_that_go_come_first_and_long_texts_last() -> None:
    some = [field(["text"], before="a\nb", after="a\nc"), field(["x"], before=1, after=2), field(["gone"], before=1)]
    text = written(change(fields=some))
    assert text.index("- gone") < text.index("~ x") < text.index("~ text")


def test_documents_are_one_unit_with_removed_ones_first() -> None:
    files = {"added": [document("b"), document("a")], "changed": [document("c", reason="content changed")],
             "updated": [document("d", reason="attributes changed")], "removed": [document("e", bytes=None)]}  # fmt: skip
    assert (
        written(change(files=files))
        .split("\n    +2 ~2 -1 documents, 3.0 kB to upload\n")[1]
        .startswith(
            "      - e\n"
            "      ~ c  1.0 kB  content changed\n"
            "      ~ d  1.0 kB  attributes changed\n"
            "      + a  1.0 kB\n"
            "      + b  1.0 kB\n"
            "\n"
        )
    )


def test_names_are_limited_but_those_of_removed_documents_never() -> None:
    many = [document(f"{number:03}.md") for number in range(1_234)]
    text = written(change(files={"added": many, "changed": many, "removed": many}))
    assert text.count("\n      - ") == 1_234
    assert text.count("\n      + ") == text.count("\n      ~ ") == 20
    assert "\n      and 1,214 more changed, 1,214 more added\n" in text


def test_changes_of_attributes_upload_nothing() -> None:
    assert "~1 document, nothing to upload" in written(change(files={"updated": [document("a")]}))


def test_documents_of_others_are_named_and_stay() -> None:
    theirs = [document(f"{number}.md") for number in range(21)]
    assert "1 document of somebody else stays: (without a path)" in written(change(files={"unmanaged": [document("")]}))
    assert " and 1 more" in written(change(files={"unmanaged": theirs}))


def test_a_first_apply_says_so() -> None:
    assert "\nNote     First apply: nothing of this stack is in the account yet.\n" in written(
        change(), first_apply=True
    )


def test_a_notice_says_its_address_once() -> None:
    risk = {"code": "R1", "summary": "Assistant/helper may call another host.", "address": "Assistant/helper"}
    assert "RISK R1  Assistant/helper may call another host." in written(change(), risks=[risk])


def test_what_was_recognised_by_tag_is_told() -> None:
    same = [change(f"VectorStore/s{number}", "none", verified="tag") for number in range(21)]
    assert "VectorStore/s19 and 1 more\n" in render_plan(plan(*same, summary={"unchanged": 21})).replace("\n  ", " ")


def test_what_is_left_alone_on_purpose_is_not_called_equal() -> None:
    held = change("Assistant/helper", "none", reason="held after a rollback")
    text = render_plan(plan(held, summary={"unchanged": 5}))
    assert "No changes. 1 of 5 resources left alone on purpose: see the warnings above." in text


@pytest.mark.parametrize(
    ("reason", "why"), [("it expired", "It expired."), ("It is so.", "It is so."), ("", "The manifest changed.")]
)
def test_a_reason_is_a_sentence(reason: str, why: str) -> None:
    assert why in written(change(reason=reason, cause="manifest"))


@pytest.mark.parametrize(
    ("summary", "line"),
    [
        ({"unchanged": 17}, "No changes. The account is as the manifests say (17 resources)."),
        ({"create": 1_200}, "Plan: 1,200 to create."),
        (
            {"blocked": 1, "delete": 2, "unchanged": 3, "files": {"add": 1, "remove": 2, "upload_bytes": 5}},
            "Plan: 1 blocked, 2 to delete, 3 unchanged; +1 -2 documents (5 B to upload).",
        ),
        ({"update": 1, "files": {"change": 1, "upload_bytes": 0}}, "Plan: 1 to update; ~1 document."),
    ],
)
def test_one_line_sums_up(summary: dict[str, Any], line: Any) -> None:
    assert f"\n{line}\n" in render_plan(plan(summary=summary))


def test_a_label_stands_alone_only_where_there_is_nothing_to_say() -> None:
    assert render_plan(plan(stack="")).startswith("Stack\nAccount  api.openai.com\n")
    assert render_plan(plan(stack="x" * 90)).startswith(f"Stack    {'x' * 90}\n")
