"""Venue formats under load: 10,000 random exports each, and the slowest hostile file for readers.

Run from the project's root: ``python -m benchmarks.venue_formats [examples]``. Fails when an export
breaks a law, or a reader takes more than 1 s of processor time or 200 MB.
"""

from __future__ import annotations

import sys
import time
import tracemalloc

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from tests.parameters.test_venue_laws import HOSTILE, check_export
from tests.parameters.venue_cases import CASES, Case


def run_exports(case: Case, examples: int) -> float:
    """Processor seconds for so many random exports, each put through every law."""

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def laws(data: st.DataObject) -> None:
        check_export(case, data)

    start = time.process_time()
    laws()
    return time.process_time() - start


def worst_file(case: Case) -> tuple[float, float, str]:
    """Processor seconds and megabytes of the slowest hostile file, and its name."""
    found = []
    for name, text in HOSTILE.items():
        start = time.process_time()
        refused = is_refused(case, text)
        seconds = time.process_time() - start
        tracemalloc.start()
        refused = refused and is_refused(case, text)
        megabytes = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        assert refused, f"{case.format.name} reads {name}"
        found.append((seconds, megabytes, name))
    assert max(megabytes for _, megabytes, _ in found) < 200
    return max(found)


def is_refused(case: Case, text: str) -> bool:
    """Whether the reader refuses a text in words."""
    try:
        case.format.read(text)
    except InputError:
        return True
    return False


def main(examples: int) -> None:
    """Print one row per format."""
    print(f"{'format':18}{examples:>8,} exports   slowest hostile file")
    for case in CASES:
        seconds, megabytes, name = worst_file(case)
        took = run_exports(case, examples)
        print(
            f"{case.format.name:18}{took:>10.1f} s     {seconds:.3f} s, {megabytes:.0f} MB: {name}"
        )
        assert seconds < 1.0


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
