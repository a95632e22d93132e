"""A plan that has something of everything: what the pictures in the documentation show."""

from typing import Any

from tests.render.plans import Plan, change, field, plan

_BEFORE = """# Voice
Be brief and friendly. Never promise a date of delivery.

# Orders
Ask for the order number before anything else. Look it up with `lookup_order`.

# Refunds
Ask for the order number, look it up, and check the date of delivery.

Refunds are paid within 14 days of receiving the item, to the account it was paid from.
Shipping is refunded only when the item was faulty.

# Escalation
When a customer is angry, apologise once and offer a call.
Hand over to a person when the amount is above 500 euros.
"""

_AFTER = _BEFORE.replace("within 14 days", "within 30 days").replace(
    "Hand over to a person when the amount is above 500 euros.\n",
    "Hand over to a person when the amount is above 200 euros, or when a lawyer is mentioned.\n",
)


def _source(file: str, line: int = 1) -> Plan:
    return {"file": file, "line": line, "column": 1}


def _document(path: str, size: int, reason: str = "") -> Plan:
    return {"path": path, "bytes": size, "sha256": "0" * 64} | ({"reason": reason} if reason else {})


_ADDED = [
    _document(f"{folder}/{name}.md", 2_100 + 1_307 * number % 21_000, "new")
    for number, (folder, name) in enumerate(
        (folder, name)
        for folder, names in {
            "billing": ("disputes", "invoices", "methods", "taxes"),
            "guides": ("accuracy", "batteries", "calibration", "cleaning", "first-steps", "pairing", "reset", "travel"),
            "legal": ("imprint", "privacy", "terms", "warranty"),
        }.items()
        for name in names
    )
]


def showcase() -> dict[str, Any]:
    """A change of prompt, model and tools, a replaced store, a deletion, an adoption, drift, risks, cost, warnings."""
    support = change(
        "Assistant/customer-support",
        id="skill_6911f0a4",
        cause="both",
        source=_source("assistants/customer-support.yaml", 4),
        affects=["SavedAgent/front-desk"],
        fields=[
            field(["model"], before="gpt-6.1-terra", after="gpt-6.2-terra"),
            field(["temperature"], before=0.9, after=0.2, cause="drift"),
            field(
                ["tools", "function:lookup_order", "parameters", "required"],
                before=["order_number"],
                after=["order_number", "postcode"],
            ),
            field(["tools", "mcp:shipping", "server_url"], after="https://shipping.example/mcp"),
            field(["instructions"], before=_BEFORE, after=_AFTER),
            field(
                ["tools", "file_search", "vector_stores"],
                before=["VectorStore/product-docs"],
                after=[{"known_after_apply": "VectorStore/product-docs"}],
                cause="reference",
            ),
        ],
    )
    docs = change(
        "VectorStore/product-docs",
        "replace",
        resource="vector_store",
        id="vs_68f0c2",
        cause="drift",
        source=_source("knowledge/product-docs.yaml"),
        reason="the store expired and its documents are gone",
        verified="tag",
        affects=["Assistant/customer-support", "Assistant/technical-writer"],
        files={"added": _ADDED, "changed": [], "updated": [], "removed": [], "unmanaged": []},
    )
    policies = change(
        "VectorStore/policies",
        resource="vector_store",
        id="vs_68ab77",
        verified="full",
        source=_source("knowledge/policies.yaml"),
        affects=["Assistant/customer-support"],
        files={
            "added": [_document("refunds/2026.md", 8_120, "new")],
            "changed": [_document("shipping.md", 4_410)],
            "updated": [],
            "removed": [_document("refunds/2019.md", 7_004), _document("refunds/2021-draft.md", 912)],
            "unmanaged": [_document("notes-from-the-playground.txt", 312)],
        },
    )
    writer = change(
        "Assistant/technical-writer",
        id="skill_6911f3d7",
        cause="reference",
        source=_source("assistants/technical-writer.yaml"),
        fields=[
            field(
                ["tools", "file_search", "vector_stores"],
                before=["VectorStore/product-docs"],
                after=[{"known_after_apply": "VectorStore/product-docs"}],
                cause="reference",
            )
        ],
    )
    old = change(
        "Assistant/returns-bot",
        "delete",
        id="skill_66d1b0c2",
        cause="removed",
        source=None,
        reason="it is no longer in the manifests",
        fields=[
            field(["instructions"], before="Answer questions about returns.\nBe brief.\n", cause="removed"),
            field(["model"], before="gpt-6-luna", cause="removed"),
        ],
    )
    desk = change(
        "SavedAgent/front-desk",
        "adopt",
        resource="agent",
        id="agent_7102",
        cause="new",
        source=_source("agents/front-desk.yaml", 2),
        reason="an agent of this name is in the account, and the manifest says to adopt it",
    )
    steps = [
        {"step": "create VectorStore/product-docs", "change": 1, "needs": []},
        {"step": "update Assistant/customer-support", "change": 0, "needs": ["create VectorStore/product-docs"]},
        {"step": "update Assistant/technical-writer", "change": 3, "needs": ["create VectorStore/product-docs"]},
        {
            "step": "delete VectorStore/product-docs",
            "change": 1,
            "needs": ["update Assistant/customer-support", "update Assistant/technical-writer"],
        },
        {"step": "delete Assistant/returns-bot", "change": 4, "needs": []},
        {"step": "update VectorStore/policies", "change": 2, "needs": []},
        {"step": "adopt SavedAgent/front-desk", "change": 5, "needs": ["update Assistant/customer-support"]},
    ]
    notices = [
        ("R101", "Assistant/returns-bot", "deletes skill_66d1b0c2 with its 4 versions"),
        ("R102", "VectorStore/product-docs", "replaces vs_68f0c2: its id changes"),
        ("R201", "Assistant/customer-support", "model gpt-6.1-terra → gpt-6.2-terra"),
        ("R301", "Assistant/customer-support", "new host shipping.example, which will see what customers write"),
    ]
    return plan(
        support,
        docs,
        policies,
        writer,
        old,
        desk,
        format_version=1,
        tool={"name": "reconciler", "version": "0.1.0"},
        as_of="2026-11-22",
        stack="acme-support",
        environment="production",
        account={"host": "api.openai.com", "organization": "org-acme", "project": "proj_support"},
        manifests="sha256:308258ec396bff56ebbad73852d63cef2eebc24b5c144f0d35777b6f318e590b",
        digest="sha256:c3f614568ff77fdb30a64d00ca8fd54cbf3ca184eb5704300342aa98ca8a6b57",
        summary={
            "create": 0,
            "update": 3,
            "replace": 1,
            "delete": 1,
            "adopt": 1,
            "forget": 0,
            "unchanged": 14,
            "blocked": 0,
            "files": {"add": 17, "change": 1, "remove": 2, "upload_bytes": 203_412},
        },
        steps=steps,
        risks=[
            {"code": code, "summary": summary, "address": address, "source": None} for code, address, summary in notices
        ],
        estimate={
            "requests": 48,
            "upload_bytes": 203_412,
            "files": 18,
            "minutes": None,
            "storage": {
                "before_bytes": 3_400_000_000,
                "after_bytes": 5_200_000_000,
                "before_usd_per_day": 0.22,
                "after_usd_per_day": 0.38,
            },
            "models": [
                {
                    "address": "Assistant/customer-support",
                    "before": {"model": "gpt-6.1-terra", "input_usd": 1.25, "output_usd": 10.0},
                    "after": {"model": "gpt-6.2-terra", "input_usd": 1.75, "output_usd": 14.0},
                }
            ],
            "prices": {"as_of": "2026-11-01", "source": "the published price list"},
        },
        warnings=[
            {
                "code": "W301",
                "summary": "A document of this store was added by somebody else; it stays.",
                "address": "VectorStore/policies",
                "source": _source("knowledge/policies.yaml"),
            }
        ],
    )
