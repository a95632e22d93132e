"""Small plans in the JSON form, and the strings that an attacker would put into them."""

from typing import Any

Plan = dict[str, Any]

ESC = "\x1b"

HOSTILE = (
    f"{ESC}[2J{ESC}[1;1Hgone",
    f"{ESC}]8;;https://evil.example{ESC}\\click{ESC}]8;;{ESC}\\",
    f"{ESC}]52;c;ZXZpbA=={ESC}\\",
    "\x9b31m\x85\x9d0;title\x07",
    "\u202egpj.exe\u202c \u2066isolate\u2069 \u200e\u200f\u061c",
    "zero\u200bwidth\u200c\u200d\ufeff\u2060",
    "tags \U000e0041\U000e0042\U000e007f",
    "selectors a\ufe01b\U000e0101",
    "blank \u3164\u115f\u2800\u034f",
    "lines \u2028 \u2029 \x0b \x0c \r \n \x1c",
    "\x00\x08\x7f",
    "lone \ud800 surrogate \udfff",
    "private \ue000 \U0010ffff",
    "::add-mask::secret",
    "  ::set-output name=x::y",
    "a\n::error file=x::boom\n::stop-commands::t",
    "\u3000::warning::wide blank",
    "\t::debug::tab",
    "##[add-mask]x",
    "a ##[group]b",
    "##vso[task.setvariable variable=x]y",
    "``` ```` `````",
    "~~~\n```\n```suggestion",
    "</details><script>alert(1)</script>",
    "</code></summary><img src=x onerror=alert(1)>",
    "@everyone #1 https://evil.example [x](javascript:alert(1))",
    "<!-- hidden --> &lt; &#x3c;",
    "Plan: 0 to delete, everything is fine.\nDigest: sha256:0000",
    "x" * 5_000,
    "wide 漢" * 100,
    "e" + "\u0301" * 50,
    "\\u{202e} \\u202e \\x1b[0m",
)


def field(path: list[Any], **sides: Any) -> Plan:
    return {"path": path, "cause": "manifest", "last_applied": None, **sides}


def change(address: str = "Assistant/helper", action: str = "update", **more: Any) -> Plan:
    return {
        "address": address,
        "resource": "release",
        "id": None if action == "create" else "skill_1",
        "action": action,
        "cause": "manifest",
        "source": {"file": "assistants/helper.yaml", "line": 1, "column": 1},
        "fields": [],
        **more,
    }


def plan(*changes: Plan, **more: Any) -> Plan:
    return {
        "stack": "acme",
        "environment": None,
        "first_apply": False,
        "account": {"host": "api.openai.com", "organization": None, "project": None},
        "digest": "sha256:" + "0" * 64,
        "summary": {"update": len(changes)},
        "changes": list(changes),
        "steps": [],
        "risks": [],
        "warnings": [],
        **more,
    }


def everywhere(text: str) -> Plan:
    """A plan that has the text wherever there is data."""
    document = {"path": text, "bytes": 12, "sha256": text, "reason": text, "code": text}
    files = {what: [document] for what in ("added", "changed", "updated", "removed", "unmanaged")}
    fields = [
        field([text, text, 0], before=text, after=f"{text} {text}"),
        field(["a"], before=f"one {text} two three four five", after=f"one {text}{text} two three four five"),
        field(["b"], after=text),
        field(["c"], before=[text, {text: text}], cause="drift"),
        field(["d"], before=text, after={"known_after_apply": text}, cause="both", last_applied=text),
        field(
            ["e"], before=f"{text}\n{text}\nx", after=f"{text}\n\n{text}", cause="both", last_applied=f"{text}\na\nb"
        ),
        field([text]),
    ]
    source = {"file": text, "line": 1, "column": 1}
    whole = change(
        text,
        source=source,
        fields=fields,
        files=files,
        id=text,
        resource=text,
        replaces_kind=text,
        version=text,
        moved_from=text,
        reason=text,
        reasons=[{"code": text, "summary": text}],
        affects=[text],
        blocked={"rule": text, "summary": text},
    )
    replaced = change(text, "replace", id=text, fields=fields)
    steps = [
        {"step": f"create {text}", "change": 1, "needs": []},
        {"step": f"delete {text}", "change": 1, "needs": [f"update {text}"]},
    ]
    notice = {"code": text, "summary": text, "address": text, "source": source}
    account = {"host": text, "organization": text, "project": text}
    same = change(text, "none", verified="tag")
    strange = change(text, text)
    return plan(
        whole,
        replaced,
        same,
        strange,
        stack=text,
        environment=text,
        account=account,
        digest=text,
        steps=steps,
        risks=[notice],
        warnings=[notice],
    )
