"""Challenges that depend on everything said before (Fiat and Shamir's transform).

Every message goes in with its name and length, so that no two lists of messages are the same
bytes. A challenge is a hash of all that went in, and goes in itself.
"""

from __future__ import annotations

import hashlib

from riskkit.zero_knowledge.curve import ORDER


class Transcript:
    """What prover and verifier have seen so far.

    Parameters
    ----------
    domain : bytes
        The protocol: challenges of one mean nothing in another.

    Examples
    --------
    >>> one, other = Transcript(b"a"), Transcript(b"a")
    >>> one.absorb(b"name", b"message")
    >>> one.challenge(b"x") == other.challenge(b"x")
    False
    """

    def __init__(self, domain: bytes) -> None:
        self._hash = hashlib.sha512()
        self.absorb(b"domain", domain)

    def absorb(self, name: bytes, message: bytes) -> None:
        """Take in a message under its name."""
        for part in (name, message):
            self._hash.update(len(part).to_bytes(8, "big") + part)

    def challenge(self, name: bytes) -> int:
        """A scalar in 1 ... order - 1 that nobody could foresee.

        512 bits reduced modulo the order: the bias is below 2^-250.
        """
        self.absorb(b"challenge", name)
        drawn = self._hash.copy().digest()
        self.absorb(b"drawn", drawn)
        return 1 + int.from_bytes(drawn, "big") % (ORDER - 1)
