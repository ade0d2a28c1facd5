"""`riskkit commit`, `prove-margin`, `verify-margin`: a book that is covered and not shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from riskkit.cli.extras import need
from riskkit.cli.terminal import print_path
from riskkit.errors import InputError

if TYPE_CHECKING:
    from riskkit.zero_knowledge.margin import Occasion
    from riskkit.zero_knowledge.scenario_set import PublicScenarios

ScenariosOption = Annotated[Path, typer.Option(help="The scenario set, of riskkit scenarios.")]
ParametersOption = Annotated[Path, typer.Option(help="The parameter file that names the set.")]
DayOption = Annotated[str, typer.Option(help="The day that the proof is for, YYYY-MM-DD.")]
ContextOption = Annotated[
    str, typer.Option(help="What it is for, as the asker says: a name, an account, a new number.")
]


def commit(
    positions: Annotated[
        Path,
        typer.Argument(help="CSV: instrument, size in whole lots; a row 'collateral' in units."),
    ],
    scenarios: ScenariosOption,
    out: Annotated[Path, typer.Option(help="Folder of openings.json and commitments.json.")],
    previous: Annotated[
        Path | None,
        typer.Option(help="openings.json of before: the positions are then fills added to it."),
    ] = None,
) -> None:
    """Commit to a book without showing it, or to the fills that change it.

    Writes OUT/openings.json, which is secret (its owner alone can read it; without it no proof can
    be made), and OUT/commitments.json, which is public. Fills are committed to as well: the old
    commitments plus those of the change are the new ones, which verify-margin --previous checks.

    Example:

        riskkit commit positions.csv --scenarios scenarios.json --out book

        riskkit commit fills.csv --scenarios scenarios.json --previous book/openings.json
        --out book-2
    """
    need("proofs", "commit", "coincurve")
    from riskkit.zero_knowledge.commitments import SecretBook
    from riskkit.zero_knowledge.files import (
        CommitmentsFile,
        OpeningsFile,
        check_absent,
        read_book,
        read_part,
        read_scenarios,
        write_part,
    )
    from riskkit.zero_knowledge.margin import check_sizes

    check_absent(out / "openings.json")
    public = read_scenarios(scenarios)
    before = None
    if previous is not None:
        before = read_part(previous, OpeningsFile, "openings").opening(public)
    book = SecretBook.of(read_book(positions, public, change=previous is not None))
    if before is None:
        after = book
        file = CommitmentsFile.of(public, book.commitments())
    else:
        after = before.plus(book)
        file = CommitmentsFile.of(public, before.commitments())
        known = previous.parent / "commitments.json" if previous is not None else None
        if known is not None and known.is_file():  # it may itself be the sum of others
            file = read_part(known, CommitmentsFile, "commitments")
            if file.points().encode() != before.commitments().encode():
                rule = "must be the commitments that the openings beside them open"
                raise InputError("commitments", str(known), rule, "Keep both files of one commit")
        file = file.after(book.commitments())
    check_sizes(public, after)
    write_part(out / "openings.json", OpeningsFile.of(public, after), secret=True)
    write_part(out / "commitments.json", file)
    console = Console(soft_wrap=True)
    console.print(f"committed to {len(public.instruments)} instruments and the collateral")
    console.print(
        f"read as: sizes in lots, collateral in 1/{public.units_per_quote:,} of the quote"
    )
    print_path(console, "secret:", out / "openings.json")
    print_path(console, "public:", out / "commitments.json")


def prove_margin(
    openings: Annotated[Path, typer.Argument(help="The secret openings.json of riskkit commit.")],
    scenarios: ScenariosOption,
    parameters: ParametersOption,
    day: DayOption,
    context: ContextOption,
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("margin-proof.json"),
) -> None:
    """Prove that the committed book is covered in every scenario, and show nothing else of it.

    A book that is not covered ends in an error, and nothing is written. The code has had no
    external review.

    Example:

        riskkit prove-margin book/openings.json --scenarios scenarios.json
        --parameters parameters.json --day 2024-12-31 --context "venue 7, account 12, 9f3c"
    """
    need("proofs", "prove-margin", "coincurve")
    from riskkit.zero_knowledge.files import (
        MarginProofFile,
        OpeningsFile,
        read_part,
        read_scenarios,
        write_part,
    )
    from riskkit.zero_knowledge.margin import prove_margin as prove

    public = read_scenarios(scenarios)
    occasion = _occasion(public, parameters, day, context)
    opening = read_part(openings, OpeningsFile, "openings").opening(public)
    proof = prove(public, opening, occasion)
    write_part(out, MarginProofFile.of(occasion, proof))
    console = Console(soft_wrap=True)
    console.print(
        f"proved under {len(public.scenarios)} scenarios; the proof holds {len(proof):,} bytes"
    )
    print_path(console, "written:", out)


def verify_margin(
    proof: Annotated[Path, typer.Argument(help="The proof, of riskkit prove-margin.")],
    commitments: Annotated[Path, typer.Option(help="The public commitments.json of the book.")],
    scenarios: ScenariosOption,
    parameters: ParametersOption,
    day: DayOption,
    context: ContextOption,
    previous: Annotated[
        Path | None,
        typer.Option(help="commitments.json of before: check that fills lead from it to this."),
    ] = None,
) -> None:
    """Check a margin proof against what the verifier expects it to be for.

    Ends with exit code 0 and "holds", or with 1 and "does not hold"; files that do not belong
    together end with 2. The code has had no external review.

    Example:

        riskkit verify-margin margin-proof.json --commitments commitments.json
        --scenarios scenarios.json --parameters parameters.json --day 2024-12-31
        --context "venue 7, account 12, 9f3c"
    """
    need("proofs", "verify-margin", "coincurve")
    from riskkit.zero_knowledge.files import (
        CommitmentsFile,
        MarginProofFile,
        check_set,
        read_part,
        read_scenarios,
    )
    from riskkit.zero_knowledge.margin import verify_margin as verify

    public = read_scenarios(scenarios)
    expected = _occasion(public, parameters, day, context)
    file = read_part(proof, MarginProofFile, "proof")
    book = read_part(commitments, CommitmentsFile, "commitments")
    check_set(public, book.scenarios_sha256, "commitments")
    for name, stated in vars(file.occasion).items():
        asked = getattr(expected, name)
        if stated != asked:
            rule = f"must be for what is asked: {name.replace('_', ' ')} {asked}"
            raise InputError("proof", str(stated), rule, "Ask for a proof for this occasion")
    if previous is not None and not book.follows(read_part(previous, CommitmentsFile, "previous")):
        rule = "must be those of before plus their stated change"
        raise InputError("commitments", str(commitments), rule, "Ask for both files of one fill")
    holds = verify(public, book.points(), expected, file.proof_bytes())
    console = Console(soft_wrap=True)
    if not holds:
        console.print("the proof [bold red]does not hold[/]")
        raise typer.Exit(1)
    count, bits = len(public.scenarios), public.size_bits - 1
    console.print(
        f"the proof holds: the committed book is covered in all {count} scenarios, "
        f"and no size exceeds 2^{bits} lots"
    )
    console.print(
        f"all of them cover {public.all_cover_probability:.2%} of the simulated paths; prices, and "
        "that the collateral is there, are not proved"
    )


def _occasion(public: PublicScenarios, parameters: Path, day: str, context: str) -> Occasion:
    from riskkit.cli.dates import parse_day
    from riskkit.parameters.file import read_parameter_file
    from riskkit.zero_knowledge.margin import Occasion, check_occasion

    header = read_parameter_file(parameters).header
    if header.scenarios_sha256 != public.digest_sha256:
        rule = f"must name the scenario set given, {public.digest_sha256}"
        got = header.scenarios_sha256 or "no scenario set"
        remedy = "Give the file that riskkit scenarios wrote, with its set"
        raise InputError("parameters", got, rule, remedy)
    date = parse_day("day", day)
    assert date is not None  # None only for None
    found = Occasion(public.digest_sha256, header.digest.content_sha256, date, context)
    check_occasion(public, found)
    return found
