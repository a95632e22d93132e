"""The kinds: one file each, found by discovery. Adding a kind is adding a file here (see CONTRIBUTING.md)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from reconciler.kinds.form import Form
from reconciler.kinds.kind import DocumentKind, Kind

__all__ = ["FORMS", "KINDS", "Form", "Kind", "compiled_into", "documents_of"]


def _discover() -> tuple[dict[str, Kind], dict[str, Form]]:
    kinds: dict[str, Kind] = {}
    forms: dict[str, Form] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for value in vars(importlib.import_module(f"{__name__}.{module}")).values():
            if isinstance(value, Kind):
                kinds[value.name] = value
            elif isinstance(value, Form):
                forms[value.name] = value
    return dict(sorted(kinds.items())), dict(sorted(forms.items()))


_kinds, _forms = _discover()

KINDS: Mapping[str, Kind] = MappingProxyType(_kinds)
"""Every resource kind by name."""

FORMS: Mapping[str, Form] = MappingProxyType(_forms)
"""Every manifest kind by name, but the Stack, which is the tree's own."""


def compiled_into(address: str) -> str:
    """Whose part the manifest of an address becomes, in the plural; empty for what stands for itself, and for an id."""
    form = FORMS.get(address.partition("/")[0])
    return form.compiled_into() if form else ""


def documents_of(form: str) -> DocumentKind | None:
    """The kind of the files that belong to the objects of a manifest kind; None where there are none."""
    return next((kind.documents for kind in KINDS.values() if kind.form == form and kind.documents), None)
