"""Margin proofs and liabilities: every verdict, and what they cost.

    python benchmarks/bench_proofs.py [--books N] [--cases N] [--write]

Processor seconds: 64 positions with bounds of 32 bits and 16 scenarios of 64 bits, the median of
five; `first` adds making the generators, once in a process. 1,000 random books (1 to 3
instruments, 2 to 4 scenarios) at, above and one unit below their limit; for each, one of
commitment, collateral, scenario, context, day and proof byte is changed in turn. 200 random cases
beside the slow implementation of the tests. A tree over 1,000,000 accounts. No research data is
read.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from benchmarks.report import write_section
from riskkit.errors import InputError
from riskkit.zero_knowledge.commitments import SecretBook
from riskkit.zero_knowledge.generators import generators
from riskkit.zero_knowledge.liabilities import build_tree, draw_key
from riskkit.zero_knowledge.margin import (
    Occasion,
    margin_claims,
    margin_transcript,
    prove_margin,
    verify_margin,
)
from riskkit.zero_knowledge.ranges import prove_unchecked
from riskkit.zero_knowledge.scenario_set import PublicScenarios
from tests.zero_knowledge.cases import (
    loss_of,
    occasion_of,
    opening_of,
    random_set,
    random_sizes,
    scenario_set,
)
from tests.zero_knowledge.test_ranges import compare

ACCOUNTS = 1_000_000
CHANGES = ("commitment", "collateral", "scenario", "context", "day", "byte")


def spent(work: Callable[[], object]) -> float:
    """Processor seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began


def large(draw: random.Random) -> tuple[PublicScenarios, SecretBook]:
    """64 positions and 16 scenarios, covered to the unit."""
    rows = [[draw.randint(-(2**23), 2**23) for _ in range(64)] for _ in range(15)]
    scenarios = scenario_set([*rows, [-g for g in rows[0]]], size_bits=32, slack_bits=64)
    sizes = random_sizes(draw, scenarios)
    return scenarios, opening_of(sizes, loss_of(scenarios, sizes))


def costs(draw: random.Random) -> dict[str, float]:
    """Of one large book."""
    scenarios, book = large(draw)
    occasion, points = occasion_of(scenarios), book.commitments()
    claims = margin_claims(scenarios)
    making = spent(lambda: generators(claims.size))
    proofs: list[bytes] = []

    def prove() -> None:
        proofs.append(prove_margin(scenarios, book, occasion))

    proving = [spent(prove) for _ in range(5)]
    verdicts: list[bool] = []
    verifying = [
        spent(lambda p=p: verdicts.append(verify_margin(scenarios, points, occasion, p)))
        for p in proofs
    ]
    assert all(verdicts)
    commitments = sum(map(len, points.encode()))
    return {
        "prove_cpu_s": round(statistics.median(proving), 3),
        "verify_cpu_s": round(statistics.median(verifying), 3),
        "prove_first_cpu_s": round(statistics.median(proving) + making, 3),
        "verify_first_cpu_s": round(statistics.median(verifying) + making, 3),
        "proof_bytes": len(proofs[0]) + commitments,
        "proof_alone_bytes": len(proofs[0]),
        "commitment_bytes": commitments,
    }


def rejected(
    scenarios: PublicScenarios, book: SecretBook, occasion: Occasion, proof: bytes
) -> bool:
    """Whether a proof is not accepted of a book."""
    return not verify_margin(scenarios, book.commitments(), occasion, proof)


def changed(
    what: str,
    draw: random.Random,
    scenarios: PublicScenarios,
    book: SecretBook,
    occasion: Occasion,
    proof: bytes,
) -> bool:
    """Whether a proof is rejected once one thing that it is bound to is another."""
    if what in ("commitment", "collateral"):
        at = len(book) - 1 if what == "collateral" else draw.randrange(len(book) - 1)
        values = tuple(v - (i == at) for i, v in enumerate(book.values))
        return rejected(scenarios, SecretBook(values, book.blindings), occasion, proof)
    if what == "scenario":
        gains = [list(row) for row in scenarios.gains]
        gains[draw.randrange(len(gains))][0] += 1
        other = scenario_set(gains)
        return rejected(other, book, occasion_of(other), proof)
    if what == "byte":
        bent = bytearray(proof)
        bent[draw.randrange(len(bent))] ^= 1 << draw.randrange(8)
        return rejected(scenarios, book, occasion, bytes(bent))
    days = {"context": {"context": "another"}, "day": {"day": occasion.day + timedelta(1)}}
    return rejected(scenarios, book, replace(occasion, **days[what]), proof)


def verdicts(draw: random.Random, books: int) -> Counter[tuple[str, bool]]:
    """Right and wrong ones, over random books."""
    seen: Counter[tuple[str, bool]] = Counter()
    for number in range(books):
        scenarios = random_set(draw, draw.randint(1, 3), draw.randint(2, 4))
        sizes, occasion = random_sizes(draw, scenarios), occasion_of(scenarios)
        least = loss_of(scenarios, sizes)
        for name, collateral in (("at", least), ("above", least + draw.randint(1, 1000))):
            book = opening_of(sizes, collateral)
            proof = prove_margin(scenarios, book, occasion)
            seen[f"{name} the limit", not rejected(scenarios, book, occasion, proof)] += 1
        what = CHANGES[number % len(CHANGES)]
        seen[what, changed(what, draw, scenarios, book, occasion, proof)] += 1
        poor = opening_of(sizes, least - 1)
        try:
            prove_margin(scenarios, poor, occasion)
            seen["below the limit", False] += 1
        except InputError:
            seen["below the limit", True] += 1
        said = margin_transcript(occasion, poor.commitments())
        false = prove_unchecked(said, margin_claims(scenarios), poor.values, poor.blindings)
        seen["the lie", rejected(scenarios, poor, occasion, false.to_bytes())] += 1
    return seen


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--books", type=int, default=1_000)
    parser.add_argument("--cases", type=int, default=200)
    wanted = parser.parse_args()
    draw = random.Random(26)
    found: dict[str, float] = costs(draw)
    accounts = [(f"account {i}", draw.randrange(10**12)) for i in range(ACCOUNTS)]
    found["tree_1e6_accounts_s"] = round(
        spent(lambda: build_tree(draw_key(), accounts, b"bench")), 2
    )
    seen = verdicts(draw, wanted.books)
    wrong = sum(n for (_, right), n in seen.items() if not right)
    agreed = 0
    for _ in range(wanted.cases):
        compare(draw)  # raises where they do not
        agreed += 1
    found |= {
        "books": wanted.books,
        "verdicts_right": sum(seen.values()) - wrong,
        "verdicts_wrong": wrong,
    }
    found["slow_agrees"] = agreed
    line = json.dumps(found)
    print(line)
    if wanted.write:
        rows = "\n".join(
            f"| {name} | {seen[name, True]:,} | {seen[name, False]} |"
            for name in dict.fromkeys(name for name, _ in seen)
        )
        body = f"{__doc__.split('[--write]')[1].strip()}\n\n"
        body += f"| verdict | right | wrong |\n|---|---|---|\n{rows}\n\n```text\n{line}\n```"
        write_section("proofs", "Margin proofs", body)


if __name__ == "__main__":
    main()
