"""Who uses whom: the manifests, or the JSON plan, as nodes and edges.

The graph is plain JSON, so that every format is made from the same thing:

    {"stack", "environment", "planned",
     "nodes": [{"address", "kind", "resource", "documents", "managed", "source", "action", "blocked"}],
     "edges": [{"from", "to"}]}

An edge leads from what uses to what is used. Nodes and edges are sorted. `planned` says whether `action` (an action of
the plan, or null for what stays as it is) was looked up at all. A node that is not `managed` is named by an id: the
manifests mention it, and somebody else owns it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.kinds import FORMS, documents_of
from reconciler.kinds.manifest import Manifest
from reconciler.manifest.load.loader import Loaded
from reconciler.model.address import position
from reconciler.model.desired import Desired

Graph = dict[str, Any]
Node = dict[str, Any]

FOREIGN = "id"
"""The kind of a node that only an id is known of."""


def of_tree(loaded: Loaded) -> Graph:
    """What the manifests of a tree say: who uses whom, and how many documents belong to each."""
    desired = {item.address: item for item in loaded.desired}
    nodes = [_node(manifest, desired.get(manifest.address)) for manifest in loaded.written]
    edges = {(str(manifest.address), used) for manifest in loaded.written for used in uses(manifest)}
    return _graph(loaded.stack.name, loaded.environment, nodes, edges, planned=False)


def of_plan(plan: Mapping[str, Any]) -> Graph:
    """What a plan itself tells: the resources that it shows, and who uses them."""
    bare = _graph(str(plan.get("stack")), plan.get("environment"), [], (), planned=True)
    return with_plan(bare, plan)


def with_plan(graph: Graph, plan: Mapping[str, Any]) -> Graph:
    """The same graph with what the plan does to each node; what only the plan knows of is added."""
    nodes = {node["address"]: node for node in graph["nodes"]}
    edges = {(edge["from"], edge["to"]) for edge in graph["edges"]}
    written = frozenset(nodes)  # a plan does not know of what is compiled in: where manifests speak, they say it
    for change in plan.get("changes") or ():
        address = str(change.get("address"))
        old = nodes.get(address) or _blank(address) | {
            "resource": change.get("resource"),
            "source": change.get("source"),
            "documents": len((change.get("files") or {}).get("added") or ()) or None,
        }
        nodes[address] = old | _does(old, change)
        edges |= {(user, address) for user in map(str, change.get("affects") or ()) if not {user, address} <= written}
    for user, _ in edges:
        nodes.setdefault(user, _blank(user))
    return _graph(graph["stack"], graph["environment"], nodes.values(), edges, planned=True)


def uses(manifest: Manifest) -> Iterator[str]:
    """What a manifest refers to: addresses, and ids of what others own."""
    return (str(reference.target) for reference in FORMS[manifest.kind].references(manifest))


def _does(old: Node, change: Mapping[str, Any]) -> Node:
    """What a change does to its node. Several changes of one address end one replacement: the first says it."""
    action = str(change.get("action"))
    return {
        "action": old["action"] or (None if action == "none" else action),
        "blocked": bool(old["blocked"] or change.get("blocked")),
    }


def _node(manifest: Manifest, desired: Desired | None) -> Node:
    documents, sort = len(desired.documents) if desired is not None else 0, documents_of(manifest.kind)
    return _blank(str(manifest.address)) | {
        "resource": desired.kind if desired is not None else None,
        "documents": documents if documents or (sort is not None and sort.attached) else None,
        "source": position(manifest.spans.get(())),
    }


def _blank(address: str) -> Node:
    kind, slash, _ = address.partition("/")
    return {
        "address": address,
        "kind": kind if slash else FOREIGN,
        "resource": None,
        "documents": None,
        "managed": bool(slash),
        "source": None,
        "action": None,
        "blocked": False,
    }


def _graph(
    stack: str, environment: str | None, nodes: Iterable[Node], edges: Iterable[tuple[str, str]], *, planned: bool
) -> Graph:
    known = {node["address"]: node for node in nodes}
    pairs = sorted(set(edges))
    for _, used in pairs:
        known.setdefault(used, _blank(used))
    return {
        "stack": stack,
        "environment": environment,
        "planned": planned,
        "nodes": [known[address] for address in sorted(known)],
        "edges": [{"from": user, "to": used} for user, used in pairs],
    }
