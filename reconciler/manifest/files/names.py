"""What a document is called in the account: the name that citations show, and by whose extension OpenAI reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

RETRIEVAL = frozenset(
    "c cpp cs css doc docx go html java js json md pdf php pptx py rb sh tex ts txt".split()  # noqa: SIM905 - as documented
)
"""The extensions that retrieval reads (OPENAI.md 2.4); matched exactly, so `.PDF` is not among them."""

BINARY = frozenset(
    "doc docx xls xlsx ppt pptx odt ods pdf zip gz tar 7z png jpg jpeg gif webp mp3 mp4 wav parquet sqlite db".split()  # noqa: SIM905
)
"""Extensions whose bytes are no text: not searched for credentials, and of no use under the name of a text file."""

LONGEST = 256


def extension(name: str) -> str:
    """What stands after the last dot, as written; empty if there is none."""
    return name.rpartition(".")[2] if "." in name else ""


def default_names(files: Sequence[str], taken: Mapping[str, str]) -> dict[str, str]:
    """A name for each file: its base name, with as many parent folders in front as it takes to be the only one.

    `taken` are the names that were given explicitly. Files that stay equal keep the same name: the caller objects.
    """
    levels = dict.fromkeys(files, 0)
    while True:
        names = {file: _name(file, level) for file, level in levels.items()}
        counts = Counter([*names.values(), *taken])
        longer = [file for file in files if counts[names[file]] > 1 and levels[file] < file.count("/")]
        if not longer:
            return names
        for file in longer:
            levels[file] += 1


def _name(file: str, level: int) -> str:
    return "-".join(file.split("/")[-1 - level :])


def retrieval_problem(name: str, file: str) -> str | None:
    """Why retrieval would not read a file of this name, and what to do, or None."""
    kind = extension(name)
    if kind in RETRIEVAL:
        return None
    base = file.rpartition("/")[2]
    if kind.lower() in RETRIEVAL:
        lowered = name[: -len(kind)] + kind.lower()
        return f"Extensions count in lower case only. Rename the file, or give its entry `as: {lowered}`."
    if kind.lower() in BINARY:
        return f".{kind} files are not read by retrieval. Export the document as PDF, Markdown or text."
    named = f".{kind} files are" if kind else "A file without extension is"
    return f"{named} not read by retrieval. If it is text, give it an entry of its own with `as: {base}.txt`."
