"""Manifests of any kind, made from nothing but its declarations: what the contract test puts through the whole tool."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.emulator import Switches
from reconciler.kinds import FORMS, KINDS
from reconciler.kinds.field import Field
from reconciler.kinds.kind import DocumentKind, Kind, TagPlace
from reconciler.manifest.load.loader import load
from reconciler.model.desired import Desired
from tests.acceptance.world import Kept, World

NAME = "sample"

FILES = {
    "guides/tea.md": "# Tea\n\nWarm the pot first.\n",
    "guides/coffee.md": "# Coffee\n\nGrind it fresh.\n",
    "prices.csv": "item,price\ntea,2\n",
}
"""Every file that an example names."""

TOP_LEVEL = [kind for kind in KINDS.values() if kind.tag_place is not TagPlace.ATTACHED]
DOCUMENTS = [kind for kind in KINDS.values() if isinstance(kind, DocumentKind)]


def written(kind: Kind) -> list[Field]:
    """What users may write for a kind."""
    return [declared for declared in (*kind.fields, *kind.inputs) if declared.schema is not None]


def cases() -> Iterator[tuple[Kind, Field]]:
    """Every kind with every field that users may write."""
    for kind in TOP_LEVEL:
        for declared in written(kind):
            yield kind, declared


def spec_of(kind: Kind, example: int = 0, **other: int) -> dict[str, Any]:
    """A spec with every field set to one of its examples; `other` names fields that take another one."""
    return {f.source: f.examples[other.get(f.source, example)] for f in written(kind)}


def moves() -> Iterator[tuple[Kind, Kind]]:
    """Every two kinds that realise manifests of one form."""
    return ((left, right) for left, right in itertools.permutations(TOP_LEVEL, 2) if left.form == right.form)


def without(spec: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A spec without a field."""
    return {key: value for key, value in spec.items() if key != name}


_KEPT: dict[str, Kept] = {}


class Subject:
    """One manifest of a kind, in a world of its own."""

    def __init__(self, root: Path, kind: Kind, switches: Switches | None = None) -> None:
        self.kind = kind
        self.world = World.new(root, profile="compatible", switches=switches)
        for file, text in FILES.items():
            self.world.write(file, text)
        self.choice = self._choice()

    @classmethod
    def settled(cls, root: Path, kind: Kind) -> Subject:
        """With every field, applied; that is done once for a kind, and copied from then on."""
        subject = cls(root, kind)
        kept = _KEPT.get(kind.name)
        if kept is None:
            subject.write(spec_of(kind))
            assert subject.world.settled()
            _KEPT[kind.name] = Kept.of(subject.world)
        else:
            kept.into(subject.world)
        return subject

    def _choice(self) -> dict[str, Any]:
        """What the manifest says to be realised by this kind and no other."""
        form = FORMS[self.kind.form]
        if form.selector is None:
            return {}
        for value in form.choices:
            self.world.manifest(form.name, NAME, {form.selector: value, **spec_of_required(self.kind)})
            if load(self.world.root).desired[0].kind == self.kind.name:
                return {form.selector: value}
        raise AssertionError(f"no manifest lowers to {self.kind.name}")

    @property
    def address(self) -> str:
        return f"{self.kind.form}/{NAME}"

    def write(self, spec: Mapping[str, Any], **more: Any) -> None:
        self.world.manifest(self.kind.form, NAME, {**self.choice, **spec}, **more)

    def neighbour(self) -> None:
        """Another manifest, so that the tree is not empty without ours."""
        kind = next(kind for kind in TOP_LEVEL if kind.form != self.kind.form)
        self.world.manifest(kind.form, "neighbour", spec_of_required(kind))

    def remove(self) -> None:
        self.world.remove(self.kind.form, NAME)

    @property
    def id(self) -> str:
        return self.world.id_of(self.address)

    @property
    def desired(self) -> Desired:
        """What the manifest lowers to."""
        return next(item for item in load(self.world.root).desired if str(item.address) == self.address)

    def raw(self, object_id: str) -> Any:
        return self.world.api("GET", f"{self.kind.collection}/{object_id}", beta=self.kind.beta or "")

    def files(self) -> int:
        return len(self.world.api("GET", "/files")["data"])

    def change(self) -> dict[str, Any]:
        """The one change of the plan."""
        (found,) = self.world.plan().body["changes"]
        return dict(found)


def spec_of_required(kind: Kind) -> dict[str, Any]:
    """The least that a manifest says."""
    return {f.source: f.examples[0] for f in written(kind) if f.required}
