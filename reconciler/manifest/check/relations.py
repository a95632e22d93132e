"""What manifests say about each other: equal addresses, renames, adoptions."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from reconciler.kinds.manifest import Manifest
from reconciler.manifest.files.documents import Doc
from reconciler.model.address import Address
from reconciler.model.diagnostics import Problems


def first_of_each(docs: Sequence[Doc], problems: Problems) -> dict[Address, Doc]:
    """The documents by address; one whose address another has already is a problem."""
    first: dict[Address, Doc] = {}
    for doc in docs:
        if doc.address is not None and first.setdefault(doc.address, doc) is not doc:
            other = first[doc.address].written.span(("metadata", "name"))
            detail = f"The other one is at {other}. Give one of them another name."
            span = doc.written.span(("metadata", "name"))
            problems.add("E404", f"{doc.address} is declared twice", detail, span, address=doc.address)
    return first


def check_moves(manifests: Sequence[Manifest], declared: Collection[Address], problems: Problems) -> None:
    """A rename needs its old address to be free, and to be wanted once; so does an adoption its object."""
    taken: dict[Address, Address] = {}
    adopted: dict[str, Address] = {}
    for manifest in manifests:
        moved, adopt = manifest.lifecycle.moved_from, manifest.lifecycle.adopt
        if moved is not None:
            span = manifest.at("lifecycle", "moved_from")
            if moved in declared:
                detail = f"{moved} still has a manifest. Remove that manifest, or this line."
                problems.add("E406", f"{moved} cannot be moved", detail, span, address=manifest.address)
            elif taken.setdefault(moved, manifest.address) != manifest.address:
                detail = f"Also by {taken[moved]}. Remove one of them."
                problems.add("E406", f"{moved} is moved twice", detail, span, address=manifest.address)
        if adopt is not None and adopted.setdefault(adopt, manifest.address) != manifest.address:
            detail = f"Also by {adopted[adopt]}. Remove one of them."
            span = manifest.at("lifecycle", "adopt")
            problems.add("E407", f"{adopt} is adopted twice", detail, span, address=manifest.address)
