"""The tree of liabilities: totals, inclusion, what was changed, and what a file gives away."""

from __future__ import annotations

import hashlib
import hmac
import json
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskkit.errors import InputError
from riskkit.zero_knowledge.liabilities import (
    NO_ROOT,
    build_tree,
    draw_key,
    leaf_of,
    root_from,
    salt_of,
)
from tests.support import riskkit

KEY = bytes(range(32))
BALANCES = st.lists(st.integers(0, 10**20), min_size=1, max_size=40)


@settings(max_examples=40)
@given(BALANCES, st.data())
def test_every_account_is_in_the_total_and_no_other_balance_is(balances, data):
    accounts = [(f"account {i}", balance) for i, balance in enumerate(balances)]
    tree = build_tree(KEY, accounts, b"day")
    assert tree.root[1] == sum(balances)
    name, balance = data.draw(st.sampled_from(accounts))
    path, place, salt = tree.path(name), tree.places[name], salt_of(KEY, name)
    assert root_from(leaf_of(salt, name, balance, b"day"), path, place) == tree.root
    for changed in (
        leaf_of(salt, name, balance + 1, b"day"),
        leaf_of(salt, name + "x", balance, b"day"),
        leaf_of(salt, name, balance, b"another day"),
        leaf_of(bytes(32), name, balance, b"day"),
    ):
        assert root_from(changed, path, place) != tree.root
    if path:
        which = data.draw(st.integers(0, len(path) - 1))
        sibling, total = path[which]
        for other in ((sibling, total + 1), (sibling, -1), (bytes(32), total), (sibling, 1 << 128)):
            bent = [*path[:which], other, *path[which + 1 :]]
            assert root_from(leaf_of(salt, name, balance, b"day"), bent, place) != tree.root
        leaf = leaf_of(salt, name, balance, b"day")
        assert root_from(leaf, path, place ^ 1) != tree.root
        assert root_from(leaf, path, place + len(tree.levels[0][0])) == NO_ROOT


def test_two_members_cannot_be_shown_one_total_that_is_too_small():
    """Where a node hashes the sum alone, one is shown 70 + 0 and the other 30 + 40."""
    tree = build_tree(KEY, [("a", 70), ("b", 30)], b"day")
    shown = []
    for name, balance, hidden in (("a", 70, 0), ("b", 30, 40)):
        ((sibling, _),), place = tree.path(name), tree.places[name]
        leaf = leaf_of(salt_of(KEY, name), name, balance, b"day")
        shown.append(root_from(leaf, [(sibling, hidden)], place))
    (one, total), (other, as_much) = shown
    assert total == as_much == 70
    assert one != other


def test_a_known_tree():
    """Two accounts by hand: SHA-256 over what the page says that it is taken over."""

    def text(part: bytes) -> bytes:
        return len(part).to_bytes(4, "big") + part

    leaves = []
    for name, balance in ((b"a", 70), (b"b", 30)):
        salt = hmac.new(KEY, b"account:" + name, "sha256").digest()
        leaf = b"\x00riskkit liabilities 1" + text(b"day") + text(name) + salt
        leaves.append((hashlib.sha256(leaf + balance.to_bytes(16, "big")).digest(), balance))
    node = b"\x01riskkit liabilities 1"
    for digest, balance in sorted(leaves):
        node += digest + balance.to_bytes(16, "big")
    assert build_tree(KEY, [("a", 70), ("b", 30)], b"day").root == (
        hashlib.sha256(node).digest(),
        100,
    )


def test_the_order_of_accounts_is_that_of_chance_and_the_key_is_fresh():
    accounts = [(str(i), i) for i in range(64)]
    trees = [build_tree(draw_key(), accounts, b"day") for _ in range(2)]
    orders = [[tree.places[name] for name, _ in accounts] for tree in trees]
    assert orders[0] != orders[1] != sorted(orders[1])
    assert trees[0].root[0] != trees[1].root[0]
    again = build_tree(KEY, list(reversed(accounts)), b"day")
    assert again.root == build_tree(KEY, accounts, b"day").root


@pytest.mark.parametrize(
    ("accounts", "rule"),
    [
        ([], "must be 1 to"),
        ([("a", 1), ("a", 2)], "must have different names"),
        ([("a", -1)], "must be at least 0"),
        ([("a", 1 << 96)], "below"),
        ([("", 1)], "must have a name"),
    ],
)
def test_accounts_that_break_a_rule_are_refused(accounts, rule):
    with pytest.raises(InputError, match=rule):
        build_tree(KEY, accounts, b"day")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"member-{i:03d},{1_000_003 * i}\n" for i in range(1, 6))
    (tmp_path / "accounts.csv").write_text("account,balance\n" + rows)
    return tmp_path


BUILD = ("liabilities", "build", "accounts.csv", "--day", "2024-12-31", "--context", "venue 7")


def test_a_member_finds_its_balance_in_the_published_total(place, capsys):
    assert riskkit(*BUILD, "--reserves", "15000045", "--out", "owed") == 0
    words = ("liabilities", "prove", "accounts.csv", "--in", "owed", "--out", "members")
    assert riskkit(*words, "--account", "member-003") == 0
    assert stat.S_IMODE((place / "owed" / "key.json").stat().st_mode) == 0o600
    (member,) = (place / "members").iterdir()
    assert stat.S_IMODE(member.stat().st_mode) == 0o600
    capsys.readouterr()
    verify = ("liabilities", "verify", member, "--public", "owed/liabilities.json")
    assert riskkit(*verify) == 0
    said = capsys.readouterr().out
    assert "the balance is in the total of 15,000,045 on 2024-12-31" in said
    assert "cover the total" in said
    public = (place / "owed" / "liabilities.json").read_text()
    for word in ("member", "3000009", json.loads((place / "owed" / "key.json").read_text())["key"]):
        assert word not in public + said
    content = json.loads(member.read_text())
    for name, value in (("balance", "3000010"), ("account", "member-004"), ("salt", "0" * 64)):
        member.write_text(json.dumps(content | {name: value}))
        assert riskkit(*verify) == 1
        assert "the balance is not in the total" in capsys.readouterr().out
    for name, value in (("day", "2025-01-01"), ("context", "venue 8"), ("total", "15000044")):
        member.write_text(json.dumps(content))
        file = place / "owed" / "liabilities.json"
        file.write_text(json.dumps(json.loads(public) | {name: value}))
        assert riskkit(*verify) == 1
    assert riskkit(*words, "--account", "member-003") == 2  # another total than was published
    assert "must be the accounts and balances behind" in capsys.readouterr().err


def test_more_owed_than_held_is_said_and_every_member_gets_a_file(place, capsys):
    assert riskkit(*BUILD, "--reserves", "15000044", "--out", "owed") == 1
    assert "more is owed than held" in capsys.readouterr().out
    words = ("liabilities", "prove", "accounts.csv", "--in", "owed", "--out", "members", "--all")
    assert riskkit(*words) == 0
    members = sorted((place / "members").iterdir())
    assert len(members) == 5
    for member in members:
        assert riskkit("liabilities", "verify", member, "--public", "owed/liabilities.json") == 1
    assert "do not cover the total" in capsys.readouterr().out
    assert riskkit(*words) == 2
    assert riskkit(*BUILD, "--reserves", "1", "--out", "owed") == 2
    assert "secrets that are replaced are lost" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("account,balance\na,1.5\n", "line 2: got (not shown); must hold an account and a whole"),
        ("account,balance\na,-1\n", "line 2: got (not shown); must hold an account and a whole"),
        ("account,balance\na,1,2\n", "line 2: got (not shown)"),
        ("account,balance\na,1\na,2\n", "accounts: got (not shown); must have different names"),
        ("name,balance\na,1\n", "must begin with the line account,balance"),
        ("account,balance\n", "accounts: got 0; must be 1 to"),
    ],
)
def test_an_account_file_that_breaks_a_rule_ends_in_words_and_nothing_is_written(
    place, capsys, text, rule
):
    (place / "accounts.csv").write_text(text)
    assert riskkit(*BUILD, "--reserves", "10", "--out", "owed") == 2
    assert rule in " ".join(capsys.readouterr().err.split())
    assert not (place / "owed").exists()
