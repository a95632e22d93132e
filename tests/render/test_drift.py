"""Drift: from what was last applied to what the account has."""

from reconciler.render.text import render_drift
from tests.render.plans import change, field, plan


def test_drift_points_from_what_was_applied_to_what_is() -> None:
    one = change(
        cause="both",
        fields=[
            field(["temperature"], before=0.9, after=0.1, cause="drift"),
            field(["model"], before="c", after="b", cause="both", last_applied="a"),
            field(["top_p"], before=1, after=0, cause="both"),
            field(["name"], after="n", cause="both"),
            field(["title"], after="t", cause="drift"),
            field(["other"], before=1, after=2),
        ],
    )
    assert render_drift(plan(one, change("Assistant/same"))) == (
        "Stack    acme\n"
        "Account  api.openai.com\n"
        "\n"
        "~ Assistant/helper                                      assistants/helper.yaml:1\n"
        "    object   release skill_1\n"
        "    ~ temperature: 0.1 → 0.9\n"
        '    ~ model: "a" → "c"\n'
        "    ~ top_p: now 1; what the last apply set is not available\n"
        "    ~ name: now nothing; what the last apply set is not available\n"
        '    - title: "t"\n'
        "\n"
        "Drift: 1 resource differs from what was last applied.\n"
    )


def test_documents_that_drifted_are_told_as_what_apply_would_do() -> None:
    lost = [{"path": "a.md", "bytes": 10, "sha256": "0", "reason": "missing in account"}]
    text = render_drift(plan(change(cause="drift", files={"added": lost}), change("A/b", cause="drift")))
    assert (
        "To restore its documents, apply would do this:\n    +1 document, 10 B to upload\n      + a.md    10 B  missing in account"
        in text
    )
    assert "Drift: 2 resources differ" in text


def test_no_drift_is_a_sentence() -> None:
    assert render_drift(plan(change())).endswith("\n\nNo drift: everything in the account is as it was last applied.\n")


def test_an_object_that_is_gone_is_named_by_its_reason() -> None:
    gone = change(cause="drift", id=None, reason="the object vs_1 is gone, or no longer carries our tags")
    text = render_drift(plan(gone))
    assert "None" not in text
    assert "the object vs_1 is gone" in text.replace("\n             ", " ")
