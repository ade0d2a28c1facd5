"""The files of a tree of liabilities: one for everyone, one for each member, one for nobody."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from riskkit.errors import InputError
from riskkit.parameters.jcs import canonical_bytes
from riskkit.parameters.sections import Part, Sha256
from riskkit.reading import read_table
from riskkit.zero_knowledge.liabilities import (
    MOST_BALANCE,
    Node,
    SumTree,
    build_tree,
    leaf_of,
    root_from,
    salt_of,
)

MAX_CHARACTERS = 500_000_000

Total = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,38})$")]


class LiabilitiesFile(Part):
    """Public: what a venue says that it owes in all, on a day, and what it says that it holds."""

    schema_version: Literal[1]
    day: date
    context: Annotated[str, Field(min_length=1, max_length=400)]
    root_sha256: Sha256
    total: Total
    reserves: Total
    depth: Annotated[int, Field(ge=0, le=24)]

    @classmethod
    def of(cls, tree: SumTree, reserves: int, day: date, context: str) -> LiabilitiesFile:
        """The public end of a tree."""
        digest, total = tree.root
        return cls(
            schema_version=1,
            day=day,
            context=context,
            root_sha256=digest.hex(),
            total=str(total),
            reserves=str(reserves),
            depth=len(tree.levels) - 1,
        )

    @property
    def root(self) -> Node:
        """Hash and total."""
        return bytes.fromhex(self.root_sha256), int(self.total)

    @property
    def covered(self) -> bool:
        """Whether the reserves stated are at least the total."""
        return int(self.total) <= int(self.reserves)


class LiabilitiesKey(Part):
    """Secret: what the salts of all accounts are made from."""

    schema_version: Literal[1]
    key: Sha256 = Field(repr=False)

    def secret(self) -> bytes:
        """The key as bytes."""
        return bytes.fromhex(self.key)


class Sibling(Part):
    """A neighbour on the way up: its hash, and the sum of what is below it."""

    sha256: Sha256
    sum: Total


class MemberFile(Part):
    """For one member alone: its balance, the salt of its leaf, and the way up to the root."""

    schema_version: Literal[1]
    account: Annotated[str, Field(min_length=1, max_length=400)] = Field(repr=False)
    balance: Total = Field(repr=False)
    salt: Sha256 = Field(repr=False)
    place: Annotated[int, Field(ge=0, lt=1 << 24)]
    path: Annotated[tuple[Sibling, ...], Field(max_length=24)]

    @classmethod
    def of(cls, tree: SumTree, key: bytes, account: str) -> MemberFile:
        """What an account's holder needs.

        Raises
        ------
        InputError
            If there is no such account.
        """
        path = tree.path(account)
        place = tree.places[account]
        return cls(
            schema_version=1,
            account=account,
            balance=str(tree.levels[0][1][place]),
            salt=salt_of(key, account).hex(),
            place=place,
            path=tuple(Sibling(sha256=digest.hex(), sum=str(total)) for digest, total in path),
        )

    def included(self, liabilities: LiabilitiesFile) -> bool:
        """Whether this account with this balance is in the total of a public file."""
        if len(self.path) != liabilities.depth or int(self.balance) >= MOST_BALANCE:
            return False
        message = leaf_message(liabilities.day, liabilities.context)
        leaf = leaf_of(bytes.fromhex(self.salt), self.account, int(self.balance), message)
        path = [(bytes.fromhex(s.sha256), int(s.sum)) for s in self.path]
        return root_from(leaf, path, self.place) == liabilities.root


def leaf_message(day: date, context: str) -> bytes:
    """What leaves are bound to."""
    return canonical_bytes({"context": context, "day": day.isoformat()})


def tree_of(
    accounts: list[tuple[str, int]], key: LiabilitiesKey, day: date, context: str
) -> SumTree:
    """The tree over accounts on a day.

    Raises
    ------
    InputError
    """
    return build_tree(key.secret(), accounts, leaf_message(day, context))


def read_accounts(path: str | Path) -> list[tuple[str, int]]:
    """Accounts and balances from a CSV with the columns ``account`` and ``balance``.

    Balances are whole numbers of the smallest unit. No account or balance is shown in an error.

    Raises
    ------
    InputError
        Naming the line.
    """
    rows = read_table(path, "accounts", most=MAX_CHARACTERS)
    if [cell.strip() for cell in (rows[0][1] if rows else [])] != ["account", "balance"]:
        raise InputError(
            "accounts", str(path), "must begin with the line account,balance", "Add it"
        )
    found = []
    for line, row in rows[1:]:
        if len(row) != 2 or not row[1].strip().isascii() or not row[1].strip().isdigit():
            rule = "must hold an account and a whole number, at least 0"
            raise InputError(f"accounts, line {line}", "(not shown)", rule, "Use the smallest unit")
        if len(row[1]) > 40 or not 1 <= len(row[0].strip()) <= 400:
            rule = "must hold a name of 1 to 400 characters and a balance of at most 29 digits"
            raise InputError(f"accounts, line {line}", "(not shown)", rule, "Check it")
        found.append((row[0].strip(), int(row[1])))
    return found
