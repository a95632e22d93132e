"""What an environment changes: its variables win over the stack's, its patches go on the manifests in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.manifest.files.documents import Doc, Found, read_file
from reconciler.manifest.files.paths import resolve
from reconciler.manifest.files.refusals import TreeError
from reconciler.manifest.files.texts import Texts, note_tree_error
from reconciler.manifest.load.patches import merge
from reconciler.manifest.schema.stack import Environment, Stack
from reconciler.manifest.text.secrets import shown
from reconciler.model.address import Address
from reconciler.model.diagnostics import Problems, did_you_mean


def choose(name: str | None, settled: Stack, root_doc: Doc, problems: Problems) -> Environment | None:
    """The environment that was asked for, an empty one where none is declared; None, and a problem, otherwise."""
    declared = settled.environments
    if declared and settled.anchor is not None:
        detail = "Each environment has an anchor of its own: move it to spec.environments.NAME.account.anchor."
        at = root_doc.written.span(("spec", "account", "anchor"))
        problems.add("W404", "account.anchor has no effect here", detail, at)
    if name is None and not declared:
        return Environment()
    if name is not None and name in declared:
        return declared[name]
    span = root_doc.written.key(("spec", "environments")) or root_doc.written.span(())
    if name is None:
        problems.add("E313", "No environment chosen", f"Use --env with one of: {', '.join(declared)}.", span)
    else:
        detail = did_you_mean(name, declared) or "The stack declares no environments."
        problems.add("E313", f"Unknown environment {shown(name)}", detail, span)
    return None


def variables(settled: Stack, environment: Environment) -> Mapping[str, str]:
    """What `${var.…}` stands for."""
    return {**settled.vars, **environment.vars}


def patched(found: Found, environment: Environment, name: str | None, root_doc: Doc, texts: Texts) -> Found:
    """The documents with the environment's patches applied."""
    docs = list(found.docs)
    positions = {doc.address: number for number, doc in enumerate(docs) if doc.address is not None}
    for number, path in enumerate(environment.patches):
        at = root_doc.written.span(("spec", "environments", str(name), "patches", number))
        try:
            file = resolve("", path)
            texts.tree.stat(file)
        except TreeError as error:
            note_tree_error(error, texts.problems, at)
            continue
        patches = read_file(file, texts, texts.problems)
        if patches.ignored or not (patches.docs or texts.problems.errors):
            detail = f"{file} needs documents with apiVersion, kind and metadata.name, as the manifests have them."
            texts.problems.add("E301", "A patch that is no part of a manifest", detail, at)
        for patch in patches.docs:
            position = positions.get(patch.address) if patch.address else None
            if position is not None:
                docs[position] = replace(docs[position], written=merge(docs[position].written, patch.written))
            elif patch.name not in found.lost:
                _note_unknown(patch, positions, texts.problems)
    return replace(found, docs=docs)


def _note_unknown(patch: Doc, known: Mapping[Address, int], problems: Problems) -> None:
    hint = did_you_mean(str(patch.address), map(str, known)) if patch.address else "It needs metadata.name."
    summary = f"No manifest for this patch of {patch.address or patch.kind}"
    problems.add("E403", summary, hint, patch.written.span(("metadata", "name")))
