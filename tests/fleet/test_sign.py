"""Signatures of a parameter file, held to an independent implementation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from Crypto.Hash import keccak

from riskkit.calibration.result import Calibration
from riskkit.errors import InputError
from riskkit.fleet.sign import (
    Signature,
    SigningPolicy,
    WalletLibrary,
    read_policy,
    read_signatures,
    recovered,
    sign_with_keystore,
    signatures_beside,
    typed_data,
    verify_signatures,
)
from riskkit.parameters.build import build_parameter_file
from riskkit.parameters.file import ParameterFile, parse_parameter_file
from riskkit.parameters.write import canonical_json
from tests.support import riskkit

Account = WalletLibrary().Account
PASSWORD = "a password of no account"
KEY = bytes(range(1, 33))

# secp256k1 (SEC 2, section 2.4.1).
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int] | None


@pytest.fixture(scope="module")
def file(btc_calibration: Calibration) -> ParameterFile:
    return build_parameter_file(btc_calibration)


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import json

    path = tmp_path_factory.mktemp("keys") / "risk.json"
    # Two rounds instead of a million: nothing is kept behind this password.
    content = Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=2)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def signature(file: ParameterFile, keystore: Path) -> Signature:
    return sign_with_keystore(file, keystore, PASSWORD)


def _hash(data: bytes) -> bytes:
    digest: bytes = keccak.new(digest_bits=256, data=data).digest()
    return digest


def _eip712(file: ParameterFile) -> bytes:
    """The hash that EIP-712 asks for, written out for this one type."""
    header = file.header
    domain = _hash(
        _hash(b"EIP712Domain(string name,string version)")
        + _hash(b"riskkit parameter file")
        + _hash(b"1")
    )
    struct = _hash(
        _hash(
            b"ParameterFile(string title,string asset,string asOfDate,string validUntilDate,"
            b"bytes32 contentSha256)"
        )
        + _hash(header.title.encode())
        + _hash(header.asset.encode())
        + _hash(str(header.as_of_date).encode())
        + _hash(str(header.valid_until_date).encode())
        + bytes.fromhex(header.digest.content_sha256)
    )
    return _hash(b"\x19\x01" + domain + struct)


def _add(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (
        3 * a[0] * a[0] * pow(2 * a[1], -1, P)
        if a == b
        else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    ) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def _times(k: int, point: Point) -> Point:
    found: Point = None
    while k:
        found = _add(found, point) if k & 1 else found
        point, k = _add(point, point), k >> 1
    return found


def _address(message: bytes, signature: str) -> str:
    """Who signed, by the textbook: Q = (s R - z G) / r."""
    raw = bytes.fromhex(signature.removeprefix("0x"))
    r, s, v = int.from_bytes(raw[:32]), int.from_bytes(raw[32:64]), raw[64] - 27
    y = pow(r**3 + 7, (P + 1) // 4, P)
    y = y if y & 1 == v else P - y
    z, inverse = int.from_bytes(message), pow(r, -1, N)
    q = _add(_times(s * inverse % N, (r, y)), _times(-z * inverse % N, G))
    assert q is not None
    return "0x" + _hash(q[0].to_bytes(32) + q[1].to_bytes(32))[-20:].hex()


def test_an_independent_implementation_finds_the_signer(
    file: ParameterFile, signature: Signature
) -> None:
    assert _address(_eip712(file), signature.signature) == signature.signer.lower()
    assert signature.signer == Account.from_key(KEY).address


def test_a_changed_digit_is_caught(file: ParameterFile, signature: Signature) -> None:
    content = file.to_dict()
    content["parameters"]["recommended"][0]["maintenance_margin_fraction"] += 1e-6
    edited = ParameterFile.model_validate(content)
    with pytest.raises(InputError, match="as it was written"):
        typed_data(edited)
    resealed = edited.sealed()
    assert recovered(resealed, signature) != signature.signer
    policy = SigningPolicy(1, {signature.signer: "risk"})
    assert not verify_signatures(resealed, [signature], policy).holds


def test_a_policy_counts_each_signer_once(file: ParameterFile, signature: Signature) -> None:
    other = Account.create().address
    policy = SigningPolicy(2, {signature.signer: "risk", other: "board"})
    found = verify_signatures(file, [signature, signature], policy)
    assert (found.valid, found.holds) == (("risk",), False)
    assert [why for _, why in found.refused] == ["has signed already"]
    stranger = verify_signatures(file, [signature], SigningPolicy(1, {other: "board"}))
    assert stranger.refused == ((signature.signer, "is not among the policy's signers"),)
    lent = Signature(other, signature.content_sha256, signature.signature)
    assert verify_signatures(file, [lent], policy).valid == ()


@pytest.mark.parametrize(
    "bytes_given", ["", "0x", "0x12", "zz", "0x" + "00" * 65, "0x" + "ff" * 65]
)
def test_what_is_no_signature_is_told(bytes_given: str, file: ParameterFile) -> None:
    with pytest.raises(InputError, match="65 bytes"):
        recovered(file, Signature("", file.header.digest.content_sha256, bytes_given))


def test_a_wrong_password_is_told_and_not_repeated(file: ParameterFile, keystore: Path) -> None:
    with pytest.raises(InputError) as caught:
        sign_with_keystore(file, keystore, "another password")
    assert "another password" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("threshold = 1", "signers"),
        ('threshold = 1\n[signers]\na = "0x12"', "signers.a"),
        (f'threshold = 2\n[signers]\na = "0x{"11" * 20}"', "threshold"),
        (f'threshold = true\n[signers]\na = "0x{"11" * 20}"', "threshold"),
        (f'threshold = 1\n[signers]\na = "0x{"11" * 20}"\nb = "0x{"11" * 20}"', "signers"),
        ("threshold =", "signers"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused(text: str, argument: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_policy(path)
    assert caught.value.argument == argument


def test_signed_and_verified_on_the_command_line(
    file: ParameterFile,
    signature: Signature,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path, policy = tmp_path / "parameters.json", tmp_path / "policy.toml"
    path.write_text(canonical_json(file.to_dict()), encoding="utf-8")
    policy.write_text(f'threshold = 1\n[signers]\nrisk = "{signature.signer}"\n', encoding="utf-8")
    assert riskkit("verify", path, "--signers", policy) == 1
    assert riskkit("sign", path, "--signature", signature.signature) == 0
    assert riskkit("sign", path, "--signature", signature.signature) == 0
    assert read_signatures(signatures_beside(path)) == (signature,)
    assert riskkit("verify", path, "--signers", policy) == 0
    assert "signed by risk: 1 of 1 that must" in capsys.readouterr().out
    assert riskkit("sign", path) == 2


def test_loading_wallets_leaves_the_limit_of_recursion(tmp_path: Path) -> None:
    """A dependency raises it to 100,000: nested brackets would then end the process."""
    before = sys.getrecursionlimit()
    WalletLibrary()
    assert sys.getrecursionlimit() == before < 100_000
    with pytest.raises(InputError, match="must be JSON"):
        parse_parameter_file("[" * 50_000)
