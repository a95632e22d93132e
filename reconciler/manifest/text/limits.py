"""How much a manifest tree may cost to read: every number that a hostile tree could otherwise choose.

They are checked while reading, before anything of that size is built.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one manifest file (down to `problems`) and of the tree (the others).

    `nodes` and `characters` count after alias expansion: an alias costs what it stands for. `entries` bounds how many
    directory entries one walk may visit, `visits` how many all walks together, `levels` how deep directories may nest,
    `links` how many symbolic links one path may go through. `included` bounds the bytes of one included file, `filled`
    the characters that variables and included files add to the whole tree.
    """

    bytes: int = 1_000_000
    depth: int = 32
    nodes: int = 200_000
    characters: int = 8_000_000
    documents: int = 1_000
    problems: int = 50
    all_bytes: int = 32_000_000
    entries: int = 1_000_000
    visits: int = 5_000_000
    levels: int = 64
    links: int = 40
    included: int = 4_000_000
    filled: int = 64_000_000
