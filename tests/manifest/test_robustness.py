"""Whatever bytes are in a manifest, loading gives a tree or a list of problems with places: never anything else."""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.manifest.load.loader import load
from reconciler.manifest.text.source import parse
from reconciler.model.diagnostics import Problems, Rejected
from reconciler.model.json import Json, canonical
from tests.manifest.trees import plant

ROOT = Path(__file__).parents[2]
CALM = settings(max_examples=settings().max_examples // 2, suppress_health_check=list(HealthCheck))

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["${var.brand}", "${var.x}", "../x", "/etc/passwd", "*", "agents", "assistants", "mcp", "\u202e", ""]
    )
)
KEYS = st.text(max_size=6) | st.sampled_from(
    [
        "name",
        "spec",
        "tools",
        "type",
        "tool",
        "files",
        "glob",
        "path",
        "file",
        "raw",
        "runtime",
        "model",
        "instructions",
        "lifecycle",
        "labels",
        "kind",
        "parameters",
        "strict",
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def example() -> tuple[dict[str, list[Json]], dict[str, bytes]]:
    """The manifests of the example as values, and its other files cut short: their content is not the point."""
    manifests: dict[str, list[Json]] = {}
    others: dict[str, bytes] = {}
    paths = [ROOT / "reconciler.yaml", *(ROOT / "assistants").rglob("*"), *(ROOT / "knowledge").rglob("*")]
    for path in sorted(path for path in paths if path.is_file()):
        name, data = path.relative_to(ROOT).as_posix(), path.read_bytes()
        if path.suffix == ".yaml":
            manifests[name] = [item.value for item in parse(data, name, Problems())]
        else:
            others[name] = data if path.suffix == ".json" else data[:200].decode("utf-8", "ignore").encode()
    return manifests, others


MANIFESTS, OTHERS = example()


@pytest.fixture(scope="module")
def base() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="mutants"))
    plant(root, OTHERS)
    yield root
    shutil.rmtree(root)


def judged(root: Path, **options: Any) -> None:
    """Load, and look at what came of it as a command would."""
    try:
        found = load(root, **options)
    except Rejected as refusal:
        check_problems(refusal)
        return
    for item in found.desired:
        canonical(item.spec)
        assert item.span is not None


def check_problems(refusal: Rejected) -> None:
    assert refusal.diagnostics
    for item in refusal.diagnostics:
        assert item.span is not None
        assert min(item.span.line, item.span.column) >= 1
        assert item.summary
        json.dumps(item.to_json())


def nodes(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield from nodes(item, (*path, key))


def inside(value: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


@st.composite
def mutants(draw: st.DrawFn) -> dict[str, list[Json]]:
    """The example's manifests with one to three nodes deleted, doubled or replaced."""
    tree: Any = copy.deepcopy(MANIFESTS)
    for _ in range(draw(st.integers(1, 3))):
        documents = tree[draw(st.sampled_from(sorted(tree)))]
        place = draw(st.sampled_from(list(nodes(documents))[1:] or [()]))
        holder = inside(documents, place[:-1])
        if not place:
            documents.append(draw(VALUES))
        elif draw(st.booleans()):
            holder[place[-1]] = draw(VALUES)
        elif isinstance(holder, list):
            holder.insert(0, copy.deepcopy(inside(documents, place)))
        elif draw(st.booleans()):
            del holder[place[-1]]
        else:
            holder[draw(KEYS)] = holder.pop(place[-1])
    return dict(tree)


@CALM
@given(tree=mutants())
def test_a_mutated_example_loads_or_is_refused_with_places(base: Path, tree: dict[str, list[Json]]) -> None:
    text = {file: "\n---\n".join(json.dumps(item) for item in items) for file, items in tree.items()}
    plant(base, text)
    judged(base)


@CALM
@given(data=st.data())
def test_bytes_that_are_cut_and_pasted_load_or_are_refused_with_places(base: Path, data: st.DataObject) -> None:
    plant(base, {file: (ROOT / file).read_bytes() for file in MANIFESTS})
    file = data.draw(st.sampled_from(sorted(MANIFESTS)))
    text = (ROOT / file).read_bytes()
    at, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 40))
    plant(base, {file: text[:at] + data.draw(st.binary(max_size=8)) + text[at + length :]})
    judged(base)


@CALM
@given(patch=VALUES)
def test_any_patch_applies_or_is_refused_with_places(base: Path, patch: Json) -> None:
    plant(base, {file: (ROOT / file).read_bytes() for file in MANIFESTS})
    root = copy.deepcopy(MANIFESTS["reconciler.yaml"][0])
    root["spec"]["environments"] = {"e": {"patches": ["patch.yaml"]}}
    head = {"apiVersion": "reconciler/v1", "kind": "Assistant", "metadata": {"name": "data-analyst"}}
    plant(base, {"reconciler.yaml": json.dumps(root), "patch.yaml": json.dumps({**head, "spec": patch})})
    judged(base, environment="e")


def test_a_list_of_many_tools_or_doubles_costs_little(tmp_path: Path, exhaustive: bool) -> None:
    many = 4 if exhaustive else 1
    head = "apiVersion: reconciler/v1\nkind: Assistant\nmetadata: {name: a}\n"
    doubles = "[" + "1, a, " * 5_000 * many + "1]"
    tools = "[" + "{type: web_search}, " * 1_250 * many + "{}]"
    plant(
        tmp_path,
        {
            "a.yaml": f"{head}spec: {{model: m, tools: {tools}}}\n",
            "b.yaml": f"{head.replace('a}', 'b}')}lifecycle: {{ignore_changes: {doubles}}}\nspec: {{model: m}}\n",
        },
    )
    judged(tmp_path)
