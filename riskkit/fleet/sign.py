"""Who stands behind a parameter file: signatures over its digest, as wallets and contracts check.

What is signed is EIP-712 typed data that names the file in words and holds the SHA-256 of its
canonical form. No key is kept: it comes from a keystore for one signature, or the signature is made
elsewhere (a hardware wallet, a multisig) and only checked here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from riskkit.errors import InputError
from riskkit.parameters.file import ParameterFile
from riskkit.reading import read_toml

DOMAIN = {"name": "riskkit parameter file", "version": "1"}
_TYPES = {
    "EIP712Domain": [{"name": "name", "type": "string"}, {"name": "version", "type": "string"}],
    "ParameterFile": [
        {"name": "title", "type": "string"},
        {"name": "asset", "type": "string"},
        {"name": "asOfDate", "type": "string"},
        {"name": "validUntilDate", "type": "string"},
        {"name": "contentSha256", "type": "bytes32"},
    ],
}


@dataclass(frozen=True)
class Signature:
    """A signature of a parameter file.

    Attributes
    ----------
    signer : str
        Address, with the checksum of EIP-55.
    content_sha256 : str
        Of the file that was signed.
    signature : str
        ``r``, ``s`` and ``v`` as hexadecimal, 65 bytes.
    """

    signer: str
    content_sha256: str
    signature: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return dict(vars(self))


@dataclass(frozen=True)
class SigningPolicy:
    """Who may sign, by address, and how many of them must."""

    threshold: int
    signers: Mapping[str, str]


@dataclass(frozen=True)
class Verified:
    """What signatures say of a file.

    Attributes
    ----------
    valid : tuple of str
        Names of the policy's signers whose signatures are right, each once.
    refused : tuple of (str, str)
        Signer of each signature that does not count, and why.
    threshold : int
    """

    valid: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    threshold: int

    @property
    def holds(self) -> bool:
        """Whether enough have signed."""
        return len(self.valid) >= self.threshold


def typed_data(file: ParameterFile) -> dict[str, Any]:
    """EIP-712 typed data of a file, for any wallet.

    Raises
    ------
    InputError
        If the file was edited after it was written: its digest is not that of its content.
    """
    if file.edited:
        names = ", ".join(file.edited)
        rule = "must be as it was written; its digest does not match"
        raise InputError("FILE", names, rule, "Undo the edit, or calibrate again")
    header = file.header
    return {
        "types": _TYPES,
        "primaryType": "ParameterFile",
        "domain": DOMAIN,
        "message": {
            "title": header.title,
            "asset": header.asset,
            "asOfDate": header.as_of_date.isoformat(),
            "validUntilDate": header.valid_until_date.isoformat(),
            "contentSha256": "0x" + header.digest.content_sha256,
        },
    }


def sign_with_keystore(file: ParameterFile, keystore: Path, password: str) -> Signature:
    """Sign with the key of a keystore (Web3 Secret Storage, version 3), which is not kept.

    Raises
    ------
    InputError
        If the keystore cannot be read or the password is wrong; neither is repeated in words.
    """
    accounts = WalletLibrary()
    try:
        key = accounts.Account.decrypt(keystore.read_text(encoding="utf-8"), password)
    except OSError as error:
        rule = f"must be a file that can be read ({error.strerror})"
        raise InputError("keystore", keystore.name, rule, "Check the name") from None
    except (ValueError, KeyError, TypeError):
        rule = "must be a version 3 keystore, opened by its password"
        raise InputError("keystore", keystore.name, rule, "Check both") from None
    signed = accounts.Account.sign_typed_data(key, full_message=typed_data(file))
    found = Signature("", file.header.digest.content_sha256, "0x" + signed.signature.hex())
    return Signature(recovered(file, found), found.content_sha256, found.signature)


def recovered(file: ParameterFile, signature: Signature) -> str:
    """The address that made a signature of this file; another file's gives another address.

    Raises
    ------
    InputError
        If it is no signature at all.
    """
    accounts = WalletLibrary()
    message = accounts.messages.encode_typed_data(full_message=typed_data(file))
    try:
        raw = bytes.fromhex(signature.signature.removeprefix("0x"))
        if len(raw) != 65:
            raise ValueError(f"{len(raw)} bytes")
        return str(accounts.Account.recover_message(message, signature=raw))
    except accounts.faults as error:
        raise InputError(
            "signature",
            signature.signature,
            f"must be 65 bytes in hexadecimal that make a signature ({error})",
            "Take it from the wallet anew",
        ) from None


def verify_signatures(
    file: ParameterFile, signatures: Sequence[Signature], policy: SigningPolicy
) -> Verified:
    """Count the policy's signers whose signatures of this file are right."""
    names = {address.lower(): name for address, name in policy.signers.items()}
    valid: list[str] = []
    refused: list[tuple[str, str]] = []
    for signature in signatures:
        if signature.content_sha256 != file.header.digest.content_sha256:
            refused.append((signature.signer, "signs another file"))
            continue
        try:
            address = recovered(file, signature)
        except InputError as error:
            refused.append((signature.signer, error.rule))
            continue
        name = names.get(address.lower())
        if address.lower() != signature.signer.lower():
            refused.append((signature.signer, f"was made by {address}"))
        elif name is None:
            refused.append((address, "is not among the policy's signers"))
        elif name in valid:
            refused.append((address, "has signed already"))
        else:
            valid.append(name)
    return Verified(tuple(valid), tuple(refused), policy.threshold)


def read_policy(path: Path) -> SigningPolicy:
    """A policy from TOML: ``threshold``, and a table ``signers`` of names with their addresses.

    Raises
    ------
    InputError
        If it cannot be read, an address is none or is there twice, or more must sign than may.
    """
    content = read_toml(path, "signers", remedy="Correct it")
    signers, threshold = content.get("signers"), content.get("threshold")
    if not isinstance(signers, dict) or not signers:
        rule = "must name its signers: [signers], a name and an address each"
        raise InputError("signers", path.name, rule, 'For example: alice = "0x…"')
    is_address = WalletLibrary().is_address
    for name, address in signers.items():
        if not isinstance(address, str) or not is_address(address):
            rule = "must be an address of 20 bytes (with its checksum, if in mixed case)"
            raise InputError(f"signers.{name}", address, rule, "Copy it from the wallet")
    if len({address.lower() for address in signers.values()}) < len(signers):
        rule = "must name every address once"
        raise InputError("signers", path.name, rule, "Take the second name out")
    if type(threshold) is not int or not 1 <= threshold <= len(signers):
        rule = f"must be a whole number from 1 to {len(signers)}, the number of signers"
        raise InputError("threshold", threshold, rule, "Correct it")
    return SigningPolicy(threshold, {address: name for name, address in signers.items()})


def read_signatures(path: Path) -> tuple[Signature, ...]:
    """The signatures that lie beside a file; none where there are none.

    Raises
    ------
    InputError
        If the file of signatures cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Signature(**entry) for entry in content["signatures"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        rule = f"must hold signatures as riskkit sign writes them ({error})"
        raise InputError("signatures", path.name, rule, "Sign again") from None


def signatures_beside(file: Path) -> Path:
    """Where a parameter file's signatures lie: ``parameters.json.sig``."""
    return file.with_name(f"{file.name}.sig")


class WalletLibrary:
    """The parts of eth-account and eth-utils that are used, loaded when something is signed."""

    def __init__(self) -> None:
        # One of its dependencies (py_ecc) raises the limit of recursion for the whole process to
        # 100,000, where a file of nested brackets ends Python itself and not in an error.
        limit = sys.getrecursionlimit()
        try:
            import eth_account
            import eth_account.messages
            import eth_keys.exceptions
            import eth_utils
        except ImportError:
            raise InputError(
                "sign",
                "no eth_account",
                "needs the extra 'sign', which is not installed",
                "Run: pip install 'riskkit[sign]'",
            ) from None
        finally:
            sys.setrecursionlimit(limit)
        self.Account: Any = eth_account.Account
        self.messages: Any = eth_account.messages
        utils: Any = eth_utils
        self.is_address: Any = utils.is_address
        keys: Any = eth_keys.exceptions
        #: What the library raises for bytes that are no signature, besides Python's own.
        self.faults: tuple[type[Exception], ...] = (
            ValueError,
            keys.BadSignature,
            keys.ValidationError,
        )
