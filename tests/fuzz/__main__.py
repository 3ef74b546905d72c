"""`python -m tests.fuzz`: goes round all borders until the time is up; what it finds is kept in the corpus."""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import settings

from tests.fuzz.borders import BORDERS
from tests.fuzz.explore import Finding, explore

EXAMPLES = 300
"""How many inputs one border gets before it is the next one's turn."""


def main() -> int:
    """The command; exit code 1 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long to look")
    parser.add_argument("--border", choices=[border.name for border in BORDERS], help="look at this one alone")
    arguments = parser.parse_args()
    borders = [border for border in BORDERS if arguments.border in (None, border.name)]
    until_s = time.monotonic() + arguments.seconds
    rounds, findings = 0, 0
    while time.monotonic() < until_s:
        for border in borders:
            try:
                explore(border, settings(max_examples=EXAMPLES))
            except Finding as finding:
                findings += 1
                print(f"{finding}\n  kept as {finding.keep()}", flush=True)
        rounds += 1
    print(f"{rounds} rounds of {EXAMPLES} inputs for each of {len(borders)} borders, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
