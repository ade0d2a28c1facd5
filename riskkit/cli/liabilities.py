"""`riskkit liabilities build|prove|verify`: what a venue owes, checked account by account."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from riskkit.cli.extras import need
from riskkit.cli.terminal import print_path
from riskkit.errors import InputError

liabilities = typer.Typer(
    name="liabilities",
    help=(
        "A tree of sums over accounts: each member checks that its balance is in the total.\n\n"
        "Example:\n\n"
        "    riskkit liabilities build accounts.csv --reserves 250000000 --day 2024-12-31 "
        '--context "venue 7" --out owed\n\n'
        "    riskkit liabilities prove accounts.csv --in owed --account 12 --out members\n\n"
        "    riskkit liabilities verify members/member-0.json --public owed/liabilities.json"
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

AccountsArgument = Annotated[
    Path, typer.Argument(help="CSV: account, balance in whole units, at least 0.")
]


@liabilities.command()
def build(
    accounts: AccountsArgument,
    reserves: Annotated[int, typer.Option(min=0, help="What is held, in the same units.")],
    day: Annotated[str, typer.Option(help="The day of the balances, YYYY-MM-DD.")],
    context: Annotated[str, typer.Option(help="Whose liabilities these are, in which unit.")],
    out: Annotated[Path, typer.Option(help="Folder of liabilities.json and key.json.")],
) -> None:
    """Sum all balances in a tree and publish its root beside the reserves.

    OUT/liabilities.json is public: root, total, reserves, and no account. OUT/key.json is secret.
    Ends with exit code 1 if more is owed than held; the files say so too.

    Example:

        riskkit liabilities build accounts.csv --reserves 250000000 --day 2024-12-31
        --context "venue 7, cents" --out owed
    """
    need("proofs", "liabilities", "coincurve")
    from riskkit.cli.dates import parse_day
    from riskkit.zero_knowledge.files import check_absent, write_part
    from riskkit.zero_knowledge.liabilities import draw_key
    from riskkit.zero_knowledge.liability_files import (
        LiabilitiesFile,
        LiabilitiesKey,
        read_accounts,
        tree_of,
    )
    from riskkit.zero_knowledge.margin import check_context

    date = parse_day("day", day)
    assert date is not None  # None only for None
    check_context(context)
    check_absent(out / "key.json")
    key = LiabilitiesKey(schema_version=1, key=draw_key().hex())
    tree = tree_of(read_accounts(accounts), key, date, context)
    file = LiabilitiesFile.of(tree, reserves, date, context)
    write_part(out / "key.json", key, secret=True)
    write_part(out / "liabilities.json", file)
    console = Console(soft_wrap=True)
    console.print(f"total {int(file.total):,}, reserves {reserves:,}")
    print_path(console, "secret:", out / "key.json")
    print_path(console, "public:", out / "liabilities.json")
    if not file.covered:
        console.print("[bold red]more is owed than held[/]")
        raise typer.Exit(1)


@liabilities.command()
def prove(
    accounts: AccountsArgument,
    folder: Annotated[Path, typer.Option("--in", help="Folder that liabilities build wrote.")],
    out: Annotated[Path, typer.Option(help="Folder of the members' files.")],
    account: Annotated[
        list[str] | None, typer.Option(help="An account; may be given several times.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="A file for every account.")] = False,
) -> None:
    """Write what members need to find their balance in the total: a file for each, and private.

    Files are called after the places of accounts in the tree, which tell nothing about them.

    Example:

        riskkit liabilities prove accounts.csv --in owed --account 12 --out members

        riskkit liabilities prove accounts.csv --in owed --all --out members
    """
    if bool(account) == everyone:
        rule = "give accounts, or --all"
        raise InputError("--account", account or "nothing", rule, "For example --account 12")
    need("proofs", "liabilities", "coincurve")
    from riskkit.zero_knowledge.files import check_absent, read_part, write_part
    from riskkit.zero_knowledge.liability_files import (
        LiabilitiesFile,
        LiabilitiesKey,
        MemberFile,
        read_accounts,
        tree_of,
    )

    public = read_part(folder / "liabilities.json", LiabilitiesFile, "liabilities")
    key = read_part(folder / "key.json", LiabilitiesKey, "key")
    tree = tree_of(read_accounts(accounts), key, public.day, public.context)
    if tree.root != public.root:
        rule = "must be the accounts and balances behind the public file"
        raise InputError("accounts", str(accounts), rule, "Build again, or undo the change")
    wanted = list(tree.places) if everyone else list(account or ())
    members = [MemberFile.of(tree, key.secret(), name) for name in wanted]
    places = [out / f"member-{member.place}.json" for member in members]
    for place in places:
        check_absent(place)
    for place, member in zip(places, members, strict=True):
        write_part(place, member, secret=True)
    console = Console(soft_wrap=True)
    for place in places[:10]:
        print_path(console, "written:", place)
    if len(places) > 10:
        console.print(f"and {len(places) - 10:,} more")


@liabilities.command()
def verify(
    member: Annotated[Path, typer.Argument(help="The member's own file.")],
    public: Annotated[Path, typer.Option(help="The public liabilities.json.")],
) -> None:
    """Check that a member's balance is in the total, and the total within the reserves stated.

    Ends with exit code 0, or 1 if one of them fails. Compare the public file with the one that
    other members were given: it must be the same.

    Example:

        riskkit liabilities verify member-0.json --public liabilities.json
    """
    need("proofs", "liabilities", "coincurve")
    from riskkit.zero_knowledge.files import read_part
    from riskkit.zero_knowledge.liability_files import LiabilitiesFile, MemberFile

    file = read_part(public, LiabilitiesFile, "liabilities")
    own = read_part(member, MemberFile, "member")
    console = Console(soft_wrap=True)
    included = own.included(file)
    total, reserves = int(file.total), int(file.reserves)
    if included:
        console.print(f"the balance is in the total of {total:,} on {file.day}")
    else:
        console.print("[bold red]the balance is not in the total[/]")
    if file.covered:
        console.print(f"the reserves stated, {reserves:,}, cover the total")
    else:
        console.print(f"[bold red]the reserves stated, {reserves:,}, do not cover the total[/]")
    if not (included and file.covered):
        raise typer.Exit(1)
