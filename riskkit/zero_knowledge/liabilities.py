"""What a venue owes, as a tree of sums: each member can check that its balance is in the total.

A leaf hashes an account's name, its balance and a secret salt; a node hashes both its children with
both their sums. (Hashing the sum of both alone, as first proposed, lets a venue state less than it
owes.) Leaves stand in the order of their hashes, which is as good as drawn by lot, and empty ones
fill the tree up to a power of two, so that a path gives away no place and no exact count.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from riskkit.errors import InputError

HASH_BYTES = 32
SUM_BYTES = 16
#: Of one balance; sums of 2^24 of them still fit.
MOST_BALANCE = 2**96
MOST_ACCOUNTS = 1 << 24
_LEAF, _NODE = b"\x00riskkit liabilities 1", b"\x01riskkit liabilities 1"

Node = tuple[bytes, int]
#: What a path leads to that is none.
NO_ROOT: Node = (b"", -1)


@dataclass(frozen=True)
class SumTree:
    """A Merkle-sum tree over accounts.

    Attributes
    ----------
    levels : tuple of (list of bytes, list of int)
        Hashes and sums, from the leaves up to the root.
    places : dict of str to int
        Which leaf is an account's.
    """

    levels: tuple[tuple[list[bytes], list[int]], ...] = field(repr=False)
    places: dict[str, int] = field(repr=False)

    @property
    def root(self) -> Node:
        """Hash and total of the whole tree."""
        hashes, sums = self.levels[-1]
        return hashes[0], sums[0]

    def path(self, account: str) -> tuple[Node, ...]:
        """The siblings of an account's leaf, from the leaf up.

        Raises
        ------
        InputError
            If there is no such account.
        """
        place = self.places.get(account)
        if place is None:
            rule = "must be an account of the file"
            raise InputError("account", "(not shown)", rule, "Check its name")
        out = []
        for hashes, sums in self.levels[:-1]:
            out.append((hashes[place ^ 1], sums[place ^ 1]))
            place >>= 1
        return tuple(out)


def draw_key() -> bytes:
    """The secret that all salts of a tree are made from, from the operating system's source."""
    return secrets.token_bytes(HASH_BYTES)


def salt_of(key: bytes, account: str) -> bytes:
    """The salt of an account: its holder may know it, and learns nothing of others' by it."""
    return hmac.digest(key, b"account:" + account.encode(), "sha256")


def build_tree(key: bytes, accounts: Iterable[tuple[str, int]], message: bytes) -> SumTree:
    """The tree of sums over accounts.

    Parameters
    ----------
    key : bytes
        Secret; see `draw_key`. The same key gives the same tree.
    accounts : iterable of (str, int)
        Names and balances, each at least 0.
    message : bytes
        What every leaf is bound to: day and context.

    Raises
    ------
    InputError
        If there is no account or too many, two have one name, or a balance is out of range.

    Examples
    --------
    >>> tree = build_tree(draw_key(), [("a", 3), ("b", 4), ("c", 5)], b"today")
    >>> digest, total = tree.root
    >>> total
    12
    >>> salt = salt_of(key := draw_key(), "b")
    >>> tree = build_tree(key, [("a", 3), ("b", 4), ("c", 5)], b"today")
    >>> root_from(leaf_of(salt, "b", 4, b"today"), tree.path("b"), tree.places["b"]) == tree.root
    True
    """
    leaves: list[tuple[bytes, int, str | None]] = []
    for account, balance in accounts:
        check_balance(balance)
        if not account:
            raise InputError("account", "nothing", "must have a name", "Name every account")
        digest, _ = leaf_of(salt_of(key, account), account, balance, message)
        leaves.append((digest, balance, account))
    if not 1 <= len(leaves) <= MOST_ACCOUNTS:
        rule = f"must be 1 to {MOST_ACCOUNTS:,}"
        raise InputError("accounts", len(leaves), rule, "Check the file")
    size = 1 << (len(leaves) - 1).bit_length()
    for number in range(size - len(leaves)):
        filler = hmac.digest(key, b"empty:%d" % number, "sha256")
        leaves.append((leaf_of(filler, "", 0, message)[0], 0, None))
    leaves.sort(key=lambda leaf: leaf[0])
    named = [(name, place) for place, (_, _, name) in enumerate(leaves) if name is not None]
    places = dict(named)
    if len(places) < len(named):
        rule = "must have different names: one is there twice"
        raise InputError("accounts", "(not shown)", rule, "Add up what one account is owed")
    hashes, sums = [digest for digest, _, _ in leaves], [balance for _, balance, _ in leaves]
    levels = [(hashes, sums)]
    while len(hashes) > 1:
        pairs = zip(hashes[::2], sums[::2], hashes[1::2], sums[1::2], strict=True)
        hashes = [_hash_node(a, x, b, y) for a, x, b, y in pairs]
        sums = [x + y for x, y in zip(sums[::2], sums[1::2], strict=True)]
        levels.append((hashes, sums))
    return SumTree(tuple(levels), places)


def leaf_of(salt: bytes, account: str, balance: int, message: bytes) -> Node:
    """Hash and sum of an account's leaf."""
    name = account.encode()
    parts = (_LEAF, _long(message), _long(name), salt, balance.to_bytes(SUM_BYTES, "big"))
    return hashlib.sha256(b"".join(parts)).digest(), balance


def root_from(leaf: Node, path: Sequence[Node], place: int) -> Node:
    """The root that a leaf and its siblings lead to; sums below 0 or too large lead to none."""
    digest, total = leaf
    for sibling, amount in path:
        if amount < 0 or total + amount >= 1 << (8 * SUM_BYTES):
            return NO_ROOT
        left, right = ((digest, total), (sibling, amount))
        if place & 1:
            left, right = right, left
        digest, total = _hash_node(*left, *right), total + amount
        place >>= 1
    return (digest, total) if place == 0 else NO_ROOT


def check_balance(balance: int) -> None:
    """Refuse a balance that is none: a negative one would hide what others are owed.

    Raises
    ------
    InputError
        Without the balance.
    """
    if not 0 <= balance < MOST_BALANCE:
        rule = "must be at least 0 and below 2^96"
        raise InputError("balance", "(not shown)", rule, "State what the account is owed")


def _hash_node(left: bytes, of_left: int, right: bytes, of_right: int) -> bytes:
    return hashlib.sha256(
        _NODE
        + left
        + of_left.to_bytes(SUM_BYTES, "big")
        + right
        + of_right.to_bytes(SUM_BYTES, "big")
    ).digest()


def _long(text: bytes) -> bytes:
    return len(text).to_bytes(4, "big") + text
