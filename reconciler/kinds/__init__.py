"""The kinds: one file each, found by discovery. Adding a kind is adding a file here (see CONTRIBUTING.md)."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType

from reconciler.kinds.form import Form
from reconciler.kinds.kind import Kind

__all__ = ["FORMS", "KINDS", "Form", "Kind"]


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
