"""An explanation in sentences: no data gets out of its place, nothing is too wide, long values stay readable."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.render.explain.explanation import render_explanation
from tests.render.plans import HOSTILE, change

PLACE = {"file": "helper.yaml", "line": 6, "column": 3}


def explained(*changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "address": "Assistant/helper",
        "stack": "acme",
        "environment": None,
        "digest": "sha256:" + "0" * 64,
        "saved": False,
        "stale": False,
        "left_out": False,
        "source": PLACE,
        "object": None,
        "changes": list(changes),
        "document": None,
        "filled": [],
        "references": [],
        "used_by": [],
        "risks": [],
        "warnings": [],
        **more,
    }


def one(*fields: dict[str, Any], **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "reason": "",
        "reasons": [],
        "blocked": None,
        "moved_from": None,
        "files": None,
        "replacing": [],
        "steps": [],
    }
    return change() | usual | {"fields": list(fields)} | more


def differing(before: Any, after: Any, cause: str = "manifest", last: Any = None) -> dict[str, Any]:
    wanted = {"value": after, "by": "manifest", "source": PLACE, "file": None, "tool": None}
    return {"path": ["a"], "manifest": wanted, "live": {"value": before}, "last_applied": last, "cause": cause}


def everywhere(text: str) -> dict[str, Any]:
    """An explanation that has the text wherever there is data; with a document as well."""
    source = {"file": text, "line": 1, "column": 1}
    wanted = {"value": [text, {text: text}], "by": "environment", "source": source, "file": text, "tool": text}
    fields = [
        {
            "path": [text, text],
            "manifest": wanted,
            "live": {"value": text},
            "last_applied": {"value": text},
            "cause": "both",
        },
        {
            "path": [text],
            "manifest": wanted | {"value": f"{text}\n{text}\nb"},
            "live": {"value": f"{text}\na\n{text}"},
            "last_applied": {"value": f"{text}\n{text}\nc"},
            "cause": "both",
        },
        {"path": [text], "manifest": wanted, "live": None, "last_applied": None, "cause": text},
    ]
    entry = {"path": text, "bytes": 1, "sha256": text, "reason": text, "code": text}
    files = {name: [entry] for name in ("added", "changed", "updated", "removed", "unmanaged")}
    whole = {
        "action": "update",
        "cause": "both",
        "reason": text,
        "reasons": [{"code": text, "summary": text}],
        "blocked": {"rule": text, "summary": text},
        "resource": text,
        "replaces_kind": text,
        "id": text,
        "moved_from": text,
        "version": text,
        "fields": fields,
        "files": files,
        "replacing": [[text]],
        "steps": [{"step": text, "needs": [f"create {text}"], "needed_by": [f"delete {text}"]}],
    }
    changes = [whole | {"action": action} for action in ("update", "replace", "create", "delete", "none", text)]
    notices = [{"code": text, "summary": text, "address": text, "source": source}]
    return explained(
        *changes,
        address=text,
        source=source,
        object={"resource": text, "id": text, "version": text, "applied": {"revision": text}, "checked": text},
        filled=[{"path": [text, 0], "value": text, "by": "stack", "source": source}],
        references=[
            {"address": text, "source": source, "id": text, "old": text, "action": action}
            for action in (None, "update", "replace", text)
        ],
        used_by=[{"address": text, "via": text, "action": text, "because": [[text]]}],
        risks=notices,
        warnings=notices,
    )


def document(text: str) -> dict[str, Any]:
    source = {"file": text, "line": 1, "column": 1}
    pair = {text: text}
    wanted = {
        "file": text,
        "name": text,
        "bytes": 1,
        "sha256": text,
        "attributes": pair,
        "chunking": pair,
        "source": source,
    }
    live = {"file_id": text, "name": text, "sha256": text, "attributes": pair, "chunking": pair, "status": text}
    return {
        "path": text,
        "actions": [
            {"action": action, "reason": text, "code": text, "sha256": text} for action in ("changed", "removed", text)
        ],
        "wanted": wanted,
        "live": [live | {"error": text, "ours": True}],
        "differs": [{"what": "name", "wanted": text, "live": pair}],
    }


def bare(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_neither_escapes_nor_commands(text: str, *, color: bool) -> None:
    for body in (everywhere(text), {**everywhere(text), "document": document(text)}):
        written = render_explanation(body, color=color)
        assert all(char.isprintable() or char in "\n\u3000" for char in bare(written))
        assert not re.search(r"^\s*::|##\[?[A-Za-z.]*\[[a-z]", written, re.MULTILINE)


def test_hostile_text_cannot_imitate_a_section() -> None:
    lie = "x\nOrder\n    nothing waits"
    written = render_explanation(explained(one(differing("a", lie), reason=lie)))
    assert "\nOrder" not in written


@given(before=st.text(max_size=400), after=st.text(max_size=400), cause=st.sampled_from(["manifest", "drift", "both"]))
def test_any_two_texts_can_be_explained(before: str, after: str, cause: str) -> None:
    written = render_explanation(explained(one(differing(before, after, cause, {"value": "one\ntwo"}))))
    assert all(char.isprintable() or char in "\n\u3000" for char in written)


def test_a_conflict_in_a_long_text_shows_what_will_be_lost() -> None:
    last, live, wanted = ("one\ntwo\nthree\n", "one\nTWO\nthree\n", "one\ntwo\nTHREE\n")
    written = render_explanation(explained(one(differing(live, wanted, "both", {"value": last}), cause="both")))
    assert "What the account changed since the last apply, and will lose:" in written
    assert "        - │ two\n        + │ TWO\n" in written
    assert "last apply shown below" in written


def test_short_values_stand_below_each_other() -> None:
    written = render_explanation(explained(one(differing(0.2, 0.5, last={"value": 0.2}))))
    assert (
        "    ~ a\n        manifest   0.5 (helper.yaml:6:3)\n        live       0.2\n        last apply 0.2\n" in written
    )


def test_what_is_not_known_is_said_to_be_not_known() -> None:
    written = render_explanation(explained(one(differing(1, 2, "both"))))
    assert "last apply not known\n" in written


def test_a_tool_is_compiled_in() -> None:
    user = {
        "address": "Assistant/helper",
        "via": None,
        "action": "update",
        "because": [["tools", "function:x", "strict"]],
    }
    written = render_explanation(explained(address="Tool/look-up", used_by=[user]))
    assert written.startswith("Tool/look-up")
    assert "Assistant/helper: the plan updates it, because of tools[function:x].strict" in written


def test_a_position_that_does_not_fit_stands_below() -> None:
    place = PLACE | {"file": "a/long/way/down/the/tree/of/manifests/in/this/repository/helper.yaml"}
    written = render_explanation(explained(one(), source=place))
    assert written.split("\n")[1] == f"    at         {place['file']}:6"


def test_fields_of_new_things_say_where_they_are_written() -> None:
    new = {**differing(None, 1, "new"), "live": None}
    written = render_explanation(explained(one(new, action="create", cause="new")), width=60)
    assert re.search(r"^    \+ a: 1 +helper\.yaml:6:3$", written, re.MULTILINE)


# --- one document -----------------------------------------------------------------------------------------------------


def of_document(*actions: str, reason: str = "", code: str | None = None, **more: Any) -> str:
    """What is said of a document that is wanted, and meets these actions for one reason."""
    told = {"reason": reason, "code": code, "sha256": "0" * 64}
    body = document("a.md") | {"actions": [{"action": name, **told} for name in actions]}
    parts = {"live": body["live"], **more.pop("document", {})}
    return render_explanation(explained(one(), document={**body, "differs": [], **parts}, **more))


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (
            "attached_twice",
            "attached twice; the new version is still being processed",
            "It is attached twice, and one of the two goes. The new version is still being processed.",
        ),
        ("content_changed", "content changed", "Its bytes are not those that were uploaded."),
        (None, "content changed", "Content changed."),
        ("of_a_later_version", "nobody knows", "Nobody knows."),
    ],
)
def test_a_document_says_why_it_changes(code: str | None, reason: str, said: str) -> None:
    assert said in " ".join(of_document("changed", reason=reason, code=code).split())


def test_a_document_of_a_new_store_is_new_with_it() -> None:
    body = explained(one(action="create"), document=document("a.md") | {"differs": []})
    body["document"]["actions"] = [{"action": "added", "reason": "new", "code": "new", "sha256": "0" * 64}]
    assert "Its store is new, so every document of it is uploaded." in render_explanation(body)


def test_a_document_without_a_change_says_what_that_means() -> None:
    gone = render_explanation(
        explained(one(action="delete"), document=document("a.md") | {"actions": [], "differs": []})
    )
    assert "No manifest speaks of its store any more." in gone
    assert "--only restricts the plan" in of_document(left_out=True)
    assert "It is in the account as the manifest wants it." in of_document()
    unread: dict[str, Any] = {"document": {"live": None}}
    assert "there was nothing to do for it" in " ".join(of_document(saved=True, **unread).split())
    assert "compared one by one" in " ".join(of_document(**unread).split())
    assert "taken by" not in of_document(document={"wanted": None})
    plain = document("a.md")["wanted"] | {"chunking": None, "source": None}
    assert "auto, what the API does by itself" in " ".join(of_document(document={"wanted": plain}).split())


def test_a_saved_plan_of_other_manifests_says_so() -> None:
    assert "The manifests changed since this plan was made" in render_explanation(explained(one(), stale=True))


def test_the_parts_of_a_document_are_told_shortly() -> None:
    differs = [
        {"what": "chunking", "live": None, "wanted": {"size": 800}},
        {"what": "sha256", "live": "0" * 64, "wanted": "1" * 64},
        {"what": "name", "live": None, "wanted": "a.md"},
    ]
    said = of_document("changed", reason="content changed", code="content_changed", document={"differs": differs})
    assert "auto → " in said
    assert "000000000000… → 111111111111…" in said
    assert "nothing → " in said
