"""`python -m tests.benchmarks`: whole commands, stages, growth and a large upload, as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks import commands, growth, stages, uploads
from tests.benchmarks.measure import Result, measure


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="how often each command is run (default: 11)")
    parser.add_argument("--documents", type=int, default=10_000, help="documents of the large store (default: 10000)")
    parser.add_argument("--manifests", type=int, default=1_000, help="manifests of the large tree (default: 1000)")
    parser.add_argument(
        "--assistants", type=int, default=1_000, help="assistants of a stack (default: 1000), and 4 times"
    )
    parser.add_argument("--megabytes", type=int, default=200, help="MiB of the large upload (default: 200)")
    parser.add_argument("--only", choices=("commands", "stages", "growth", "uploads"), help="measure one part")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="reconciler-bench-") as directory:
        results = list(_results(Path(directory), options))
    write = _table if options.format == "table" else _json
    sys.stdout.write(write(results))


def _results(workplace: Path, options: argparse.Namespace) -> Iterator[Result]:
    if options.only in {None, "commands"}:
        (workplace / "stack").mkdir()
        for case in commands.cases(workplace / "stack"):
            yield measure(case, options.runs)
    if options.only in {None, "stages"}:
        for case in stages.cases(workplace, documents=options.documents, manifests=options.manifests):
            yield measure(case, max(3, options.runs // 2))
    if options.only in {None, "growth"}:
        for case in growth.cases(workplace, assistants=options.assistants):
            yield measure(case, max(3, options.runs // 2))
    if options.only in {None, "uploads"}:
        for case in uploads.cases(workplace, megabytes=options.megabytes):
            yield measure(case, max(3, options.runs // 2))


def _json(results: Sequence[Result]) -> str:
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    return json.dumps({**machine, "results": [result.to_json() for result in results]}, indent=2) + "\n"


def _table(results: Sequence[Result]) -> str:
    rows = [("", "median", "range", "against", "median", "ratio", "limit", "")]
    rows += [
        (
            result.name,
            f"{result.median * 1000:.0f} ms",
            f"{result.fastest * 1000:.0f} to {result.slowest * 1000:.0f}",
            result.against,
            f"{result.alternative * 1000:.0f} ms",
            f"{result.ratio:.2f}",
            result.bound,
            result.note,
        )
        for result in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
