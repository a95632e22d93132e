"""Small trees to apply: one of everything that a stack can hold, as text, and the edits that the tests make to them."""

from __future__ import annotations

from pathlib import Path

from reconciler.emulator import Profile

DOCUMENTS = {
    "docs/returns.md": "Returns are accepted within thirty days of delivery.\n",
    "docs/shipping.md": "Parcels leave on working days before noon.\n",
    "docs/warranty.md": "Every station carries a warranty of two years.\n",
}

_SHARED = {
    "reconciler.yaml": """\
apiVersion: reconciler/v1
kind: Stack
metadata: {name: small}
spec: {defaults: {model: gpt-6.1-terra}}
""",
    "store.yaml": """\
apiVersion: reconciler/v1
kind: VectorStore
metadata: {name: handbook}
spec:
  display_name: Handbook
  expires_after: {anchor: last_active_at, days: 7}
  files:
    - glob: "docs/*.md"
""",
    "prompt.md": "You answer customers politely and from the handbook alone.\n",
    "prices.csv": "item,price\nstation,249\n",
    **DOCUMENTS,
}

_HELPER = """\
apiVersion: reconciler/v1
kind: Assistant
metadata: {{name: helper, labels: {{team: support}}}}
spec:
  runtime: {runtime}
  display_name: Helper
  instructions: {{file: prompt.md}}
  temperature: 0.2
  tools:
    - {{type: file_search, vector_stores: [handbook]}}
    - {{type: code_interpreter, files: [prices.csv]}}
"""

_WRITER = """\
apiVersion: reconciler/v1
kind: Assistant
metadata: {name: writer}
spec:
  runtime: agents
  display_name: Writer
  instructions: You write release notes.
"""

RUNTIME = {Profile.OPENAI: "responses", Profile.COMPATIBLE: "assistants"}
"""What realises the helper in each kind of account."""


def write_tree(root: Path, profile: Profile) -> Path:
    """A store with three documents, a helper that searches it and computes with a file, and a saved agent."""
    helper = _HELPER.format(runtime=RUNTIME[profile])
    for name, text in {**_SHARED, "helper.yaml": helper, "writer.yaml": _WRITER}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def edit(root: Path) -> None:
    """One changed document, and one changed word of a prompt."""
    _replace(root / "docs/returns.md", "thirty", "sixty")
    _replace(root / "prompt.md", "politely", "briefly")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{path}: {old!r} stands there {text.count(old)} times")
    path.write_text(text.replace(old, new), encoding="utf-8")
