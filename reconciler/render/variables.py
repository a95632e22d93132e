"""Ids by address as assignments: for a shell, and for the file that GITHUB_OUTPUT names."""

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.render import escape


def render_env(outputs: Mapping[str, Mapping[str, Any]]) -> str:
    """`RECONCILER_ASSISTANT_CUSTOMER_SUPPORT_ID=skill_1`, one to a line."""
    return "".join(f"{name}={value}\n" for name, value in _variables(outputs))


def render_github(outputs: Mapping[str, Mapping[str, Any]]) -> str:
    """The same with names in lower case, as outputs of a job are written."""
    return "".join(f"{name.lower()}={value}\n" for name, value in _variables(outputs))


def _variables(outputs: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for address, item in outputs.items():
        for suffix in ("ID", "VERSION"):
            if item[suffix.lower()] is not None:
                yield _name(address, suffix), escape.line(str(item[suffix.lower()]))


def _name(address: str, suffix: str) -> str:
    """`Assistant/customer-support` → `RECONCILER_ASSISTANT_CUSTOMER_SUPPORT_ID`."""
    kind, name = address.split("/", 1)
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in kind).strip("_")
    return f"RECONCILER_{words}_{name}_{suffix}".upper().replace("-", "_")
