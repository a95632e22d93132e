"""A small account and what is wanted of it, with places in a manifest; and the risks of the plan that follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.kinds import KINDS
from reconciler.model.address import Address, Ref, Span
from reconciler.model.desired import Desired, Document, Lifecycle
from reconciler.model.json import Json, Path
from reconciler.model.observed import AccountInfo, Attachment, Observed, Tags
from reconciler.model.plan import Plan
from reconciler.model.rules import Rules
from reconciler.model.snapshot import Snapshot
from reconciler.ownership.digests import files_tag
from reconciler.planning.plan import make_plan
from reconciler.review.judge import judged

TODAY = "2026-11-22"
MANIFEST, TOOLS, MODEL = Span("a.yaml"), Span("a.yaml", 9), Span("a.yaml", 5)
CYRILLIC_A = "\u0430"
WIKI = {"type": "mcp", "server_label": "wiki", "server_url": "https://mcp.example.com/wiki"}


def store(name: str, *paths: str, **lifecycle: Any) -> Desired:
    documents = tuple(Document(path, path, path, 10, "a" * 64) for path in paths)
    address = Address("VectorStore", name)
    spec = {"name": name}
    return Desired(address, "vector_store", spec, {}, documents, Lifecycle(**lifecycle), {(): MANIFEST})


def helper(name: str = "helper", kind: str = "release", model: str = "m-1", **fields: Json) -> Desired:
    lifecycle = Lifecycle(**fields.pop("lifecycle", {}))
    spans: dict[Path, Span] = {(): MANIFEST, ("tools",): TOOLS, ("model",): MODEL}
    return Desired(Address("Assistant", name), kind, {"model": model, **fields}, {}, (), lifecycle, spans)


def live(wanted: Desired, **changes: Any) -> Observed:
    """What stands in the account once `wanted` was applied."""
    tags = Tags(
        "acme",
        "0" * 12,
        wanted.address,
        spec=wanted.digest(),
        rev="abcdef123456",
        protect=wanted.lifecycle.protect,
        files=files_tag(wanted, 10),
    )
    documents = tuple(Attachment(f"f-{item.path}", item.path, item.sha256, item.name) for item in wanted.documents)
    item = Observed(
        wanted.kind,
        f"{wanted.kind}-{wanted.address.name}",
        _with_ids(wanted.spec),
        {"created_at": 1},
        tags,
        documents=documents if KINDS[wanted.kind].documents else None,
        version="1" if wanted.kind == "release" else None,
    )
    return replace(item, **changes)


def _with_ids(value: Any) -> Any:
    if isinstance(value, Ref):
        return f"vector_store-{value.address.name}"
    if isinstance(value, Mapping):
        return {key: _with_ids(item) for key, item in value.items()}
    return [_with_ids(item) for item in value] if isinstance(value, list) else value


def tagged(item: Observed, **tags: Any) -> Observed:
    assert item.tags is not None
    return replace(item, tags=replace(item.tags, **tags))


def searching(*ids: Json, name: str = "helper") -> Desired:
    return helper(name, tools=[{"type": "file_search", "vector_store_ids": list(ids)}])


def ref(name: str) -> Ref:
    return Ref(Address("VectorStore", name))


def plan_for(
    desired: Iterable[Desired], objects: Iterable[Observed] = (), *, rules: Rules | None = None, **snapshot: Any
) -> Plan:
    there = Snapshot(AccountInfo("local"), "acme", lineage="0" * 12, serial=1, objects=tuple(objects), **snapshot)
    rules, wanted = rules or Rules(), list(desired)
    plan = make_plan(wanted, there, rules, as_of=TODAY, manifests="sha256:0")
    return judged(plan, () if rules.destroy else wanted, there)


def risks(plan: Plan, code: str = "") -> list[str]:
    return [f"{risk.code} {risk.address} {risk.summary}" for risk in plan.risks if risk.code.startswith(code)]


def edited(before: Desired, **fields: Json) -> Plan:
    """The plan after a manifest was edited; a field that is None is removed."""
    spec = {key: value for key, value in {**before.spec, **fields}.items() if value is not None}
    return plan_for([replace(before, spec=spec)], [live(before)])
