"""`python -m tests.processes [--every N] [--from K]`: a death at every N-th place of the first apply of the example stack."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.processes.kill import Kill, Position, fault_free, survive


def main() -> int:
    """Exit 0 if every death was survived."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="try one place in N")
    parser.add_argument("--first", type=int, default=0, metavar="K", help="start with the K-th place")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="so many at once")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="reconciler-kill-") as temporary:
        directory = Path(temporary)
        methods, expected = fault_free(directory / "fault-free")
        places = [Kill(number, position) for number in range(1, len(methods) + 1) for position in Position]
        chosen = places[options.first :: options.every]
        print(f"{len(methods)} requests, {len(places)} places, {len(chosen)} of them tried", flush=True)  # noqa: T201

        def attempt(kill: Kill) -> list[str]:
            return survive(directory / f"{kill.request}-{kill.position.value}", kill, expected)

        with ThreadPoolExecutor(options.workers) as pool:
            results = dict(zip(chosen, pool.map(attempt, chosen), strict=True))
    for kill, wrong in results.items():
        for line in wrong:
            print(f"{kill}: {line[:600]}")  # noqa: T201
    failed = sum(bool(wrong) for wrong in results.values())
    print(f"{len(results)} deaths, {failed} not survived, {time.monotonic() - began:.0f} s")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
