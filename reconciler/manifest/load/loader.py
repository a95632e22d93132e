"""A tree of manifests → what is desired. Every problem of the tree is found and reported at once.

    bytes ─ texts, source ─▶ documents ─ environments, values ─▶ whole documents ─ lowering, kinds ─▶ desired

Loading is offline and pure: it opens files below the root, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.kinds.manifest import Manifest
from reconciler.manifest.check import checks, relations, safety
from reconciler.manifest.check.conformity import Place, conform
from reconciler.manifest.files import documents
from reconciler.manifest.files.documents import Doc, Found
from reconciler.manifest.files.hashcache import HashCache
from reconciler.manifest.files.refusals import TreeError
from reconciler.manifest.files.texts import Texts, note_tree_error
from reconciler.manifest.files.tree import IGNORE_FILE, Tree
from reconciler.manifest.load import environments, values
from reconciler.manifest.load.gathering import gather
from reconciler.manifest.load.lowering import Lowering, manifest_of
from reconciler.manifest.load.values import Values
from reconciler.manifest.load.variables import interpolate
from reconciler.manifest.schema import schemas, stack
from reconciler.manifest.schema.stack import Stack
from reconciler.model.address import Span
from reconciler.model.desired import Desired, Lifecycle
from reconciler.model.diagnostics import Diagnostic, Problems
from reconciler.model.json import Json, sha256


@dataclass(frozen=True, slots=True)
class Loaded:
    """A tree that can be planned for. `manifests` digests everything that the plan is made from.

    `ignored` counts YAML documents that are none of ours. `warnings` are diagnostics that do not stop anything.
    `written` are the manifests behind `desired`, Tools too, by address; `defaults` is where the Stack's defaults stand.
    """

    stack: Stack
    environment: str | None
    desired: tuple[Desired, ...]
    manifests: str
    ignored: int
    warnings: tuple[Diagnostic, ...]
    tree: Tree
    written: tuple[Manifest, ...] = ()
    defaults: Mapping[str, Span] = field(default_factory=dict)

    @property
    def documents(self) -> int:
        """How many files belong to the resources."""
        return sum(len(item.documents) for item in self.desired)


def load(
    root: Path, *, environment: str | None = None, follow_symlinks: bool = False, cache: HashCache | None = None
) -> Loaded:
    """Read and check the tree at `root`; raises Rejected with every problem found."""
    problems = Problems()
    texts = Texts(Tree(root, follow_symlinks=follow_symlinks), problems)
    root_doc, found = _stack_document(texts)
    settled = _settled(root_doc, problems)
    chosen = environments.choose(environment, settled, root_doc, problems)
    if chosen is None:
        raise texts.rejected()
    variables = environments.variables(settled, chosen)
    found.add(gather(settled, root_doc, texts, problems, fill=lambda text: interpolate(text, variables)[0]))
    found = environments.patched(found, chosen, environment, root_doc, texts)
    written, desired = _desired(found, settled, root_doc, Values(texts, variables), cache)
    owner = settled.name if environment is None else f"{settled.name}/{environment}"
    for item in desired:
        checks.check_tags(item, owner, problems)
    if problems.errors:
        raise texts.rejected()
    ordered = tuple(sorted(desired, key=lambda item: item.address))
    digest = _digest(settled, environment, ordered)
    return Loaded(
        settled.within(chosen),
        environment,
        ordered,
        digest,
        found.ignored,
        texts.report(),
        texts.tree,
        tuple(sorted(written, key=lambda item: item.address)),
        _defaults(root_doc),
    )


def _stack_document(texts: Texts) -> tuple[Doc, Found]:
    """The Stack, and whatever else stands in the root's file. Raises Rejected."""
    tree, problems = texts.tree, texts.problems
    try:
        tree.stat(stack.FILE)
    except TreeError:
        detail = f"{tree.root} has no {stack.FILE}. Go to the directory that has one, or run `reconciler init`."
        problems.add("E300", "No stack", detail)
        raise texts.rejected() from None
    try:
        tree.ignore  # noqa: B018 - read here, so that what is wrong with it is said once
    except TreeError as error:
        note_tree_error(error, problems, Span(IGNORE_FILE))
        raise texts.rejected() from None
    found = documents.read_file(stack.FILE, texts, problems)
    stacks = [doc for doc in found.docs if doc.kind == "Stack"]
    if len(stacks) != 1:
        if not problems.errors:
            detail = f"{stack.FILE} needs one document of `kind: Stack`; it has {len(stacks)}."
            problems.add("E300", "No stack" if not stacks else "Several stacks", detail, Span(stack.FILE))
        raise texts.rejected()
    return stacks[0], replace(found, docs=[doc for doc in found.docs if doc is not stacks[0]])


def _settled(doc: Doc, problems: Problems) -> Stack:
    """What the Stack says; of a faulty one, what the rest of the tree can still be checked with."""
    safety.check_values(doc.written, problems)
    place = Place(doc.written.span, doc.written.key)
    fits = conform(doc.written.value, schemas.document_schema("Stack"), place, problems)
    return stack.read(str(doc.name), doc.spec if fits else stack.salvaged(doc.spec))


def _defaults(root_doc: Doc) -> dict[str, Span]:
    """Where each of the Stack's defaults stands."""
    spans, place = root_doc.written.spans, ("spec", "defaults")
    return {str(path[2]): span for path, span in spans.items() if path[:2] == place and len(path) == 3}


def _desired(
    found: Found, settled: Stack, root_doc: Doc, filler: Values, cache: HashCache | None
) -> tuple[list[Manifest], list[Desired]]:
    """The manifests that are sound, and what they stand for."""
    problems = filler.problems
    first = relations.first_of_each(found.docs, problems)
    manifests: list[Manifest] = []
    for doc in found.docs:
        safety.check_values(doc.written, problems)
        before = len(problems.found)
        filled = filler.filled(values.with_defaults(doc, settled.defaults, root_doc.written))
        manifest = manifest_of(filled, problems, sound=len(problems.found) == before)
        if manifest is not None and first[manifest.address] is doc:
            manifests.append(manifest)
    relations.check_moves(manifests, first.keys(), problems)
    return manifests, Lowering(filler.texts.tree, first, frozenset(found.lost), cache).lower(manifests, problems)


def _digest(settled: Stack, environment: str | None, desired: Sequence[Desired]) -> str:
    resources = [[str(item.address), item.kind, item.content(), _lifecycle(item.lifecycle)] for item in desired]
    limits = [settled.max_deletes, settled.max_delete_percent, settled.max_upload_bytes]
    return "sha256:" + sha256([settled.name, environment, limits, resources])


def _lifecycle(value: Lifecycle) -> Json:
    moved = str(value.moved_from) if value.moved_from else None
    return [value.protect, value.retain, moved, list(value.ignore_changes), value.adopt]
