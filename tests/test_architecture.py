"""The page about the architecture names every folder and floor, and its words are those that people read."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "reconciler"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PICTURE = PAGE.split("```")[1]
WORDS = re.findall(r"^\| \*\*(.+?)\*\* \| .", PAGE, flags=re.MULTILINE)
RIDDLES = ("calm", "beat", "undoubted", "withdrawn", "twin", "keeper", "mender", "walker", "tombstone", "fingerprint")
"""Words of the code, or of other tools, for what has a word in the glossary or needs none."""


def _folders(place: Path) -> list[Path]:
    return sorted(folder.parent for folder in place.glob("*/__init__.py"))


def _messages() -> Iterator[str]:
    """Every text in the code that a person may read: all constants of more than one word that are no docstrings."""
    for source in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(source.read_text(encoding="utf-8"))
        statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
                yield node.value


def _read_by_people() -> str:
    """Messages, the help of every command (which the reference is made from), and the other pages."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "reference").glob("*.md")]
    texts = [
        page.read_text(encoding="utf-8") for page in pages if page.name not in {"architecture.md", "simulation.md"}
    ]
    return "\n".join([*texts, *(text for text in _messages() if " " in text)]).lower()


def test_the_picture_names_every_folder() -> None:
    assert [folder.name for folder in _folders(PACKAGE) if f"{folder.name}/" not in PICTURE] == []


def test_the_page_has_one_picture() -> None:
    assert PAGE.count("```") == 2


def test_the_table_says_what_every_folder_and_every_folder_in_it_is_for() -> None:
    rows = dict(re.findall(r"^\| `reconciler/(\w+)/` \| (.*) \|$", PAGE, flags=re.MULTILINE))
    assert sorted(rows) == [folder.name for folder in _folders(PACKAGE)]
    for folder in _folders(PACKAGE):
        assert [inner.name for inner in _folders(folder) if f"`{inner.name}/`" not in rows[folder.name]] == []


def test_the_floors_of_the_picture_are_those_that_are_enforced() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (contract for contract in settings["contracts"] if contract.get("containers") == ["reconciler"])
    drawn = re.findall(r"(\w+)/", PICTURE[PICTURE.index("The floors") :])
    assert drawn == [floor for layer in contract["layers"] for floor in layer.split(" | ")]


def test_the_words_of_the_glossary_are_those_that_people_read() -> None:
    read = _read_by_people()
    assert [word for word in WORDS if not re.search(rf"\b{word}", read)] == []


def test_people_read_no_riddles() -> None:
    riddle = re.compile(rf"\b({'|'.join(RIDDLES)})\b(?!=)")
    assert [line for line in _read_by_people().splitlines() if riddle.search(line)] == []


def test_the_glossary_is_in_order_and_has_the_words_that_need_one() -> None:
    assert sorted(WORDS) == WORDS
    assert {"address", "anchor", "digest", "hold", "in doubt", "lease", "lineage", "orphan", "settle window"} <= {
        *WORDS
    }


def test_the_same_pythons_are_promised_looked_for_and_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [line.rpartition(" ")[2] for line in project["classifiers"] if "Python :: 3." in line]
    looked_for = re.search(
        r"^for version in (.*); do$", (ROOT / ".ci/pythons").read_text(encoding="utf-8"), re.MULTILINE
    )
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    first = jobs["everything"]["steps"][1]["with"]["python-version"]
    assert looked_for
    assert promised == looked_for[1].split() == [first, *jobs["pythons"]["strategy"]["matrix"]["python"]]
    assert project["requires-python"] == f">={promised[0]}"
